"""The composition: which rooms stand behind the front door, and how they are joined.

Law: everything is made here and handed in; no room looks another one up. Nothing here waits or runs.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, cast, final

from aegis_trio.audit.trail import AuditTrail
from aegis_trio.auth.authenticator import Authenticator
from aegis_trio.auth.key_ages import KeyAges
from aegis_trio.auth.signin_settings import Flow
from aegis_trio.config.settings import Settings
from aegis_trio.gitea.client import GiteaClient
from aegis_trio.limits.anomalies import AnomalyWatch
from aegis_trio.limits.breaker import CircuitBreaker
from aegis_trio.limits.calls import CallLimits
from aegis_trio.limits.settings import LimitSettings
from aegis_trio.model.asgi import Application, Headers, Receive, Scope, Send
from aegis_trio.model.clock import WallClock
from aegis_trio.model.features import Catalogue
from aegis_trio.model.keyring import Keyring
from aegis_trio.policy.scopes import whole_scopes
from aegis_trio.supervisor.admin import AdminApp
from aegis_trio.supervisor.blocking import Addresses
from aegis_trio.supervisor.core import RefusedSetting, build_core
from aegis_trio.supervisor.noticing import Noticer
from aegis_trio.supervisor.readiness import Readiness, Unready
from aegis_trio.supervisor.upstream import UpstreamWatch
from aegis_trio.supervisor.witnesses import Witnesses
from aegis_trio.telemetry.build import build_statistics
from aegis_trio.telemetry.metrics import StatisticsCollector, render_metrics
from aegis_trio.telemetry.tracing import NO_TRACER, Tracer
from aegis_trio.toolsets.catalogue import CATALOGUE, opening
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.transports.http_sse import HttpSse
from aegis_trio.transports.hub import SessionHub
from aegis_trio.transports.ports import no_challenge
from aegis_trio.transports.streamable_http import SESSION_HEADER, StreamableHttp
from aegis_trio.transports.websocket import PATH as SOCKET_PATH
from aegis_trio.transports.websocket import McpSocket
from aegis_trio.web.challenges import Challenges, plain_fault
from aegis_trio.web.forwarded import is_trusted, parse_address
from aegis_trio.web.front import Front, Routes
from aegis_trio.web.pages import Pages, build_app
from aegis_trio.web.server.tls import open_tls_context
from aegis_trio.web.settings import WebSettings

if TYPE_CHECKING:  # its rooms are loaded only where people sign in: see tree.py
    from aegis_trio.supervisor.signin import SignIn

UNSIGNED: Final = Unready(
    "audit_unsigned",
    "AUDIT_SIGNING_KEY is not set: who can write the audit log can rewrite it unseen. `aegis-trio audit init` makes "
    "the key.",
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The joined rooms that the tree runs, watches and ends."""

    readiness: Readiness
    upstream: UpstreamWatch
    authenticator: Authenticator
    key_ages: KeyAges
    limits: CallLimits
    noticer: Noticer
    """Tells of anomalies."""
    hub: SessionHub
    front: Application
    admin: Application
    metrics: StatisticsCollector
    tls: ssl.SSLContext | None
    trusts: Callable[[str], bool]
    addresses: Addresses
    end_blocked: Callable[[], int]
    """Ends what addresses that the operator blocked have under way; returns how many requests that were."""

    def replace_limits(self, limits: LimitSettings) -> None:
        """Use these limits from the next request on."""
        self.limits.replace_settings(limits)
        self.addresses.replace_limits(limits)


def build_gate(
    settings: Settings,
    keyring: Keyring,
    audit: AuditTrail,
    gitea: GiteaClient,
    *,
    clock: WallClock,
    breaker: CircuitBreaker,
    addresses: Addresses,
    catalogue: Catalogue[ToolContext] = CATALOGUE,
    signin: SignIn | None = None,
    witnesses: Witnesses | None = None,
    tracer: Tracer = NO_TRACER,
) -> Gate:
    """Join the rooms.

    Args:
        breaker: the one that *gitea* was opened with.
        addresses: who is blocked and who fails.
        catalogue: everything that is served; tests of the protocol serve another one.
        signin: how people sign in; None where they do not.
        witnesses: the lanes to whoever cosigns the log; None where nobody does.
        tracer: times calls.

    Raises:
        RefusedSetting: the certificate or its key cannot be read.
    """
    sessions = settings.sessions
    anomalies = AnomalyWatch(clock)
    core = build_core(
        tokens=settings.auth.gitea_tokens(),
        limits=settings.limits,
        cache=settings.gitea.cache,
        sessions=sessions,
        keyring=keyring,
        audit=audit,
        gitea=gitea,
        clock=clock,
        catalogue=opening(catalogue, settings.tools.opened),
        breaker=breaker,
        rejected=None if signin is None else signin.rejected,
        report=anomalies.report,
        tracer=tracer,
    )
    hub, reception, readiness = core.hub, core.reception, core.readiness
    people = None if signin is None else signin.judge
    ledger = None if signin is None else signin.ledger
    authenticator = Authenticator(
        settings.auth,
        audit=audit,
        clock=clock,
        failures=addresses.failures,
        ledger=ledger,
        people=people,
        rates=addresses.rates,
        report=anomalies.report,
    )
    if signin is not None:
        readiness.add_condition(signin.unready)
    challenges = None if signin is None else _challenges(settings)
    answer_of = plain_fault if challenges is None else challenges.answer_of
    challenge = no_challenge if challenges is None else challenges.lines
    streamable = StreamableHttp(
        reception=reception, doorman=authenticator, hub=hub, settings=sessions, challenge=challenge
    )
    sse = HttpSse(reception=reception, doorman=authenticator, hub=hub, settings=sessions, challenge=challenge)
    sockets: dict[str, Application] = {}
    if settings.web.websocket_debug:
        sockets[SOCKET_PATH] = McpSocket(reception=reception, doorman=authenticator, settings=sessions)
    pages = build_app(
        Pages(
            public_url=settings.web.public_url,
            auth=settings.auth,
            gateway=core.gateway,
            authenticator=authenticator,
            request_of=hub.request_of,
            answer_of=answer_of,
            unready=readiness.unready_codes,
        )
    )
    routes = Routes(
        {
            ("POST", "/mcp"): streamable,
            ("GET", "/mcp"): streamable,
            ("DELETE", "/mcp"): streamable,
            ("POST", "/mcp/sse"): streamable,
            ("GET", "/mcp/sse"): partial(_sse_address, streamable, sse),
            ("DELETE", "/mcp/sse"): streamable,
            ("POST", "/mcp/messages"): sse,
            **({} if signin is None else signin.routes),
        },
        cast("Application", pages),  # Quart types its scopes as dictionaries of their own
        sockets,
        places={} if signin is None else signin.places,
        answer_of=answer_of,
        quotas_of=core.limits.quotas,
        refusal_of=authenticator.strangers.refusal_by_operator,
    )
    key_ages = KeyAges(settings.auth, clock)
    metrics = StatisticsCollector()
    metrics.register("build", build_statistics)
    metrics.register("readiness", readiness.statistics)
    metrics.register("upstream", core.upstream.statistics)
    metrics.register("audit", audit.statistics)
    if settings.audit.signing_key is None:
        readiness.add_note(lambda: UNSIGNED)
    if witnesses is not None:
        readiness.add_note(witnesses.note)
        metrics.register("audit_witness", witnesses.statistics)
    metrics.register("gitea", gitea.statistics)
    metrics.register("call_limits", core.limits.statistics)
    metrics.register("authentication", authenticator.statistics)
    metrics.register("auth_failures", addresses.failures.statistics)
    metrics.register("api_key", key_ages.statistics)
    metrics.register("gateway", core.gateway.statistics)
    metrics.register("kept_replies", core.kept.statistics)
    metrics.register("sessions", hub.statistics)
    metrics.register("gitea_queue", core.bulkhead.statistics)
    metrics.register("gitea_cache", core.content.statistics)
    metrics.register("gitea_circuit", breaker.statistics)
    metrics.register("address_limit", addresses.rates.statistics)
    metrics.register("blocks", addresses.blocks.statistics)
    metrics.register("anomalies", anomalies.statistics)
    if signin is not None:
        signin.register_metrics(metrics)
    front = Front(settings.web, routes)
    return Gate(
        readiness=readiness,
        upstream=core.upstream,
        authenticator=authenticator,
        key_ages=key_ages,
        limits=core.limits,
        noticer=Noticer(anomalies, audit),
        hub=hub,
        front=front,
        admin=AdminApp(
            host=settings.supervisor.admin_host, readiness=readiness, metrics=partial(render_metrics, metrics)
        ),
        metrics=metrics,
        tls=_open_tls(settings.web),
        trusts=partial(_trusts, settings),
        addresses=addresses,
        end_blocked=partial(front.end_blocked, partial(_is_blocked_by_operator, addresses)),
    )


def _is_blocked_by_operator(addresses: Addresses, address: str) -> bool:
    return addresses.blocks.operator_blocked_for_s(address) is not None


def _challenges(settings: Settings) -> Challenges:
    signin = settings.signin
    if signin is None or signin.flow is Flow.BROKER:
        return Challenges(settings.web.public_url)
    # Without read:user a token of Gitea's own would open nothing here, and what its grant lacks it never gets.
    return Challenges(settings.web.public_url, " ".join(whole_scopes(write_mode=signin.write_mode)))


async def _sse_address(streamable: Application, sse: Application, scope: Scope, receive: Receive, send: Send) -> None:
    """Tell the two clients of GET /mcp/sse apart: one that has a session listens to it, any other opens one."""
    names = {name for name, _ in cast("Headers", scope["headers"])}
    await (streamable if SESSION_HEADER in names else sse)(scope, receive, send)


def _open_tls(web: WebSettings) -> ssl.SSLContext | None:
    if web.tls_cert_file is None or web.tls_key_file is None:
        return None
    try:
        return open_tls_context(web.tls_cert_file, web.tls_key_file)
    except OSError as error:
        raise RefusedSetting(
            f"TLS_CERT_FILE, TLS_KEY_FILE: {error.strerror or error}. Give a certificate chain and its key in PEM."
        ) from error


def _trusts(settings: Settings, raw_address: str) -> bool:
    address = parse_address(raw_address)
    return address is not None and is_trusted(address, settings.web.trusted_proxies)
