"""The nursery tree, as code: reading it from the top is reading who outlives whom.

    trio.run(run_gate)                     what escapes is a bug (exit 70), a lost log (74) or a refused setting (78)
    └─ audit trail                         born first, dies last
       └─ background                       signal watcher, upstream watch, session reaper, key refresher: a bug in
          │                                any of them ends everything
          └─ serving                       the session hub, the public listener, the operator's listener

Order of start: configuration → audit → listening → upstream check → ready.
Order of end: not ready → streams get their farewell → calls in flight get their grace → sockets closed → audit
drained and synced.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, final

import structlog
import trio

from aegis_trio.audit.entry import service_event
from aegis_trio.audit.trail import AuditTrail, open_audit_trail
from aegis_trio.config.settings import Settings
from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.model.clock import WallClock
from aegis_trio.supervisor.gate import Gate, build_gate
from aegis_trio.supervisor.last_resort import MARGIN_S, LastResort
from aegis_trio.supervisor.signals import watch_signals
from aegis_trio.web.server import Listeners, open_listeners, serve

FAREWELL_S: Final = 1.0  # how long streams may take to say goodbye before their connections are closed

log = structlog.get_logger(__name__)


@final
class RefusedSetting(Exception):
    """A setting that only Gitea could judge is not acceptable; its text is for the operator."""


@final
@dataclass(frozen=True, slots=True)
class Running:
    """A gate that serves: where, and how to end it."""

    url: str
    admin_url: str
    begin_drain: Callable[[], None]
    gate: Gate


async def run_gate(
    settings: Settings,
    *,
    clock: WallClock,
    reload_settings: Callable[[], Settings] | None = None,
    handle_signals: bool = True,
    last_resort: LastResort | None = None,
    task_status: trio.TaskStatus[Running] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until the drain has ended.

    Args:
        settings: checked already.
        clock: the wall clock.
        reload_settings: gives fresh settings at SIGHUP; None ignores it.
        handle_signals: False where another program in the same process does (the demo).
        last_resort: armed at the drain; None for tests, which end their own process.
        task_status: started with the addresses once both listeners accept and Gitea was asked once.

    Raises:
        RefusedSetting: a Gitea token belongs to a site administrator.
        OSError: a port is taken or an address is not this machine's.
        AuditUnavailable: the audit log cannot be opened.
    """
    async with (
        open_audit_trail(settings.audit, clock=clock) as audit,
        open_gitea_client(settings.gitea) as gitea,
    ):
        gate = build_gate(settings, audit, gitea, clock)
        drain = trio.Event()

        def begin_drain() -> None:
            gate.readiness.mark_draining()
            if last_resort is not None:
                last_resort.arm(settings.supervisor.shutdown_grace_s + MARGIN_S)
            drain.set()

        async def reload() -> None:
            if reload_settings is not None:
                await _reload(gate, reload_settings)

        async with trio.open_nursery() as background:
            if handle_signals:
                force_end = last_resort.now if last_resort is not None else background.cancel_scope.cancel
                await background.start(
                    partial(watch_signals, begin_drain=begin_drain, force_end=force_end, reload=reload)
                )
            await _serve(settings, gate, drain, begin_drain, background.start_soon, task_status)
            background.cancel_scope.cancel()
        audit_end(audit)


def audit_end(audit: AuditTrail) -> None:
    """Record the clean end; the trail drains behind it."""
    audit.append_nowait(service_event("service_stopped"))


async def _serve(
    settings: Settings,
    gate: Gate,
    drain: trio.Event,
    begin_drain: Callable[[], None],
    start_guardian: Callable[[Callable[[], Awaitable[None]]], None],
    task_status: trio.TaskStatus[Running],
) -> None:
    web, supervisor = settings.web, settings.supervisor
    public = await open_listeners(web.host, web.port)
    admin = await open_listeners(supervisor.admin_host, supervisor.admin_port)
    scheme = "https" if gate.tls is not None else "http"
    async with trio.open_nursery() as serving:
        await serving.start(gate.hub.run)
        end_public, end_admin = trio.Event(), trio.Event()
        serving.start_soon(
            partial(
                serve,
                gate.front,
                public,
                limits=gate.connection_limits,
                trusted_proxies=gate.trusts,
                tls=gate.tls,
                shutdown=end_public,
                grace_s=supervisor.shutdown_grace_s,
                server_statistics=gate.public_server,
            )
        )
        serving.start_soon(
            partial(
                serve,
                gate.admin,
                admin,
                limits=gate.connection_limits,
                trusted_proxies=gate.trusts,
                tls=None,
                shutdown=end_admin,
                grace_s=supervisor.shutdown_grace_s,
                server_statistics=gate.admin_server,
            )
        )
        await gate.upstream.check()
        administrators = gate.upstream.administrators()
        if administrators:
            raise RefusedSetting(
                f"{administrators[0]}: the token belongs to a site administrator, who may act as anybody. "
                "Make an ordinary account for the gate and use its token."
            )
        start_guardian(gate.upstream.run)
        gate.readiness.mark_started()
        running = Running(_url(scheme, public), _url("http", admin), begin_drain, gate)
        log.info(
            "serving", url=running.url, admin_url=running.admin_url, not_ready=list(gate.readiness.unready_codes())
        )
        task_status.started(running)

        await drain.wait()
        with trio.move_on_after(FAREWELL_S):
            gate.hub.begin_drain()
            await gate.hub.wait_streams_closed()
        end_public.set()
        serving.cancel_scope.deadline = trio.current_time() + supervisor.shutdown_grace_s + FAREWELL_S
        end_admin.set()
