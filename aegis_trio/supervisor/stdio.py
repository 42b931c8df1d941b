"""The tree of `aegis-trio stdio`: one client, which started us and whose end is ours.

    trio.run(run_stdio)                    what escapes is a bug (70), a lost log (74) or a refused setting (78)
    └─ audit trail                         born first, dies last; a file of this process alone
       └─ background                       signal watcher, upstream watch, session hub
          └─ line                          hears and says until the input ends

Order of end: input ends, or TERM → owed answers get their grace → line closed → audit drained and synced.

Not here: listeners, keys, reloading and the operator's page; whoever may start us has the token already.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

import structlog
import trio

from aegis_trio import __version__
from aegis_trio.audit.entry import service_event
from aegis_trio.audit.lost import AuditLost, LogIsHeld
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.trail import AuditTrail, open_audit_trail
from aegis_trio.auth.key_callers import local_caller
from aegis_trio.config.root_secret import open_keyring
from aegis_trio.config.stdio import StdioSettings
from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.limits.breaker import CircuitBreaker
from aegis_trio.model.call import Transport
from aegis_trio.model.clock import WallClock
from aegis_trio.model.features import Catalogue
from aegis_trio.model.identity import Origin
from aegis_trio.supervisor.core import build_core, check_upstream
from aegis_trio.supervisor.last_resort import MARGIN_S, LastResort
from aegis_trio.supervisor.signals import watch_signals
from aegis_trio.toolsets.catalogue import CATALOGUE, opening
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.transports.line import Heard, LineEnd, open_line
from aegis_trio.transports.stdio import LineReader, Ways

LOCAL_ORIGIN: Final = Origin(address="local")

log = structlog.get_logger(__name__)


async def run_stdio(
    settings: StdioSettings,
    ways: Ways,
    *,
    clock: WallClock,
    catalogue: Catalogue[ToolContext] = CATALOGUE,
    handle_signals: bool = True,
    last_resort: LastResort | None = None,
) -> LineEnd:
    """Serve one client until it or a signal ends it; return how it ended.

    Args:
        settings: checked already.
        ways: standard input and output.
        clock: the wall clock.
        catalogue: everything that is served; tests of the protocol serve another one.
        handle_signals: False where another program in the same process does (tests).
        last_resort: armed when the end begins; None where the process must live on (tests).

    Raises:
        RefusedSetting: the Gitea token belongs to a site administrator.
        ConfigurationFaults: the root secret cannot be read or made.
        AuditLost: no audit log can be opened, or it lost records.
    """
    for warning in settings.warnings:
        log.warning("configuration", detail=warning)
    breaker = CircuitBreaker(settings.limits.breaker_failures, settings.limits.breaker_max_pause_s)
    async with _open_own_trail(settings, clock) as audit, open_gitea_client(settings.gitea, breaker) as gitea:
        core = build_core(
            tokens={"GITEA_TOKEN": settings.token},
            limits=settings.limits,
            cache=settings.gitea.cache,
            sessions=settings.sessions,
            keyring=open_keyring(settings.root),
            audit=audit,
            gitea=gitea,
            clock=clock,
            catalogue=opening(catalogue, settings.tools.opened),
            breaker=breaker,
        )
        await audit.append(service_event("service_started", version=__version__))
        caller = local_caller(settings.token, LOCAL_ORIGIN)
        speaking = trio.CancelScope()

        def note_end() -> None:
            if last_resort is not None:
                last_resort.arm(settings.grace_s + MARGIN_S)

        def begin_end() -> None:
            note_end()
            core.hub.begin_drain()
            speaking.deadline = min(speaking.deadline, trio.current_time() + settings.grace_s)

        def begin_drain() -> None:
            core.readiness.mark_draining()
            begin_end()

        end = LineEnd.LEFT
        async with trio.open_nursery() as background:
            if handle_signals:
                watch = partial(
                    watch_signals,
                    note_end=note_end,
                    begin_drain=begin_drain,
                    force_end=background.cancel_scope.cancel if last_resort is None else last_resort.now,
                    reload=_ignore_reload,
                )
                await background.start(watch)
            await background.start(core.hub.run)
            reader = LineReader(ways, max_bytes=settings.sessions.max_body_bytes)

            async def hear() -> Heard:
                heard = await reader.read_line()
                if heard is None:
                    # What was asked before is still owed, so the line leaves in order instead of ending at once.
                    begin_end()
                    await trio.sleep_forever()
                return heard

            async def say(body: bytes) -> None:
                # Invariant: our JSON holds no raw newline, so a line is one message.
                await ways.send_all(body + b"\n")

            line_of = partial(open_line, caller, Transport.STDIO, reception=core.reception, settings=settings.sessions)
            with line_of() as line, speaking:
                await check_upstream(core.upstream)
                background.start_soon(core.upstream.run)
                core.readiness.mark_started()
                log.info("serving", transport="stdio", not_ready=list(core.readiness.unready_codes()))
                end = await line.run(hear, say, idle_s=math.inf, max_age_s=math.inf)
            background.cancel_scope.cancel()
        audit.append_nowait(service_event("service_stopped"))
    log.info("stopped", end=end.name.lower())
    return end


@asynccontextmanager
async def _open_own_trail(settings: StdioSettings, clock: WallClock) -> AsyncGenerator[AuditTrail]:
    """Open the first audit log that no other process has.

    Raises:
        AuditLost: all of them are taken, or one cannot be continued.
    """
    async with AsyncExitStack() as stack:
        yield await _enter_own_trail(settings, clock, stack)


async def _enter_own_trail(settings: StdioSettings, clock: WallClock, stack: AsyncExitStack) -> AuditTrail:
    held: AuditLost | None = None
    for path in settings.audit_paths:
        try:
            own = AuditSettings(path=path, signing_key=settings.signing_key)
            return await stack.enter_async_context(open_audit_trail(own, clock=clock))
        except LogIsHeld as taken:
            held = taken
    raise held or RuntimeError("settings name at least one audit log")


async def _ignore_reload() -> None:
    await trio.lowlevel.checkpoint()
