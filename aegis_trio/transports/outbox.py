"""What waits to be sent on a stream that outlives requests, and the loop that sends it.

Laws:
    1. Bounded: what does not fit is not kept; the stream is cut, because its reader is slow or gone.
    2. A stream that rests is one task and no timer of its own; it says something at once and at every keep-alive.
    3. A stream that leaves first gives the answers that are still owed, then its farewell.

Source: MCP 2025-11-25 basic/transports#listening-for-messages-from-the-server; MCP 2024-11-05
basic/transports#http-with-sse.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import final

import trio

from aegis_trio.model.asgi import Receive, Send
from aegis_trio.protocol.jsonrpc import Reply
from aegis_trio.protocol.sse import FAREWELL, KEEP_ALIVE, encode_message
from aegis_trio.transports.bell import Bell, Wake
from aegis_trio.transports.replies import end_stream, send_events
from aegis_trio.transports.settings import SessionSettings


@final
class OutboxBudget:
    """How many bytes wait in all outboxes together."""

    __slots__ = ("limit_bytes", "used_bytes")

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0


class StreamEnd(Enum):
    """How a stream came to its end."""

    LEFT = auto()
    HUNG_UP = auto()


@final
class Outbox:
    """The events of one stream, until they are sent; a `ReplySink` and a `Listener`."""

    __slots__ = ("_bell", "_budget", "_bytes", "_cut", "_events", "_leaving", "_owed", "_settings", "is_over")

    def __init__(self, settings: SessionSettings, budget: OutboxBudget, cut: Callable[[], None]) -> None:
        """Wait for nothing yet; `close` must follow.

        Args:
            budget: shared by all outboxes.
            cut: ends the stream at once, when its reader is too slow.
        """
        self._settings = settings
        self._budget = budget
        self._cut = cut
        self._bell = Bell()
        self._events: deque[bytes] = deque()
        self._bytes = 0
        self._owed = 0
        self._leaving = False
        self.is_over = False
        """Whether nothing more may be sent on the stream."""

    def expect(self) -> None:
        """One more answer, or its release, will come."""
        self._owed += 1

    def answer(self, reply: Reply) -> None:
        """Take one answer."""
        self._owed -= 1
        self.put(encode_message(reply.body))

    def release(self) -> None:
        """Learn that one expected answer will not come."""
        self._owed -= 1
        self._bell.ring()

    def leave(self) -> None:
        """End the stream once what is owed has been sent."""
        self._leaving = True
        self._bell.ring()

    def put(self, event: bytes) -> None:
        """Queue one encoded event, or cut the stream when it does not fit."""
        if self.is_over:
            return
        # Threat: a reader that stops reading would have us keep everything that it asks for.
        if self._events and not self._has_room_for(len(event)):
            self.is_over = True
            self._cut()
            return
        self._events.append(event)
        self._account(len(event))
        self._bell.ring()

    def close(self) -> None:
        """Keep nothing any more."""
        self.is_over = True
        self._events.clear()
        self._account(-self._bytes)

    async def pump(self, receive: Receive, send: Send) -> StreamEnd:
        """Send events until the stream leaves or the client hangs up."""
        await send_events(send, KEEP_ALIVE)
        while True:
            while self._events:
                # The event counts until it is sent, so that a blocked send fills the outbox.
                await send_events(send, self._events[0])
                self._account(-len(self._events.popleft()))
                await trio.lowlevel.checkpoint()
            if self._leaving and not self._owed:
                await send_events(send, FAREWELL)
                await end_stream(send)
                self.is_over = True
                return StreamEnd.LEFT
            wake = await self._bell.wait(receive, trio.current_time() + self._settings.keep_alive_s)
            if wake is Wake.HUNG_UP:
                self.is_over = True
                return StreamEnd.HUNG_UP
            if wake is Wake.DUE:
                await send_events(send, KEEP_ALIVE)

    def _has_room_for(self, size: int) -> bool:
        return (
            len(self._events) < self._settings.max_outbox_messages
            and self._bytes + size <= self._settings.max_outbox_bytes
            and self._budget.used_bytes + size <= self._budget.limit_bytes
        )

    def _account(self, change: int) -> None:
        self._bytes += change
        self._budget.used_bytes += change
