"""One POST and the answers it is owed: as one JSON document when they are quick, else as a stream.

Laws:
    1. A client that takes both forms gets JSON if everything is answered soon and nothing is said before, and
       otherwise a stream, so that keep-alives hold the connection while the call runs.
    2. What was released is not answered; a request to which nothing is owed any more gets 202 and no body.
    3. A client that hangs up ends the delivery; what that means for the call is decided by who owns it, and whether
       the stream can be read on later by its session.

Not here: running calls (desk.py), the stream itself (outbox.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import final

import trio

from aegis_trio.model.asgi import Receive, Send
from aegis_trio.model.json import JsonObject, encode_json
from aegis_trio.protocol.jsonrpc import Reply
from aegis_trio.protocol.sse import encode_body
from aegis_trio.transports.bell import Bell, Wake
from aegis_trio.transports.negotiation import Forms
from aegis_trio.transports.outbox import Outbox
from aegis_trio.transports.replies import (
    HeaderLines,
    end_stream,
    send_batch,
    send_empty,
    send_events,
    send_reply,
    start_stream,
)


@final
class Exchange:
    """The answers of one POST; a `ReplySink` and a `Listener`."""

    __slots__ = (
        "_bell",
        "_forms",
        "_gone",
        "_if_gone",
        "_is_read",
        "_open_stream",
        "_owed",
        "_ready",
        "_stream",
        "started",
    )

    def __init__(self, forms: Forms, open_stream: Callable[[], Outbox], if_gone: Reply | None = None) -> None:
        """Owe nothing yet.

        Args:
            forms: what the client takes.
            open_stream: makes the stream, when it comes to that; it ends once nothing is owed.
            if_gone: the answer when the session ends before anything was sent.
        """
        self._forms = forms
        self._open_stream = open_stream
        self._bell = Bell()
        self._ready: list[Reply] = []
        self._stream: Outbox | None = None
        self._owed = 0
        self._gone = False
        self._if_gone = if_gone
        self._is_read = True
        self.started = False

    @property
    def can_speak(self) -> bool:
        """Whether messages before the answer reach the client."""
        return self._forms.stream and (self._stream is None or self._stream.can_speak)

    def expect(self) -> None:
        """One more answer, or its release, will come."""
        self._owed += 1

    def answer(self, reply: Reply) -> None:
        """Take one answer."""
        self._owed -= 1
        if self._stream is not None:
            self._stream.answer(reply)
        else:
            self._ready.append(reply)
        self._bell.ring()

    def release(self) -> None:
        """Learn that one expected answer will not come."""
        self._owed -= 1
        if self._stream is not None:
            self._stream.release()
        self._bell.ring()

    def notify(self, message: JsonObject) -> None:
        """Take one message that belongs before an answer; dropped where only one document is taken."""
        if not self._forms.stream:
            return
        self._become_stream().notify(message)
        self._bell.ring()

    def leave(self) -> None:
        """Learn that the session is gone."""
        self._gone = True
        if self._stream is not None:
            self._stream.leave()
        self._bell.ring()

    def close(self) -> None:
        """Keep nothing: the call ended with its request."""
        if self._stream is not None:
            self._stream.close()

    async def deliver(
        self,
        receive: Receive,
        send: Send,
        *,
        json_within_s: float,
        is_batch: bool = False,
        primed: bool = False,
        extra: HeaderLines = (),
    ) -> None:
        """Send the answers as they come, once; return when all are sent or the client hung up.

        Args:
            json_within_s: how long answers may take before they become a stream, seconds.
            primed: whether a stream begins with an event that only gives an id.

        Source: MCP 2025-11-25 basic/transports#sending-messages-to-the-server, items 5 and 6.
        """
        try:
            await self._deliver(
                receive, send, json_within_s=json_within_s, is_batch=is_batch, primed=primed, extra=extra
            )
        finally:
            self._is_read = False
            if self._stream is not None:
                self._stream.let_go()

    async def _deliver(
        self, receive: Receive, send: Send, *, json_within_s: float, is_batch: bool, primed: bool, extra: HeaderLines
    ) -> None:
        forms = self._forms
        deadline = trio.current_time() + ((json_within_s if forms.stream else math.inf) if forms.json else 0.0)
        while self._owed and not self._gone and self._stream is None:
            wake = await self._bell.wait(receive, deadline)
            if wake is Wake.HUNG_UP:
                return
            if wake is Wake.DUE:
                break
        self.started = True
        if self._stream is None and (self._gone or not self._owed):
            await self._send_whole(send, extra, is_batch=is_batch)
            return
        stream = self._become_stream()
        await start_stream(send, extra)
        await stream.pump(receive, send, primed=primed)

    def _become_stream(self) -> Outbox:
        if self._stream is None:
            self._stream = self._open_stream()
            for _ in range(len(self._ready) + self._owed):
                self._stream.expect()
            for reply in self._ready:
                self._stream.answer(reply)
            self._ready.clear()
            if self._is_read:
                self._stream.hold()
        return self._stream

    async def _send_whole(self, send: Send, extra: HeaderLines, *, is_batch: bool) -> None:
        replies = tuple(self._ready)
        if not replies and self._gone and self._if_gone is not None:
            await send_reply(send, self._if_gone)
        elif not replies:
            # Source: MCP 2025-11-25 basic/utilities/cancellation: a cancelled request gets no response.
            await send_empty(send, 202, extra)
        elif not is_batch and (self._forms.json or replies[0].http_status != 200):
            await send_reply(send, replies[0], extra)
        elif self._forms.json:
            await send_batch(send, replies, extra)
        else:
            await start_stream(send, extra)
            await send_events(send, b"".join(encode_body(encode_json(reply.body)) for reply in replies))
            await end_stream(send)
