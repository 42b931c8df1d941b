"""The signal watcher: TERM and INT begin the drain, a second one forces the end, HUP re-reads keys.

Invariant: the first TERM or INT is noted in the signal's own handler, which runs between any two bytecodes. What is
done about it in order needs the event loop; the last resort must not, because it guards against a loop that is stuck.
"""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Final

import structlog
import trio

END_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger(__name__)


async def watch_signals(
    *,
    note_end: Callable[[], None],
    begin_drain: Callable[[], None],
    force_end: Callable[[], None],
    reload: Callable[[], Awaitable[None]],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Act on signals until cancelled.

    Args:
        note_end: called at each TERM or INT at once, whatever the event loop does.
        begin_drain: called at the first TERM or INT.
        force_end: called at each later one; does not return in production.
        reload: awaited at each HUP.
        task_status: started once signals are caught.
    """
    draining = False
    with trio.open_signal_receiver(*END_SIGNALS, signal.SIGHUP) as arrivals:
        _note_at_once(note_end)
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


def _note_at_once(note_end: Callable[[], None]) -> None:
    """Put *note_end* before the receiver's handlers; the receiver restores what was there before it."""
    for number in END_SIGNALS:
        deliver = signal.getsignal(number)
        if not callable(deliver):
            raise TypeError("trio handles signals by functions")

        def handle(
            signum: int, frame: FrameType | None, deliver: Callable[[int, FrameType | None], object] = deliver
        ) -> None:
            note_end()
            deliver(signum, frame)

        signal.signal(number, handle)
