"""What it takes to know who calls: every kind of credential, judged by the rooms of the real gate.

The rooms are joined by the supervisor's own composition, in this process: the store of grants is a file on this
machine's disk, and what has to be asked of the forge is asked over a socket.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter_ns, process_time_ns
from typing import Final, cast

from people import Proof, code_of
from processes import CALLBACK, Forge, signin_settings
from report import Row, Section, compared

from aegis_trio.audit.entry import AuditEntry
from aegis_trio.audit.trail import AuditTrail
from aegis_trio.auth.authenticator import Authenticator
from aegis_trio.auth.broker.calls import PersonCalls
from aegis_trio.auth.broker.ports import UpstreamIdentity, UpstreamTokens
from aegis_trio.auth.broker.rows import CodeRow, GrantRow, new_id
from aegis_trio.auth.credentials import RawCredentials
from aegis_trio.auth.gitea_bearer import GiteaBearer
from aegis_trio.auth.judge import TokenJudge
from aegis_trio.auth.keytext import DigestScheme, parse_key
from aegis_trio.auth.settings import AuthSettings
from aegis_trio.auth.signin_settings import Flow
from aegis_trio.config.load import load_settings
from aegis_trio.config.root_secret import open_keyring
from aegis_trio.config.settings import Settings
from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.gitea.id_token import authorize_url
from aegis_trio.gitea.oauth import GiteaTokens
from aegis_trio.model.clock import SystemClock, unix_seconds
from aegis_trio.model.identity import Origin
from aegis_trio.model.secret import Secret
from aegis_trio.policy.scopes import default_scopes, gitea_scopes
from aegis_trio.supervisor.signin import SignIn, open_signin

HEADING: Final = "Knowing who calls"
_HOW: Final = (
    "The authenticator of the gate with its rooms, as `serve` joins them, in one process: from the credential of a "
    "request to its caller, and the record of the attempt handed on (its writing is not counted). The store of grants "
    "is a file on disk; the demo forge is asked over a socket. `First` is a credential that this process has not seen, "
    "`again` one that it has. Processor time is that of this process, its threads too; waiting is not in it. In turns, "
    "the fastest of {turns} turns of {calls} calls each, or of {firsts} calls where each has to be a first one."
)
PLAIN: Final = "an API key"
ORIGIN: Final = Origin(address="127.0.0.1")
CLOCK: Final = SystemClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthTurns:
    """How often to measure."""

    turns: int = 10
    calls: int = 200
    firsts: int = 20


DEFAULT_AUTH_TURNS: Final = AuthTurns()


class _NoTrail:
    """Takes records and forgets them: what is measured is the judging."""

    def append_nowait(self, entry: AuditEntry) -> None:
        """Forget *entry*."""


Ask = Callable[[Secret], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class _Figures:
    """What one call of each kind took in its fastest turn, nanoseconds."""

    cpu_ns: dict[str, float] = field(default_factory=dict[str, float])
    elapsed_ns: dict[str, float] = field(default_factory=dict[str, float])

    async def turn(self, name: str, ask: Ask, credentials: Sequence[Secret], calls: int) -> None:
        """Judge *calls* times, one credential after the other."""
        cpu, begun = process_time_ns(), perf_counter_ns()
        for number in range(calls):
            await ask(credentials[number % len(credentials)])
        cpu_ns, elapsed_ns = (process_time_ns() - cpu) / calls, (perf_counter_ns() - begun) / calls
        self.cpu_ns[name] = min(self.cpu_ns.get(name, cpu_ns), cpu_ns)
        self.elapsed_ns[name] = min(self.elapsed_ns.get(name, elapsed_ns), elapsed_ns)

    def rows(self) -> Iterator[Row]:
        """Return each kind beside a plain key."""
        for what, figures in (("processor time", self.cpu_ns), ("time", self.elapsed_ns)):
            plain_us = figures[PLAIN] / 1e3
            yield Row(f"{PLAIN}: {what}", f"{plain_us:.1f} µs")
            for name, ns in figures.items():
                if name != PLAIN:
                    yield compared(f"{name}: {what}", ns / 1e3, plain_us, unit="µs", reference=PLAIN)


async def measure_authentication(state: Path, forge: Forge, turns: AuthTurns) -> Section:
    """Measure every kind of credential, in turns."""
    figures = _Figures()
    folder = state / "authentication"
    folder.mkdir()
    keys = _Keys.made()
    broker, gitea = (_settings(folder, forge, keys, flow) for flow in Flow)
    tokens = await _prepare(broker, forge, turns.firsts)
    for _ in range(turns.turns):
        await _turn_of_gate(figures, broker, keys, tokens, turns.calls)
        await _turn_of_gitea(figures, gitea, tokens, turns)
    how = _HOW.format(turns=turns.turns, calls=turns.calls, firsts=turns.firsts)
    return Section(HEADING, how, list(figures.rows()))


# ---- what is judged -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    """A key for each way in which an entry may stand in MCP_API_KEYS."""

    plain: Secret
    sha256: Secret
    hmac: Secret
    pepper: Secret

    @classmethod
    def made(cls) -> _Keys:
        """Make them."""
        return cls(**{name: Secret(secrets.token_hex(32)) for name in ("plain", "sha256", "hmac", "pepper")})

    def entries(self) -> str:
        """Return them as an operator writes them down."""
        written = [self.plain.reveal()]
        for scheme, key in ((DigestScheme.SHA256, self.sha256), (DigestScheme.HMAC, self.hmac)):
            text = parse_key(key.reveal())
            if text is None:
                raise RuntimeError("a key that was made here has not the form of one")
            written.append(f"{scheme.value}:{text.digest(scheme, self.pepper).hex()}:{text.hint}")
        return ",".join(written)


def _settings(folder: Path, forge: Forge, keys: _Keys, flow: Flow) -> Settings:
    more = {"ALLOW_GITEA_PAT": "true"} if flow is Flow.GITEA else {}
    environment = signin_settings(folder, forge, keys.entries(), OAUTH_FLOW=flow.value, **more)
    return load_settings({**environment, "AEGIS_KEY_PEPPER": keys.pepper.reveal()}, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tokens:
    """What people hold."""

    ours: Sequence[Secret]
    """The broker's access tokens, one for each of several grants."""
    giteas: Secret
    personal: Secret


async def _prepare(settings: Settings, forge: Forge, count: int) -> _Tokens:
    """Sign somebody in at the forge, and give them grants of ours that stand on that."""
    person, proof = forge.people[0], Proof()
    redirect_uri = f"{forge.public_url}{CALLBACK}"
    async with AsyncExitStack() as stack:
        signin = await _open(stack, settings)
        url = authorize_url(
            forge.url,
            client_id=forge.client_id,
            redirect_uri=redirect_uri,
            state="",
            nonce="bench",
            scope=" ".join(gitea_scopes(write_mode=False)),
            challenge=proof.challenge,
        )
        async with person.browser() as browser:
            code = code_of(await person.agree_at_forge(browser, url))
        given = await signin.oauth.exchange_code(Secret(code), redirect_uri, Secret(proof.verifier))
        judge = signin.judge
        if not isinstance(judge, PersonCalls):
            raise TypeError(f"the broker's tokens are not judged by {type(judge).__name__}")
        user = await signin.oauth.current_user(given.access_token)
        identity = UpstreamIdentity(uid=user.uid, login=user.login, scope="")
        await judge.people.remember(identity, _kept(given))
        ours = [await _grant(judge, identity, redirect_uri) for _ in range(count)]
    return _Tokens(ours=ours, giteas=given.access_token, personal=Secret(forge.token))


def _kept(given: GiteaTokens) -> UpstreamTokens:
    return UpstreamTokens(access=given.access_token, refresh=given.refresh_token, expires_in_s=given.expires_in_s)


async def _grant(judge: PersonCalls, person: UpstreamIdentity, redirect_uri: str) -> Secret:
    proof, now_s = Proof(), unix_seconds(CLOCK)
    grant = GrantRow(
        id=new_id(),
        uid=person.uid,
        login=person.login,
        client_id="bench",
        client_name="bench",
        scopes=default_scopes(),
        resource=judge.resources[0],
        created_at=now_s,
        last_used_at=now_s,
    )
    code = await judge.tokens.make_code(CodeRow(grant=grant, redirect_uri=redirect_uri, code_challenge=proof.challenge))
    pair = await judge.tokens.redeem(
        code.reveal(), client_id="bench", redirect_uri=redirect_uri, raw_verifier=proof.verifier
    )
    return pair.access


# ---- who judges -----------------------------------------------------------------------------------------------------


async def _open(stack: AsyncExitStack, settings: Settings) -> SignIn:
    if settings.signin is None:
        raise RuntimeError("settings with OAUTH_MODE have no sign-in")
    gitea = await stack.enter_async_context(open_gitea_client(settings.gitea))
    keyring = open_keyring(settings.root)
    opened = open_signin(settings, settings.signin, keyring, cast("AuditTrail", _NoTrail()), gitea, clock=CLOCK)
    return await stack.enter_async_context(opened)


def _asker(settings: AuthSettings, judge: TokenJudge) -> Ask:
    authenticator = Authenticator(settings, audit=_NoTrail(), clock=CLOCK, people=judge)

    async def ask(credential: Secret) -> object:
        raw = RawCredentials(authorization=(f"Bearer {credential.reveal()}".encode(),))
        return await authenticator.authenticate(raw, ORIGIN)

    return ask


async def _turn_of_gate(figures: _Figures, settings: Settings, keys: _Keys, tokens: _Tokens, calls: int) -> None:
    """Measure one turn of what the gate gives out itself."""
    async with AsyncExitStack() as stack:
        signin = await _open(stack, settings)
        ask = _asker(settings.auth, signin.judge)
        await figures.turn(PLAIN, ask, [keys.plain], calls)
        await figures.turn("a key whose entry is a SHA-256", ask, [keys.sha256], calls)
        await figures.turn("a key whose entry is an HMAC", ask, [keys.hmac], calls)
        await figures.turn("a token of the broker, first", ask, tokens.ours, len(tokens.ours))
        await figures.turn("a token of the broker, again", ask, tokens.ours, calls)


async def _turn_of_gitea(figures: _Figures, settings: Settings, tokens: _Tokens, turns: AuthTurns) -> None:
    """Measure one turn of what Gitea gives out."""
    async with AsyncExitStack() as stack:
        signin = await _open(stack, settings)
        await signin.keys.refresh(signin.oauth.fetch_jwks)
        for name, token in (("a token of Gitea's", tokens.giteas), ("a personal access token", tokens.personal)):
            # Whoever judges remembers, so that every first call has a judge of its own.
            askers = [_asker(settings.auth, _bearer(settings, signin)) for _ in range(turns.firsts)]
            await figures.turn(f"{name}, first", partial(_ask_next, iter(askers)), [token], turns.firsts)
            await figures.turn(f"{name}, again", askers[0], [token], turns.calls)


async def _ask_next(askers: Iterator[Ask], credential: Secret) -> object:
    return await next(askers)(credential)


def _bearer(settings: Settings, signin: SignIn) -> GiteaBearer:
    if settings.signin is None:
        raise RuntimeError("settings with OAUTH_MODE have no sign-in")
    return GiteaBearer(
        signin.oauth,
        signin.keys,
        CLOCK,
        audience=settings.signin.expected_audience,
        allow_pat=settings.signin.allow_gitea_pat,
        write_mode=settings.signin.write_mode,
    )
