"""The drain: what is idle ends at once, what is in flight gets its grace, and nobody can hold the end up."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
import trio
from h2.errors import ErrorCodes

from tests.serving import open_server
from tests.web.server.clients import Http1Client, Http2Client
from tests.web.server.probes import UPGRADE
from tests.web.server.stage import PATIENCE_S, Stage, wait_until

pytestmark = pytest.mark.sockets


async def _open(stage: Stage, tls: ssl.SSLContext | None, alpn: str) -> Any:
    stream: trio.abc.Stream = await stage.connect()
    if tls is not None:
        client_tls = ssl.create_default_context()
        client_tls.check_hostname, client_tls.verify_mode = False, ssl.CERT_NONE
        client_tls.set_alpn_protocols([alpn])
        stream = trio.SSLStream(stream, client_tls, https_compatible=True)
    if alpn == "http/1.1":
        return Http1Client(stream)
    client = Http2Client(stream)
    await client.begin()
    return client


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
async def test_idle_connections_end_at_once(encrypted: bool, server_tls: ssl.SSLContext) -> None:  # noqa: FBT001 -- a parameter of the test
    """A drain without requests in flight takes no grace at all."""
    stage = Stage()
    tls = server_tls if encrypted else None
    async with open_server(stage, tls=tls, grace_s=PATIENCE_S) as served:
        stage.served = served
        http1 = await _open(stage, tls, "http/1.1")
        await http1.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await http1.read_answer()
        http2 = await _open(stage, tls, "h2")
        await http2.read_answer(await http2.request("/"))
        started = trio.current_time()

        served.shutdown.set()

        assert b"" == await http1.read_to_end()
        assert ErrorCodes.NO_ERROR == await http2.read_goodbye()
        await served.ended.wait()
        assert PATIENCE_S / 2 > trio.current_time() - started
        assert 0 == served.statistics().cut_by_drain_total
        stage.hang_up()


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
async def test_requests_in_flight_are_finished_within_the_grace(encrypted: bool, server_tls: ssl.SSLContext) -> None:  # noqa: FBT001 -- the same
    """An answer that is being made is given, and says that it is the last."""
    stage = Stage()
    tls = server_tls if encrypted else None
    async with open_server(stage, tls=tls, grace_s=PATIENCE_S) as served:
        stage.served = served
        http1 = await _open(stage, tls, "http/1.1")
        await http1.send(b"GET /unread HTTP/1.1\r\nhost: x\r\n\r\n")
        http2 = await _open(stage, tls, "h2")
        waiting = await http2.request("/unread")
        await wait_until(lambda: len(stage.seen) == 2)

        served.shutdown.set()
        await http2.read_events(lambda: http2.goodbye is not None)
        for release in stage.seen:
            release.set()

        head = await http1.read_until(b"\r\n\r\n")
        assert b"connection: close" in head
        assert b"late" == await http1.read_to_end()
        await http2.read_events(lambda: waiting in http2.ended)
        assert b"late" == bytes(http2.bodies[waiting])
        await served.ended.wait()
        assert 0 == served.statistics().cut_by_drain_total
        stage.hang_up()


async def test_new_streams_are_refused_while_the_old_ones_end() -> None:
    """REFUSED_STREAM says that the request was not begun, so that a client may safely send it elsewhere."""
    stage = Stage()
    async with open_server(stage, grace_s=PATIENCE_S) as served:
        stage.served = served
        client = await stage.http2()
        await client.request("/unread")
        await wait_until(lambda: len(stage.seen) == 1)
        late = client.connection.get_next_available_stream_id()
        head = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"x"), (b":path", b"/")]
        client.connection.send_headers(late, head, end_stream=True)
        under_way = client.connection.data_to_send()

        served.shutdown.set()
        await wait_until(lambda: served.running._context.draining)
        await client.stream.send_all(under_way)

        await wait_until(lambda: served.statistics().refused_streams_total == 1)
        stage.seen[0].set()
        await served.ended.wait()
        stage.hang_up()


async def test_requests_that_do_not_arrive_are_not_waited_for() -> None:
    """Threat: one byte of a body would hold every restart up for the whole grace. What ran for nobody is refused."""
    stage = Stage()
    async with open_server(stage, grace_s=1000, write_deadline_s=1000, disconnect_grace_s=1000) as served:
        stage.served = served
        http1 = await stage.http1()
        await http1.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nh")
        http2 = await stage.http2()
        stream_id = await http2.request("/", method=b"POST", more=True)
        answered = await stage.http2()
        kept = await answered.request("/unread")
        await wait_until(lambda: stage.open_requests == 3)

        served.shutdown.set()

        assert (503, b"") == await http1.read_answer()
        assert ErrorCodes.REFUSED_STREAM == await http2.read_reset(stream_id)
        await wait_until(lambda: served.statistics().open_connections == 1)
        stage.seen[0].set()
        assert (200, b"late") == await answered.read_answer(kept)
        with trio.fail_after(PATIENCE_S):
            await served.ended.wait()
        assert 0 == served.statistics().cut_by_drain_total
        stage.hang_up()


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
async def test_nobody_holds_the_end_up(encrypted: bool, server_tls: ssl.SSLContext) -> None:  # noqa: FBT001 -- the same
    """Readers that stopped, streams and WebSockets without end, and silence: all are cut when the grace is over."""
    stage = Stage()
    tls = server_tls if encrypted else None
    async with open_server(stage, tls=tls, grace_s=0.2, write_deadline_s=1000, disconnect_grace_s=1000) as served:
        stage.served = served
        upgrade = UPGRADE.partition(b"host: probe\r\n")[2].removesuffix(b"%s\r\n")
        for path, extra in (
            (b"/flood", b""),
            (b"/deaf", b""),
            (b"/events", b""),
            (b"/flood", upgrade),
            (b"/", upgrade),
        ):
            client = await _open(stage, tls, "http/1.1")
            await client.send(b"GET " + path + b" HTTP/1.1\r\nhost: x\r\n" + extra + b"\r\n")
        http2 = await _open(stage, tls, "h2")
        for http2_path in ("/flood", "/deaf", "/events"):
            await http2.request(http2_path)
        await stage.connect()  # says nothing; under TLS it never shakes hands
        await wait_until(lambda: stage.open_requests == 8)
        started = trio.current_time()

        served.shutdown.set()

        await served.ended.wait()
        assert 10 > trio.current_time() - started
        assert 6 <= served.statistics().cut_by_drain_total
        assert 0 == stage.open_requests
        assert 0 == served.statistics().open_connections
        stage.hang_up()


async def test_listeners_are_closed_as_soon_as_the_drain_begins() -> None:
    """A proxy in front must notice at once, and send its requests elsewhere."""
    stage = Stage()
    async with open_server(stage, grace_s=PATIENCE_S) as served:
        stage.served = served
        client = await stage.http1()
        await client.send(b"GET /unread HTTP/1.1\r\nhost: x\r\n\r\n")
        await wait_until(lambda: len(stage.seen) == 1)

        served.shutdown.set()
        await wait_until(lambda: served.running._context.draining)

        with pytest.raises(OSError, match=r"refused|failed"):
            await stage.connect()
        stage.seen[0].set()
        await served.ended.wait()
        stage.hang_up()


async def test_two_servers_in_one_process_share_nothing() -> None:
    """The admin application must answer while the public one is full, and live on when it ends."""
    public, admin = Stage(), Stage()
    async with (
        open_server(admin) as admin.served,
        open_server(public, max_connections=1) as public.served,
    ):
        first = await public.http1()
        await wait_until(lambda: public.served.statistics().open_connections == 1)
        assert b"" == await public.raw(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        client = await admin.http1()
        await client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (200, b"ok 0") == await client.read_answer()
        assert (1, 0) == (
            public.served.statistics().refused_in_all_total,
            admin.served.statistics().refused_in_all_total,
        )

        public.served.shutdown.set()
        await public.served.ended.wait()

        await client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (200, b"ok 0") == await client.read_answer()
        await first.close()
        public.hang_up()
        admin.hang_up()
