"""The stage of the probes: an application with every habit that a server meets, and a bystander who listens.

A probe may do to its own connection what it likes; afterwards the bystander's stream must still flow, and
nothing may be left of the probe. Nothing here sleeps: the stream carries what a test puts in, when it does.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
import trio.testing

from tests.serving import Served, open_server
from tests.web.server.clients import Http1Client, Http2Client

SMALL = {"disconnect_grace_s": 0.3, "write_deadline_s": 1.5}
PATIENCE_S = 60  # only a broken server takes so long


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until *condition* holds; the kernel and the server need a moment for what a probe did."""
    with trio.fail_after(PATIENCE_S):
        while not condition():
            await trio.testing.wait_all_tasks_blocked(cushion=0.005)


class Stage:
    """The application, and what the probes did to it."""

    def __init__(self) -> None:
        self.listeners: set[trio.MemorySendChannel[str]] = set()
        self.open_requests = 0
        self.seen: list[Any] = []  # what the requests of a probe left for its assertions
        self.bytes_sent = 0
        self.served: Served
        self.connections: list[trio.SocketStream] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.open_requests += 1
        try:
            if scope["type"] == "websocket":
                await self.websocket(scope, receive, send)
            else:
                await getattr(self, f"get_{scope['path'].strip('/') or 'echo'}", self.get_echo)(scope, receive, send)
        finally:
            self.open_requests -= 1

    async def get_echo(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer with the body's length."""
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size, more = size + len(message["body"]), message["more_body"]
        await answer(send, 200, b"ok %d" % size)

    async def get_events(self, scope: Any, receive: Any, send: Any) -> None:
        """Send every text that is published, for as long as the peer listens."""
        sender, receiver = trio.open_memory_channel[str](100)
        self.listeners.add(sender)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b": ok\n\n", "more_body": True})
            async with trio.open_nursery() as nursery:
                nursery.start_soon(cancel_at_disconnect, receive, nursery.cancel_scope)
                async for text in receiver:
                    await send(
                        {"type": "http.response.body", "body": b"data: %s\n\n" % text.encode(), "more_body": True}
                    )
        finally:
            self.listeners.discard(sender)
            sender.close()

    async def get_early(self, scope: Any, receive: Any, send: Any) -> None:
        """Refuse without reading the body, as a 401 or a 413 does."""
        await answer(send, 401, b"no")

    async def get_unread(self, scope: Any, receive: Any, send: Any) -> None:
        """Hold the request without reading its body until the test says so."""
        release = trio.Event()
        self.seen.append(release)
        await release.wait()
        await answer(send, 200, b"late")

    async def get_deaf(self, scope: Any, receive: Any, send: Any) -> None:
        """Never look whether the peer is still there."""
        await trio.sleep_forever()

    async def get_flood(self, scope: Any, receive: Any, send: Any) -> None:
        """Send for ever, as fast as it is taken, and ignore that the peer has left."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        piece = bytes(16 * 1024)
        while True:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            self.bytes_sent += len(piece)

    async def get_boom(self, scope: Any, receive: Any, send: Any) -> None:
        """Fail before answering."""
        raise ValueError("boom")

    async def get_headless(self, scope: Any, receive: Any, send: Any) -> None:
        """Fail between the head and the body."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("boom")

    async def get_half(self, scope: Any, receive: Any, send: Any) -> None:
        """Fail in the middle of the answer."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ValueError("boom")

    async def get_scope(self, scope: Any, receive: Any, send: Any) -> None:
        """Leave the scope for the test."""
        self.seen.append(scope)
        await answer(send, 200, b"seen")

    async def get_busy(self, scope: Any, receive: Any, send: Any) -> None:
        """Ask for messages for ever, also after the disconnect."""
        while True:
            self.seen.append((await receive())["type"])

    async def websocket(self, scope: Any, receive: Any, send: Any) -> None:
        """Take the connect message, then do what the path says; every other path accepts and echoes."""
        self.seen.append(scope)
        await receive()
        await getattr(self, f"socket_{scope['path'].strip('/') or 'echo'}", self.socket_echo)(receive, send)

    async def socket_echo(self, receive: Any, send: Any) -> None:
        """Send back what comes, and leave the end for the test."""
        await accept(send)
        while (message := await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "bytes": message["bytes"], "text": message["text"]})
        self.seen.append(message)

    async def socket_refuse(self, receive: Any, send: Any) -> None:
        """Never accept."""
        await send({"type": "websocket.close", "code": 1008, "reason": None})

    async def socket_denied(self, receive: Any, send: Any) -> None:
        """Answer instead of accepting."""
        headers = [(b"www-authenticate", b"Bearer"), (b"content-length", b"2")]
        await send({"type": "websocket.http.response.start", "status": 401, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b"no", "more_body": False})

    async def socket_boom(self, receive: Any, send: Any) -> None:
        """Fail before accepting."""
        raise ValueError("boom")

    async def socket_broken(self, receive: Any, send: Any) -> None:
        """Fail after accepting."""
        await accept(send)
        raise ValueError("boom")

    async def socket_unasked(self, receive: Any, send: Any) -> None:
        """Choose a protocol that the peer did not offer."""
        await accept(send, subprotocol="mcp")

    async def socket_deaf(self, receive: Any, send: Any) -> None:
        """Never read."""
        await accept(send)
        await trio.sleep_forever()

    async def socket_held(self, receive: Any, send: Any) -> None:
        """Accept when the test says so, read when it says so again, and leave what came for it."""
        for turn in ("accept", "read"):
            release = trio.Event()
            self.seen.append(release)
            await release.wait()
            if turn == "accept":
                await accept(send)
        while (message := await receive())["type"] != "websocket.disconnect":
            self.seen.append(message["bytes"])
        self.seen.append(message)

    async def socket_flood(self, receive: Any, send: Any) -> None:
        """Send for ever, as fast as it is taken, and ignore that the peer has left."""
        await accept(send)
        while True:
            await send({"type": "websocket.send", "bytes": bytes(16 * 1024), "text": None})

    async def socket_close(self, receive: Any, send: Any) -> None:
        """Close, then go on as if nothing were: to send, and to read until the end, and beyond."""
        await accept(send)
        await send({"type": "websocket.close", "code": 4000, "reason": "enough"})
        for _ in range(3):
            await send({"type": "websocket.send", "bytes": None, "text": "late"})
        while (message := await receive())["type"] != "websocket.disconnect":
            self.seen.append(message)
        self.seen.append(message)
        self.seen.append(await receive())

    def publish(self, text: str) -> int:
        """Put *text* into every open stream of `/events`; return how many there are."""
        for sender in self.listeners:
            sender.send_nowait(text)
        return len(self.listeners)

    def hang_up(self, but: tuple[trio.abc.Stream, ...] = ()) -> None:
        """Close every connection but those."""
        for stream in self.connections:
            if stream not in but:
                stream.socket.close()

    async def connect(self) -> trio.SocketStream:
        """Open a connection of the probe's own."""
        stream = await trio.open_tcp_stream(self.served.host, self.served.port)
        self.connections.append(stream)
        return stream

    async def http1(self) -> Http1Client:
        return Http1Client(await self.connect())

    async def http2(self, **options: Any) -> Http2Client:
        client = Http2Client(await self.connect(), **options)
        await client.begin()
        return client

    async def raw(self, data: bytes) -> bytes:
        """Send *data*, and return everything that comes until the server ends the connection."""
        client = await self.http1()
        await client.send(data)
        return await client.read_to_end()


class Bystander:
    """Streams that were open before a probe and must still flow after it: HTTP/1.1, and two of HTTP/2."""

    def __init__(self, stage: Stage, http1: Http1Client, http2: Http2Client, stream_ids: list[int]) -> None:
        self._stage = stage
        self._http1 = http1
        self._http2 = http2
        self._stream_ids = stream_ids
        self._turn = 0

    async def must_still_hear(self) -> None:
        """Publish a text and read it on every stream."""
        self._turn += 1
        text = f"turn-{self._turn}-"
        with trio.fail_after(PATIENCE_S):
            assert self._stage.publish(text) >= 1 + len(self._stream_ids)
            await self._http1.read_until(text.encode())
            for stream_id in self._stream_ids:
                await self._http2.read_body_until(stream_id, text.encode())


async def answer(send: Any, status: int, body: bytes) -> None:
    """Give a whole answer."""
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def accept(send: Any, subprotocol: str | None = None) -> None:
    """Accept an upgrade."""
    await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": []})


async def cancel_at_disconnect(receive: Any, scope: trio.CancelScope) -> None:
    """Watch for the end of the peer."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


@asynccontextmanager
async def open_stage(**options: Any) -> AsyncGenerator[tuple[Stage, Bystander]]:
    """Serve a stage with a bystander; afterwards nothing of the probes may be left."""
    stage = Stage()
    async with open_server(stage, **{**SMALL, **options}) as served:
        stage.served = served
        http1, http2 = await stage.http1(), await stage.http2()
        await http1.send(b"GET /events HTTP/1.1\r\nhost: bystander\r\n\r\n")
        await http1.read_until(b": ok\n\n")
        stream_ids = [await http2.request("/events") for _ in range(2)]
        for stream_id in stream_ids:
            await http2.read_body_until(stream_id, b": ok\n\n")
        tasks, descriptors = count_tasks(), count_descriptors()

        try:
            yield stage, Bystander(stage, http1, http2, stream_ids)
        except BaseException:
            stage.hang_up()
            raise
        stage.hang_up(but=(http1.stream, http2.stream))
        await wait_until(lambda: served.statistics().open_connections == 2)
        await wait_until(lambda: stage.open_requests == 1 + len(stream_ids))
        await wait_until(lambda: count_tasks() <= tasks)
        await wait_until(lambda: count_descriptors() <= descriptors)
        stage.hang_up()


def count_tasks() -> int:
    """Return how many tasks there are in this process."""
    return trio.lowlevel.current_statistics().tasks_living


def count_descriptors() -> int:
    """Return how many file descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))
