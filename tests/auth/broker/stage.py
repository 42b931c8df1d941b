"""What tests of the broker share: every part of it over one store, and a Gitea whose login is a function call."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import trio

from aegis_trio.auth.broker.browsers import Browser, Browsers
from aegis_trio.auth.broker.calls import PersonCalls
from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.auth.broker.grants import Grants
from aegis_trio.auth.broker.outcomes import Arrived, GoToGitea, Granted, Pending
from aegis_trio.auth.broker.people import People
from aegis_trio.auth.broker.ports import UpstreamGrantDead, UpstreamIdentity, UpstreamOtherGrant, UpstreamTokens
from aegis_trio.auth.broker.request import AuthorizationRequest, Resources, choose_redirect, read_request
from aegis_trio.auth.broker.signin import SignIns
from aegis_trio.auth.broker.tokens import TokenPair, Tokens, TokenSettings
from aegis_trio.auth.clients.client import Client, ClientKind
from aegis_trio.auth.vault import Vault
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import UpstreamFault
from aegis_trio.model.identity import Origin
from aegis_trio.model.secret import Secret
from aegis_trio.policy.scopes import gitea_scopes
from aegis_trio.store.interface import Store
from aegis_trio.store.memory import MemoryStore
from aegis_trio.store.sqlite import open_sqlite_store
from tests.auth.places import FakeTrail

S = 1_000_000_000
START_S = 1_770_000_000
HERE = Origin(address="203.0.113.42")
ISSUER = "https://gate.example"
MCP = f"{ISSUER}/mcp"
RESOURCES = Resources(issuer=ISSUER, urls=(MCP, f"{MCP}/sse"))
VERIFIER = "v" * 43
CALLBACK = "https://claude.ai/api/mcp/auth_callback"
CLIENT = Client(id="https://claude.ai/oauth/client", kind=ClientKind.DOCUMENT, name="Claude", redirect_uris=(CALLBACK,))
OTHER_CLIENT = Client(
    id="https://chatgpt.com/oauth/client.json",
    kind=ClientKind.DOCUMENT,
    name="ChatGPT",
    redirect_uris=("https://chatgpt.com/connector_platform_oauth_redirect",),
)
ADA = UpstreamIdentity(uid=1, login="ada", scope=" ".join(gitea_scopes(write_mode=False)))
BOB = UpstreamIdentity(uid=2, login="bob", scope=ADA.scope)


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of *verifier*."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def parameters(**changes: str | None) -> dict[str, list[str]]:
    """Return the parameters of a good authorization request, with *changes*; None leaves one out."""
    good: dict[str, str | None] = {
        "response_type": "code",
        "client_id": CLIENT.id,
        "redirect_uri": CALLBACK,
        "state": "state of the client",
        "scope": "read:repository read:issue",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
        "resource": MCP,
    }
    return {name: [value] for name, value in (good | changes).items() if value is not None}


def asked(client: Client = CLIENT, **changes: str | None) -> AuthorizationRequest:
    """Return the request of *client*, which must be a good one."""
    given = parameters(**({"redirect_uri": client.redirect_uris[0]} | changes))
    request = read_request(given, client, choose_redirect(given, client), RESOURCES, write_mode=False)
    assert isinstance(request, AuthorizationRequest)
    return request


@dataclass
class FakeUpstream:
    """Gitea's login: checks PKCE and nonce as Gitea does, and does what a test tells it."""

    asked: list[dict[str, str]] = field(default_factory=list)
    refreshed: list[str] = field(default_factory=list)
    exchanged: list[str] = field(default_factory=list)
    fault: UpstreamFault | None = None
    dead: bool = False
    barred: bool = False
    """Whether the account may not be used any more."""
    looked_at: list[str] = field(default_factory=list)
    hold: trio.Event | None = None
    """What a refresh waits for."""
    arrived: trio.Event = field(default_factory=trio.Event)
    """Set when a refresh begins."""
    lifetime_s: int = 3600
    proves_nobody: bool = False
    """Whether the grant lacks `openid`."""
    _codes: dict[str, tuple[str, str, UpstreamIdentity]] = field(default_factory=dict)
    _sets: int = 0

    def authorize_address(self, **words: str) -> str:
        """Return where the browser goes; the constant scopes and nothing of the client's."""
        self.asked.append(words)
        scope = " ".join(gitea_scopes(write_mode=False))
        return f"https://git.example/login/oauth/authorize?{urlencode({'scope': scope} | words)}"

    def login(self, address: str, person: UpstreamIdentity = ADA) -> tuple[str, str]:
        """Sign *person* in at *address*; return state and code, as Gitea sends them back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"gitea-code-{len(self._codes)}"
        self._codes[code] = (query["challenge"], query["nonce"], person)
        return query["state"], code

    def tokens(self) -> UpstreamTokens:
        """Return a fresh set."""
        self._sets += 1
        return UpstreamTokens(
            access=Secret(f"gitea-access-{self._sets}"),
            refresh=Secret(f"gitea-refresh-{self._sets}"),
            expires_in_s=self.lifetime_s,
        )

    async def is_issuer(self, raw_issuer: str) -> bool:
        """Return whether *raw_issuer* is this Gitea."""
        await trio.lowlevel.checkpoint()
        return raw_issuer == "https://git.example"

    async def exchange(self, code: Secret, verifier: Secret) -> UpstreamTokens:
        """Exchange a code."""
        await trio.lowlevel.checkpoint()
        self._fail()
        self.exchanged.append(code.reveal())
        if code.reveal() not in self._codes or self._codes[code.reveal()][0] != challenge_of(verifier.reveal()):
            raise UpstreamGrantDead
        return self.tokens()

    async def refresh(self, refresh_token: Secret) -> UpstreamTokens:
        """Exchange a refresh token."""
        self.refreshed.append(refresh_token.reveal())
        self.arrived.set()
        if self.hold is not None:
            await self.hold.wait()
        await trio.lowlevel.checkpoint()
        self._fail()
        return self.tokens()

    async def identify(self, tokens: UpstreamTokens, nonce: str) -> UpstreamIdentity:
        """Return who signed in with the last code."""
        await trio.lowlevel.checkpoint()
        _, expected, person = self._codes[self.exchanged[-1]]
        if nonce != expected:
            raise UpstreamGrantDead
        if self.proves_nobody:
            raise UpstreamOtherGrant(person.login)
        return person

    async def may_be_used(self, token: Secret) -> bool:
        """Return whether the owner of *token* is let in."""
        await trio.lowlevel.checkpoint()
        self.looked_at.append(token.reveal())
        if self.fault is not None:
            raise self.fault
        return not self.barred

    def _fail(self) -> None:
        if self.fault is not None:
            raise self.fault
        if self.dead:
            raise UpstreamGrantDead


@dataclass
class Stage:
    """The broker with everything around it."""

    store: Store
    clock: SetClock
    trail: FakeTrail
    upstream: FakeUpstream
    vault: Vault
    grants: Grants
    tokens: Tokens
    people: People
    browsers: Browsers
    signins: SignIns
    calls: PersonCalls

    def now_s(self) -> int:
        """Return the time, UTC seconds."""
        return self.clock.now_ns() // S

    def pass_s(self, seconds: int) -> None:
        """Let *seconds* pass."""
        self.clock.set_ns(self.clock.now_ns() + seconds * S)

    async def browser(self) -> Browser:
        """Return a browser that was never here."""
        return await self.browsers.meet(None)

    async def begin(self, browser: Browser, client: Client = CLIENT, **changes: str | None) -> Pending:
        """Return a sign-in that waits for consent."""
        return await self.signins.begin(asked(client, **changes), browser, HERE)

    async def to_gitea(self, browser: Browser, client: Client = CLIENT, **changes: str | None) -> str:
        """Return the address at Gitea to which a person is sent who agreed."""
        pending = await self.begin(browser, client, **changes)
        gone = await self.signins.allow(pending.id, browser, HERE)
        assert isinstance(gone, GoToGitea)
        return gone.address

    async def come_back(self, address: str, browser: Browser, person: UpstreamIdentity = ADA) -> Arrived:
        """Return what becomes of a sign-in after *person* signed in at Gitea."""
        state, code = self.upstream.login(address, person)
        return await self.signins.finish(state, code, browser, HERE)

    async def granted(
        self, client: Client = CLIENT, person: UpstreamIdentity = ADA, browser: Browser | None = None
    ) -> Granted:
        """Return the end of a whole sign-in."""
        browser = browser or await self.browser()
        outcome = await self.come_back(await self.to_gitea(browser, client), browser, person)
        assert isinstance(outcome, Granted)
        return outcome

    async def redeem(self, code: Secret | str, client: Client = CLIENT, /, **changes: str | None) -> TokenPair:
        """Redeem a code as its client does."""
        text = code if isinstance(code, str) else code.reveal()
        given = {"redirect_uri": client.redirect_uris[0], "raw_verifier": VERIFIER, "client_id": client.id} | changes
        return await self.tokens.redeem(text, **given)  # type: ignore[arg-type]  # a test names what it changes

    async def pair(self, client: Client = CLIENT, person: UpstreamIdentity = ADA) -> TokenPair:
        """Return the tokens of a fresh sign-in."""
        return await self.redeem((await self.granted(client, person)).code, client)

    async def refresh(
        self, pair: TokenPair, client: Client = CLIENT, scopes: tuple[str, ...] | None = None
    ) -> TokenPair:
        """Exchange the refresh token of *pair*."""
        return await self.tokens.refresh(pair.refresh.reveal(), client_id=client.id, raw_scopes=scopes)

    async def works(self, pair: TokenPair) -> bool:
        """Return whether the access token of *pair* is good."""
        return await self.tokens.find_access(pair.access.reveal()) is not None


def set_stage(store: Store, clock: SetClock, settings: TokenSettings | None = None) -> Stage:
    """Return a stage over *store*."""
    trail, upstream, vault = FakeTrail(), FakeUpstream(), Vault((b"k" * 32,))
    grants = Grants(store, clock, trail)
    tokens = Tokens(store, grants=grants, vault=vault, clock=clock, audit=trail, settings=settings)
    people = People(store, vault=vault, upstream=upstream, grants=grants, clock=clock)
    browsers = Browsers(store, clock, b"f" * 32)
    signins = SignIns(
        store,
        browsers=browsers,
        people=people,
        tokens=tokens,
        upstream=upstream,
        vault=vault,
        clock=clock,
        audit=trail,
        write_mode=False,
    )
    calls = PersonCalls(
        tokens=tokens, grants=grants, people=people, resources=RESOURCES.urls, may_be_used=upstream.may_be_used
    )
    return Stage(store, clock, trail, upstream, vault, grants, tokens, people, browsers, signins, calls)


@asynccontextmanager
async def open_stage(kind: str = "memory", folder: Path | None = None) -> AsyncIterator[Stage]:
    """Open a stage over a store of *kind*, `memory` or `sqlite`."""
    clock = SetClock(START_S * S)
    if folder is None or kind == "memory":
        yield set_stage(MemoryStore(clock), clock)
        return
    async with open_sqlite_store(folder / "state" / "store.sqlite3", clock=clock) as store:
        yield set_stage(store, clock)


def refusal(code: OAuthCode) -> Callable[[BaseException], bool]:
    """Return a check that an exception refuses with *code*."""
    return lambda raised: isinstance(raised, OAuthRefused) and raised.code is code
