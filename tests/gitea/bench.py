"""A verified fake of Gitea with our application in it, and the sign-in side as that application asks it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import final

from aegis_trio.demo_forge.demo_world import PASSWORDS
from aegis_trio.demo_forge.world import Account
from aegis_trio.gitea.applications import register_application
from aegis_trio.gitea.client import GiteaClient, open_gitea_client
from aegis_trio.gitea.id_token import authorize_url, s256_challenge
from aegis_trio.gitea.oauth import GiteaOAuth, GiteaTokens
from aegis_trio.gitea.provider import Application, Password
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.model.secret import Secret
from tests.forge import RunningForge, open_forge
from tests.person import Person, answer_in

CALLBACK = "https://gate.example/oauth/callback"
SCOPE = "openid profile read:user read:repository"
VERIFIER = Secret("a-verifier-of-43-characters-or-more-0123456789")
ALICE = Password(login="alice", password=Secret(PASSWORDS["alice"]))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A forge with our application, and the sign-in side as that application asks it."""

    forge: RunningForge
    client: GiteaClient
    oauth: GiteaOAuth
    application: Application

    def account(self, login: str) -> Account:
        """Return the account at the forge."""
        found = self.forge.world.account_named(login)
        assert found is not None
        return found

    @property
    def now_s(self) -> int:
        """The time at the forge."""
        return int(self.forge.world.now().timestamp())

    def person(self, login: str) -> Person:
        """Return a person with a fresh browser."""
        return Person(self.forge.url, login, PASSWORDS[login])

    def url(self, *, scope: str = SCOPE, state: str = "s") -> str:
        """Return where the gate would send a browser."""
        return authorize_url(
            self.forge.url,
            client_id=self.application.client_id,
            redirect_uri=CALLBACK,
            state=state,
            nonce="n",
            scope=scope,
            challenge=s256_challenge(VERIFIER),
        )

    async def tokens(self, person: Person, *, scope: str = SCOPE) -> GiteaTokens:
        """Let a person go the whole way."""
        answered = answer_in(await person.authorize(self.url(scope=scope)))
        assert "s" == answered["state"]
        return await self.oauth.exchange_code(Secret(answered["code"]), CALLBACK, VERIFIER)


@asynccontextmanager
async def open_bench() -> AsyncGenerator[Bench]:
    """Start a forge, and register our application there."""
    async with open_forge() as forge, open_gitea_client(GiteaSettings(url=forge.url)) as client:
        made = await client.ask_provider(register_application(name="gate", redirect_uris=(CALLBACK,)), ALICE)
        application = Application(client_id=made.application.client_id, client_secret=made.client_secret)
        yield Bench(forge=forge, client=client, oauth=GiteaOAuth(client, application), application=application)
