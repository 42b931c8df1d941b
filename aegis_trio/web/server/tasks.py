"""The tasks of one connection: its applications, each contained and each with a scope of its own.

Laws:
    1. An application's exception ends its own request and is logged; its connection goes on.
    2. An application that ignores its peer's end is cancelled after the grace, so nothing outlives a connection.

Source: hypercorn/trio/task_group.py, which starts an application behind a bounded channel; that channel holds
its place after the application has ended, so a body that nobody reads blocks the connection for good.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Self, TypeVarTuple, final

import trio
from hypercorn.config import Config
from hypercorn.trio.task_group import TaskGroup
from hypercorn.typing import AppWrapper, ASGIReceiveEvent, ASGISendEvent, Scope

from aegis_trio.web.server.containment import Log, contained
from aegis_trio.web.server.inbox import Inbox
from aegis_trio.web.server.limits import ConnectionLimits
from aegis_trio.web.server.statistics import Tally

Arguments = TypeVarTuple("Arguments")


@final
class AppTasks(TaskGroup):
    """Hypercorn's task group of one connection."""

    def __init__(self, limits: ConnectionLimits, tally: Tally, log: Log) -> None:
        super().__init__()
        self._limits = limits
        self._tally = tally
        self._log = log
        self.running = 0  # applications, also those whose stream is closed already

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        return self

    @property
    def cancel_scope(self) -> trio.CancelScope:
        """The scope of everything that runs for the connection."""
        if self._nursery is None:
            raise RuntimeError("the connection's tasks have not begun")
        return self._nursery.cancel_scope

    def spawn(self, func: Callable[[*Arguments], Awaitable[object]], *args: *Arguments) -> None:
        """Start one task of the connection itself. Reason: the same, with types."""
        if self._nursery is None:
            raise RuntimeError("the connection's tasks have not begun")
        self._nursery.start_soon(func, *args)

    async def spawn_app(
        self,
        app: AppWrapper,
        config: Config,  # noqa: ARG002 -- Hypercorn passes it
        scope: Scope,
        send: Callable[[ASGISendEvent | None], Awaitable[None]],
    ) -> Callable[[ASGIReceiveEvent], Awaitable[None]]:
        """Start the application behind an inbox. Reason: stock blocks the reader on a full channel."""
        inbox = Inbox(self._limits)
        self.running += 1
        self.spawn(self._run, app, scope, inbox, send)
        return inbox

    async def _run(
        self,
        app: AppWrapper,
        scope: Scope,
        inbox: Inbox,
        send: Callable[[ASGISendEvent | None], Awaitable[None]],
    ) -> None:
        with contained(self._log, "application_fault", self._count, type=scope["type"]):
            try:
                with inbox.scope:
                    await app(scope, inbox.receive, send, trio.to_thread.run_sync, trio.from_thread.run)
            finally:
                inbox.close()
                self.running -= 1
        await send(None)  # Hypercorn's word for: the application has ended

    def _count(self) -> None:
        self._tally.application_faults_total += 1
