"""One session while it lives: its nursery, its calls, its streams.

Laws:
    1. A session ends once: by its client, its idleness, its age, its principal's end, or a drain. Then nothing of it
       runs, and nobody finds it.
    2. A call belongs to the session, not to the request that brought it; its id is taken while it runs.
    3. An exception in a session ends that session alone; one in a call becomes that call's answer.

Not here: which sessions there are (hub.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Protocol, final

import trio

from aegis_trio.model.call import Transport
from aegis_trio.model.identity import PrincipalId
from aegis_trio.protocol.jsonrpc import Reply, RequestId
from aegis_trio.protocol.refusals import Refusal, invalid_request
from aegis_trio.protocol.revisions import Revision
from aegis_trio.transports.containment import contained


class ReplySink(Protocol):
    """Where answers go: to one waiting request, or to a session's stream."""

    def expect(self) -> None:
        """One more answer, or its release, will come."""
        ...

    def answer(self, reply: Reply) -> None:
        """Take one answer."""
        ...

    def release(self) -> None:
        """Learn that one expected answer will not come."""
        ...


class Listener(Protocol):
    """Something open towards the client that ends with its session."""

    def leave(self) -> None:
        """Say farewell and end."""
        ...


class SessionRegistry(Protocol):
    """Who knows all sessions; `hub.SessionHub` is it."""

    def count_calls(self, change: int) -> None:
        """Learn that a call began (1) or ended (-1)."""
        ...

    def forget(self, session: SessionBody) -> None:
        """Learn that *session* is over, and end it."""
        ...


@final
class SessionBody:
    """A session; `run` is its life."""

    __slots__ = (
        "_calls",
        "_nursery",
        "_registry",
        "_scope",
        "client",
        "ended",
        "id",
        "last_used",
        "listeners",
        "principal",
        "revision",
        "transport",
    )

    def __init__(
        self,
        session_id: str,
        principal: PrincipalId,
        *,
        transport: Transport,
        revision: Revision | None,
        registry: SessionRegistry,
    ) -> None:
        """Be born; `run` must follow."""
        self.id = session_id
        self.principal = principal
        self.transport = transport
        """The way in that made it; it is found by no other."""
        self.revision = revision
        """What the handshake agreed on; None before it (HTTP+SSE)."""
        self.client: str | None = None
        self.last_used = trio.current_time()
        self.listeners: list[Listener] = []
        """Everything that waits for this session, oldest first: streams, and requests whose calls run."""
        self.ended = False
        self._calls: dict[RequestId, trio.CancelScope] = {}
        self._registry = registry
        self._nursery: trio.Nursery | None = None
        self._scope = trio.CancelScope()

    @property
    def is_at_rest(self) -> bool:
        """Whether nobody waits for it and nothing runs in it."""
        return not self.listeners and not self._calls

    def refusal_of_batch(self) -> Refusal | None:
        """Return why a batch is refused, or None where the revision has them.

        Source: MCP 2025-03-26 basic/index#batching ("MUST support receiving"); 2025-06-18 changelog (removed).
        """
        if self.revision is not None and self.revision.receives_batches:
            return None
        return invalid_request("this revision has no batches")

    def touch(self) -> None:
        """Note that the client used it."""
        self.last_used = trio.current_time()

    @contextmanager
    def heard_by(self, listener: Listener) -> Generator[None]:
        """Hold *listener* while it waits for this session; it is told to leave when the session ends."""
        self.listeners.append(listener)
        if self.ended:
            listener.leave()
        try:
            yield
        finally:
            self.listeners.remove(listener)
            self.touch()

    async def run(
        self,
        life: Callable[[], Awaitable[object]],
        *,
        max_age_s: float,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Live until *life* returns, the session is ended, or it is too old."""
        self._scope.deadline = trio.current_time() + max_age_s
        try:
            with contained("session"), self._scope:
                async with trio.open_nursery() as nursery:
                    self._nursery = nursery
                    task_status.started()
                    await life()
                    nursery.cancel_scope.cancel()
        finally:
            self._registry.forget(self)

    def start_call(self, request_id: RequestId, run: Callable[[], Awaitable[Reply]], sink: ReplySink) -> bool:
        """Run one call in the session; its answer goes to *sink*, or its release when it was cancelled.

        Returns:
            Whether it was started; not, when a call of that id runs.

        Raises:
            RuntimeError: the session does not live — our caller looks first.

        Source: MCP 2025-11-25 basic/index#requests (ids are unique), basic/transports item 6 (who owns a call).
        """
        if self._nursery is None or self.ended:
            raise RuntimeError("a call was started in a session that does not live")
        if request_id in self._calls:
            return False
        scope = self._calls[request_id] = trio.CancelScope()
        sink.expect()
        self._registry.count_calls(1)
        self._nursery.start_soon(self._call, request_id, scope, run, sink)
        return True

    def cancel_call(self, request_id: RequestId) -> None:
        """End the call of that id; nothing more is sent for it. An unknown id is ignored.

        Source: MCP 2025-11-25 basic/utilities/cancellation#behavior-requirements.
        """
        scope = self._calls.get(request_id)
        if scope is not None:
            scope.cancel()

    def end(self) -> None:
        """End everything of it, now."""
        self.ended = True
        self._scope.cancel()
        for listener in tuple(self.listeners):
            listener.leave()

    async def _call(
        self, request_id: RequestId, scope: trio.CancelScope, run: Callable[[], Awaitable[Reply]], sink: ReplySink
    ) -> None:
        reply: Reply | None = None
        try:
            with scope:
                reply = await run()
        finally:
            del self._calls[request_id]
            # A cancellation that came while the call was ending still silences it.
            if reply is None or scope.cancel_called:
                sink.release()
            else:
                sink.answer(reply)
            self.touch()
            self._registry.count_calls(-1)
