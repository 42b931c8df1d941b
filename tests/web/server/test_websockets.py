"""What a transport over WebSocket may rely on: told by a client that behaves, and by Trio's test clock."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import trio
import trio.testing
import trio_websocket
from trio_websocket import ConnectionClosed, ConnectionRejected

from aegis_trio.web.server.limits import ConnectionLimits
from tests.serving import open_server
from tests.web.server.clients import Http1Client
from tests.web.server.probes import UPGRADE, websocket_frame
from tests.web.server.stage import PATIENCE_S, Stage, accept, open_stage, wait_until
from tests.web.server.test_deadlines import open_connection
from tests.web.server.websocket_probes import PING, close_frame


@asynccontextmanager
async def _dial(
    stage: Stage, path: str = "/", *, tls: ssl.SSLContext | None = None, **options: Any
) -> AsyncGenerator[trio_websocket.WebSocketConnection]:
    """Open a WebSocket on a stream of our own: the library leaves its open when the server ends first."""
    stream: Any = await stage.connect()
    if tls is not None:
        stream = trio.SSLStream(stream, tls)
    async with stream, trio.open_nursery() as nursery:
        try:
            async with await trio_websocket.wrap_client_stream(
                nursery, stream, stage.served.host, path, **options
            ) as socket:
                yield socket
        finally:
            nursery.cancel_scope.cancel()


@pytest.mark.sockets
async def test_text_and_bytes_go_both_ways() -> None:
    """Which of the two it takes is the application's to say; both reach it, and both leave."""
    async with open_stage() as (stage, bystander):
        async with _dial(stage) as socket:
            for message in ("text", "€" * 100_000, b"bytes", bytes(200_000), "", b""):
                await socket.send_message(message)
                assert message == await socket.get_message()
            await bystander.must_still_hear()
            statistics = stage.served.statistics()
            assert (1, 1) == (statistics.open_websockets, statistics.websockets_total)
        await wait_until(lambda: len(stage.seen) == 2)
        assert {"type": "websocket.disconnect", "code": 1000, "reason": ""} == stage.seen[1]
        await wait_until(lambda: stage.served.statistics().open_websockets == 0)
        assert 0 == stage.served.statistics().failed_websockets_total


@pytest.mark.sockets
async def test_the_scope_says_what_was_asked_for() -> None:
    """A transport reads credentials and the protocol from it, as from an HTTP request's."""
    async with open_stage() as (stage, _):
        headers = [(b"X-Api-Key", b"k")]
        async with _dial(stage, "/mcp%2Fws?a=b", subprotocols=["mcp"], extra_headers=headers):
            pass
        scope = stage.seen[0]
        assert ("websocket", "ws", "1.1") == (scope["type"], scope["scheme"], scope["http_version"])
        assert ("/mcp/ws", b"/mcp%2Fws", b"a=b") == (scope["path"], scope["raw_path"], scope["query_string"])
        assert ["mcp"] == scope["subprotocols"]
        assert (b"x-api-key", b"k") in scope["headers"]
        assert {"websocket.http.response": {}} == scope["extensions"]
        assert scope["client"][0] == stage.served.host


@pytest.mark.sockets
async def test_a_refusal_is_an_http_answer_instead_of_the_upgrade() -> None:
    """401 with its challenge is what a client needs to see; a bare close would be 403."""
    async with open_stage() as (stage, _):
        answers: list[ConnectionRejected] = []
        for path in ("/denied", "/refuse"):
            with pytest.RaisesGroup(ConnectionRejected) as refused:
                async with _dial(stage, path):
                    pass
            answers.append(cast("ConnectionRejected", refused.value.exceptions[0]))
        assert [(401, b"no"), (403, b"")] == [(answer.status_code, answer.body) for answer in answers]
        assert (b"www-authenticate", b"Bearer") in (answers[0].headers or ())
        assert 0 == stage.served.statistics().websockets_total


@pytest.mark.sockets
async def test_closing_is_a_handshake_behind_which_sending_is_nothing() -> None:
    """The peer learns code and reason, the application the peer's; what it still sends is dropped in silence."""
    async with open_stage() as (stage, _):
        async with _dial(stage, "/close") as socket:
            with pytest.raises(ConnectionClosed) as closed:
                await socket.get_message()
        assert (4000, "enough") == (closed.value.reason.code, closed.value.reason.reason)  # type: ignore[union-attr] # it has one
        await wait_until(lambda: len(stage.seen) == 3)
        assert ["websocket.disconnect", 4000] == [stage.seen[1]["type"], stage.seen[1]["code"]]
        assert stage.seen[1] == stage.seen[2]


@pytest.mark.sockets
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
async def test_a_drain_closes_sockets_with_1001(encrypted: bool, server_tls: ssl.SSLContext) -> None:  # noqa: FBT001 -- a parameter of the test
    """A socket may stay for days, so a restart does not wait for its end; the peer knows to come back."""
    stage = Stage()
    tls = server_tls if encrypted else None
    client_tls = ssl.create_default_context()
    client_tls.check_hostname, client_tls.verify_mode = False, ssl.CERT_NONE
    async with open_server(stage, tls=tls, grace_s=PATIENCE_S) as served:
        stage.served = served
        async with _dial(stage, tls=client_tls if encrypted else None) as socket:
            await socket.send_message("x")
            await socket.get_message()

            served.shutdown.set()

            with pytest.raises(ConnectionClosed) as closed:
                await socket.get_message()
            assert 1001 == closed.value.reason.code  # type: ignore[union-attr] # it has one
        with trio.fail_after(PATIENCE_S / 2):
            await served.ended.wait()
        assert {"type": "websocket.disconnect", "code": 1001, "reason": ""} == stage.seen[1]
        assert 0 == served.statistics().cut_by_drain_total


@pytest.mark.sockets
async def test_a_socket_that_is_accepted_while_the_server_drains_is_closed_at_once() -> None:
    """Who asked before the drain began is answered, and then goes with the others."""
    stage = Stage()
    async with open_server(stage, grace_s=PATIENCE_S) as served:
        stage.served = served
        client = await stage.http1()
        await client.send(UPGRADE % (b"/held", b""))
        await wait_until(lambda: len(stage.seen) == 2)

        served.shutdown.set()
        await wait_until(lambda: served.running._context.draining)
        stage.seen[1].set()
        await wait_until(lambda: len(stage.seen) == 3)
        stage.seen[2].set()

        assert close_frame(1001) in await client.read_to_end()
        await served.ended.wait()
        assert 1001 == stage.seen[3]["code"]
        stage.hang_up()


@pytest.mark.sockets
async def test_a_peer_that_does_not_answer_the_close_does_not_hold_the_drain_up() -> None:
    """The closing handshake has a deadline of its own, far below a long grace."""
    stage = Stage()
    async with open_server(stage, grace_s=1000, disconnect_grace_s=1000) as served:
        stage.served = served
        client = await stage.http1()
        await client.send(UPGRADE % (b"/", b""))
        await client.read_until(b"\r\n\r\n")

        served.shutdown.set()

        assert close_frame(1001) == await client.read_to_end()
        with trio.fail_after(PATIENCE_S):
            await served.ended.wait()
        stage.hang_up()


async def test_a_silent_peer_is_told_why(autojump_clock: trio.testing.MockClock) -> None:
    """1011 says that the end is the server's; the application learns the same code at once."""
    stage = Stage()
    async with open_connection(stage, trio.testing.memory_stream_pair, websocket_ping_s=5) as (stream, context, ended):
        client = Http1Client(stream)
        await client.send(UPGRADE % (b"/", b""))
        for number in range(1, 5):
            await client.read_until(PING)
            assert 5 * number == pytest.approx(trio.current_time(), abs=0.1)
        await ended()

        assert close_frame(1011) in await client.read_to_end()
        assert 1011 == stage.seen[1]["code"]
        assert 1 == context.tally.cut_silent_total


async def test_a_peer_is_not_called_silent_while_the_application_does_not_listen(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A tool may run for minutes with messages waiting behind it: the pongs lie unread, and the peer is alive."""
    stage = Stage()
    pair = trio.testing.memory_stream_pair
    async with open_connection(stage, pair, disconnect_grace_s=1000) as (stream, context, _):
        client = Http1Client(stream)
        await client.send(UPGRADE % (b"/held", b""))
        await trio.testing.wait_all_tasks_blocked()
        stage.seen[1].set()
        await client.read_until(b"\r\n\r\n")
        await client.send(40 * websocket_frame(2, b"x") + websocket_frame(2, b"half", first_bits=0))

        await trio.sleep(1000)

        stage.seen[2].set()
        await client.send(websocket_frame(0, b"!") + websocket_frame(8, b""))
        await wait_until(lambda: len(stage.seen) == 45)
        assert [*(40 * [b"x"]), b"half!"] == stage.seen[3:44]
        assert 1005 == stage.seen[44]["code"]
        assert 0 == context.tally.cut_silent_total


async def test_a_message_that_drips_in_is_cut(autojump_clock: trio.testing.MockClock) -> None:
    """Slowloris: a megabyte may not be held for hours, however alive its peer is."""
    stage = Stage()
    pair = trio.testing.memory_stream_pair
    async with open_connection(stage, pair, websocket_message_s=30) as (stream, context, ended):
        client = Http1Client(stream)
        await client.send(UPGRADE % (b"/", b""))
        await client.read_until(b"\r\n\r\n")
        started = trio.current_time()
        await client.send(websocket_frame(1, b"a" * 100)[:-100])

        async def drip() -> None:
            while True:
                await stream.send_all(b"a")
                await trio.sleep(1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(drip)
            await client.read_until(close_frame(1008))
            nursery.cancel_scope.cancel()
        await ended()

        assert 30 <= trio.current_time() - started < 33
        assert 1 == context.tally.failed_websockets_total


async def test_a_close_that_is_not_answered_waits_one_second(autojump_clock: trio.testing.MockClock) -> None:
    """The promise to whoever waits for the end; the sweeper may be half a second late."""
    stage = Stage()
    async with open_connection(stage, trio.testing.memory_stream_pair, disconnect_grace_s=1000) as (stream, _, ended):
        await stream.send_all(UPGRADE % (b"/close", b""))

        await ended()

        assert 1 <= trio.current_time() < 2
        assert 1006 == stage.seen[1]["code"]


@pytest.mark.parametrize("early", [False, True], ids=["after", "before"])
async def test_a_close_that_lies_behind_unread_messages_is_found_when_the_application_closes(
    autojump_clock: trio.testing.MockClock,
    early: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    """Whoever closes wants no more messages, so they are passed over; it does not matter when they came."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await trio.sleep(1)
        await accept(send)
        await trio.sleep(60)
        await send({"type": "websocket.close", "code": 1000, "reason": None})
        while not seen or seen[-1]["type"] != "websocket.disconnect":
            seen.append(await receive())

    async with open_connection(app, trio.testing.memory_stream_pair) as (stream, _, ended):
        client = Http1Client(stream)
        await client.send(UPGRADE % (b"/", b""))
        if not early:
            await client.read_until(b"\r\n\r\n")
        await client.send(100 * websocket_frame(2, b"x") + websocket_frame(8, b"\x10\x00"))

        await ended()

        assert 61 <= trio.current_time() < 64
        assert 32 == len(seen) - 1
        assert 4096 == seen[-1]["code"]


async def test_what_comes_while_a_close_is_being_answered_is_dropped(autojump_clock: trio.testing.MockClock) -> None:
    """The answer may be stuck in its own write; a frame behind the peer's close is no reason to break."""
    stage = Stage()
    async with open_connection(stage, trio.testing.lockstep_stream_pair) as (stream, context, ended):
        await stream.send_all(UPGRADE % (b"/held", b"") + websocket_frame(8, b"\x03\xe8"))
        await trio.testing.wait_all_tasks_blocked()
        stage.seen[1].set()
        assert (await stream.receive_some(1000)).startswith(b"HTTP/1.1 101 ")
        await trio.testing.wait_all_tasks_blocked()
        await stream.send_all(websocket_frame(2, b"late"))
        await trio.testing.wait_all_tasks_blocked()
        assert close_frame(1000) == await stream.receive_some(1000)

        await ended()

        assert 0 == context.tally.contained_faults_total


async def test_a_peer_that_does_not_read_its_close_is_cut_as_soon(autojump_clock: trio.testing.MockClock) -> None:
    """Also where the close frame itself is stuck, behind what nobody takes: not the write deadline counts."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await accept(send)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send, {"type": "websocket.send", "bytes": bytes(100_000), "text": None})
            await trio.sleep(1)
            await send({"type": "websocket.close", "code": 1000, "reason": ""})

    pair = trio.testing.lockstep_stream_pair
    async with open_connection(app, pair, write_deadline_s=1000) as (stream, _, ended):
        await stream.send_all(UPGRADE % (b"/", b""))
        await stream.receive_some(1000)

        await ended()

        assert 2 <= trio.current_time() < 6


async def test_a_ping_behind_a_message_that_is_read_slowly_is_no_silence(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The pong is due from when the ping left, not from when it was meant to."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await accept(send)
        await send({"type": "websocket.send", "bytes": bytes(400_000), "text": None})
        await trio.sleep_forever()

    pair = trio.testing.lockstep_stream_pair
    async with open_connection(app, pair, write_deadline_s=30) as (stream, context, _):
        await stream.send_all(UPGRADE % (b"/", b""))
        received = 0
        while received < 400_000:
            await trio.sleep(1)
            data = await stream.receive_some(4_000)
            assert data, "the server cut it"
            received += len(data)

        assert trio.current_time() > 100
        assert 0 == context.tally.cut_silent_total


def test_the_bounds_of_a_socket_are_those_that_were_promised() -> None:
    """These numbers stand in the documentation."""
    limits = ConnectionLimits()
    assert (1024 * 1024, 1_000, 32) == (
        limits.max_websocket_message_bytes,
        limits.max_websocket_frames,
        limits.max_queued_messages,
    )
    assert (30.0, 20.0, 20.0, 1.0) == (
        limits.websocket_message_s,
        limits.websocket_ping_s,
        limits.websocket_pong_s,
        limits.websocket_close_s,
    )
