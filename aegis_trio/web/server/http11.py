"""HTTP/1.1: Hypercorn's protocol, with bounds and without waiting where a peer's end would go unseen.

Each override has one reason:
    handle, _handle_events  the task that reads is never parked: what a peer sends ahead is kept, bounded, and
                            taken up when its turn comes, so a disconnect behind it is seen at once
    stream_send             the head waits for the first piece of the body: one write for a small answer, and a
                            plain 500 is still possible when the application fails in between
    _create_stream          our streams
    _check_protocol         HTTP/2 by prior knowledge only; `Upgrade: h2c` is ignored, as RFC 9113 section 3.1
                            removed it and as it walks past a proxy's rules (request smuggling)
    _maybe_recycle          an early answer closes gently, so that the peer can read it
    _send_error_response    never into an answer that has begun

Not here: what a request means. Source: hypercorn/protocol/h11.py; RFC 9112.
"""

from __future__ import annotations

from typing import Final, cast, final

import h11
import trio
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.events import Body, Data, EndBody, EndData, Request, Response, StreamClosed
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.h11 import STREAM_ID, H2ProtocolAssumedError, H11Protocol, H11WSConnection

from aegis_trio.web.server.context import Link
from aegis_trio.web.server.events import ClosedAfterAnswer, FinalBody
from aegis_trio.web.server.heads import WEBSOCKET_OFFER, find_http11_fault, wants_websocket
from aegis_trio.web.server.streams import HttpStream
from aegis_trio.web.server.websockets import WebSocketStream

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\n"  # source: RFC 9113 section 3.4; h11 has taken it for a request's head
_UPGRADE_REQUIRED: Final = 426
_FINAL: Final = 200  # below it, an answer only announces another


@final
class Http11(H11Protocol):
    """One connection that speaks HTTP/1.0 or HTTP/1.1."""

    def __init__(self, link: Link) -> None:
        super().__init__(
            link.server.app,
            link.server.config,
            link.server,
            link.tasks,
            link.state,
            link.encrypted,
            link.peer.client,
            link.peer.server,
            link.send,
        )
        self._link = link
        self._limits = link.server.limits
        self._tally = link.server.tally
        self._held: Response | None = None  # the head that waits for its body
        self._parked = False  # h11 holds bytes of the next request
        self._pipelined_bytes = 0
        self._over = False  # nothing is read or written any more

    @property
    def is_full(self) -> bool:
        """Whether the connection must stop reading."""
        stream = self._stream()
        return stream is not None and stream.is_full

    @property
    def is_websocket(self) -> bool:
        """Whether the peer has asked for a WebSocket."""
        return isinstance(self.stream, WebSocketStream)

    async def wait_for_room(self) -> None:
        """Wait until the application has read something."""
        stream = self._stream()
        if stream is not None and stream.inbox is not None:
            await stream.inbox.wait_for_room()

    async def read_on(self) -> None:
        """Take up what was left lying while it was full."""
        stream = self._stream()
        if stream is not None:
            await stream.read_on()

    async def handle(self, event: Event) -> None:
        """Take bytes, or the end, of the peer. Reason: see the module."""
        if isinstance(event, Closed):
            self._over = True
            await self._close_stream()
        elif isinstance(event, RawData) and not self._over:
            self.connection.receive_data(event.data)
            if not self._parked:
                await self._handle_events()
                return
            self._pipelined_bytes += len(event.data)
            if self._pipelined_bytes > self._limits.max_pipelined_bytes:
                self._tally.cut_pipelining_total += 1
                await self.send(Closed())

    async def retire(self) -> None:
        """End a connection that has no request; ask a WebSocket to end."""
        if isinstance(self.stream, WebSocketStream):
            await self.stream.go_away()
        else:
            await self.send(Closed())

    async def end_uploads(self) -> None:
        """Refuse the request whose body is still coming."""
        if isinstance(self.stream, HttpStream) and self.stream.is_uploading and not self._over:
            self._over = True
            await self._send_error_response(503)
            await self._close_stream()
            await self.send(Closed())

    def check(self, now: float) -> None:
        """Keep the deadlines of a WebSocket; nothing else here has one of its own."""
        if isinstance(self.stream, WebSocketStream):
            self.stream.check(now)

    async def stream_send(self, event: StreamEvent) -> None:
        """Take one event of the answer. Reason: see the module."""
        if isinstance(event, StreamClosed):
            await self._maybe_recycle()
        elif self._over:
            await trio.lowlevel.checkpoint()
        elif isinstance(event, Response):
            if event.status_code >= _FINAL:
                self._held = event
            else:
                switching = h11.InformationalResponse(status_code=event.status_code, headers=event.headers)
                await self.send(RawData(self.connection.send(switching)))
        elif isinstance(event, Body):
            data = self._head()
            if event.data:
                data += self.connection.send(h11.Data(data=event.data))
            if isinstance(event, FinalBody):
                data += self.connection.send(h11.EndOfMessage())
            await self.send(RawData(data))
        elif isinstance(event, EndBody):
            await self.send(RawData(self._head() + self.connection.send(h11.EndOfMessage())))
        elif isinstance(event, Data):
            await self.send(RawData(event.data))
        elif not isinstance(event, EndData):
            raise RuntimeError(f"{type(event).__name__} is not offered to applications here")

    def _head(self) -> bytes:
        held, self._held = self._held, None
        if held is None:
            return b""
        headers = [*held.headers, *self.config.response_headers("h11")]
        # Threat: behind a refused upgrade nothing may be taken for a request, so its connection ends.
        refused = isinstance(self.connection, H11WSConnection)
        is_last = refused or self.connection.their_state is h11.SEND_BODY or self._link.server.draining
        if is_last and (b"connection", b"close") not in headers:
            headers.append((b"connection", b"close"))
        return self.connection.send(h11.Response(headers=headers, status_code=held.status_code))

    async def _handle_events(self) -> None:
        """Take what h11 has parsed. Reason: see the module."""
        while not self._over:
            try:
                event = self.connection.next_event()
            except h11.RemoteProtocolError as fault:
                await self._refuse(fault.error_status_hint)
                return
            if isinstance(event, h11.Request):
                await self.send(Updated(idle=False))
                refusal = self._find_fault(event)
                if refusal is not None:
                    await self._refuse(refusal)
                    return
                await self._check_protocol(event)
                await self._create_stream(event)
            elif event is h11.PAUSED:
                self._parked = True
                self._pipelined_bytes = len(self.connection.trailing_data[0])
                return
            elif self.stream is None or event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                return
            elif isinstance(event, h11.Data):
                await self.stream.handle(Body(stream_id=STREAM_ID, data=event.data))
            elif isinstance(event, h11.EndOfMessage):
                await self.stream.handle(EndBody(stream_id=STREAM_ID))
            elif isinstance(event, Data):
                await self.stream.handle(event)

    def _find_fault(self, request: h11.Request) -> int | None:
        """Return the status with which a request must be refused before anybody reads it."""
        if request.http_version == b"2.0" and request.method == b"PRI":
            return None if self.keep_alive_requests == 0 and not self.ssl else 400
        return find_http11_fault(request, self._limits)

    async def _check_protocol(self, event: h11.Request) -> None:
        """Notice HTTP/2. Reason: see the module."""
        if event.http_version == b"2.0":
            raise H2ProtocolAssumedError(_PREFACE + self.connection.trailing_data[0])

    async def _create_stream(self, request: h11.Request) -> None:
        """Start one request. Reason: see the module."""
        headers = list(request.headers)
        stream: HttpStream | WebSocketStream
        if wants_websocket(request.method, headers):
            stream = WebSocketStream(self._link, self.stream_send, STREAM_ID)
            self.connection = H11WSConnection(cast("h11.Connection", self.connection))
        else:
            stream = HttpStream(self._link, self.stream_send, STREAM_ID)
        self.stream = stream
        await stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=headers,
                http_version=request.http_version.decode("ascii"),
                method=request.method.decode("ascii"),
                raw_path=request.target,
                state=self.connection_state,
            )
        )
        if stream.inbox is not None and self.connection.they_are_waiting_for_100_continue:
            stream.inbox.on_wanted = self._invite_body
        self.keep_alive_requests += 1

    def _stream(self) -> HttpStream | WebSocketStream | None:
        return cast("HttpStream | WebSocketStream | None", self.stream)

    async def _invite_body(self) -> None:
        """Send 100 Continue when the application wants the body, not before: a 401 needs none."""
        if self.connection.they_are_waiting_for_100_continue and not self._over:
            await self.send(RawData(self.connection.send(h11.InformationalResponse(status_code=100, headers=[]))))

    async def _refuse(self, status: int) -> None:
        self._tally.malformed_requests_total += 1
        # Invariant: the application hears of it before we wait, or its own answer would follow ours.
        self._over = True
        await self._send_error_response(status)
        await self._close_stream()
        await self.send(ClosedAfterAnswer())

    async def _send_error_response(self, status_code: int) -> None:
        """Answer without an application. Reason: see the module."""
        self._held = None
        if self.connection.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            headers = [(b"content-length", b"0"), (b"connection", b"close"), *self.config.response_headers("h11")]
            if status_code == _UPGRADE_REQUIRED:
                headers += WEBSOCKET_OFFER
            data = self.connection.send(h11.Response(status_code=status_code, headers=headers))
            await self.send(RawData(data + self.connection.send(h11.EndOfMessage())))

    async def _maybe_recycle(self) -> None:
        """End one request, and begin the next. Reason: see the module."""
        if self._held is not None:  # the application failed between head and body
            await self._send_error_response(500)
        stream = self._stream()
        await self._close_stream()
        if self._over:
            return
        answered, read = self.connection.our_state is h11.DONE, self.connection.their_state is h11.DONE
        if answered and read and not self._link.server.draining:
            self.connection.start_next_cycle()
            if self._parked:
                self._link.tasks.spawn(self._resume)
            else:
                await self.send(Updated(idle=True))
            return
        self._over = True
        unread = self._parked or self.connection.their_state is h11.SEND_BODY
        if isinstance(stream, WebSocketStream):
            await self.send(stream.farewell)
        else:
            await self.send(ClosedAfterAnswer() if unread else Closed())

    async def _resume(self) -> None:
        self._parked = False
        await self._handle_events()
        if self.stream is None and not self._over:  # what was sent ahead is not yet a whole request
            await self.send(Closed() if self._link.server.draining else Updated(idle=True))
