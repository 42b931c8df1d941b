"""HTTP/2: Hypercorn's protocol, with flow control that works and streams that cannot harm each other.

Each override has one reason:
    __init__, initiate  windows, header limits and stream limits that are kept (http2_opening)
    send_task           the only writer: what several streams have ready leaves in one write, and a stream that is
                        cancelled can never leave half a frame behind
    stream_send         written when the window allows, held by the application until then: nothing is buffered
                        here (stock buffers without bound); an answer cut short is reset, or its reader would wait
    handle              an error is told to the peer (GOAWAY) before the connection ends; a frame that is announced
                        too long is refused before it is collected
    _handle_events      bytes are credited when the application has read them; a reset is counted; data for a stream
                        that is gone, and priorities (RFC 9113 section 5.3 drops them), are nothing
    _create_stream      refused streams are refused alone; no CONNECT
    _close_stream       what the application never read is credited to the connection

Not here: how an answer becomes frames (http2_answers), server push. Source: hypercorn/protocol/h2.py; RFC 9113.
"""

from __future__ import annotations

from functools import partial
from typing import cast, final

import h2.events
import h2.exceptions
import trio
from h2.errors import ErrorCodes
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.events import Body, EndBody, Request, Response, StreamClosed
from hypercorn.protocol.events import Event as StreamEvent
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.utils import filter_pseudo_headers
from hyperframe.frame import GoAwayFrame

from aegis_trio.web.server.context import Link
from aegis_trio.web.server.events import ClosedAfterAnswer, FinalBody
from aegis_trio.web.server.frames import FrameGauge
from aegis_trio.web.server.heads import find_http2_fault
from aegis_trio.web.server.http2_answers import Answers
from aegis_trio.web.server.http2_opening import MAX_STREAM_ID, begin, set_limits
from aegis_trio.web.server.resets import ResetAllowance
from aegis_trio.web.server.streams import HttpStream


@final
class Http2(H2Protocol):
    """One connection that speaks HTTP/2."""

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
        self._answers = Answers(
            self.connection,
            self._limits,
            self._tally,
            is_open=self.streams.__contains__,
            common_fields=partial(self.config.response_headers, "h2"),
        )
        self._outbox = self._answers.outbox
        self._gauge = FrameGauge()
        self._resets = ResetAllowance(self._limits, trio.current_time())
        self._unread: dict[int, float] = {}  # answered streams whose body still comes, and until when it may
        self._finishing = False
        self._farewell = Closed()
        set_limits(self.connection, self._limits)

    async def initiate(self, headers: list[tuple[bytes, bytes]] | None = None, settings: bytes | None = None) -> None:
        """Begin. Reason: see the module; an upgrade (*headers*, *settings*) never comes here."""
        del headers, settings
        begin(self.connection, self._limits)
        self._answers.push()
        self._link.tasks.spawn(self.send_task)

    async def send_task(self) -> None:
        """Write what is ready until the connection is over. Reason: see the module."""
        while not self.closed:
            data = await self._outbox.take()
            if data:
                await self.send(RawData(data))
            if self._finishing and self._outbox.is_empty:
                await self.send(self._farewell)

    async def handle(self, event: Event) -> None:
        """Take bytes, or the end, of the peer. Reason: see the module."""
        if isinstance(event, Closed):
            if not self.closed:
                self.closed = True
                for stream_id in tuple(self.streams):
                    await self._close_stream(stream_id)
                self._answers.window_updated(None)
                self._outbox.close()
        elif isinstance(event, RawData) and not self._finishing:
            if self._gauge.is_exceeded_by(event.data):
                self._tally.malformed_requests_total += 1
                self._finish(ErrorCodes.FRAME_SIZE_ERROR)
                return
            try:
                events = self.connection.receive_data(event.data)
            except h2.exceptions.ProtocolError:
                self._tally.malformed_requests_total += 1
                self._finish()
            else:
                await self._handle_events(events)

    async def retire(self) -> None:
        """Ask the peer to begin no more streams; end when the last one does.

        Source: RFC 9113 section 6.8: the highest identifier first, as streams may be under way.
        """
        if self._finishing or self.closed:
            return
        # h2's own close_connection() would forbid it to send anything on the streams that are still open.
        self._answers.push()
        self._outbox.put(GoAwayFrame(0, last_stream_id=MAX_STREAM_ID, error_code=ErrorCodes.NO_ERROR).serialize())
        if not self.streams:
            self._finish(ErrorCodes.NO_ERROR)

    async def end_uploads(self) -> None:
        """Refuse the streams whose bodies are still coming; REFUSED_STREAM says that they may be sent again."""
        for stream_id in [each for each in self.streams if (stream := self._stream(each)) and stream.is_uploading]:
            self._answers.reset(stream_id, ErrorCodes.REFUSED_STREAM)
            await self._close_stream(stream_id)
        if not self.streams:
            self._finish(ErrorCodes.NO_ERROR)

    def check(self, now: float) -> None:
        """Reset answered streams whose body still comes; called by the sweeper.

        Not at once: clients that receive a reset right behind an answer drop the answer (curl 7.88 does).
        Source: RFC 9113 section 8.1: NO_ERROR says that the rest of the request is not wanted.
        """
        for stream_id in [stream_id for stream_id, until in self._unread.items() if now > until]:
            del self._unread[stream_id]
            self._answers.reset(stream_id, ErrorCodes.NO_ERROR)

    async def stream_send(self, event: StreamEvent) -> None:
        """Take one event of an answer. Reason: see the module."""
        stream_id = event.stream_id
        if isinstance(event, StreamClosed):
            await self._end_stream(stream_id)
        elif self.closed or stream_id not in self.streams:
            await trio.lowlevel.checkpoint()
        elif isinstance(event, Response):
            self._answers.hold(event)
        elif isinstance(event, Body):
            await self._send_body(stream_id, event.data, is_last=isinstance(event, FinalBody))
        elif isinstance(event, EndBody):
            await self._send_body(stream_id, b"", is_last=True)
        else:
            raise RuntimeError(f"{type(event).__name__} is not offered to applications here")

    async def _send_body(self, stream_id: int, data: bytes, *, is_last: bool) -> None:
        whole = False
        try:
            await self._answers.send(stream_id, data, is_last=is_last)
            whole = True
        except (h2.exceptions.ProtocolError, KeyError):
            # The peer has closed the stream, or the connection, while we waited; or the application's fields
            # cannot be sent, and then its peer must not wait for them.
            whole = True
            self._answers.reset(stream_id, ErrorCodes.INTERNAL_ERROR)
            await self._close_stream(stream_id)
            await trio.lowlevel.checkpoint()
        finally:
            if not whole:
                # Cancelled in the middle: what follows would be taken for the rest of what is missing.
                self._answers.reset(stream_id, ErrorCodes.INTERNAL_ERROR)

    async def _end_stream(self, stream_id: int) -> None:
        """Take the end of an application."""
        stream = self._stream(stream_id)
        if stream is None:
            return
        inbox = stream.inbox
        if not stream.is_answered and self._answers.drop_head(stream_id):
            # The application failed between head and body: a plain 500 is still possible.
            self._answers.say(stream_id, 500)
        elif not stream.is_answered:
            self._answers.reset(stream_id, ErrorCodes.INTERNAL_ERROR)
        elif inbox is not None and not inbox.ended:
            self._unread[stream_id] = trio.current_time() + self._limits.disconnect_grace_s
        await self._close_stream(stream_id)
        if self._link.server.draining and not self.streams:
            self._finish(ErrorCodes.NO_ERROR)
        await self.send(Updated(idle=not self.streams))

    async def _handle_events(self, events: list[h2.events.Event]) -> None:
        """Take what h2 has parsed. Reason: see the module."""
        for event in events:
            if isinstance(event, h2.events.RequestReceived):
                await self._create_stream(event)
            elif isinstance(event, h2.events.DataReceived):
                await self._take_data(event)
            elif isinstance(event, h2.events.StreamEnded):
                self._unread.pop(event.stream_id, None)
                stream = self._stream(event.stream_id)
                if stream is not None:
                    await stream.handle(EndBody(stream_id=event.stream_id))
            elif isinstance(event, h2.events.StreamReset):
                self._unread.pop(event.stream_id, None)
                await self._close_stream(event.stream_id)
                if not self._may_reset():
                    self._tally.cut_resetting_total += 1
                    self._finish(ErrorCodes.ENHANCE_YOUR_CALM)
                    return
                if self._link.server.draining and not self.streams:
                    self._finish(ErrorCodes.NO_ERROR)
                await self.send(Updated(idle=not self.streams))
            elif isinstance(event, h2.events.WindowUpdated):
                self._answers.window_updated(event.stream_id)
            elif isinstance(event, h2.events.RemoteSettingsChanged):
                self._answers.window_updated(None)
            elif isinstance(event, h2.events.ConnectionTerminated):
                await self.send(Closed())
                return
        await self._answers.flush()

    async def _take_data(self, event: h2.events.DataReceived) -> None:
        stream_id, size = event.stream_id, event.flow_controlled_length or 0
        stream = self._stream(stream_id)
        if stream is None or stream.inbox is None or stream.inbox.closed:
            self._credit(stream_id, size)
            return
        await stream.handle(Body(stream_id=stream_id, data=event.data or b""))
        padding = size - len(event.data or b"")
        if padding:
            self._credit(stream_id, padding)

    async def _create_stream(self, request: h2.events.RequestReceived) -> None:
        """Start one request, or refuse it. Reason: see the module."""
        stream_id, headers = request.stream_id, request.headers  # bytes, as header_encoding is None
        if (
            self._link.server.draining
            or len(self.streams) + len(self._unread) >= self._limits.max_streams
            # Threat: a stream that is opened and reset leaves its application running for a moment.
            or self._link.tasks.running >= 2 * self._limits.max_streams
        ):
            self._tally.refused_streams_total += 1
            self._answers.reset(stream_id, ErrorCodes.REFUSED_STREAM)
            return
        pseudo = {name: value for name, value in headers if name.startswith(b":")}
        refusal = find_http2_fault(pseudo, headers, self._limits)
        if refusal is not None:
            self._tally.malformed_requests_total += 1
            self._answers.say(stream_id, refusal)
            if request.stream_ended is None:
                self._unread[stream_id] = trio.current_time() + self._limits.disconnect_grace_s
            return
        stream = HttpStream(self._link, self.stream_send, stream_id)
        self.streams[stream_id] = stream
        await self.send(Updated(idle=False))
        await stream.handle(
            Request(
                stream_id=stream_id,
                headers=filter_pseudo_headers(headers),
                http_version="2",
                method=pseudo[b":method"].decode("ascii"),
                raw_path=pseudo[b":path"],
                state=self.connection_state,
            )
        )
        if stream.inbox is not None:
            stream.inbox.on_taken = partial(self._credit, stream_id)
        self.keep_alive_requests += 1

    async def _close_stream(self, stream_id: int) -> None:
        """Forget one stream. Reason: see the module."""
        stream = self._stream(stream_id)
        if stream is None:
            return
        del self.streams[stream_id]
        self._answers.drop_head(stream_id)
        await stream.handle(StreamClosed(stream_id=stream_id))
        self._answers.window_updated(stream_id)

    def _finish(self, code: ErrorCodes | None = None) -> None:
        """Say goodbye, and let the writer close the connection behind it."""
        if self._finishing or self.closed:
            return
        if code is not None:
            self.connection.close_connection(code)
        if code is not ErrorCodes.NO_ERROR:
            self._farewell = ClosedAfterAnswer()  # a peer that is still sending must be able to read why
        self._finishing = True
        self._answers.push()
        self._outbox.wake()

    def _credit(self, stream_id: int, size: int) -> None:
        """Let the peer send *size* bytes more."""
        if size and not (self.closed or self._finishing):
            self.connection.acknowledge_received_data(size, stream_id)
            self._answers.push()

    def _may_reset(self) -> bool:
        """Count one reset; return whether the peer may go on."""
        self._tally.stream_resets_total += 1
        # Trade: a proxy resets for all the people behind it, and has limits of its own.
        return self._resets.spend(trio.current_time()) or self._link.peer.trusted

    def _stream(self, stream_id: int) -> HttpStream | None:
        return cast("HttpStream | None", self.streams.get(stream_id))
