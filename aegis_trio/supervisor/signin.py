"""Signing in, composed: the rooms of the broker or of Gitea's own tokens, and the tasks that keep them true.

Law: a bug in one of the tasks ends the gate.

Not here: what the tasks do (upkeep.py, auth/jwks.py).
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, final

import structlog
import trio

from aegis_trio.audit.trail import AuditTrail
from aegis_trio.auth.attempts import AttemptLedger
from aegis_trio.auth.broker.browsers import Browsers
from aegis_trio.auth.broker.calls import PersonCalls
from aegis_trio.auth.broker.ends import DurableTrail, run_recorder
from aegis_trio.auth.broker.grants import Grants
from aegis_trio.auth.broker.people import People
from aegis_trio.auth.broker.signin import SignIns
from aegis_trio.auth.broker.tokens import Tokens, TokenSettings
from aegis_trio.auth.broker.trail import SignInTrail
from aegis_trio.auth.clients.client import Client
from aegis_trio.auth.clients.directory import ClientDirectory
from aegis_trio.auth.clients.documents import Documents
from aegis_trio.auth.clients.guarded import PinnedBackend, fetch_document
from aegis_trio.auth.clients.keys import ClientKeys
from aegis_trio.auth.clients.pinned import PINNED
from aegis_trio.auth.clients.registry import Registry
from aegis_trio.auth.clients.static import StaticClients, gitea_application
from aegis_trio.auth.gitea_bearer import GiteaBearer
from aegis_trio.auth.judge import TokenJudge
from aegis_trio.auth.jwks import RefreshTimes, SigningKeys, run_refresher
from aegis_trio.auth.signin_settings import Flow, SigninSettings
from aegis_trio.auth.upstream import GiteaLogin
from aegis_trio.auth.vault import Vault
from aegis_trio.auth.vault_check import WrongVaultKey, check_vault, is_marked, mark_vault
from aegis_trio.config.settings import Settings
from aegis_trio.gitea.client import GiteaClient
from aegis_trio.gitea.oauth import GiteaOAuth
from aegis_trio.gitea.provider import Application as GiteaApplication
from aegis_trio.limits.addresses import AddressRates
from aegis_trio.limits.blocklist import Blocklist
from aegis_trio.model.asgi import Application
from aegis_trio.model.clock import WallClock
from aegis_trio.model.errors import Fault, Unauthenticated, UpstreamFault
from aegis_trio.model.identity import Caller, PrincipalKind
from aegis_trio.model.keyring import Keyring, Purpose
from aegis_trio.store.interface import Store, StoreFailed
from aegis_trio.store.sqlite import open_for_a_moment, open_sqlite_store
from aegis_trio.supervisor.core import RefusedSetting
from aegis_trio.supervisor.readiness import Unready
from aegis_trio.supervisor.signing import find_issuer
from aegis_trio.supervisor.upkeep import end_gone, end_revoked, reseal, sweep
from aegis_trio.telemetry.metrics import StatisticsCollector
from aegis_trio.transports.hub import SessionHub
from aegis_trio.web.oauth.pages import PagePrinter
from aegis_trio.web.oauth.rooms import OAuthRooms
from aegis_trio.web.oauth.routes import document_routes, oauth_places, oauth_routes
from aegis_trio.web.oauth.settings import OAuthFlow, OAuthSettings
from aegis_trio.web.screen import Place

PAGES_PER_MINUTE: Final = 60
CALLS_PER_MINUTE: Final = 600  # hosted assistants share a few addresses

log: Final = structlog.get_logger(__name__)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Signing in, as the gate serves and runs it."""

    judge: TokenJudge
    keys: SigningKeys
    oauth: GiteaOAuth
    store: Store | None
    """None where clients hold Gitea's own tokens."""
    audit: DurableTrail | None = None
    """Where ends by the operator's commands are recorded."""
    routes: Mapping[tuple[str, str], Application]
    places: Mapping[str, Place] = field(default_factory=dict[str, Place])
    people: People | None = None
    """None where clients hold Gitea's own tokens, as is `trail`."""
    trail: SignInTrail | None = None
    """None where clients hold Gitea's own tokens: nobody signs in here then."""
    ledger: AttemptLedger = field(default_factory=AttemptLedger)
    """Of refused attempts; one for whoever refuses some."""

    def unready(self) -> Unready | None:
        """Return why nobody can sign in now, or None."""
        if self.keys.usable():
            return None
        return Unready("signing_keys_stale", "Gitea's signing keys cannot be fetched")

    def register_metrics(self, metrics: StatisticsCollector) -> None:
        """Let *metrics* read how signing in goes."""
        metrics.register("signing_keys", self.keys.statistics)
        if self.trail is not None:
            labels = {"events_total": ("event", "kind"), "refused_total": ("endpoint", "error")}
            metrics.register("signin", self.trail.statistics, labels)

    async def rejected(self, caller: Caller, fault: Fault) -> Fault:
        """Return what a caller is told whose token Gitea has just rejected: a person signs in again.

        The person's access ends with it, or their browser would get codes that are worth nothing, until the token at
        Gitea expires.
        """
        owner = caller.principal.owner
        if caller.principal.kind is not PrincipalKind.PERSON:
            return fault
        try:
            if await self.judge.still_holds(owner):
                return fault
        except (UpstreamFault, StoreFailed) as unknown:
            log.warning("access_not_checked", owner=owner, fault=type(unknown).__name__)
            return fault
        return Unauthenticated("Gitea has ended this sign-in", "Sign in again.", token_sent=True)

    async def run(self, hub: SessionHub, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep keys fresh, and end what has ended, until cancelled; started once the first keys were asked for."""
        async with trio.open_nursery() as tasks:
            if self.store is not None:
                await tasks.start(end_revoked, self.store, self.judge, hub)
                if self.audit is not None:
                    await tasks.start(run_recorder, self.store, self.audit)
                tasks.start_soon(sweep, self.store)
            tasks.start_soon(end_gone, self.judge, hub)
            await tasks.start(partial(run_refresher, self.keys, self.oauth.fetch_jwks))
            task_status.started()


@asynccontextmanager
async def open_signin(
    settings: Settings,
    signin: SigninSettings,
    keyring: Keyring,
    audit: AuditTrail,
    gitea: GiteaClient,
    *,
    clock: WallClock,
    blocks: Blocklist | None = None,
) -> AsyncGenerator[SignIn]:
    """Compose signing in.

    Args:
        blocks: addresses that may not sign in, as that asks Gitea; None for none.

    Raises:
        RefusedSetting: the store cannot be opened or its keys are not ours, two clients have one id, or Gitea signs
            with a shared secret.
    """
    oauth = GiteaOAuth(gitea, GiteaApplication(client_id=signin.client_id, client_secret=signin.client_secret))
    keys = SigningKeys(RefreshTimes.for_staleness(signin.jwks_max_stale_s))
    gitea_url = signin.gitea_public_url or settings.gitea.url
    documents = OAuthSettings(
        public_url=settings.web.public_url,
        gitea_url=gitea_url,
        flow=OAuthFlow(signin.flow.value),
        write_mode=signin.write_mode,
        gitea_issuer=await find_issuer(oauth),
    )
    if signin.flow is Flow.GITEA:
        routes = document_routes(documents, PagePrinter(documents))
        bearer = GiteaBearer(
            oauth,
            keys,
            clock,
            audience=signin.expected_audience,
            allow_pat=signin.allow_gitea_pat,
            write_mode=signin.write_mode,
        )
        yield SignIn(judge=bearer, keys=keys, oauth=oauth, store=None, routes=routes, places=oauth_places(routes))
        return
    # Whoever sets TOKEN_ENCRYPTION_KEY one day has a store that was sealed by the root secret's key until then.
    vault = Vault((*signin.encryption_keys, *keyring.keys(Purpose.VAULT)))
    try:
        async with open_for_a_moment(signin.store_path, clock=clock) as store:
            await check_vault(store, vault)
        async with open_sqlite_store(signin.store_path, clock=clock) as store:
            login = GiteaLogin(
                oauth=oauth,
                keys=keys,
                clock=clock,
                browser_url=gitea_url,
                client_id=signin.client_id,
                redirect_uri=f"{settings.web.public_url}/oauth/callback",
                write_mode=signin.write_mode,
            )
            broker = _broker(settings, signin, documents, _Rooms(store, keyring, audit, clock, login, vault, blocks))
            # Before anybody is served: a start that was cut short must not look as if older keys were unneeded.
            if broker.people is not None and not await is_marked(store, vault) and await reseal(broker.people):
                await mark_vault(store, vault)
            yield broker
    except (StoreFailed, WrongVaultKey) as failed:
        raise RefusedSetting(str(failed)) from failed


@final
@dataclass(frozen=True, slots=True)
class _Rooms:
    store: Store
    keyring: Keyring
    audit: AuditTrail
    clock: WallClock
    login: GiteaLogin
    vault: Vault
    blocks: Blocklist | None


def _broker(settings: Settings, signin: SigninSettings, documents: OAuthSettings, rooms: _Rooms) -> SignIn:
    store, clock, login, ledger = rooms.store, rooms.clock, rooms.login, AttemptLedger()
    audit = SignInTrail(rooms.audit, ledger)
    vault = rooms.vault
    grants = Grants(store, clock, audit)
    lifetimes = TokenSettings(access_ttl_s=signin.access_ttl_s, refresh_ttl_s=signin.refresh_ttl_s)
    tokens = Tokens(store, grants=grants, vault=vault, clock=clock, audit=audit, settings=lifetimes)
    people = People(store, vault=vault, upstream=login, grants=grants, clock=clock)
    browsers = Browsers(store, clock, rooms.keyring.key(Purpose.BROWSER_FORM))
    registry = Registry(store, clock=clock, audit=audit, allowed_domains=signin.allowed_client_domains)
    fetch = partial(fetch_document, backend=PinnedBackend(), tls=ssl.create_default_context())
    proxies = settings.web.trusted_proxies
    # A way back from Gitea asks Gitea what its code is worth, and a blocked address never causes that (D7).
    blocked_for_s = None if rooms.blocks is None else rooms.blocks.blocked_for_s
    own = gitea_application(signin.client_id, signin.client_secret, extra_redirects=signin.extra_redirect_uris)
    routes = oauth_routes(
        OAuthRooms(
            settings=documents,
            printer=PagePrinter(documents),
            directory=ClientDirectory(
                static=_static(own, signin),
                registry=registry,
                documents=Documents(fetch, pinned=PINNED, allowed_domains=signin.allowed_client_domains),
                keys=ClientKeys(fetch),
            ),
            registry=registry,
            signins=SignIns(
                store,
                browsers=browsers,
                people=people,
                tokens=tokens,
                upstream=login,
                vault=vault,
                clock=clock,
                audit=audit,
                write_mode=signin.write_mode,
            ),
            browsers=browsers,
            tokens=tokens,
            grants=grants,
            store=store,
            trail=audit,
            clock=clock,
            page_rates=AddressRates(PAGES_PER_MINUTE, trusted_proxies=proxies, blocked_for_s=blocked_for_s),
            call_rates=AddressRates(CALLS_PER_MINUTE, trusted_proxies=proxies),
        )
    )
    judge = PersonCalls(
        tokens=tokens,
        grants=grants,
        people=people,
        resources=documents.resources.urls,
        may_be_used=login.may_be_used,
    )
    return SignIn(
        judge=judge,
        keys=login.keys,
        oauth=login.oauth,
        store=store,
        audit=rooms.audit,
        routes=routes,
        places=oauth_places(routes),
        people=people,
        trail=audit,
        ledger=ledger,
    )


def _static(own: Client, signin: SigninSettings) -> StaticClients:
    try:
        return StaticClients((own, *signin.static_clients))
    except ValueError as error:
        raise RefusedSetting(f"OAUTH_STATIC_CLIENTS: {error}") from error
