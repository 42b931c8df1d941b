"""A browser and who sits before it: what they see on our pages and at the forge, and what they press.

Screenshots go to `artefacts/screenshots/` at the root of the tree, by the name of what they show.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, Page, Response

from aegis_trio.demo_forge.demo_world import PASSWORDS
from environments import ROOT

_GITEA_ASKS = "/login/oauth/authorize?"
SCREENSHOTS = ROOT / "artefacts" / "screenshots"


@dataclass
class Window:
    """One window of a person's browser, with what its console complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The heading of the page."""
        return (self.page.locator("h1").text_content() or "").strip()

    @property
    def words(self) -> str:
        """What the page says."""
        return " ".join(self.page.locator("body").inner_text().split())

    @property
    def address(self) -> str:
        """Where it is."""
        return self.page.url

    def go(self, address: str) -> Response:
        """Open an address."""
        response = self.page.goto(address)
        assert response is not None
        return response

    def press(self, name: str) -> None:
        """Press the one button of this name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def log_in(self, login: str = "alice") -> None:
        """Sign in at the forge, as its login page asks."""
        self.page.wait_for_url("**/user/login")
        self.page.get_by_label("Username").fill(login)
        self.page.get_by_label("Password").fill(PASSWORDS[login])
        self.press("Sign In")

    def pass_gitea(self, redirect_uri: str, login: str = "alice") -> str:
        """Sign in at the forge, authorize the gate where that is asked, and go back; return where exactly."""
        self.log_in(login)
        if self.is_asked_by_gitea(redirect_uri):
            self.press("Authorize Application")
        return self.wait_back(redirect_uri)

    def is_asked_by_gitea(self, redirect_uri: str) -> bool:
        """Wait for what the forge does with somebody who signed in; return whether it asks for a consent of its own.

        It asks once for each person; then it remembers.
        """
        self.page.wait_for_url(lambda url: _GITEA_ASKS in url or url.startswith(f"{redirect_uri}?"))
        return _GITEA_ASKS in self.page.url

    def wait_back(self, redirect_uri: str) -> str:
        """Wait until the browser is sent back to a client; return where exactly."""
        self.page.wait_for_url(f"{redirect_uri}?**")
        return self.page.url

    def wait_title(self, title: str) -> None:
        """Wait for a page of ours."""
        self.page.get_by_role("heading", level=1, name=title, exact=True).wait_for()

    def hidden_fields(self) -> dict[str, str]:
        """Return the hidden fields of the page's first form."""
        found: dict[str, str] = self.page.evaluate(
            "() => Object.fromEntries([...document.forms[0].querySelectorAll('input[type=hidden]')]"
            ".map(one => [one.name, one.value]))"
        )
        return found

    def shoot(self, name: str) -> None:
        """Keep a screenshot of the whole page."""
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def open_window(context: BrowserContext) -> Window:
    """Return a new window of a browser."""
    window = Window(context.new_page())

    def heed(kind: str, words: str) -> None:
        # A status of ours that is no success is printed there, too.
        if kind == "error" and "Failed to load resource" not in words:
            window.complaints.append(words)

    window.page.on("console", lambda message: heed(message.type, message.text))
    window.page.on("pageerror", lambda error: window.complaints.append(str(error)))
    return window
