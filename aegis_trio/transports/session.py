"""One session while it lives: its nursery, its calls, its streams.

Laws:
    1. A session ends once: by its client, its idleness, its age, its principal's end, or a drain. Then nothing of it
       runs, and nobody finds it.
    2. A call belongs to the session, not to the request that brought it; its id is taken while it runs.
    3. An exception in a session ends that session alone; one in a call becomes that call's answer.

Not here: which sessions there are (hub.py), what its streams hold (outbox.py), what it asks (dialogue.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Protocol, final

import trio

from aegis_trio.model.call import Transport
from aegis_trio.model.errors import Fault
from aegis_trio.model.identity import OwnerId, Principal
from aegis_trio.model.json import JsonObject
from aegis_trio.model.peer import LogLevel
from aegis_trio.protocol.jsonrpc import Reply, RequestId
from aegis_trio.protocol.refusals import Refusal, invalid_request
from aegis_trio.protocol.revisions import Revision
from aegis_trio.transports.containment import contained
from aegis_trio.transports.dialogue import Dialogue
from aegis_trio.transports.outbox import Outbox
from aegis_trio.transports.ports import ReplySink, Watch
from aegis_trio.transports.watching import run_watch


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

    def open_outbox(self, session: SessionBody, *, once: bool) -> Outbox:
        """Make a named stream of *session*."""
        ...


@final
class SessionBody:
    """A session; `run` is its life."""

    __slots__ = (
        "_calls",
        "_nursery",
        "_registry",
        "_scope",
        "_streams_opened",
        "_watches",
        "capabilities",
        "client",
        "dialogue",
        "ended",
        "ended_within",
        "holder",
        "id",
        "last_used",
        "listeners",
        "log_level",
        "principal",
        "revision",
        "streams",
        "subscriptions",
        "transport",
        "voice",
    )

    def __init__(
        self,
        session_id: str,
        principal: OwnerId,
        *,
        transport: Transport,
        revision: Revision | None,
        registry: SessionRegistry,
    ) -> None:
        """Be born; `run` must follow."""
        self.id = session_id
        self.principal = principal
        self.holder: Principal | None = None
        """Who opened it; a later grant of the same person to the same client can take it over."""
        self.transport = transport
        """The way in that made it; it is found by no other."""
        self.revision = revision
        """What the handshake agreed on; None before it (HTTP+SSE, WebSocket, stdio)."""
        self.client: str | None = None
        self.capabilities: JsonObject = {}
        """What the client can be asked, as its handshake declared."""
        self.log_level = LogLevel.INFO
        """From which severity on it wants log messages; the client may change it."""
        self.last_used = trio.current_time()
        self.listeners: list[Listener] = []
        """Everything that waits for this session, oldest first: streams, and requests whose calls run."""
        self.streams: dict[str, Outbox] = {}
        """Streams that can be resumed, by name, oldest first."""
        self.voice: Outbox | None = None
        """Where messages go that belong to no request; None while the client has nowhere to hear them."""
        self.subscriptions = 0
        """How many streams of changes (2026-07-28) it holds; only a line has any."""
        self.ended = False
        self.ended_within = False
        """Whether nobody ended it: it broke, or grew too old."""
        self._calls: dict[RequestId, trio.CancelScope] = {}
        self.dialogue = Dialogue()
        """What the server asks the client in passing."""
        self._watches: dict[str, trio.CancelScope] = {}
        self._streams_opened = 0
        self._registry = registry
        self._nursery: trio.Nursery | None = None
        self._scope = trio.CancelScope()

    @property
    def is_at_rest(self) -> bool:
        """Whether nobody waits for it and nothing runs in it."""
        return not self.listeners and not self._calls

    @property
    def calls(self) -> int:
        """How many calls run in it."""
        return len(self._calls)

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

    # ---- streams ----------------------------------------------------------------------------------------------------

    def open_stream(self, *, once: bool) -> Outbox:
        """Open a stream that can be resumed while the session lives.

        Args:
            once: whether it ends when nothing is owed on it any more.

        Source: MCP 2025-11-25 basic/transports#resumability-and-redelivery.
        """
        outbox = self._registry.open_outbox(self, once=once)
        self.streams[outbox.name or ""] = outbox
        return outbox

    def next_stream_name(self) -> str:
        """Return a name that no stream of this session has had."""
        self._streams_opened += 1
        return str(self._streams_opened)

    def drop_streams(self, *, kept_before: float, keep: int) -> None:
        """Drop streams that are over, or only kept since before *kept_before* (Trio's clock), or one of too many.

        Args:
            keep: how many streams there may be; those that are only kept make room, the longest kept first.
        """
        for name in [name for name, outbox in self.streams.items() if outbox.is_over]:
            self.streams.pop(name).close()
        kept = [(outbox.kept_since, name) for name, outbox in self.streams.items() if outbox.kept_since is not None]
        excess = len(self.streams) - keep
        for place, (kept_since, name) in enumerate(sorted(kept)):
            if place < excess or kept_since < kept_before:
                self.streams.pop(name).close()

    def announce(self, message: JsonObject) -> None:
        """Send one message that belongs to no request; nobody hears it while the client listens nowhere."""
        if self.voice is not None:
            self.voice.notify(message)

    # ---- what runs in it --------------------------------------------------------------------------------------------

    async def start_watch(self, uri: str, watch: Watch) -> Fault | None:
        """Watch a resource until `stop_watch` or the session's end; return what prevents it, also a bug of ours.

        Args:
            watch: runs until cancelled, and reports by its task status whether it began.
        """
        if uri in self._watches or self._nursery is None:
            return None
        scope = self._watches[uri] = trio.CancelScope()
        ended = partial(self._forget_watch, uri, scope)
        fault = await self._nursery.start(partial(run_watch, watch, scope, ended))
        return fault if isinstance(fault, Fault) else None

    def stop_watch(self, uri: str) -> None:
        """Watch a resource no more; an unknown one is ignored."""
        # A watch takes its time to end; the same resource may be watched anew meanwhile.
        scope = self._watches.pop(uri, None)
        if scope is not None:
            scope.cancel()

    @property
    def watches(self) -> int:
        """How many resources it watches."""
        return len(self._watches)

    def _forget_watch(self, uri: str, scope: trio.CancelScope) -> None:
        if self._watches.get(uri) is scope:
            del self._watches[uri]

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
        for outbox in self.streams.values():
            outbox.close()
        self.streams.clear()
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
            if reply is None and not scope.cancel_called and not self.ended:
                # Only a bug does that, or the age of the session, which ends now. Whoever waits must hear of it
                # first, or a release would tell that nothing is owed.
                self.ended_within = True
                self._registry.forget(self)
            # A cancellation that came while the call was ending still silences it.
            if reply is None or scope.cancel_called:
                sink.release()
            else:
                sink.answer(reply)
            self.touch()
            self._registry.count_calls(-1)
