"""One watch of a session, from its first look to its end.

Laws:
    1. How it began is told once, also when it broke or was stopped before it had begun.
    2. A bug in a watch ends that watch alone.

Not here: looking (gateway/watch.py), which watches a session has (session.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import trio

from aegis_trio.model.errors import Bug, Fault
from aegis_trio.transports.containment import contained
from aegis_trio.transports.ports import Watch


@final
class _Beginning:
    """How a watch began."""

    __slots__ = ("_task_status", "is_told")

    def __init__(self, task_status: trio.TaskStatus[Fault | None]) -> None:
        self._task_status = task_status
        self.is_told = False

    def started(self, value: Fault | None = None) -> None:
        """Tell whoever waits."""
        self.is_told = True
        self._task_status.started(value)


async def run_watch(
    watch: Watch,
    scope: trio.CancelScope,
    ended: Callable[[], None],
    *,
    task_status: trio.TaskStatus[Fault | None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Watch within *scope*.

    Args:
        ended: told of the end, however it came.
        task_status: started with None once the watch has begun or was stopped by *scope*, or with what prevented it.
    """
    beginning = _Beginning(task_status)
    fault: Fault | None = None
    try:
        with contained("watch") as containment, scope:
            fault = Bug(containment.incident)  # stands if this breaks
            await watch(task_status=beginning)
    finally:
        ended()
    if not beginning.is_told:
        task_status.started(None if scope.cancelled_caught else fault)
