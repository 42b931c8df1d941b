"""The inbox of one request: what the peer sent, until the application reads it.

Laws:
    1. Putting never waits, so that the task which reads the connection is always free to see it end.
       The bound is kept elsewhere: HTTP/2 by its flow-control window, HTTP/1.1 and WebSocket by `is_full`,
       at which the connection stops reading.
    2. A body is bytes, not messages: a peer that sends it byte by byte costs bytes.
    3. After the end there is only `disconnect`, again and again, and each one is a checkpoint.

Source: ASGI 3.0, HTTP and WebSocket message format 2.3.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, final

import trio
from hypercorn.typing import ASGIReceiveEvent, HTTPRequestEvent

from aegis_trio.web.server.limits import ConnectionLimits

_MESSAGE_OVERHEAD_BYTES: Final = 512  # what a message costs beside its text, rounded up


@final
class Inbox:
    """Where a connection puts and an application takes; Hypercorn's streams call it to put."""

    __slots__ = (
        "_body",
        "_disconnected",
        "_ended",
        "_limits",
        "_messages",
        "_news",
        "_room",
        "_told_the_end",
        "_unread_bytes",
        "closed",
        "on_taken",
        "on_wanted",
        "scope",
    )

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._body = bytearray()
        self._messages: deque[ASGIReceiveEvent] | None = None  # WebSocket only
        self._unread_bytes = 0
        self._ended = False
        self._told_the_end = False
        self._disconnected: ASGIReceiveEvent | None = None
        self._news: trio.Event | None = None
        self._room: trio.Event | None = None
        self.closed = False
        self.scope = trio.CancelScope()  # the application's
        self.on_taken: Callable[[int], None] | None = None
        self.on_wanted: Callable[[], Awaitable[None]] | None = None

    @property
    def ended(self) -> bool:
        """Whether the peer has sent its whole body."""
        return self._ended

    @property
    def is_full(self) -> bool:
        """Whether the connection should stop reading."""
        return self._unread_bytes >= self._limits.max_stream_buffer_bytes or (
            self._messages is not None and len(self._messages) >= self._limits.max_queued_messages
        )

    async def __call__(self, message: ASGIReceiveEvent) -> None:
        """Put one message; async only because Hypercorn awaits it."""
        if self.closed:
            return
        if message["type"] == "http.request":
            self._body += message["body"]
            self._unread_bytes += len(message["body"])
            self._ended = not message["more_body"]
        elif message["type"] == "http.disconnect" or message["type"] == "websocket.disconnect":
            self._disconnected = message
        else:
            if self._messages is None:
                self._messages = deque()
            self._messages.append(message)
            self._unread_bytes += _weigh(message)
        if self._news is not None:
            self._news.set()
            self._news = None

    async def receive(self) -> ASGIReceiveEvent:
        """Take the next message, as ASGI's `receive`."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while True:
            if self._messages:
                message = self._messages.popleft()
                self._taken(_weigh(message))
                return message
            if self._body or (self._ended and not self._told_the_end):
                self._told_the_end = self._ended
                event: HTTPRequestEvent = {
                    "type": "http.request",
                    "body": bytes(self._body),
                    "more_body": not self._ended,
                }
                self._body.clear()
                self._taken(len(event["body"]))
                return event
            if self._disconnected is not None:
                # Threat: `while True: await receive()` after a disconnect would hold the whole process.
                await trio.lowlevel.checkpoint()
                return self._disconnected
            if self.on_wanted is not None:
                await self.on_wanted()
            if self._news is None:
                self._news = trio.Event()
            await self._news.wait()

    def expire(self) -> None:
        """Cancel the application unless it ends by itself within the grace."""
        self.scope.deadline = trio.current_time() + self._limits.disconnect_grace_s

    def close(self) -> int:
        """Take nothing any more; return how many bytes of it were unread."""
        unread = self._unread_bytes
        self.closed = True
        self._body.clear()
        self._messages = None
        self._taken(unread)
        return unread

    async def wait_for_room(self) -> None:
        """Wait until the application has read something, or ended."""
        if self.is_full:
            if self._room is None:
                self._room = trio.Event()
            await self._room.wait()

    def _taken(self, count: int) -> None:
        self._unread_bytes -= count
        if self.on_taken is not None and count:
            self.on_taken(count)
        if self._room is not None and not self.is_full:
            self._room.set()
            self._room = None


def _weigh(message: ASGIReceiveEvent) -> int:
    if message["type"] != "websocket.receive":
        return 0
    text, data = message.get("text"), message.get("bytes")
    return _MESSAGE_OVERHEAD_BYTES + len(text or "") + len(data or b"")
