"""Every wait for a peer has a deadline. Trio's test clock moves; the connections are streams in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from h2.errors import ErrorCodes
from hyperframe.frame import PingFrame

from aegis_trio.web.server.admission import Peer
from aegis_trio.web.server.connection import Connection
from aegis_trio.web.server.context import ServerContext
from aegis_trio.web.server.limits import ConnectionLimits
from aegis_trio.web.server.serve import RunningServer, _sweep
from tests.serving import RecordingLog
from tests.web.server.clients import Http1Client, Http2Client
from tests.web.server.probes import UPGRADE, websocket_frame
from tests.web.server.stage import Stage

PEER = Peer(client=("192.0.2.1", 50_000), server=("192.0.2.2", 443), trusted=False, counted_as="192.0.2.1")
Pair = tuple[trio.abc.Stream, trio.abc.Stream]


@asynccontextmanager
async def open_connection(
    app: Any, pair: Callable[[], Pair], *, peer: Peer = PEER, **limits: Any
) -> AsyncGenerator[tuple[trio.abc.Stream, ServerContext, Callable[[], Awaitable[None]]]]:
    """Serve one connection in memory; give the client's end, and a way to wait until the server's has ended."""
    context = ServerContext(app, ConnectionLimits(**limits), RecordingLog())
    server = RunningServer(context)
    ours, theirs = pair()
    ended = trio.Event()

    async def run() -> None:
        await connection.run()
        server.connections.discard(connection)
        ended.set()

    async with trio.open_nursery() as nursery:
        connection = Connection(context, ours, peer)
        server.connections.add(connection)
        nursery.start_soon(_sweep, server)
        nursery.start_soon(run)
        yield theirs, context, ended.wait
        connection.abort()
        await ended.wait()
        nursery.cancel_scope.cancel()


async def test_an_idle_connection_is_closed_after_the_keep_alive(autojump_clock: trio.testing.MockClock) -> None:
    """A connection without a request costs memory, so it may stay only so long."""
    async with open_connection(Stage(), trio.testing.memory_stream_pair, keep_alive_s=30) as (stream, context, ended):
        client = Http1Client(stream)
        await client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (200, b"ok 0") == await client.read_answer()
        answered_at = trio.current_time()

        await ended()

        assert 30 <= trio.current_time() - answered_at < 31.5
        assert 1 == context.tally.cut_idle_total


async def test_a_head_that_drips_in_is_cut_after_the_keep_alive(autojump_clock: trio.testing.MockClock) -> None:
    """Slowloris: a byte now and then must not keep a connection open."""
    async with open_connection(Stage(), trio.testing.memory_stream_pair, keep_alive_s=30) as (stream, context, ended):

        async def drip() -> None:
            await stream.send_all(b"GET / HTTP/1.1\r\nx: ")
            while True:
                await stream.send_all(b"a")
                await trio.sleep(1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(drip)
            await ended()
            nursery.cancel_scope.cancel()

        assert 1 == context.tally.cut_idle_total
        assert trio.current_time() < 31.5


async def test_a_stream_is_not_idle_for_as_long_as_it_lasts(autojump_clock: trio.testing.MockClock) -> None:
    """The keep-alive counts between requests only: a quiet event stream may stay for hours."""
    stage = Stage()
    async with open_connection(stage, trio.testing.memory_stream_pair, keep_alive_s=30) as (stream, _, _):
        client = Http1Client(stream)
        await client.send(b"GET /events HTTP/1.1\r\nhost: x\r\n\r\n")
        await client.read_until(b": ok\n\n")

        await trio.sleep(10_000)

        assert 1 == stage.publish("late")
        await client.read_until(b"data: late")


async def test_an_idle_http2_connection_is_told_goodbye(autojump_clock: trio.testing.MockClock) -> None:
    """GOAWAY lets a client know that none of its requests was lost."""
    async with open_connection(Stage(), trio.testing.memory_stream_pair, keep_alive_s=30) as (stream, context, _):
        client = Http2Client(stream)
        await client.begin()
        assert (200, b"ok 0") == await client.read_answer(await client.request("/"))

        assert ErrorCodes.NO_ERROR == await client.read_goodbye()

        assert 1 == context.tally.cut_idle_total


@pytest.mark.parametrize(
    "request_bytes", [b"GET /flood HTTP/1.1\r\nhost: x\r\n\r\n", UPGRADE % (b"/flood", b"")], ids=["http", "websocket"]
)
async def test_a_peer_that_does_not_read_is_cut_after_the_write_deadline(
    autojump_clock: trio.testing.MockClock, request_bytes: bytes
) -> None:
    """Law: no write without a deadline; the application behind it ends too."""
    stage = Stage()
    pair = trio.testing.lockstep_stream_pair
    async with open_connection(stage, pair, write_deadline_s=30) as (stream, context, ended):
        await stream.send_all(request_bytes)

        await ended()

        assert 30 <= trio.current_time() < 31.5
        assert 1 == context.tally.cut_reading_slowly_total
        assert 0 == stage.open_requests


async def test_a_peer_that_reads_slowly_but_steadily_is_not_cut(autojump_clock: trio.testing.MockClock) -> None:
    """The deadline is for each 64 KiB, not for a whole answer: a slow line is no attack."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000000")]})
        await send({"type": "http.response.body", "body": bytes(1_000_000), "more_body": False})

    pair = trio.testing.lockstep_stream_pair
    async with open_connection(app, pair, write_deadline_s=30) as (stream, context, _):
        await stream.send_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        received = 0
        while received < 1_000_000:
            await trio.sleep(5)
            received += len(await stream.receive_some(16_384))

        assert trio.current_time() > 300
        assert 0 == context.tally.cut_reading_slowly_total


async def test_an_http2_stream_without_a_window_is_reset_after_the_write_deadline(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A peer can stop reading one stream while it reads the others; it loses that one."""
    stage = Stage()
    async with open_connection(stage, trio.testing.memory_stream_pair, write_deadline_s=30) as (stream, context, _):
        client = Http2Client(stream, window=0)
        await client.begin()
        events = await client.request("/events")
        client.connection.increment_flow_control_window(1000, events)
        stuck = await client.request("/flood")
        await client.read_body_until(events, b": ok\n\n")

        assert ErrorCodes.CANCEL == await client.read_reset(stuck)

        assert 30 <= trio.current_time() < 31
        stage.publish("alive")
        await client.read_body_until(events, b"data: alive")
        assert 1 == context.tally.cut_reading_slowly_total


async def test_answers_that_nobody_reads_stop_the_reading(autojump_clock: trio.testing.MockClock) -> None:
    """Every PING is answered, and answers wait in memory: whoever does not take them is not listened to."""
    sent = 0
    async with open_connection(Stage(), trio.testing.lockstep_stream_pair) as (stream, _, _):
        client = Http2Client(stream)
        await client.begin()
        with trio.move_on_after(10) as blocked:
            while sent < 10_000_000:
                await stream.send_all(PingFrame(0, opaque_data=b"12345678").serialize() * 1000)
                sent += 17_000

    assert blocked.cancelled_caught
    assert 500_000 > sent


async def test_an_application_that_ignores_the_end_is_cancelled_after_the_grace(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Nothing outlives its connection for longer than the grace."""
    stage = Stage()
    async with open_connection(stage, trio.testing.memory_stream_pair, disconnect_grace_s=2) as (stream, _, ended):
        await stream.send_all(b"GET /deaf HTTP/1.1\r\nhost: x\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked()
        assert 1 == stage.open_requests
        await stream.aclose()

        await ended()

        assert 2 == pytest.approx(trio.current_time(), abs=0.1)
        assert 0 == stage.open_requests


async def test_a_websocket_that_answers_no_ping_is_closed(autojump_clock: trio.testing.MockClock) -> None:
    """A peer that is gone without a word is found by its silence."""
    async with open_connection(Stage(), trio.testing.memory_stream_pair, websocket_ping_s=20) as (_, context, ended):
        await _.send_all(UPGRADE % (b"/", b""))

        await ended()

        assert 1 == context.tally.cut_silent_total
        assert 41 <= trio.current_time() < 42.5  # a ping after 20 s, 20 s for its pong, 1 s for the peer's close


async def test_a_websocket_that_answers_its_pings_stays(autojump_clock: trio.testing.MockClock) -> None:
    """An idle WebSocket is alive for as long as its peer is."""
    stage = Stage()
    async with open_connection(stage, trio.testing.memory_stream_pair, websocket_ping_s=20) as (stream, context, _):
        client = Http1Client(stream)
        await client.send(UPGRADE % (b"/", b""))
        for _round in range(10):
            await client.read_until(b"\x89\x00")
            await client.send(websocket_frame(10, b""))

        assert trio.current_time() >= 180
        assert 0 == context.tally.cut_silent_total
        assert 1 == stage.open_requests


async def test_an_application_cancelled_while_it_sends_ends_its_http1_connection(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Half of a piece was sent, so nothing can follow it; and cancelling works, as no write is shielded."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        with trio.move_on_after(5):
            await send({"type": "http.response.body", "body": bytes(60_000), "more_body": True})
        await trio.sleep(1000)

    async with open_connection(app, trio.testing.lockstep_stream_pair) as (stream, _, ended):
        await stream.send_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")

        await ended()

        assert 5 == pytest.approx(trio.current_time(), abs=0.1)


async def test_an_application_cancelled_while_it_sends_resets_its_http2_stream_only(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """What a peer holds of the answer has a hole at its end, so it must not be taken for whole."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        size = 100_000 if scope["path"] == "/cut" else 10
        with trio.move_on_after(5):
            await send({"type": "http.response.body", "body": bytes(size), "more_body": True})
        await send({"type": "http.response.body", "body": b"end", "more_body": False})

    async with open_connection(app, trio.testing.memory_stream_pair) as (stream, _, _):
        client = Http2Client(stream, credits_body=False, window=20_000)
        await client.begin()
        cut = await client.request("/cut")

        assert ErrorCodes.INTERNAL_ERROR == await client.read_reset(cut)

        assert (200, bytes(10) + b"end") == await client.read_answer(await client.request("/whole"))


async def test_a_trusted_proxy_may_reset_as_often_as_it_must(autojump_clock: trio.testing.MockClock) -> None:
    """Behind a proxy stand many people; one of them who resets must not cost the others their connection."""
    trusted = Peer(client=("192.0.2.1", 1), server=None, trusted=True, counted_as=None)
    stage = Stage()
    async with open_connection(stage, trio.testing.memory_stream_pair, peer=trusted, max_resets=10) as (stream, ctx, _):
        client = Http2Client(stream)
        await client.begin()
        for _round in range(30):
            stream_id = await client.request("/deaf")
            client.connection.reset_stream(stream_id)
            await client.flush()

        assert (200, b"ok 0") == await client.read_answer(await client.request("/"))
        assert 30 == ctx.tally.stream_resets_total
        assert 0 == ctx.tally.cut_resetting_total


async def test_a_fault_of_the_connection_itself_is_contained_and_logged(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should a library fail in a way that nobody foresaw, the connection ends, and nothing else."""

    class Broken(trio.abc.Stream):
        async def receive_some(self, max_bytes: int | None = None) -> bytes:
            raise ZeroDivisionError

        async def send_all(self, data: Any) -> None: ...

        async def wait_send_all_might_not_block(self) -> None: ...

        async def aclose(self) -> None: ...

    log = RecordingLog()
    context = ServerContext(Stage(), ConnectionLimits(), log)

    await Connection(context, Broken(), PEER).run()

    assert 1 == context.tally.contained_faults_total
    assert ["connection_fault"] == [event for event, _ in log.records]
