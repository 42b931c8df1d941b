"""A sign-in at a gate before a real Gitea: people with browsers at Gitea's own pages, and what Gitea says of it all.

async with open_place(gitea, tmp_path) as place, open_gate(place.settings()) as gate:
    alice = await gitea.add_person("alice")
    assistant = await Assistant.register(gate.url)
    await assistant.sign_in(place.visitor(alice))
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import httpx
import pytest

from aegis_trio.gitea.applications import register_application
from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.gitea.id_token import s256_challenge
from aegis_trio.gitea.provider import Application, Password
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.model.secret import Secret
from aegis_trio.policy.scopes import gitea_scopes
from tests.e2e.sign_ins import BACK, Visitor, free_url, signin_settings
from tests.gitea_server import BINARY, RUNNING, GiteaServer, OwnGitea, Resident, Sections, start_gitea, the_setting
from tests.person import Person, answer_in

SCOPE: Final = " ".join(gitea_scopes(write_mode=False))
"""What the gate asks Gitea for, whatever a client asks of the gate."""


@dataclass(frozen=True, kw_only=True)
class RealPlace:
    """A real Gitea with the gate's application, and what an operator sets to use it."""

    gitea: GiteaServer
    application: Application
    state: Path
    public_url: str

    def settings(self, **more: str) -> dict[str, str]:
        """Return the settings of a gate that people sign in to."""
        pair = (self.application.client_id, self.application.client_secret.reveal())
        return signin_settings(self.gitea.url, pair, self.state, self.public_url) | more

    def person(self, resident: Resident) -> Person:
        """Return somebody with a fresh browser at Gitea."""
        return Person(self.gitea.url, resident.login, resident.password)

    def visitor(self, resident: Resident) -> Visitor:
        """Return somebody whose fresh browser knows the gate, too."""
        return Visitor(self.public_url, self.person(resident))

    async def tokens(
        self, person: Person, *, scope: str = SCOPE, application: Application | None = None
    ) -> dict[str, str]:
        """Let a person go the whole way to Gitea's own tokens, past the gate.

        Args:
            scope: what Gitea is asked for; it counts only for a new grant.
            application: another one than the gate's.
        """
        asking = application or self.application
        verifier = Secret(secrets.token_urlsafe(32))
        asked = {
            "client_id": asking.client_id,
            "redirect_uri": BACK,
            "response_type": "code",
            "state": "s",
            "scope": scope,
            "code_challenge": s256_challenge(verifier),
            "code_challenge_method": "S256",
        }
        back = await person.authorize(f"{self.gitea.url}/login/oauth/authorize?{urlencode(asked)}")
        code = answer_in(back)["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
        answered = await self._ask(asking, "access_token", data={**form, "code_verifier": verifier.reveal()})
        assert 200 == answered.status_code, answered.text
        given: dict[str, str] = answered.json()
        return given

    async def granted_scope(self, person: Person) -> str:
        """Return what somebody's grant to the gate's application holds, by introspection of a token of it."""
        tokens = await self.tokens(person, scope="read:misc")  # a grant that stands keeps its own scope
        answered = await self._ask(self.application, "introspect", json={"token": tokens["access_token"]})
        assert answered.json()["active"], answered.text
        return str(answered.json()["scope"])

    async def _ask(self, application: Application, page: str, **content: dict[str, str]) -> httpx.Response:
        pair = (application.client_id, application.client_secret.reveal())
        async with httpx.AsyncClient(auth=pair, trust_env=False, timeout=60) as client:
            return await client.request("POST", f"{self.gitea.url}/login/oauth/{page}", **content)  # pyright: ignore[reportArgumentType]  -- data or json


async def register(gitea: GiteaServer, *redirect_uris: str) -> Application:
    """Register an application of an operator's, by our own requests for that."""
    operator = await gitea.add_person("operator")
    password = Password(login=operator.login, password=Secret(operator.password))
    asked = register_application(name=f"gate-{secrets.token_hex(4)}", redirect_uris=redirect_uris)
    async with open_gitea_client(GiteaSettings(url=gitea.url)) as client:
        made = await client.ask_provider(asked, password)
    return Application(client_id=made.application.client_id, client_secret=made.client_secret)


@asynccontextmanager
async def open_place(gitea: GiteaServer, state: Path) -> AsyncIterator[RealPlace]:
    """Register the gate's application, which tests may use past the gate, too."""
    public_url = free_url()
    application = await register(gitea, f"{public_url}/oauth/callback", BACK)
    yield RealPlace(gitea=gitea, application=application, state=state, public_url=public_url)


@contextmanager
def any_gitea(folder: Path) -> Iterator[GiteaServer]:
    """Give a real Gitea that a test may share: the one that runs, or one of our own."""
    url, admin, password = (the_setting(name) for name in RUNNING)
    if url and admin and password:
        yield GiteaServer(url=url.rstrip("/"), admin=admin, password=password)
        return
    with own_gitea(folder) as gitea:
        yield gitea


@contextmanager
def own_gitea(folder: Path, more: Sections | None = None) -> Iterator[OwnGitea]:
    """Start a real Gitea with settings of its own, or skip where there is no program."""
    binary = the_setting(BINARY)
    if not binary:
        pytest.skip(f"no real Gitea: set {BINARY} to its program, or (for a part of these tests) {', '.join(RUNNING)}")
    folder.mkdir(parents=True, exist_ok=True)
    with start_gitea(binary, folder, more) as gitea:
        yield gitea
