"""People who sign in: a browser that knows the gate and the forge, and the client that gets tokens of the gate.

Nothing is cut short: every page is asked for, every form that it holds is filled in and sent, over real connections.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from html import unescape
from typing import Final, cast
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx

BACK: Final = "http://127.0.0.1:33418/callback"
"""Where clients are called back; nobody listens there, and nothing is sent."""
_FORM: Final = re.compile(r'<form [^>]*action="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
_HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')
_ONWARD: Final = re.compile(r'<a [^>]*id="onward" href="([^"]*)"')
_MAX_STEPS: Final = 6  # login page, login, consent page, consent, and back


@dataclass(frozen=True, slots=True)
class Proof:
    """A PKCE verifier, and the challenge that it meets.

    Source: RFC 7636 section 4.2.
    """

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def challenge(self) -> str:
        """S256 of the verifier."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with an account at the forge."""

    login: str
    password: str = field(repr=False)

    def browser(self) -> httpx.AsyncClient:
        """Return a browser that has been nowhere yet."""
        return httpx.AsyncClient(trust_env=False, timeout=60)

    async def agree_at_forge(self, browser: httpx.AsyncClient, url: str) -> str:
        """Open the forge's authorize page, sign in and agree where that is asked.

        Returns:
            The address at which the application is called back.

        Raises:
            RuntimeError: the forge does not send the browser back.
        """
        forge, page = urlsplit(url).netloc, await browser.get(url)
        for _ in range(_MAX_STEPS):
            while page.has_redirect_location:
                url = urljoin(str(page.url), page.headers["location"])
                if urlsplit(url).netloc != forge:
                    return url
                page = await browser.get(url)
            form = _FORM.search(page.text)
            if page.status_code != 200 or form is None:
                break
            said = {"user_name": self.login, "password": self.password, "granted": "true"}
            page = await browser.post(urljoin(str(page.url), unescape(form[1])), data={**_fields(form[2]), **said})
        raise RuntimeError(f"the forge keeps the browser: {page.status_code} {page.text[:300]}")

    async def sign_in(self, gate_url: str, client_id: str) -> str:
        """Let a registered client have tokens: authorize, consent, the forge, callback, token.

        Returns:
            The access token.

        Raises:
            RuntimeError: a page is not the one that has to come.
        """
        proof = Proof()
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": BACK,
            "state": secrets.token_urlsafe(8),
            "code_challenge": proof.challenge,
            "code_challenge_method": "S256",
            "resource": f"{gate_url}/mcp",
        }
        async with self.browser() as browser:
            page = await browser.get(f"{gate_url}/oauth/authorize?{urlencode(asked)}")
            fields = {**_fields(_checked(page, 200).text), "decision": "allow"}
            page = await browser.post(f"{gate_url}/oauth/consent", data=fields, headers={"Origin": "null"})
            onward = _ONWARD.search(_checked(page, 200).text)
            if onward is None:
                raise RuntimeError(f"nothing leads on: {page.text[:300]}")
            page = await browser.get(await self.agree_at_forge(browser, unescape(onward[1])))
            code = code_of(_checked(page, 303).headers["location"])
            given = await browser.post(
                f"{gate_url}/oauth/token",
                data={
                    "grant_type": "authorization_code",
                    "client_id": client_id,
                    "code": code,
                    "redirect_uri": BACK,
                    "code_verifier": proof.verifier,
                },
            )
            return str(cast("dict[str, object]", _checked(given, 200).json())["access_token"])


async def register_client(gate_url: str) -> str:
    """Register a client at the gate; return its id."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        document = {"client_name": "bench", "redirect_uris": [BACK], "token_endpoint_auth_method": "none"}
        made = await client.post(f"{gate_url}/oauth/register", json=document)
        return str(cast("dict[str, object]", _checked(made, 201).json())["client_id"])


def code_of(callback: str) -> str:
    """Return the code in the address at which a client is called back.

    Raises:
        RuntimeError: there is none.
    """
    codes = parse_qs(urlsplit(callback).query).get("code")
    if not codes:
        raise RuntimeError(f"no code in {callback}")
    return codes[0]


def _checked(answer: httpx.Response, status: int) -> httpx.Response:
    if answer.status_code != status:
        raise RuntimeError(f"{answer.url.path}: {answer.status_code}, not {status}: {answer.text[:300]}")
    return answer


def _fields(page: str) -> dict[str, str]:
    return {unescape(name): unescape(value) for name, value in _HIDDEN.findall(page)}
