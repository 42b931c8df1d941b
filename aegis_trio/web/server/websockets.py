"""WebSockets: one stream each, from its upgrade to its end, with a bound for everything that a peer may do.

Laws:
    1. Frames are taken up only while the application has room; the rest stays bytes, and then nothing is read.
    2. A message is bounded in bytes, frames and time; a peer in signs of life; a closing handshake in time.
    3. Whatever ends the socket, `receive` says so once all that came before is read; `send` is then a checkpoint.

What an application may rely on:
    `receive` gives `websocket.connect`, then messages with both `bytes` and `text` (one of them None), and after the
    last one `websocket.disconnect` with `code` and `reason`, again and again. It raises nothing.
    `send` waits while the peer reads slowly, and raises for nothing that a peer does: a peer that is gone, or was
    cut, is told by `receive`. It may be called by several tasks; each message leaves whole. Cancelling it in the
    middle of a frame ends the connection.
    After the disconnect an application has the grace (`disconnect_grace_s`) to end, then it is cancelled.

Each override has one reason:
    handle      a refused handshake ends its connection; bytes that arrive before the application has accepted wait
                for it, instead of answering the upgrade twice
    app_send    closing is a handshake with a deadline; sending after the end is a checkpoint, not a busy loop
    _accept     an answer that cannot be given is the application's fault, and no compression is ever agreed on
                (a bomb: 400 KB inflate to 600 MB)
    _send_pings ends with its stream

Not here: who may open a socket (web/front.py), what is said on it (transports), WebSockets over HTTP/2 (RFC 8441:
they are refused). Source: RFC 6455; hypercorn/protocol/ws_stream.py; ASGI 3.0, WebSocket message format 2.3.
"""

from __future__ import annotations

from typing import Final, cast, final

import trio
from hypercorn.events import Closed
from hypercorn.protocol.events import Data, Event, Request, Response, StreamClosed
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from hypercorn.typing import ASGISendEvent, WebsocketAcceptEvent, WebsocketDisconnectEvent
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.events import Event as WebSocketEvent
from wsproto.frame_protocol import CloseReason

from aegis_trio.web.server.context import Link
from aegis_trio.web.server.events import ClosedAfterAnswer, StreamSend
from aegis_trio.web.server.inbox import Inbox

_TURN: Final = 64  # frames taken up before others may run again


@final
class WebSocketStream(WSStream):
    """One WebSocket."""

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
        self._server = link.server
        self._tasks = link.tasks
        self._limits = link.server.limits
        self._tally = link.server.tally
        self._early = bytearray()  # what came before the application accepted
        self._message = bytearray()  # the message that is arriving
        self._frames = 0  # of it
        self._message_since: float | None = None
        self._behind = False  # wsproto may hold frames that were not taken up
        self._turn = trio.Lock()  # of who takes frames up
        self._deaf = False  # what the peer sends no longer matters
        self._told = False  # the application knows the end, or will find it behind what came before
        self._pinged_at: float | None = None  # the oldest ping to which nothing came back
        self._pinging = False
        self._closing_until: float | None = None
        self._over = trio.Event()
        self.farewell: Closed = ClosedAfterAnswer()
        self.inbox: Inbox | None = None

    @property
    def is_full(self) -> bool:
        """Whether the connection must stop reading."""
        return self._is_stalled or self._behind

    @property
    def _is_stalled(self) -> bool:
        return self.state is ASGIWebsocketState.CONNECTED and self.inbox is not None and self.inbox.is_full

    async def handle(self, event: Event) -> None:
        """Take one event of the peer. Reason: see the module."""
        if self.closed:
            return
        if isinstance(event, Data):
            await self._hear(event.data)
        elif isinstance(event, StreamClosed):
            self.closed = True
            self._over.set()
            await self._tell(CloseReason.ABNORMAL_CLOSURE)
        else:
            await super().handle(event)
        if isinstance(event, Request):
            self.inbox = cast("Inbox | None", self.app_put)  # pyright: ignore[reportUnknownMemberType] -- AppTasks'
            if self.inbox is None:  # the handshake was refused
                await self.send(StreamClosed(stream_id=self.stream_id))

    async def app_send(self, message: ASGISendEvent | None) -> None:
        """Take one message of the application. Reason: see the module."""
        if self.closed or self.state is ASGIWebsocketState.CLOSED:
            # Threat: `while True: await send(x)` after a disconnect would hold the whole process.
            await trio.lowlevel.checkpoint()
        elif self.state is not ASGIWebsocketState.CONNECTED:
            await super().app_send(message)
        elif message is None:  # the application ended without a word
            await self._close(CloseReason.INTERNAL_ERROR)
        elif message["type"] == "websocket.close":
            await self._close(message.get("code") or CloseReason.NORMAL_CLOSURE, message.get("reason"))
        else:
            await super().app_send(message)

    async def read_on(self) -> None:
        """Take up what wsproto holds, until there is no more or the application has no room."""
        async with self._turn:
            events = self.connection.events()
            taken = 0
            while not self._deaf and not self.closed:
                self._behind = self._is_stalled
                event = None if self._behind else next(events, None)
                if event is None:
                    return
                await self._take(event)
                taken += 1
                if taken % _TURN == 0:
                    await trio.lowlevel.checkpoint()
            self._behind = False

    async def go_away(self) -> None:
        """Close because the server ends. A socket that is not accepted yet is closed when it is."""
        if self.state is ASGIWebsocketState.CONNECTED:
            await self._close_untold(CloseReason.GOING_AWAY)

    def check(self, now: float) -> None:
        """Keep the deadlines; called by the sweeper."""
        limits = self._limits
        if self.closed:
            return
        if self._closing_until is not None:
            if now > self._closing_until:
                self.farewell = Closed()
                self._tasks.spawn(self.send, StreamClosed(stream_id=self.stream_id))
        elif self.is_full:
            # It is our application that does not listen; the peer may have answered long ago.
            self._pinged_at = None if self._pinged_at is None else now
            self._message_since = None if self._message_since is None else now
        elif self._pinged_at is not None and not self._pinging and now - self._pinged_at > limits.websocket_pong_s:
            self._pinged_at = None
            self._tally.cut_silent_total += 1
            self._tasks.spawn(self._close_untold, CloseReason.INTERNAL_ERROR)
        elif self._message_since is not None and now - self._message_since > limits.websocket_message_s:
            self._message_since = None
            self._tasks.spawn(self._fail, CloseReason.POLICY_VIOLATION)

    async def _accept(self, message: WebsocketAcceptEvent) -> None:
        """Answer the upgrade. Reason: see the module."""
        self.handshake.extensions = None  # Threat: a compressed message is inflated before its size is known
        status, headers, self.connection = self.handshake.accept(
            message.get("subprotocol"), message.get("headers") or []
        )
        self.state = ASGIWebsocketState.CONNECTED
        self.farewell = ClosedAfterAnswer(within_s=self._limits.websocket_close_s)
        if self._early:
            # Invariant: before we wait, or what comes meanwhile would overtake it.
            self.connection.receive_data(bytes(self._early))
            self._early.clear()
            self._behind = True
        await self.send(Response(stream_id=self.stream_id, status_code=status, headers=headers))
        self._tasks.spawn(self._send_pings)
        if self._behind:
            self._tasks.spawn(self._catch_up)
        if self._server.draining:
            await self.go_away()

    async def _catch_up(self) -> None:
        """Take up what came before the application accepted, as room comes."""
        while self._behind and not self.closed:
            if self.inbox is not None:
                await self.inbox.wait_for_room()
            await self.read_on()

    async def _hear(self, data: bytes) -> None:
        self._pinged_at = None
        if not self.handshake.accepted:
            self._early += data
            if len(self._early) > self._limits.max_pipelined_bytes:
                self._tally.cut_pipelining_total += 1
                await self.send(StreamClosed(stream_id=self.stream_id))
        elif not self._deaf:
            self.connection.receive_data(data)
            await self.read_on()

    async def _take(self, event: WebSocketEvent) -> None:
        if isinstance(event, TextMessage | BytesMessage):
            await self._collect(event)
        elif isinstance(event, Ping):
            await self._send_wsproto_event(event.response())
        elif isinstance(event, CloseConnection):
            self._deaf = True
            if self.connection.state is ConnectionState.OPEN:  # the peer did not close: it broke the protocol
                await self._fail(event.code)
                return
            if self.connection.state is ConnectionState.REMOTE_CLOSING:
                self._begin_closing()
                await self._tell(event.code, event.reason)
                await self._send_wsproto_event(event.response())
            if self.connection.state is ConnectionState.CLOSED:  # else the protocol was broken while we closed
                await self._tell(event.code, event.reason)
                self.farewell = Closed()
            await self.send(StreamClosed(stream_id=self.stream_id))

    async def _collect(self, event: TextMessage | BytesMessage) -> None:
        if self.state is not ASGIWebsocketState.CONNECTED:
            return  # it closes: nobody will read this
        self._message += event.data.encode() if isinstance(event, TextMessage) else event.data
        self._frames += event.frame_finished
        limits = self._limits
        if len(self._message) > limits.max_websocket_message_bytes or self._frames > limits.max_websocket_frames:
            await self._fail(CloseReason.MESSAGE_TOO_BIG)
        elif not event.message_finished:
            if self._message_since is None:
                self._message_since = trio.current_time()
        elif self.inbox is not None:
            data, is_text = bytes(self._message), isinstance(event, TextMessage)
            self._message.clear()
            self._frames, self._message_since = 0, None
            await self.inbox(
                {
                    "type": "websocket.receive",
                    "bytes": None if is_text else data,
                    "text": data.decode() if is_text else None,
                }
            )

    async def _fail(self, code: int) -> None:
        """End at once, with a close frame that the peer may still read. Source: RFC 6455 section 7.1.7."""
        self._tally.failed_websockets_total += 1
        self._deaf = True
        self._message.clear()
        await self._close_untold(code)
        await self.send(StreamClosed(stream_id=self.stream_id))

    async def _close_untold(self, code: int) -> None:
        """Close although the application did not ask for it."""
        await self._tell(code)
        await self._close(code)

    async def _close(self, code: int, reason: str | None = None) -> None:
        """Begin the closing handshake."""
        self._begin_closing()
        await self._send_wsproto_event(CloseConnection(code=code, reason=reason))

    def _begin_closing(self) -> None:
        self.state = ASGIWebsocketState.CLOSED
        self._closing_until = trio.current_time() + self._limits.websocket_close_s

    async def _tell(self, code: int, reason: str | None = None) -> None:
        """Let the application know the end, once; it has the grace to end itself."""
        if self.inbox is not None and not self._told:
            self._told = True
            # Hypercorn's type does not know the reason. Source: ASGI, WebSocket message format 2.3.
            end = {"type": "websocket.disconnect", "code": int(code), "reason": reason or ""}
            await self.inbox(cast("WebsocketDisconnectEvent", end))
            self.inbox.expire()

    async def _send_pings(self) -> None:
        """Ping until the stream is over. Reason: stock sleeps on after the end."""
        self._tally.websockets_total += 1
        self._tally.open_websockets += 1
        try:
            while not self._over.is_set():
                # Trade: not at once: some clients break over a ping while they close what they just opened.
                with trio.move_on_after(self._limits.websocket_ping_s):
                    await self._over.wait()
                if self.state is ASGIWebsocketState.CONNECTED and not self.closed:
                    await self._ping()
        finally:
            self._tally.open_websockets -= 1

    async def _ping(self) -> None:
        sent_at = trio.current_time()
        self._pinged_at = sent_at if self._pinged_at is None else self._pinged_at
        self._pinging = True  # it may wait behind a message that is read slowly
        await self._send_wsproto_event(Ping())
        self._pinging = False
        if self._pinged_at == sent_at:
            self._pinged_at = trio.current_time()
