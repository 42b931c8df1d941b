"""A person with a browser at a forge, the demo one or a real Gitea: signs in, consents, and is sent back.

    person = Person(forge.url, "alice", PASSWORDS["alice"])
    callback = await person.authorize(authorize_url)      # the address that the application would have been called at

No script is run, no redirect leaves the forge, and every page is read as HTML. What Gitea's own script does when a
button with a `data-url` is pressed, `press` does. Tests that use it carry `@pytest.mark.sockets`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import final
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from tests.demo_forge.raw_client import RawRequest, Response, open_raw_client

_SCRIPT_WORD = re.compile(r"csrfToken: '([^']*)'")
_REDIRECTS = frozenset({302, 303, 307})
_MAX_STEPS = 10


@final
class _Reader(HTMLParser):
    """Reads the forms of a page, and the addresses of its buttons."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.addresses: list[str] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if "data-url" in found:
            self.addresses.append(found["data-url"])
        if tag == "form" and found.get("method", "").lower() == "post":
            self.forms.append((found.get("action", ""), {}))
            self._inside = True
        # A checkbox that nobody ticked is not sent.
        elif tag == "input" and self._inside and "name" in found and found.get("type") != "checkbox":
            self.forms[-1][1][found["name"]] = found.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


@final
@dataclass(slots=True, kw_only=True)
class Page:
    """What the browser shows."""

    url: str
    status: int
    text: str

    def form_with(self, action: str) -> dict[str, str]:
        """Return the fields of the form that goes to *action*; AssertionError where there is none."""
        found = next(((to, fields) for to, fields in _Reader(self.text).forms if action in to), None)
        assert found is not None, f"no form to {action} at {self.url}: {self.text[:300]}"
        return {**found[1], "": found[0]}

    def has_form(self, action: str) -> bool:
        """Return whether a form of this page goes to *action*."""
        return any(action in to for to, _ in _Reader(self.text).forms)

    def button_with(self, address: str) -> str:
        """Return where the first button leads whose address holds *address*; AssertionError where there is none."""
        found = next((to for to in _Reader(self.text).addresses if address in to), None)
        assert found is not None, f"no button to {address} at {self.url}: {self.text[:300]}"
        return found


@final
@dataclass(slots=True)
class Person:
    """One browser, with its cookies."""

    forge: str
    login: str
    password: str = field(repr=False)
    cookies: dict[str, str] = field(default_factory=dict[str, str], repr=False)

    async def get(self, url: str) -> Page:
        """Open an address, and follow where the forge sends."""
        return await self._go("GET", url, b"")

    async def send(self, page: Page, action: str, **changed: str) -> Page:
        """Send the form of *page* that goes to *action*, with some fields changed."""
        fields = {**page.form_with(action), **changed}
        return await self._go("POST", urljoin(page.url, fields.pop("")), urlencode(fields).encode())

    async def press(self, page: Page, address: str) -> None:
        """Press the button of *page* that leads to *address*, and confirm, as Gitea's script does both."""
        # Gitea 1.26 and newer look at headers instead, and have no such word.
        word = _SCRIPT_WORD.search(page.text)
        body = urlencode({"_csrf": word[1] if word is not None else ""}).encode()
        answered = await self._ask("POST", urljoin(page.url, page.button_with(address)), body)
        assert answered.status == 200, f"the button to {address}: {answered.status} {answered.body[:300]!r}"

    async def sign_in(self, page: Page) -> Page:
        """Fill in the login page."""
        return await self.send(page, "/user/login", user_name=self.login, password=self.password)

    async def authorize(self, url: str, *, allow: bool = True) -> str:
        """Go where an application sent the browser, sign in and consent where that is asked.

        Returns:
            The address of the application to which the browser is sent back; it is not called.
        """
        page = await self.get(url)
        if urlsplit(page.url).path == "/user/login":
            page = await self.sign_in(page)
        if self._is_here(page.url) and page.status == 200:
            page = await self.send(page, "/login/oauth/grant", granted="true" if allow else "false")
        assert not self._is_here(page.url), f"the forge kept the browser: {page.status} {page.text[:300]}"
        return page.url

    async def revoke_everything(self) -> None:
        """Take back every consent on the settings page."""
        page = await self.get(f"{self.forge}/user/settings/applications")
        if urlsplit(page.url).path == "/user/login":
            page = await self.sign_in(page)
        while "/revoke/" in page.text:
            if page.has_form("/revoke/"):
                page = await self.send(page, "/revoke/")
            else:
                await self.press(page, "/revoke/")
                page = await self.get(page.url)

    def _is_here(self, url: str) -> bool:
        return url.startswith(f"{self.forge}/")

    async def _go(self, method: str, url: str, body: bytes) -> Page:
        for _ in range(_MAX_STEPS):
            response = await self._ask(method, url, body)
            location = response.headers.get("location")
            if response.status not in _REDIRECTS or location is None:
                return Page(url=url, status=response.status, text=response.body.decode("utf-8", "replace"))
            method, url, body = "GET", urljoin(url, location), b""
            if not self._is_here(url):
                return Page(url=url, status=303, text="")
        raise AssertionError("the forge sends the browser in circles")

    async def _ask(self, method: str, url: str, body: bytes) -> Response:
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = [("Accept", "text/html")]
        if body:
            headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        if self.cookies:
            headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())))
        async with open_raw_client(self.forge) as client:
            response = await client.ask(RawRequest(method=method, target=target, headers=tuple(headers), body=body))
        for cookie in response.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return response


def answer_in(callback: str) -> dict[str, str]:
    """Return the parameters with which a browser was sent back."""
    return {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}
