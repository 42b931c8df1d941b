"""One connection: its bytes, its deadlines and its end, around whichever protocol it speaks.

Laws:
    1. Whatever goes wrong ends here (`run`), and the socket is closed then.
    2. Nothing is shielded from cancellation: the write deadline, the drain and the supervisor can always end it.
       Bytes that were cut in the middle end the connection, as nothing can follow them.
    3. Deadlines are plain numbers that the sweeper compares: no scope, task or lock per request.

Not here: admission and accepting (serve). Works on any Trio stream; only sockets are closed from outside, other
streams are cancelled. Source: hypercorn/trio/tcp_server.py.
"""

from __future__ import annotations

import select
from typing import Final, cast, final

import trio
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.trio.tcp_server import MAX_RECV, TCPServer
from hypercorn.typing import ConnectionState

from aegis_trio.web.server.admission import Peer
from aegis_trio.web.server.containment import contained
from aegis_trio.web.server.context import Link, ServerContext
from aegis_trio.web.server.events import ClosedAfterAnswer
from aegis_trio.web.server.protocol import Protocol
from aegis_trio.web.server.tasks import AppTasks

_WRITE_BYTES: Final = 64 * 1024  # what must leave within one write deadline
_FAREWELL_S: Final = 1.0  # for TLS's close_notify, which nobody is obliged to read
_LOOK_S: Final = 0.5  # how often a connection that we do not read is asked whether its peer is gone


@final
class Connection(TCPServer):
    """Hypercorn's connection handler, contained, and on deadlines that the sweeper keeps."""

    def __init__(self, server: ServerContext, stream: trio.abc.Stream, peer: Peer) -> None:
        # Hypercorn declares TLS streams, and takes others by their attributes.
        super().__init__(server.app, server.config, server, {}, cast("trio.SSLStream[trio.SocketStream]", stream))
        self._server = server
        self._wire = stream
        self._peer = peer
        self._tasks: AppTasks | None = None
        self._spoken: Protocol | None = None
        self._idle_since: float | None = None
        self._write_since: float | None = None
        self._listens_until: float | None = None
        self._closed = False

    async def run(self) -> None:
        """Serve the connection until it ends. Reason: stock lets a fault end the whole server."""
        with contained(self._server.log, "connection_fault", self._count_fault, client=self._peer.client):
            try:
                alpn = await self._shake_hands()
                if alpn is not None:
                    await self._speak(alpn)
            finally:
                self._closed = True
                await trio.aclose_forcefully(self._wire)

    async def _shake_hands(self) -> str | None:
        """Return the protocol that was agreed, or None when there is nobody to speak to."""
        if not isinstance(self._wire, trio.SSLStream):
            return "http/1.1"
        tls = cast("trio.SSLStream[trio.SocketStream]", self._wire)
        try:
            with trio.fail_after(self._server.limits.handshake_s):
                await tls.do_handshake()
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            self._server.tally.failed_handshakes_total += 1
            return None
        return tls.selected_alpn_protocol() or "http/1.1"

    async def _speak(self, alpn: str) -> None:
        try:
            async with AppTasks(self._server.limits, self._server.tally, self._server.log) as tasks:
                self._tasks = tasks
                link = Link(
                    server=self._server,
                    tasks=tasks,
                    peer=self._peer,
                    encrypted=isinstance(self._wire, trio.SSLStream),
                    send=self.protocol_send,
                    state=ConnectionState({}),
                )
                self.protocol = self._spoken = Protocol(link, alpn)
                self._idle_since = trio.current_time()
                await self._spoken.initiate()
                if self._server.draining:  # it began while we shook hands
                    await self._spoken.retire()
                await self._read_data()
                await self._close()
                # Law: nothing outlives its connection for longer than the grace.
                tasks.cancel_scope.deadline = trio.current_time() + self._server.limits.disconnect_grace_s
        finally:
            self._tasks = None

    async def _read_data(self) -> None:
        """Read until the end. Reason: no timeout per read, and no waiting where the end would go unseen."""
        spoken = self._protocol()
        while True:
            try:
                data = await self._wire.receive_some(MAX_RECV)
            except (trio.ClosedResourceError, trio.BrokenResourceError):
                break
            if not data:
                break
            if self._listens_until is not None:
                continue  # it was answered already, and may only finish its sentence
            await spoken.handle(RawData(bytes(data)))
            while spoken.is_full and not self._closed:
                with trio.move_on_after(_LOOK_S):
                    await spoken.wait_for_room()
                if self._peer_hung_up():
                    break
                await spoken.read_on()
        await spoken.handle(Closed())

    async def protocol_send(self, event: Event) -> None:
        """Write, close or note a change. Reason: stock shields its writes and gives them no deadline."""
        if isinstance(event, RawData):
            await self._write(event.data)
        elif isinstance(event, ClosedAfterAnswer):
            await self._listen_on(event.within_s or self._server.limits.disconnect_grace_s)
        elif isinstance(event, Closed):
            await self._close()
            await self._protocol().handle(Closed())
        elif isinstance(event, Updated):
            self._idle_since = trio.current_time() if event.idle else None

    async def _write(self, data: bytes) -> None:
        if self._closed:
            await trio.lowlevel.checkpoint()
            return
        whole = False
        try:
            try:
                self.send_lock.acquire_nowait()
            except trio.WouldBlock:
                await self.send_lock.acquire()
            try:
                for start in range(0, len(data), _WRITE_BYTES):
                    self._write_since = trio.current_time()
                    await self._wire.send_all(data if len(data) <= _WRITE_BYTES else data[start : start + _WRITE_BYTES])
                whole = True
            finally:
                self._write_since = None
                self.send_lock.release()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            whole = True
            self._hang_up()
            await self._protocol().handle(Closed())
        finally:
            if not whole:
                self.abort()  # cancelled: half of something was sent

    async def _listen_on(self, within_s: float) -> None:
        """Close our side, and read a little longer.

        Closing a socket that holds unread bytes makes the kernel send a reset, which destroys the answer that is
        still on its way. Source: RFC 9112 section 9.6.
        """
        if self._closed or self._listens_until is not None:
            return
        self._idle_since = None
        self._listens_until = trio.current_time() + within_s
        if isinstance(self._wire, trio.abc.HalfCloseableStream):
            try:
                await self._wire.send_eof()
            except (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
                self._hang_up()
        await self._protocol().handle(Closed())

    async def _close(self) -> None:
        """Close politely, but not for long. Reason: stock waits for a peer that may never read."""
        if self._closed:
            return
        self._closed = True
        self._idle_since = None
        with trio.move_on_after(_FAREWELL_S):
            try:
                await self._wire.aclose()
            except (trio.BrokenResourceError, trio.BusyResourceError):
                self._hang_up()

    def begin_drain(self) -> None:
        """Begin the end: an idle connection closes now, a busy one after its requests."""
        if self._closed:
            return
        if self._spoken is None or self._tasks is None:
            self.abort()
        elif self._idle_since is not None or self._spoken.retires_busy:
            self._tasks.spawn(self._spoken.retire)

    def end_uploads(self) -> None:
        """Go on with the end: what has not arrived is not waited for."""
        if not self._closed and self._spoken is not None and self._tasks is not None:
            self._tasks.spawn(self._spoken.end_uploads)

    def abort(self) -> None:
        """End everything at once."""
        self._hang_up()
        if self._tasks is not None:
            self._tasks.cancel_scope.cancel()

    def check(self, now: float) -> None:
        """Keep the deadlines; called by the sweeper."""
        limits, tally = self._server.limits, self._server.tally
        if self._closed:
            return
        if self._spoken is not None:
            self._spoken.check(now)
        if self._write_since is not None and now - self._write_since > limits.write_deadline_s:
            tally.cut_reading_slowly_total += 1
            self._cut()
        elif self._listens_until is not None and now > self._listens_until:
            self._cut()
        elif self._idle_since is not None and now - self._idle_since > limits.keep_alive_s and self._tasks is not None:
            tally.cut_idle_total += 1
            self._idle_since = now
            self._tasks.spawn(self._protocol().retire)

    def _cut(self) -> None:
        """End the connection; its applications learn it as a disconnect where the stream allows it."""
        if not self._hang_up() and self._tasks is not None:
            self._tasks.cancel_scope.cancel()

    def _hang_up(self) -> bool:
        """Close the socket under whoever reads or writes; return whether there was one."""
        self._closed = True
        transport = _transport(self._wire)
        if transport is None:
            return False
        transport.socket.close()
        return True

    def _peer_hung_up(self) -> bool:
        """Ask the kernel whether the peer's end came, behind bytes that we do not read yet."""
        transport = _transport(self._wire)
        if transport is None or transport.socket.fileno() < 0:
            return self._closed
        poll = select.poll()
        poll.register(transport.socket.fileno(), select.POLLRDHUP)
        return bool(poll.poll(0))

    def _protocol(self) -> Protocol:
        if self._spoken is None:
            raise RuntimeError("the connection has not begun to speak")
        return self._spoken

    def _count_fault(self) -> None:
        self._server.tally.contained_faults_total += 1


def _transport(stream: trio.abc.Stream) -> trio.SocketStream | None:
    if isinstance(stream, trio.SSLStream):
        stream = cast("trio.SSLStream[trio.abc.Stream]", stream).transport_stream
    return stream if isinstance(stream, trio.SocketStream) else None
