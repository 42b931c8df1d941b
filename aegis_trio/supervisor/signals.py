"""The signal watcher: TERM and INT begin the drain, a second one forces the end, HUP re-reads keys."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable

import structlog
import trio

log = structlog.get_logger(__name__)


async def watch_signals(
    *,
    begin_drain: Callable[[], None],
    force_end: Callable[[], None],
    reload: Callable[[], Awaitable[None]],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Act on signals until cancelled.

    Args:
        begin_drain: called at the first TERM or INT.
        force_end: called at each later one; does not return in production.
        reload: awaited at each HUP.
        task_status: started once signals are caught.
    """
    draining = False
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as arrivals:
        task_status.started()
        async for number in arrivals:
            if number == signal.SIGHUP:
                log.info("reload_requested")
                await reload()
            elif draining:
                log.warning("end_forced", signal=signal.Signals(number).name)
                force_end()
            else:
                draining = True
                log.info("drain_began", signal=signal.Signals(number).name)
                begin_drain()
