"""One POST and the answers it is owed: as one JSON document when they are quick, else as a stream.

Laws:
    1. A client that takes both forms gets JSON if everything is answered soon, and otherwise a stream, so that
       keep-alives hold the connection while the call runs.
    2. What was released is not answered; a request to which nothing is owed any more gets 202 and no body.
    3. A client that hangs up ends the delivery; what that means for the call is decided by who owns it.

Not here: running calls (desk.py), streams that outlive a request (outbox.py).
"""

from __future__ import annotations

import math
from collections import deque
from typing import final

import trio

from aegis_trio.model.asgi import Receive, Send
from aegis_trio.protocol.jsonrpc import Reply
from aegis_trio.protocol.sse import KEEP_ALIVE, encode_message
from aegis_trio.transports.bell import Bell, Wake
from aegis_trio.transports.negotiation import Forms
from aegis_trio.transports.replies import (
    HeaderLines,
    end_stream,
    send_batch,
    send_empty,
    send_events,
    send_reply,
    start_stream,
)
from aegis_trio.transports.settings import SessionSettings


@final
class Exchange:
    """The answers of one POST; a `ReplySink` and a `Listener`."""

    __slots__ = ("_bell", "_gone", "_if_gone", "_owed", "_ready", "started")

    def __init__(self, if_gone: Reply | None = None) -> None:
        """Owe nothing yet.

        Args:
            if_gone: the answer when the session ends before anything was sent.
        """
        self._bell = Bell()
        self._ready: deque[Reply] = deque()
        self._owed = 0
        self._gone = False
        self._if_gone = if_gone
        self.started = False

    def expect(self) -> None:
        """One more answer, or its release, will come."""
        self._owed += 1

    def answer(self, reply: Reply) -> None:
        """Take one answer."""
        self._owed -= 1
        self._ready.append(reply)
        self._bell.ring()

    def release(self) -> None:
        """Learn that one expected answer will not come."""
        self._owed -= 1
        self._bell.ring()

    def leave(self) -> None:
        """Learn that the session is gone."""
        self._gone = True
        self._bell.ring()

    async def deliver(
        self,
        receive: Receive,
        send: Send,
        *,
        forms: Forms,
        settings: SessionSettings,
        is_batch: bool = False,
        extra: HeaderLines = (),
    ) -> None:
        """Send the answers as they come; return when all are sent or the client hung up.

        Source: MCP 2025-11-25 basic/transports#sending-messages-to-the-server, items 5 and 6.
        """
        wait_s = (settings.json_within_s if forms.stream else math.inf) if forms.json else 0.0
        deadline = trio.current_time() + wait_s
        while self._owed and not self._gone:
            wake = await self._bell.wait(receive, deadline)
            if wake is Wake.HUNG_UP:
                return
            if wake is Wake.DUE:
                break
        self.started = True
        if self._gone and not self._ready and self._if_gone is not None:
            await send_reply(send, self._if_gone)
        elif self._owed and not self._gone:
            await self._stream(receive, send, settings, extra)
        else:
            await self._send_whole(send, forms, extra, is_batch=is_batch)

    async def _send_whole(self, send: Send, forms: Forms, extra: HeaderLines, *, is_batch: bool) -> None:
        replies = tuple(self._ready)
        if not replies:
            # Source: MCP 2025-11-25 basic/utilities/cancellation: a cancelled request gets no response.
            await send_empty(send, 202, extra)
        elif not is_batch and (forms.json or replies[0].http_status != 200):
            await send_reply(send, replies[0], extra)
        elif forms.json:
            await send_batch(send, replies, extra)
        else:
            await start_stream(send, extra)
            await send_events(send, b"".join(encode_message(reply.body) for reply in replies))
            await end_stream(send)

    async def _stream(self, receive: Receive, send: Send, settings: SessionSettings, extra: HeaderLines) -> None:
        await start_stream(send, extra)
        await send_events(send, KEEP_ALIVE)
        while True:
            while self._ready:
                await send_events(send, encode_message(self._ready.popleft().body))
                await trio.lowlevel.checkpoint()
            if self._gone or not self._owed:
                break
            wake = await self._bell.wait(receive, trio.current_time() + settings.keep_alive_s)
            if wake is Wake.HUNG_UP:
                return
            if wake is Wake.DUE:
                await send_events(send, KEEP_ALIVE)
        await end_stream(send)
