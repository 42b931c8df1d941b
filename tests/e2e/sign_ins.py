"""A sign-in at a gate, as people and their assistants see it: a browser with two sites, and a client with its tokens.

async with open_sign_in(tmp_path) as place, open_gate(place.settings()) as gate:
    alice = await Assistant.register(gate.url)
    await alice.sign_in(place.visitor("alice"))
    await alice.use_tool("get_me")
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import secrets
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from aegis_trio.demo_forge.demo_world import PASSWORDS
from aegis_trio.demo_forge.sign_ins import Application
from aegis_trio.demo_forge.world import Account
from tests.e2e.gates import settings
from tests.e2e.messages import use_tool
from tests.forge import RunningForge, open_forge
from tests.person import Person

BACK = "http://127.0.0.1:33418/callback"
"""Where assistants are called back; nobody listens there, and nothing is sent."""
_ONWARD = re.compile(r'<a [^>]*id="onward" href="([^"]*)"')
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


@dataclass
class Place:
    """A forge with the gate's application, and what an operator sets to use it."""

    forge: RunningForge
    application: Application
    state: Path
    public_url: str

    def settings(self) -> dict[str, str]:
        """Return the settings of a gate that people sign in to; there are no API keys and no bot."""
        pair = (self.application.client_id, self.application.client_secret)
        return signin_settings(self.forge.url, pair, self.state, self.public_url)

    def visitor(self, login: str) -> Visitor:
        """Return a person with a fresh browser."""
        return Visitor(self.public_url, Person(self.forge.url, login, PASSWORDS[login]))

    def account(self, login: str) -> Account:
        """Return a person's account at the forge."""
        account = self.forge.world.account_named(login)
        assert account is not None
        return account


def signin_settings(forge_url: str, application: tuple[str, str], state: Path, public_url: str) -> dict[str, str]:
    """Return the settings of a gate that people sign in to, without API keys and without a bot.

    Args:
        application: id and secret of the gate's application at the forge.
    """
    given = settings(
        forge_url,
        "",
        state,
        OAUTH_MODE="true",
        GITEA_OAUTH_CLIENT_ID=application[0],
        GITEA_OAUTH_CLIENT_SECRET=application[1],
        PUBLIC_URL=public_url,
        PORT=str(urlsplit(public_url).port),
        STORE_PATH=str(state / "store" / "store.sqlite3"),
    )
    del given["MCP_API_KEYS"], given["GITEA_TOKEN"]
    return given


@dataclass
class Visitor:
    """A person whose browser knows the gate and the forge."""

    gate_url: str
    person: Person
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies, repr=False)

    async def decide(self, authorize_url: str, decision: str = "allow") -> str:
        """Open what an assistant asks for, answer the question, and sign in at the forge where that is asked.

        Returns:
            The address of the assistant to which the browser is sent back.
        """
        onward = await self.consent(authorize_url, decision)
        if onward.startswith(f"{self.person.forge}/"):
            came_back = await self.arrive(await self.person.authorize(onward))
            assert 303 == came_back.status_code, came_back.text
            onward = came_back.headers["location"]
        return onward

    async def consent(self, authorize_url: str, decision: str = "allow") -> str:
        """Open what an assistant asks for and answer the question; return where the page leads to."""
        return await self.answer(await self.arrive(authorize_url), decision)

    async def answer(self, page: httpx.Response, decision: str = "allow") -> str:
        """Answer the question on *page*; return where the next page leads to."""
        assert 200 == page.status_code, page.text
        form = {name: html.unescape(value) for name, value in _HIDDEN.findall(page.text)}
        async with self._browser() as browser:
            answered = await browser.post(
                f"{self.gate_url}/oauth/consent", data={**form, "decision": decision}, headers={"Origin": "null"}
            )
            self.cookies = browser.cookies
        assert 200 == answered.status_code, answered.text
        found = _ONWARD.search(answered.text)
        assert found is not None, answered.text
        return html.unescape(found[1])

    async def arrive(self, address: str) -> httpx.Response:
        """Open an address of the gate."""
        assert address.startswith(f"{self.gate_url}/"), address
        async with self._browser() as browser:
            page = await browser.get(address)
            self.cookies = browser.cookies
        return page

    def _browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(cookies=self.cookies, trust_env=False, timeout=60)


@dataclass
class Assistant:
    """A client that registered itself, and what it holds."""

    url: str
    client_id: str
    tokens: dict[str, Any] = field(default_factory=dict, repr=False)
    seen: list[str] = field(default_factory=list, repr=False)
    """Every secret that it came to know."""
    verifier: str = field(default="", repr=False)
    state: str = ""

    @classmethod
    async def register(cls, url: str) -> Assistant:
        """Find everything from the challenge on, and register."""
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            refused = await client.post(f"{url}/mcp", json={})
            assert 401 == refused.status_code
            document = re.search(r'resource_metadata="([^"]*)"', refused.headers["www-authenticate"])
            assert document is not None, refused.headers
            resource = (await client.get(document[1])).json()
            assert f"{url}/mcp" == resource["resource"]
            [server] = resource["authorization_servers"]
            found = (await client.get(f"{server}/.well-known/oauth-authorization-server")).json()
            assert server == found["issuer"]
            registered = await client.post(
                found["registration_endpoint"],
                json={"client_name": "E2E", "redirect_uris": [BACK], "token_endpoint_auth_method": "none"},
            )
            assert 201 == registered.status_code, registered.text
        return cls(url, registered.json()["client_id"])

    async def sign_in(self, visitor: Visitor, **more: str) -> None:
        """Let a person decide, and get the tokens; *more* is asked for besides."""
        await self.redeem(await visitor.decide(self.ask(**more)))

    def ask(self, **more: str) -> str:
        """Begin to sign in, and return the address that a browser is sent to."""
        self.verifier, self.state = secrets.token_urlsafe(32), secrets.token_urlsafe(8)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": BACK,
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "resource": f"{self.url}/mcp",
            **more,
        }
        return f"{self.url}/oauth/authorize?{urlencode(asked)}"

    async def redeem(self, back: str) -> None:
        """Get the tokens for the answer with which the browser was sent back."""
        answer = dict(parse_qsl(urlsplit(back).query))
        assert back.startswith(f"{BACK}?")
        assert (self.state, self.url) == (answer["state"], answer["iss"])
        self.seen += [self.verifier, answer["code"]]
        given = await self.token(
            grant_type="authorization_code", code=answer["code"], redirect_uri=BACK, code_verifier=self.verifier
        )
        assert 200 == given.status_code, given.text
        self.keep(given.json())

    def keep(self, tokens: dict[str, Any]) -> None:
        """Hold these tokens from now on."""
        self.tokens = tokens
        self.seen += [tokens["access_token"], tokens["refresh_token"]]

    async def token(self, **form: str) -> httpx.Response:
        """Ask the token endpoint."""
        return await self._post("/oauth/token", form)

    async def refresh(self, refresh_token: str) -> httpx.Response:
        """Exchange a refresh token."""
        return await self.token(grant_type="refresh_token", refresh_token=refresh_token)

    async def repositories(self) -> set[str]:
        """Return the full names of the repositories that it sees."""
        answer = await self.use_tool("list_repositories", limit=50)
        assert 200 == answer.status_code, answer.text
        return {f"{found['owner']}/{found['repo']}" for found in answer.json()["result"]["repositories"]}

    async def revoke(self) -> httpx.Response:
        """Give up what the tokens stand for."""
        return await self._post("/oauth/revoke", {"token": self.tokens["refresh_token"]})

    def http(self) -> httpx.AsyncClient:
        """Return an HTTP client that carries the access token."""
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=60)

    async def use_tool(self, tool: str, **arguments: Any) -> httpx.Response:
        """Call a tool."""
        async with self.http() as client:
            return await use_tool(client, tool, **arguments)

    async def _post(self, path: str, form: dict[str, str]) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            return await client.post(f"{self.url}{path}", data={"client_id": self.client_id, **form})


def free_url() -> str:
    """Return an address of this machine that is free now; it stands in settings before anybody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@asynccontextmanager
async def open_sign_in(state: Path) -> AsyncGenerator[Place]:
    """Serve a forge that knows the gate's application."""
    public_url = free_url()
    async with open_forge() as forge:
        admin = forge.world.account_named("admin") or forge.world.account_named("alice")
        assert admin is not None
        application = forge.world.sign_ins.add_application(
            admin.id, name="gate", redirect_uris=(f"{public_url}/oauth/callback",), confidential=True
        )
        yield Place(forge, application, state, public_url)
