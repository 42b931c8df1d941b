"""What waits to be sent to one reader, and the loop that sends it as server-sent events.

Laws:
    1. Bounded: what does not fit is not kept; the stream is cut, because its reader is slow or gone.
    2. A stream that rests is one task and no timer of its own; it says something at once and at every keep-alive.
    3. A stream that leaves first gives the answers that are still owed, then its farewell.
    4. A named stream can be resumed: its events have ids and are kept after they were sent, oldest dropped first.
       One reader at a time: a new one takes over, and nothing is sent twice or left out.
    5. What somebody reads, or is about to, is never dropped as if it were only kept.

Source: MCP 2025-11-25 basic/transports#listening-for-messages-from-the-server, #resumability-and-redelivery;
MCP 2024-11-05 basic/transports#http-with-sse.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import final

import trio

from aegis_trio.model.asgi import Receive, Send
from aegis_trio.model.json import JsonObject, encode_json
from aegis_trio.protocol.jsonrpc import Reply
from aegis_trio.protocol.sse import FAREWELL, KEEP_ALIVE, encode_body, encode_priming
from aegis_trio.transports.bell import Bell, Wake
from aegis_trio.transports.outbox_budget import OutboxBudget
from aegis_trio.transports.replies import end_stream, send_events
from aegis_trio.transports.settings import SessionSettings

RETRY_MS = 1000
"""How long a client is asked to wait before it comes back to a stream that broke, milliseconds."""


class StreamEnd(Enum):
    """How the reading of a stream came to its end."""

    LEFT = auto()  # said goodbye
    DONE = auto()  # gave everything that it owed
    CUT = auto()  # its reader was too slow
    HUNG_UP = auto()
    TAKEN_OVER = auto()


@final
@dataclass(frozen=True, slots=True)
class Queued:
    """One message and its number in the stream, from 1."""

    number: int
    body: bytes


@final
class Outbox:
    """The messages of one stream; a `ReplySink` and a `Listener`."""

    __slots__ = (
        "_bell",
        "_budget",
        "_bytes",
        "_cut",
        "_last",
        "_leaving",
        "_once",
        "_owed",
        "_queue",
        "_reader",
        "_readers",
        "_sent",
        "_settings",
        "_was_cut",
        "is_over",
        "kept_since",
        "name",
    )

    def __init__(
        self,
        settings: SessionSettings,
        budget: OutboxBudget,
        cut: Callable[[], None],
        *,
        name: str | None = None,
        once: bool = False,
    ) -> None:
        """Wait for nothing yet; `close` must follow.

        Args:
            budget: shared by all outboxes.
            cut: learns that the stream was ended because its reader is too slow.
            name: of a stream that can be resumed, within its session.
            once: whether the stream ends when nothing is owed any more.
        """
        self._settings = settings
        self._budget = budget
        self._cut = cut
        self.name = name
        self._once = once
        self._bell = Bell()
        self._reader: trio.CancelScope | None = None
        self._readers = 0
        self._queue: deque[Queued] = deque()
        self._last = 0
        self._sent = 0
        self._bytes = 0
        self._owed = 0
        self._leaving = False
        self._was_cut = False
        self.is_over = False
        """Whether nothing more may be sent on the stream."""
        self.kept_since: float | None = None
        """Since when it only waits for a client that lost it (Trio's clock); None while it is read or in debt."""

    # ---- what goes in -----------------------------------------------------------------------------------------------

    @property
    def can_speak(self) -> bool:
        """Whether messages before the answer reach the client."""
        return not self.is_over

    def expect(self) -> None:
        """One more answer, or its release, will come."""
        self._owed += 1

    def answer(self, reply: Reply) -> None:
        """Take one answer."""
        self._owed -= 1
        self.put(encode_json(reply.body))
        self._note_rest()

    def release(self) -> None:
        """Learn that one expected answer will not come."""
        self._owed -= 1
        self._note_rest()
        self._bell.ring()

    def notify(self, message: JsonObject) -> None:
        """Take one message that is no answer."""
        self.put(encode_json(message))

    def leave(self) -> None:
        """End the stream once what is owed has been sent."""
        self._leaving = True
        self._bell.ring()

    def put(self, body: bytes) -> None:
        """Queue one message, or cut the stream when it does not fit."""
        if self.is_over:
            return
        # Threat: a reader that stops reading would have us keep everything that it asks for.
        if self._queue and not self._make_room_for(len(body)):
            self._was_cut = True
            self.close()
            if self._reader is not None:
                self._reader.cancel()
            self._cut()
            return
        self._last += 1
        self._queue.append(Queued(self._last, body))
        self._account(len(body))
        self._bell.ring()

    def close(self) -> None:
        """Keep nothing any more."""
        self.is_over = True
        self._queue.clear()
        self._account(-self._bytes)
        self._budget.drop(self)

    # ---- what comes out ---------------------------------------------------------------------------------------------

    def hold(self) -> None:
        """Learn that somebody reads it, or is about to; `let_go` must follow."""
        self._readers += 1
        self.kept_since = None
        self._budget.drop(self)

    def let_go(self) -> None:
        """Learn that somebody who read it, or was about to, has gone."""
        self._readers -= 1
        self._note_rest()

    def can_resume(self, after: int) -> bool:
        """Return whether everything behind message number *after* is still here."""
        first = self._queue[0].number if self._queue else self._last + 1
        return not self.is_over and first - 1 <= after <= self._last

    def next(self, after: int) -> Queued | None:
        """Return the message behind number *after*, or None when there is none yet."""
        if not self._queue or after >= self._last:
            return None
        return self._queue[max(0, after + 1 - self._queue[0].number)]

    def mark_sent(self, number: int) -> None:
        """Learn that everything up to *number* was sent; what cannot be resumed is dropped."""
        self._sent = max(self._sent, number)
        if self.name is None:
            while self._queue and self._queue[0].number <= number:
                self._drop_first()

    @property
    def waiting(self) -> int:
        """How many messages are kept; on a stream that cannot be resumed, those that were not sent yet."""
        return len(self._queue)

    @property
    def is_leaving(self) -> bool:
        """Whether the stream is to end, and nothing is owed on it any more."""
        return self._leaving and not self._owed

    @property
    def is_staying(self) -> bool:
        """Whether the stream lasts until it is told to leave, and was not told yet."""
        return not (self._once or self._leaving)

    async def wait(self) -> None:
        """Wait until something was put in or the stream is to end; for a reader that hears of hang-ups otherwise."""
        await self._bell.wait_rung()

    async def pump(self, receive: Receive, send: Send, *, after: int = 0, primed: bool = False) -> StreamEnd:
        """Send events behind number *after* until the stream is done, leaves, or loses its reader.

        Args:
            primed: whether the first event gives only an id to come back with (MCP 2025-11-25).
        """
        if self._was_cut:
            return StreamEnd.CUT  # before its first byte
        bell = self._bell = self._take_over()
        with trio.CancelScope() as reader:
            self._reader = reader
            if primed and self.name is not None:
                await send_events(send, encode_priming(f"{self.name}-{after}", RETRY_MS))
            else:
                await send_events(send, KEEP_ALIVE)
            return await self._send_all(bell, receive, send, after)
        return StreamEnd.CUT

    async def _send_all(self, bell: Bell, receive: Receive, send: Send, after: int) -> StreamEnd:
        while bell is self._bell:
            queued = self.next(after)
            if queued is not None:
                # The message counts until it is sent, so that a blocked send fills the outbox.
                event_id = None if self.name is None else f"{self.name}-{queued.number}"
                await send_events(send, encode_body(queued.body, event_id))
                after = queued.number
                self.mark_sent(after)
                await trio.lowlevel.checkpoint()
                continue
            if not self._owed and (self._once or self._leaving):
                return await self._end(send)
            wake = await bell.wait(receive, trio.current_time() + self._settings.keep_alive_s)
            if wake is Wake.HUNG_UP:
                # Whoever can come back finds here what was not sent.
                self.is_over = self.is_over or self.name is None
                return StreamEnd.HUNG_UP
            if wake is Wake.DUE:
                await send_events(send, KEEP_ALIVE)
        return StreamEnd.TAKEN_OVER

    async def _end(self, send: Send) -> StreamEnd:
        if not self._once:
            await send_events(send, FAREWELL)
        await end_stream(send)
        if self.name is None or not self._once:
            self.close()
        return StreamEnd.DONE if self._once else StreamEnd.LEFT

    def _take_over(self) -> Bell:
        self._bell.ring()
        return Bell()

    def _note_rest(self) -> None:
        if self.is_over or self.name is None or self._readers or (self._once and self._owed):
            return
        if self.kept_since is None:
            self.kept_since = trio.current_time()
            self._budget.keep(self)

    # ---- how much waits ---------------------------------------------------------------------------------------------

    def _make_room_for(self, size: int) -> bool:
        while not self._has_room_for(size):
            if not self._queue or self._queue[0].number > self._sent:
                return False
            self._drop_first()
        return not self.is_over  # the budget may have made room with this very one

    def _has_room_for(self, size: int) -> bool:
        return (
            len(self._queue) < self._settings.max_outbox_messages
            and self._bytes + size <= self._settings.max_outbox_bytes
            and self._budget.make_room_for(size)
        )

    def _drop_first(self) -> None:
        self._account(-len(self._queue.popleft().body))

    def _account(self, change: int) -> None:
        self._bytes += change
        self._budget.used_bytes += change
