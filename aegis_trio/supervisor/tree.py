"""The nursery tree, as code: reading it from the top is reading who outlives whom.

    trio.run(run_gate)                     what escapes is a bug (exit 70), a lost log (74) or a refused setting (78)
    └─ audit trail                         born first, dies last
       └─ background                       signal watcher, upstream watch, watch of the files of keys, end of expired
          │                                keys, keeper of blocks, the log's pulse: a bug in any of them ends
          │                                everything; lanes to the log's witnesses, its keeper and alerts: a bug in
          │                                them ends them alone
          └─ serving                       the session hub with its reaper, the public listener, the operator's listener

Where people sign in (signin.py), a task of `background` refreshes Gitea's signing keys, and others end what has ended.

The rooms of signing in are imported only where people sign in: they and what they need (SQLite, JWT) would be
resident memory, start-up time and code within reach in every gate that knows API keys alone.

Order of start: configuration → audit → listening → upstream check → ready.
Order of end: not ready → streams get their farewell → calls in flight get their grace → sockets closed → audit
drained, synced and signed → the last checkpoint to the witnesses, as far as time allows.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, final

import structlog
import trio

from aegis_trio import __version__
from aegis_trio.audit.entry import service_event
from aegis_trio.audit.keeping import Keeper
from aegis_trio.audit.pulse import run_pulse
from aegis_trio.audit.trail import AuditTrail, open_audit_trail
from aegis_trio.config.root_secret import open_keyring
from aegis_trio.config.settings import Settings
from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.limits.breaker import CircuitBreaker
from aegis_trio.model.clock import WallClock
from aegis_trio.model.features import Catalogue
from aegis_trio.model.toolspec import Risk
from aegis_trio.supervisor.alerting import Alerting, Conditions, build_alerting
from aegis_trio.supervisor.blocking import BlockKeeper, build_addresses
from aegis_trio.supervisor.core import RefusedSetting, check_upstream
from aegis_trio.supervisor.ending import Ending
from aegis_trio.supervisor.gate import UNSIGNED, Gate, build_gate
from aegis_trio.supervisor.last_resort import MARGIN_S, LastResort
from aegis_trio.supervisor.reloading import owners_of, reloader
from aegis_trio.supervisor.signals import watch_signals
from aegis_trio.supervisor.tracing import open_tracer
from aegis_trio.supervisor.witnesses import open_witnesses
from aegis_trio.toolsets.catalogue import CATALOGUE
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.transports.hub import StreamKind
from aegis_trio.transports.subscriptions import ListName
from aegis_trio.web.server.serve import RunningServer, serve
from aegis_trio.web.server.sockets import bound_port, open_listeners

if TYPE_CHECKING:
    from aegis_trio.supervisor.signin import SignIn

FAREWELL_S: Final = 1.0  # how long streams may take to say goodbye before their connections are closed
EXPIRY_CHECK_S: Final = 10.0  # a key expires on a day; its streams end within these seconds

log = structlog.get_logger(__name__)


@final
@dataclass(frozen=True, slots=True)
class Running:
    """A gate that serves: where, how to end it, and how to tell clients that a list is another one than before."""

    url: str
    admin_url: str
    begin_drain: Callable[[], None]
    announce_list: Callable[[ListName], None]


@final
@dataclass(frozen=True, slots=True)
class _Listening:
    """The listeners and the address that they really have."""

    public: list[trio.SocketListener]
    admin: list[trio.SocketListener]
    url: str
    admin_url: str


async def run_gate(  # noqa: ASYNC128 -- _serve reports that it has started
    settings: Settings,
    *,
    clock: WallClock,
    catalogue: Catalogue[ToolContext] = CATALOGUE,
    reload_settings: Callable[[], Settings] | None = None,
    handle_signals: bool = True,
    last_resort: LastResort | None = None,
    task_status: trio.TaskStatus[Running] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until the drain has ended.

    Args:
        settings: checked already.
        clock: the wall clock.
        catalogue: everything that is served; tests of the protocol serve another one.
        reload_settings: gives fresh settings at SIGHUP and when a file of keys changed; None where neither counts.
        handle_signals: False where another program in the same process does (the demo).
        last_resort: armed at the drain; None where the process must live on (the demo, tests).
        task_status: started with the addresses once both listeners accept and Gitea was asked once.

    Raises:
        RefusedSetting: a port is taken, an address is not this machine's, a certificate cannot be read, or a Gitea
            token belongs to a site administrator.
        ConfigurationFaults: the root secret cannot be read or made.
        AuditLost: the audit log cannot be opened, or lost records.
    """
    _warn(settings)
    breaker = CircuitBreaker(settings.limits.breaker_failures, settings.limits.breaker_max_pause_s)
    witnesses = await open_witnesses(settings.audit, clock)
    ending = Ending(settings, clock, witnesses)
    async with (
        open_tracer(settings.telemetry, ending.left_s) as tracer,
        ending.around_trail(),
        open_audit_trail(settings.audit, clock=clock) as audit,
        open_gitea_client(settings.gitea, breaker, tracer) as gitea,
        AsyncExitStack() as rooms,
    ):
        keyring = open_keyring(settings.root)
        addresses = build_addresses(settings)
        signin: SignIn | None = None
        if settings.signin is not None:
            from aegis_trio.supervisor.signin import open_signin  # noqa: PLC0415 -- only where needed, as above

            opened = open_signin(settings, settings.signin, keyring, audit, gitea, clock=clock, blocks=addresses.blocks)
            signin = await rooms.enter_async_context(opened)
        gate = build_gate(
            settings,
            keyring,
            audit,
            gitea,
            clock=clock,
            breaker=breaker,
            addresses=addresses,
            catalogue=catalogue,
            signin=signin,
            witnesses=witnesses,
            tracer=tracer,
        )
        alerting = _build_alerting(settings, gate, audit, catalogue, clock)
        keeper = BlockKeeper(
            addresses.blocks,
            settings.blocks,
            audit,
            clock,
            store=None if signin is None else signin.store,
            end_blocked=gate.end_blocked,
        )
        await audit.append(service_event("service_started", version=__version__))
        gate.authenticator.announce()
        keys = reloader(gate, settings, audit, reload_settings)
        gate.readiness.add_note(keys.trouble)
        drain = trio.Event()

        def note_end() -> None:
            if last_resort is not None:
                last_resort.arm(settings.supervisor.shutdown_grace_s + MARGIN_S)

        def begin_drain() -> None:
            ending.begin()
            gate.readiness.mark_draining()
            drain.set()

        async with trio.open_nursery() as background:
            if handle_signals:
                watch = partial(
                    watch_signals,
                    note_end=note_end,
                    begin_drain=begin_drain,
                    force_end=background.cancel_scope.cancel if last_resort is None else last_resort.now,
                    reload=keys.reload,
                )
                await background.start(watch)
            background.start_soon(gate.upstream.run)
            background.start_soon(_end_expired, gate)
            background.start_soon(run_pulse, audit, clock)
            background.start_soon(keys.run)
            if witnesses is not None:
                background.start_soon(witnesses.run)
            if alerting is not None:
                background.start_soon(alerting.run)
            background.start_soon(gate.noticer.run)
            await background.start(keeper.run)
            background.start_soon(_keep_log, settings, gate, audit, clock)
            if signin is not None:
                await background.start(signin.run, gate.hub)
            await _serve(settings, gate, begin_drain, drain, task_status)
            background.cancel_scope.cancel()
        gate.authenticator.close()
        audit.append_nowait(service_event("service_stopped"))
    log.info("stopped")


def _warn(settings: Settings) -> None:
    for warning in settings.warnings:
        log.warning("configuration", detail=warning)
    if settings.audit.signing_key is None:
        log.warning(UNSIGNED.code, detail=UNSIGNED.detail)


async def _keep_log(settings: Settings, gate: Gate, audit: AuditTrail, clock: WallClock) -> None:
    keeper = Keeper(settings.audit, audit, clock=clock)
    gate.metrics.register("audit_segments", keeper.statistics)
    await keeper.run()


def _build_alerting(
    settings: Settings, gate: Gate, audit: AuditTrail, catalogue: Catalogue[ToolContext], clock: WallClock
) -> Alerting | None:
    if not settings.alerts.targets:
        return None
    conditions = Conditions(
        gate.readiness.unready,
        gate.readiness.notes,
        gate.key_ages.expiring,
        clock,
        blocks=lambda: audit.statistics().blocked_total,
    )
    writes = frozenset(tool.name for tool in catalogue.tools if tool.risk is not Risk.READ)
    alerting = build_alerting(settings.alerts, conditions, audit.tell, writes=writes, clock=clock)
    gate.metrics.register("alerts", alerting.notifier.statistics)
    return alerting


async def _serve(
    settings: Settings,
    gate: Gate,
    begin_drain: Callable[[], None],
    drain: trio.Event,
    task_status: trio.TaskStatus[Running],
) -> None:
    listening = await _listen(settings, encrypted=gate.tls is not None)
    grace_s = settings.supervisor.shutdown_grace_s
    server = partial(serve, limits=settings.connections, trusted_proxies=gate.trusts, grace_s=grace_s, log=log)
    end_public, end_admin = trio.Event(), trio.Event()
    async with trio.open_nursery() as serving:
        await serving.start(gate.hub.run)
        public: RunningServer = await serving.start(
            partial(server, gate.front, listening.public, tls=gate.tls, shutdown=end_public)
        )
        admin: RunningServer = await serving.start(
            partial(server, gate.admin, listening.admin, tls=None, shutdown=end_admin)
        )
        gate.metrics.register("public_listener", public.statistics)
        gate.metrics.register("admin_listener", admin.statistics)
        await check_upstream(gate.upstream)
        gate.readiness.mark_started()
        log.info(
            "serving",
            url=listening.url,
            admin_url=listening.admin_url,
            not_ready=list(gate.readiness.unready_codes()),
        )
        task_status.started(Running(listening.url, listening.admin_url, begin_drain, gate.hub.announce_list))

        await drain.wait()
        log.info("draining", grace_s=grace_s)
        # 1. streams say goodbye  2. calls in flight get their grace  3. what is left is cut
        gate.hub.begin_drain()
        serving.cancel_scope.deadline = trio.current_time() + grace_s + 2 * FAREWELL_S
        with trio.move_on_after(FAREWELL_S):
            await gate.hub.wait_streams_closed()
        lines = gate.hub.statistics().streams_open[StreamKind.LINE]
        if lines:
            # The server closes every WebSocket as soon as it drains; what a line still owes goes out before.
            log.info("lines_owed", lines=lines)
            with trio.move_on_after(max(0.0, grace_s - FAREWELL_S)):
                await gate.hub.wait_lines_closed()
        end_public.set()
        end_admin.set()


async def _listen(settings: Settings, *, encrypted: bool) -> _Listening:
    web, supervisor = settings.web, settings.supervisor
    try:
        public = await open_listeners(web.host, web.port, limits=settings.connections)
        admin = await open_listeners(supervisor.admin_host, supervisor.admin_port, limits=settings.connections)
    except OSError as error:
        raise RefusedSetting(f"HOST, PORT, ADMIN_HOST, ADMIN_PORT: {error.strerror or error}.") from error
    return _Listening(
        public,
        admin,
        _url("https" if encrypted else "http", web.host, bound_port(public[0])),
        _url("http", supervisor.admin_host, bound_port(admin[0])),
    )


async def _end_expired(gate: Gate) -> None:
    """End what runs for keys that have expired since they were let in."""
    while True:
        await trio.sleep(EXPIRY_CHECK_S)
        gate.hub.end_sessions_of(owners_of(gate.authenticator.expired_principals()))


def _url(scheme: str, host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{port}"
