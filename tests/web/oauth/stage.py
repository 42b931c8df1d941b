"""The broker behind its front door, with a Gitea, clients' documents and a clock that tests hold in their hands."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import trio

from aegis_trio.audit.entry import AuditEntry
from aegis_trio.auth.attempts import AttemptLedger
from aegis_trio.auth.broker.browsers import MAX_BROWSERS, Browsers
from aegis_trio.auth.broker.grants import Grants
from aegis_trio.auth.broker.people import People
from aegis_trio.auth.broker.ports import Upstream, UpstreamGrantDead, UpstreamIdentity, UpstreamTokens
from aegis_trio.auth.broker.signin import MAX_LOGINS, SignIns
from aegis_trio.auth.broker.tokens import Tokens
from aegis_trio.auth.broker.trail import SignInTrail
from aegis_trio.auth.clients.client import Client, ClientAuth, ClientKind
from aegis_trio.auth.clients.documents import Documents
from aegis_trio.auth.clients.guarded import NotFetched
from aegis_trio.auth.clients.registry import MAX_CLIENTS, Registry
from aegis_trio.auth.vault import Vault
from aegis_trio.limits.addresses import AddressRates
from aegis_trio.model.asgi import Headers, Message, Receive, Scope, Send
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import Fault
from aegis_trio.model.secret import Secret
from aegis_trio.policy.scopes import gitea_scopes
from aegis_trio.store.interface import Store
from aegis_trio.store.memory import MemoryStore
from aegis_trio.web.front import Front, Routes
from aegis_trio.web.oauth.pages import PagePrinter
from aegis_trio.web.oauth.rooms import OAuthRooms
from aegis_trio.web.oauth.routes import oauth_places, oauth_routes
from aegis_trio.web.oauth.settings import OAuthSettings
from aegis_trio.web.settings import WebSettings

START_NS: Final = 1_780_000_000_000_000_000
PUBLIC: Final = "https://mcp.example.org"
GITEA: Final = "https://git.example.org"
DOCUMENT_ID: Final = "https://claude.example.com/oauth/client"
DOCUMENT: Final = {
    "client_id": DOCUMENT_ID,
    "client_name": "Claude",
    "redirect_uris": ["https://claude.example.com/callback", "https://claude.example.com/other?kept=1"],
    "token_endpoint_auth_method": "none",
}
CALLBACK: Final = "https://claude.example.com/callback"
STATIC_ID: Final = "chat"
STATIC_SECRET: Final = "a secret of 128 bits: 5e884898da"
STATIC_CALLBACK: Final = "https://chat.example.net/cb"
VERIFIER: Final = "v" * 43
CHALLENGE: Final = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
PEOPLE: Final = {1: "ann", 2: "bob"}


class Trail:
    """An audit trail that keeps what it is given."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def append_nowait(self, entry: AuditEntry) -> None:
        self.entries.append(entry)

    def events(self) -> list[str]:
        return [entry.event for entry in self.entries]


class FakeGitea:
    """Gitea's login: whoever is signed in there gets a code at once."""

    def __init__(self) -> None:
        self.uid = 1
        self.scope = " ".join(gitea_scopes(write_mode=False))
        self.fault: Fault | None = None
        self.codes: dict[str, int] = {}
        self.dead = False
        self.asked = 0

    def authorize_address(self, *, state: str, nonce: str, challenge: str) -> str:
        query = urlencode({"client_id": "ours", "state": state, "nonce": nonce, "code_challenge": challenge})
        return f"{GITEA}/login/oauth/authorize?{query}"

    def code(self) -> str:
        """Return a code for whoever is signed in at Gitea."""
        code = f"gta_{len(self.codes)}_secret"
        self.codes[code] = self.uid
        return code

    async def is_issuer(self, raw_issuer: str) -> bool:
        self._look()
        return raw_issuer == GITEA

    async def exchange(self, code: Secret, verifier: Secret) -> UpstreamTokens:
        self._look()
        uid = self.codes.pop(code.reveal(), None)
        if uid is None:
            raise UpstreamGrantDead
        return UpstreamTokens(access=Secret(f"gitea-access-{uid}"), refresh=Secret(f"r-{uid}"), expires_in_s=3600)

    async def refresh(self, refresh_token: Secret) -> UpstreamTokens:
        self._look()
        return UpstreamTokens(access=Secret("gitea-access-new"), refresh=refresh_token, expires_in_s=3600)

    async def identify(self, tokens: UpstreamTokens, nonce: str) -> UpstreamIdentity:
        uid = int(tokens.access.reveal().rpartition("-")[2])
        return UpstreamIdentity(uid=uid, login=PEOPLE[uid], scope=self.scope)

    def _look(self) -> None:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        if self.dead:
            raise UpstreamGrantDead


class Directory:
    """Static, registered and documented clients."""

    def __init__(self, registry: Registry, documents: Documents, static: Mapping[str, Client]) -> None:
        self._registry = registry
        self._documents = documents
        self.static = dict(static)

    async def find(self, client_id: str, *, asker: str | None = None) -> Client | None:
        if client_id in self.static:
            return self.static[client_id]
        return await self._registry.find(client_id) or await self._documents.find(client_id, asker=asker)

    async def find_signer(
        self, client_id: str, raw_assertion: str | None, *, asker: str | None = None
    ) -> Client | None:
        return await self.find(client_id, asker=asker)


class Documented:
    """The web of clients' documents."""

    def __init__(self) -> None:
        self.pages: dict[str, object] = {DOCUMENT_ID: DOCUMENT}
        self.hold: trio.Event | None = None
        """What addresses without a page wait for."""

    async def fetch(self, host: str, target: str) -> tuple[bytes, str]:
        await trio.lowlevel.checkpoint()
        page = self.pages.get(f"https://{host}{target}")
        if page is None and self.hold is not None:
            await self.hold.wait()
        if page is None:
            raise NotFetched("the document's server answered 404; redirects are not followed")
        return json.dumps(page).encode(), "no-store"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: Headers
    body: bytes

    def header(self, name: bytes) -> str:
        """Return the one value of a header; empty when it is absent."""
        values = [value for header, value in self.headers if header == name]
        assert len(values) <= 1, f"{name!r} stands more than once"
        return values[0].decode() if values else ""

    @property
    def location(self) -> str:
        return self.header(b"location")

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def onward(self) -> str:
        """Where a page goes on to by itself."""
        found = re.search(r'<meta http-equiv="refresh" content="0; url=([^"]*)">', self.text)
        assert found, self.text
        return html.unescape(found[1])

    @property
    def fields(self) -> dict[str, str]:
        """The hidden fields of the page's first form."""
        form = re.search(r"<form.*?</form>", self.text, re.DOTALL)
        assert form, self.text
        pairs = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form[0])
        return {name: html.unescape(value) for name, value in pairs}


def query_of(address: str) -> dict[str, str]:
    """Return the parameters of an address, each of which stands once."""
    pairs = parse_qsl(urlsplit(address).query, keep_blank_values=True)
    assert len(pairs) == len(dict(pairs)), address
    return dict(pairs)


@dataclass
class Stage:
    """Everything that a test may look at or break."""

    settings: OAuthSettings
    clock: SetClock
    store: Store
    trail: Trail
    gitea: FakeGitea
    documented: Documented
    directory: Directory
    people: People
    rooms: OAuthRooms
    front: Front

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.set_ns(self.clock.now_ns() + int(seconds * 1_000_000_000))

    async def ask(
        self,
        method: str,
        address: str,
        *headers: tuple[bytes, bytes],
        body: bytes = b"",
        receive: Receive | None = None,
        client: str = "192.0.2.1",
    ) -> Answer:
        """Send one request through the front."""
        parts = urlsplit(address)
        sent: list[Message] = []

        async def give_body() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        scope: Scope = {
            "type": "http",
            "method": method,
            "path": parts.path,
            "query_string": parts.query.encode(),
            "headers": [(b"host", urlsplit(self.settings.public_url).netloc.encode()), *headers],
            "client": (client, 4711),
        }
        await self.front(scope, receive or give_body, cast("Send", send))
        if not sent:
            return Answer(0, [], b"")
        whole = b"".join(cast("bytes", message["body"]) for message in sent[1:])
        return Answer(cast("int", sent[0]["status"]), cast("Headers", sent[0]["headers"]), whole)

    async def post(
        self, path: str, fields: Mapping[str, str] | Sequence[tuple[str, str]], *headers: tuple[bytes, bytes]
    ) -> Answer:
        """Post a form, as a client does."""
        form = (b"content-type", b"application/x-www-form-urlencoded")
        return await self.ask("POST", path, form, *headers, body=urlencode(fields).encode())

    async def register(self, document: object, *headers: tuple[bytes, bytes]) -> Answer:
        """Register a client."""
        kind = headers or ((b"content-type", b"application/json"),)
        return await self.ask("POST", "/oauth/register", *kind, body=json.dumps(document).encode())

    def browser(self) -> Visitor:
        """Return a browser that was never here."""
        return Visitor(self)


@dataclass
class Visitor:
    """A browser: it keeps cookies, and knows which page it came from."""

    stage: Stage
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, address: str) -> Answer:
        """Go to an address of ours."""
        return self._kept(await self.stage.ask("GET", address, *self._cookies()))

    async def post(self, path: str, fields: Mapping[str, str], *headers: tuple[bytes, bytes]) -> Answer:
        """Post a form of ours, as a browser under our referrer policy does."""
        head = headers or ((b"origin", b"null"), (b"sec-fetch-site", b"same-origin"))
        return self._kept(await self.stage.post(path, fields, *self._cookies(), *head))

    async def decide(self, page: Answer, decision: str) -> Answer:
        """Press a button of a consent page."""
        return await self.post("/oauth/consent", page.fields | {"decision": decision})

    async def at_gitea(self, address: str, **instead: str) -> Answer:
        """Sign in at Gitea, where *address* leads, and come back."""
        assert address.startswith(f"{GITEA}/login/oauth/authorize?"), address
        back = {"state": query_of(address)["state"]} | (instead or {"code": self.stage.gitea.code()})
        return await self.get(f"/oauth/callback?{urlencode(back)}")

    async def sign_in(self, **changes: str) -> str:
        """Go the whole way from a client's request to its code; return where the browser ends."""
        page = await self.get(authorize_address(**changes))
        assert page.status == 200, page.text
        onward = (await self.decide(page, "allow")).onward
        if not onward.startswith(GITEA):
            return onward
        return (await self.at_gitea(onward)).location

    def _cookies(self) -> Iterator[tuple[bytes, bytes]]:
        if self.cookies:
            yield b"cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()).encode()

    def _kept(self, answer: Answer) -> Answer:
        for name, value in answer.headers:
            if name == b"set-cookie":
                pair = value.decode().partition(";")[0].partition("=")
                self.cookies[pair[0]] = pair[2]
        return answer


def request_fields(**changes: str | None) -> dict[str, str]:
    """Return the parameters of a good request; None takes one out."""
    fields: dict[str, str | None] = {
        "response_type": "code",
        "client_id": DOCUMENT_ID,
        "redirect_uri": CALLBACK,
        "state": "st4te",
        "scope": "read:repository read:issue",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "resource": f"{PUBLIC}/mcp",
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def authorize_address(**changes: str | None) -> str:
    """Return the address of a good request."""
    return f"/oauth/authorize?{urlencode(request_fields(**changes))}"


def code_fields(code: str, /, **changes: str | None) -> dict[str, str]:
    """Return the form that exchanges a code; None takes a field out."""
    fields: dict[str, str | None] = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": DOCUMENT_ID,
        "resource": f"{PUBLIC}/mcp",
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def make_stage(
    settings: OAuthSettings | None = None,
    *,
    store: Store | None = None,
    pages: int = 0,
    calls: int = 0,
    logins: int = MAX_LOGINS,
    browsers: int = MAX_BROWSERS,
    clients: int = MAX_CLIENTS,
    upstream: Callable[[SetClock], Upstream] | None = None,
    start_s: int = START_NS // 1_000_000_000,
) -> Stage:
    """Build the broker.

    Args:
        store: one that fails, for tests of that.
        pages: of one address in a minute; 0 is off.
        calls: the same for endpoints of clients.
        logins: that may be on their way at once.
        browsers: that may be known at once.
        clients: that may be registered at once.
        upstream: makes another Gitea than the fake one.
        start_s: what the clock says at first, UTC seconds.
    """
    settings = settings or OAuthSettings(public_url=PUBLIC, gitea_url=GITEA)
    clock, trail, gitea, documented = SetClock(start_s * 1_000_000_000), Trail(), FakeGitea(), Documented()
    counted = SignInTrail(trail, AttemptLedger(clock_s=lambda: clock.now_ns() / 1e9))
    asked: Upstream = gitea if upstream is None else upstream(clock)
    kept: Store = store or MemoryStore(clock)
    vault = Vault((b"k" * 32,))
    met = Browsers(kept, clock, b"f" * 32, max_browsers=browsers)
    grants = Grants(kept, clock, counted)
    tokens = Tokens(kept, grants=grants, vault=vault, clock=clock, audit=counted)
    people = People(kept, vault=vault, upstream=asked, grants=grants, clock=clock)
    registry = Registry(kept, clock=clock, audit=counted, max_clients=clients)
    static = Client(
        id=STATIC_ID,
        kind=ClientKind.STATIC,
        name="the company's chat",
        redirect_uris=(STATIC_CALLBACK,),
        auth=ClientAuth.SECRET,
        secret_sha256=hashlib.sha256(STATIC_SECRET.encode()).digest(),
    )
    directory = Directory(registry, Documents(documented.fetch), {STATIC_ID: static})
    signins = SignIns(
        kept,
        browsers=met,
        people=people,
        tokens=tokens,
        upstream=asked,
        vault=vault,
        clock=clock,
        audit=counted,
        write_mode=settings.write_mode,
        max_logins=logins,
    )
    rooms = OAuthRooms(
        settings=settings,
        printer=PagePrinter(settings),
        directory=directory,
        registry=registry,
        signins=signins,
        browsers=met,
        tokens=tokens,
        grants=grants,
        store=kept,
        trail=counted,
        clock=clock,
        page_rates=AddressRates(pages),
        call_rates=AddressRates(calls),
    )
    routes = oauth_routes(rooms)
    web = WebSettings(
        public_url=settings.public_url, allowed_hosts=frozenset({urlsplit(settings.public_url).netloc.lower()})
    )
    front = Front(web, Routes(routes, _nothing, places=oauth_places(routes)))
    return Stage(
        settings=settings,
        clock=clock,
        store=kept,
        trail=trail,
        gitea=gitea,
        documented=documented,
        directory=directory,
        people=people,
        rooms=rooms,
        front=front,
    )


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("the pages of the gate must not be asked")
