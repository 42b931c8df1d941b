"""Streams: one HTTP request each, Hypercorn's state machine between the bytes of a protocol and ASGI.

Each override has one reason:
    handle      a stream that never reached its application can be closed too
    app_send    the last piece of a body and its end are one event, so that they are one write;
                sending after the peer left is a checkpoint, not a busy loop

Not here: WebSockets (websockets). Source: hypercorn/protocol/http_stream.py; ASGI 3.0.
"""

from __future__ import annotations

from typing import cast, final

import trio
from hypercorn.protocol.events import Event, Request, StreamClosed
from hypercorn.protocol.http_stream import ASGIHTTPState, HTTPStream
from hypercorn.typing import ASGISendEvent
from hypercorn.utils import suppress_body

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
    def is_full(self) -> bool:
        """Whether the connection must stop reading."""
        return self.inbox is not None and self.inbox.is_full

    async def read_on(self) -> None:
        """Nothing is left lying: a body goes to the inbox as it comes."""

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
