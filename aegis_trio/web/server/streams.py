"""Streams: one request each, Hypercorn's state machines between the bytes of a protocol and ASGI.

Each override has one reason:
    HttpStream.handle      a stream that never reached its application can be closed too
    HttpStream.app_send    the last piece of a body and its end are one event, so that they are one write;
                           sending after the peer left is a checkpoint, not a busy loop
    WebSocketStream.handle a refused handshake ends its connection; bytes that arrive before the application
                           has accepted wait for it, instead of answering the upgrade twice
    WebSocketStream.app_send       the same checkpoint
    WebSocketStream._handle_events a message that is too big ends the connection
    WebSocketStream._send_pings    ends with its stream, and ends a stream whose peer is silent

Source: hypercorn/protocol/http_stream.py, hypercorn/protocol/ws_stream.py; ASGI 3.0.
"""

from __future__ import annotations

from io import BytesIO, StringIO
from typing import cast, final

import trio
from hypercorn.protocol.events import Data, Event, Request, StreamClosed
from hypercorn.protocol.http_stream import ASGIHTTPState, HTTPStream
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from hypercorn.typing import ASGISendEvent, WebsocketAcceptEvent
from hypercorn.utils import suppress_body
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, TextMessage
from wsproto.frame_protocol import CloseReason

from aegis_trio.web.server.context import Link
from aegis_trio.web.server.events import FinalBody, StreamSend
from aegis_trio.web.server.inbox import Inbox


@final
class HttpStream(HTTPStream):
    """One HTTP request and its answer."""

    def __init__(self, link: Link, send: StreamSend, stream_id: int) -> None:
        super().__init__(
            link.server.app,
            link.server.config,
            link.server,
            link.tasks,
            link.encrypted,
            link.peer.client,
            link.peer.server,
            send,
            stream_id,
        )
        self.inbox: Inbox | None = None

    @property
    def is_answered(self) -> bool:
        """Whether the whole answer was given."""
        return self.state is ASGIHTTPState.CLOSED

    @property
    def is_uploading(self) -> bool:
        """Whether the peer still sends what nothing was answered to."""
        return self.state is ASGIHTTPState.REQUEST and self.inbox is not None and not self.inbox.ended

    async def handle(self, event: Event) -> None:
        """Take one event of the peer. Reason: see the module."""
        if self.closed:
            return
        if isinstance(event, StreamClosed):
            self.closed = True
            if self.inbox is not None:
                await self.inbox({"type": "http.disconnect"})
                if not self.is_answered:
                    self.inbox.expire()
            return
        await super().handle(event)
        if isinstance(event, Request):
            # Server push, early hints and trailers are not offered: nobody here sends them.
            self.scope["extensions"].clear()
            self.inbox = cast("Inbox", self.app_put)  # AppTasks gave it

    async def app_send(self, message: ASGISendEvent | None) -> None:
        """Take one message of the application. Reason: see the module."""
        if message is None:
            await super().app_send(message)
        elif self.closed and not self.is_answered:
            # Threat: `while True: await send(x)` after a disconnect would hold the whole process.
            await trio.lowlevel.checkpoint()
        elif (
            message["type"] == "http.response.body"
            and self.state is ASGIHTTPState.RESPONSE
            and not message.get("more_body", False)
            and not self.response.get("trailers", False)
        ):
            suppressed = suppress_body(self.scope["method"], int(self.response["status"]))
            data = b"" if suppressed else bytes(message.get("body", b""))
            await self.send(FinalBody(stream_id=self.stream_id, data=data))
            self.state = ASGIHTTPState.CLOSED
            await self.send(StreamClosed(stream_id=self.stream_id))
        else:
            await super().app_send(message)


@final
class WebSocketStream(WSStream):
    """One WebSocket, from its upgrade to its end."""

    def __init__(self, link: Link, send: StreamSend, stream_id: int) -> None:
        super().__init__(
            link.server.app,
            link.server.config,
            link.server,
            link.tasks,
            link.encrypted,
            link.peer.client,
            link.peer.server,
            send,
            stream_id,
        )
        self._limits = link.server.limits
        self._tally = link.server.tally
        self._early = bytearray()
        self._text = StringIO()  # of the message that is arriving
        self._data = BytesIO()
        self._size = 0  # of either, in bytes or characters
        self._heard = False
        self._over = trio.Event()
        self.inbox: Inbox | None = None

    async def handle(self, event: Event) -> None:
        """Take one event of the peer. Reason: see the module."""
        if self.closed:
            return
        if isinstance(event, Data):
            self._heard = True
            if not self.handshake.accepted:
                self._early += event.data
                if len(self._early) > self._limits.max_pipelined_bytes:
                    self._tally.cut_pipelining_total += 1
                    await self.send(StreamClosed(stream_id=self.stream_id))
                return
        await super().handle(event)
        if isinstance(event, Request):
            self.inbox = cast("Inbox | None", self.app_put)  # pyright: ignore[reportUnknownMemberType] -- AppTasks'
            if self.inbox is None:  # the handshake was refused
                await self.send(StreamClosed(stream_id=self.stream_id))
        elif isinstance(event, StreamClosed):
            self._over.set()
            if self.inbox is not None:
                self.inbox.expire()

    async def app_send(self, message: ASGISendEvent | None) -> None:
        """Take one message of the application. Reason: see the module."""
        if self.closed:
            # Threat: `while True: await send(x)` after a disconnect would hold the whole process.
            await trio.lowlevel.checkpoint()
            return
        await super().app_send(message)

    async def _accept(self, message: WebsocketAcceptEvent) -> None:
        await super()._accept(message)
        if self._early:
            early, self._early = bytes(self._early), bytearray()
            await self.handle(Data(stream_id=self.stream_id, data=early))

    async def _handle_events(self) -> None:
        """Take what wsproto has parsed. Reason: stock goes on reading after a message that is too big."""
        for event in self.connection.events():
            if self.closed or self.inbox is None:
                return
            if isinstance(event, Message):
                written = self._text.write(event.data) if isinstance(event, TextMessage) else 0
                written += self._data.write(event.data) if isinstance(event, BytesMessage) else 0
                self._size += written
                if self._size > self._limits.max_websocket_message_bytes:
                    await self._send_wsproto_event(CloseConnection(code=CloseReason.MESSAGE_TOO_BIG))
                    await self.send(StreamClosed(stream_id=self.stream_id))
                    return
                if event.message_finished:
                    await self._deliver(is_text=isinstance(event, TextMessage))
            elif isinstance(event, Ping):
                await self._send_wsproto_event(event.response())
            elif isinstance(event, CloseConnection):
                if self.state is ASGIWebsocketState.CONNECTED:
                    await self._send_wsproto_event(event.response())
                await self.send(StreamClosed(stream_id=self.stream_id))
                return

    async def _deliver(self, *, is_text: bool) -> None:
        text, data = self._text.getvalue(), self._data.getvalue()
        self._text, self._data, self._size = StringIO(), BytesIO(), 0
        if self.inbox is not None:
            await self.inbox(
                {"type": "websocket.receive", "bytes": None if is_text else data, "text": text if is_text else None}
            )

    async def _send_pings(self) -> None:
        """Ping until the stream is over. Reason: stock sleeps on after the end, and never looks for an answer."""
        silent = 0
        while not self.closed:
            self._heard = False
            await self._send_wsproto_event(Ping())
            with trio.move_on_after(self._limits.websocket_ping_s):
                await self._over.wait()
            silent = 0 if self._heard else silent + 1
            if silent == 2 and not self.closed:
                self._tally.cut_silent_total += 1
                await self.send(StreamClosed(stream_id=self.stream_id))
