"""The probes: one hostile, broken or merely unlucky client each, and what it must see.

Each was found to crash, hang, fill or slow down Hypercorn 0.18's own Trio worker, or stands beside one that did.
`PROBES` is the list; test_probes.py runs each in front of bystanders and looks afterwards for what it left behind.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import trio
from h2.errors import ErrorCodes
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.web.server.clients import Http2Client
from tests.web.server.stage import PATIENCE_S, Stage, wait_until

Probe = Callable[[Stage], Awaitable[None]]
PROBES: list[Probe] = []

MEBIBYTE = 1024 * 1024
UPGRADE = (
    b"GET %s HTTP/1.1\r\nhost: probe\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n"
)


def probe(function: Probe) -> Probe:
    """Add a probe to the list."""
    PROBES.append(function)
    return function


def websocket_frame(opcode: int, payload: bytes, *, first_bits: int = 0x80) -> bytes:
    """Return one masked frame (the mask is zero)."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65_536:
        length = bytes([0x80 | 126]) + struct.pack("!H", size)
    else:
        length = bytes([0x80 | 127]) + struct.pack("!Q", size)
    return bytes([first_bits | opcode]) + length + b"\0\0\0\0" + payload


async def with_companion(stage: Stage) -> tuple[Http2Client, Callable[[], Awaitable[None]]]:
    """Open an HTTP/2 connection with a stream of its own that must go on; return how to ask for that."""
    client = await stage.http2()
    companion = await client.request("/events")
    await client.read_body_until(companion, b": ok\n\n")

    async def must_hear() -> None:
        stage.publish("companion")
        await client.read_body_until(companion, b"data: companion")
        client.bodies[companion].clear()

    return client, must_hear


def reset_hard(stream: trio.SocketStream) -> None:
    """End a connection with RST instead of FIN."""
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()


# ------------------------------------------------------------------------------------------ HTTP/1.1


@probe
async def garbage_is_answered_with_400(stage: Stage) -> None:
    """Bytes that are no HTTP must not reach anybody."""
    assert (await stage.raw(b"\x16\x03\x01\x02\x00\x01\xff garbage\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


@probe
async def a_reset_in_the_middle_of_a_request(stage: Stage) -> None:
    """Networks fail at any byte."""
    for data in (b"", b"GET / HT", b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf"):
        stream = await stage.connect()
        await stream.send_all(data)
        reset_hard(stream)


@probe
async def a_reset_in_the_middle_of_an_answer(stage: Stage) -> None:
    """The application is sending at that moment, and must be told."""
    stream = await stage.connect()
    await stream.send_all(b"GET /flood HTTP/1.1\r\nhost: x\r\n\r\n")
    await stream.receive_some(1000)
    reset_hard(stream)


@probe
async def an_h2c_upgrade_is_answered_over_http1(stage: Stage) -> None:
    """Stock answers 101, past a proxy's rules, and a bad HTTP2-Settings ended its whole server."""
    for settings in (b"AAMAAABkAAQAAP__", b"AAMA", b"!", b"\xff", b"AAQA____"):
        client = await stage.http1()
        await client.send(
            b"GET / HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"
            b"http2-settings: " + settings + b"\r\n\r\n"
        )
        assert (200, b"ok 0") == await client.read_answer()
        await client.send(b"POST / HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\nhi")
        assert (200, b"ok 2") == await client.read_answer()
        await client.close()


@probe
async def a_host_that_is_not_utf8(stage: Stage) -> None:
    """Stock decoded it outside of any guard once server names were set."""
    client = await stage.http1()
    await client.send(b"GET /scope HTTP/1.1\r\nhost: \xff\xfe\r\n\r\n")
    assert (200, b"seen") == await client.read_answer()
    assert (b"host", b"\xff\xfe") in stage.seen[0]["headers"]
    await client.close()


@probe
async def odd_paths(stage: Stage) -> None:
    """Targets are anybody's bytes; the routes decide, not the server."""
    for target in (b"*", b"/%ff%00", b"/%", b"//", b"http://x/y", b"/" + b"a" * 8000, b"/?%ff"):
        client = await stage.http1()
        await client.send(b"GET " + target + b" HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (200, b"ok 0") == await client.read_answer()
        await client.close()


@probe
async def bytes_behind_a_stream_do_not_hide_its_end(stage: Stage) -> None:
    """Stock stopped reading there, and noticed the end 11 s later."""
    client = await stage.http1()
    await client.send(b"GET /events HTTP/1.1\r\nhost: x\r\n\r\n" + b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await client.read_until(b": ok\n\n")
    open_requests = stage.open_requests
    await client.close()
    await wait_until(lambda: stage.open_requests == open_requests - 1)


@probe
async def pipelined_requests_are_answered_in_order(stage: Stage) -> None:
    """Refusing to be parked must not break what RFC 9112 allows."""
    client = await stage.http1()
    await client.send(
        b"".join(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (n, b"x" * n) for n in range(10, 30))
    )
    for n in range(10, 30):
        assert (200, b"ok %d" % n) == await client.read_answer()
    await client.close()


@probe
async def half_a_pipelined_request_waits_for_its_rest(stage: Stage) -> None:
    """What was sent ahead need not be whole."""
    client = await stage.http1()
    await client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" + b"GET / HTTP")
    assert (200, b"ok 0") == await client.read_answer()
    await client.send(b"/1.1\r\nhost: x\r\n\r\n")
    assert (200, b"ok 0") == await client.read_answer()
    await client.close()


@probe
async def pipelining_without_end_is_cut(stage: Stage) -> None:
    """What is read and not yet served is memory."""
    client = await stage.http1()
    await client.send(b"GET /deaf HTTP/1.1\r\nhost: x\r\n\r\n")
    with trio.fail_after(PATIENCE_S):
        try:
            while True:
                await client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * 100)
        except trio.BrokenResourceError:
            pass
    assert 1 == stage.served.statistics().cut_pipelining_total


@probe
async def an_early_answer_reaches_a_client_that_is_still_sending(stage: Stage) -> None:
    """A 401 that is destroyed by a reset tells nobody what was wrong."""
    for framing in (b"content-length: 8388608", b"transfer-encoding: chunked"):
        client = await stage.http1()
        await client.send(b"POST /early HTTP/1.1\r\nhost: x\r\n" + framing + b"\r\n\r\n")
        piece = bytes(65_536) if framing.startswith(b"content") else b"10000\r\n" + bytes(65_536) + b"\r\n"
        for _ in range(16):
            await client.send(piece)
        assert (401, b"no") == await client.read_answer()
        await client.close()


@probe
async def a_client_that_never_stops_sending_after_its_answer_is_cut(stage: Stage) -> None:
    """Patience with the client above must end."""
    client = await stage.http1()
    await client.send(b"POST /early HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n")
    with trio.fail_after(PATIENCE_S):
        try:
            while True:
                await client.send(bytes(100_000))
        except trio.BrokenResourceError:
            pass


@probe
async def an_application_that_ignores_the_end_is_cancelled(stage: Stage) -> None:
    """Stock let it run for ever."""
    client = await stage.http1()
    await client.send(b"GET /deaf HTTP/1.1\r\nhost: x\r\n\r\n")
    await wait_until(lambda: stage.open_requests == 4)
    await client.close()
    await wait_until(lambda: stage.open_requests == 3)


@probe
async def an_application_that_sends_on_after_the_end_does_not_freeze_the_process(stage: Stage) -> None:
    """Stock's send was no checkpoint then."""
    client = await stage.http1()
    await client.send(b"GET /flood HTTP/1.1\r\nhost: x\r\n\r\n")
    await client.read_some()
    await client.close()


@probe
async def an_application_that_receives_on_after_the_end_does_not_freeze_the_process(stage: Stage) -> None:
    """The same, for receive."""
    client = await stage.http1()
    await client.send(b"GET /busy HTTP/1.1\r\nhost: x\r\n\r\n")
    await client.close()
    await wait_until(lambda: "http.disconnect" in stage.seen)


@probe
async def a_reader_who_stopped_is_cut(stage: Stage) -> None:
    """Stock shielded its writes without a deadline, and could not even be shut down."""
    stream = await stage.connect()
    await stream.send_all(b"GET /flood HTTP/1.1\r\nhost: x\r\n\r\n")
    await wait_until(lambda: stage.served.statistics().cut_reading_slowly_total == 1)
    await stream.aclose()


@probe
async def a_body_that_nobody_reads_is_bounded(stage: Stage) -> None:
    """The reader waits, and with it the peer; memory does not grow."""
    stream = await stage.connect()
    await stream.send_all(b"POST /unread HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n")
    sent = 0
    with trio.move_on_after(0.5):
        while True:
            await stream.send_all(bytes(65_536))
            sent += 65_536
    assert 16 * MEBIBYTE > sent  # what the kernel's buffers hold, and 256 KiB of ours
    stage.seen[0].set()


@probe
async def a_body_that_nobody_reads_does_not_hide_the_end(stage: Stage) -> None:
    """A reader that waits must still notice that its peer has left."""
    client = await stage.http1()
    await client.send(b"POST /unread HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n" + bytes(350_000))
    await wait_until(lambda: stage.open_requests == 4)
    await client.close()
    await wait_until(lambda: stage.open_requests == 3)


@probe
async def an_unread_body_is_read_when_the_application_wants_it(stage: Stage) -> None:
    """The bound is a pause, not a refusal."""
    client = await stage.http1()
    await client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3000000\r\n\r\n" + bytes(3_000_000))
    assert (200, b"ok 3000000") == await client.read_answer()
    await client.close()


@probe
async def headers_that_are_too_big_are_refused(stage: Stage) -> None:
    """Stock took 1,500 fields, and any head that came in one piece."""
    for fields in (b"x: " + b"a" * 40_000 + b"\r\n", b"x: " + b"a" * 200_000 + b"\r\n", b"a: b\r\n" * 101):
        client = await stage.http1()
        await client.send(b"GET / HTTP/1.1\r\nhost: x\r\n" + fields + b"\r\n")
        assert (431, b"") == await client.read_answer()
        await client.close()


@probe
async def what_two_servers_might_read_differently_is_refused(stage: Stage) -> None:
    """Request smuggling lives on such differences."""
    refused = {
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n": 400,
        b"GET / HTTP/3.1\r\nhost: x\r\n\r\n": 505,
        b"CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n": 501,
        b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n": 400,
        b"PRI * HTTP/2.0\r\n\r\nnot the preface": None,
    }
    for request, status in refused.items():
        answer = await stage.raw(request)
        if status is not None:
            assert answer.startswith(b"HTTP/1.1 %d " % status)


@probe
async def http2_in_the_middle_of_a_connection_is_refused(stage: Stage) -> None:
    """The preface comes first, or it is a trick."""
    client = await stage.http1()
    await client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await client.read_answer()
    await client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert (400, b"") == await client.read_answer()
    await client.close()


@probe
async def a_broken_chunk_ends_its_request(stage: Stage) -> None:
    """The application waits for a body that can no longer come."""
    answer = await stage.raw(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


@probe
async def a_broken_chunk_is_answered_once(stage: Stage) -> None:
    """Behind its head, in one packet: the application answers early while the 400 leaves, and is not at fault."""
    for _ in range(10):
        answer = await stage.raw(b"POST /early HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert 1 == answer.count(b"HTTP/1.1 ")
    assert 0 == stage.served.statistics().application_faults_total


@probe
async def a_body_that_ends_early_is_a_disconnect(stage: Stage) -> None:
    """Half a body must not be taken for a whole one."""
    client = await stage.http1()
    await client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf")
    await client.stream.send_eof()  # type: ignore[attr-defined] # a socket
    assert b"" == await client.read_to_end()


@probe
async def an_application_that_fails_is_answered_for(stage: Stage) -> None:
    """Also between head and body, as nothing has left yet."""
    for path in (b"boom", b"headless"):
        client = await stage.http1()
        await client.send(b"GET /" + path + b" HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (500, b"") == await client.read_answer()
        await client.close()
    assert 2 == len(stage.served.log.take("application_fault"))


@probe
async def an_answer_cut_short_is_visible(stage: Stage) -> None:
    """A client must not take half an answer for a whole one."""
    answer = await stage.raw(b"GET /half HTTP/1.1\r\nhost: x\r\n\r\n")
    assert answer.endswith(b"4\r\nhalf\r\n")  # without the chunk of length 0 that would end it
    assert 1 == len(stage.served.log.take("application_fault"))


@probe
async def a_body_is_invited_only_when_it_is_wanted(stage: Stage) -> None:
    """A client that asks first is spared the upload that a 401 would waste."""
    client = await stage.http1()
    head = b" HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    await client.send(b"POST /" + head)
    await client.read_until(b"HTTP/1.1 100 \r\n\r\n")
    await client.send(b"hi")
    assert (200, b"ok 2") == await client.read_answer()
    await client.send(b"POST /early" + head)
    assert (401, b"no") == await client.read_answer()
    await client.close()


# ------------------------------------------------------------------------------------------ WebSocket


@probe
async def a_byte_behind_a_websocket_upgrade(stage: Stage) -> None:
    """Ended stock's whole server."""
    client = await stage.http1()
    await client.send(UPGRADE % (b"/", b"") + b"\x81")
    await client.read_until(b"\r\n\r\n")
    await client.send(b"\x82\0\0\0\0hi")
    assert b"\x81\x02hi" in await client.read_until(b"hi")
    await client.close()


@probe
async def a_flood_behind_a_websocket_upgrade_that_is_not_accepted_yet(stage: Stage) -> None:
    """What waits for the application is bounded."""
    client = await stage.http1()
    with trio.fail_after(PATIENCE_S):
        with contextlib.suppress(trio.BrokenResourceError):
            await client.send(UPGRADE % (b"/refuse", b"") + bytes(200_000))
        await client.read_to_end()


@probe
async def a_websocket_protocol_that_is_not_ascii(stage: Stage) -> None:
    """Ended stock's whole server."""
    assert (await stage.raw(UPGRADE % (b"/", b"sec-websocket-protocol: \xff\r\n"))).startswith(b"HTTP/1.1 400 ")


@probe
async def a_websocket_handshake_that_is_refused_ends_the_connection(stage: Stage) -> None:
    """Stock kept the connection for good."""
    without_key = (UPGRADE % (b"/", b"")).replace(b"sec-websocket-key", b"x-key")
    assert (await stage.raw(without_key)).startswith(b"HTTP/1.1 400 ")
    assert (await stage.raw(UPGRADE % (b"/refuse", b""))).startswith(b"HTTP/1.1 403 ")


@probe
async def websocket_compression_is_never_negotiated(stage: Stage) -> None:
    """398 KB inflated to 584 MB in stock, before the size was looked at."""
    client = await stage.http1()
    await client.send(UPGRADE % (b"/", b"sec-websocket-extensions: permessage-deflate\r\n"))
    head = await client.read_until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"sec-websocket-extensions" not in head.lower()
    await client.send(websocket_frame(2, b"\xff" * 100, first_bits=0xC0))  # marked as compressed
    assert b"\x88" == (await client.read_to_end())[:1]  # a close frame


@probe
async def a_websocket_message_that_is_too_big_is_refused(stage: Stage) -> None:
    """A message is held in memory until it is whole."""
    client = await stage.http1()
    await client.send(UPGRADE % (b"/", b""))
    await client.read_until(b"\r\n\r\n")
    with trio.fail_after(PATIENCE_S):
        with contextlib.suppress(trio.BrokenResourceError):
            await client.send(websocket_frame(2, bytes(8 * MEBIBYTE)))
        received = await client.read_to_end()
    assert received in {b"", b"\x88\x02" + struct.pack("!H", 1009)}


@probe
async def broken_websocket_frames(stage: Stage) -> None:
    """Each is answered with a close frame and ends its connection."""
    for frame in (b"\xff" * 50, b"\x81\x01a", websocket_frame(3, b""), websocket_frame(1, b"\xff\xfe")):
        client = await stage.http1()
        await client.send(UPGRADE % (b"/", b""))
        await client.read_until(b"\r\n\r\n")
        await client.send(frame)
        assert b"\x88" == (await client.read_to_end())[:1]
        await client.close()


@probe
async def a_websocket_that_is_closed_by_its_peer_is_answered(stage: Stage) -> None:
    """RFC 6455 section 5.5.1: a close is answered with a close."""
    client = await stage.http1()
    await client.send(UPGRADE % (b"/", b""))
    await client.read_until(b"\r\n\r\n")
    await client.send(websocket_frame(9, b"ping") + websocket_frame(8, struct.pack("!H", 1000)))
    assert b"\x8a\x04ping\x88\x02\x03\xe8" == await client.read_to_end()


@probe
async def a_websocket_that_vanishes_while_it_is_sent_to(stage: Stage) -> None:
    """Froze stock's whole process."""
    stream = await stage.connect()
    await stream.send_all(UPGRADE % (b"/flood", b""))
    await stream.receive_some(1000)
    reset_hard(stream)


@probe
async def a_websocket_that_does_not_read_is_cut(stage: Stage) -> None:
    """The write deadline holds here too."""
    stream = await stage.connect()
    await stream.send_all(UPGRADE % (b"/flood", b""))
    await wait_until(lambda: stage.served.statistics().cut_reading_slowly_total == 1)
    await stream.aclose()


@probe
async def a_websocket_whose_application_does_not_read_is_not_read_on(stage: Stage) -> None:
    """Messages that wait are bounded."""
    stream = await stage.connect()
    await stream.send_all(UPGRADE % (b"/deaf", b""))
    await stream.receive_some(1000)
    sent = 0
    with trio.move_on_after(0.5):
        while True:
            await stream.send_all(websocket_frame(2, b"x") * 5000)
            sent += 35_000
    assert 16 * MEBIBYTE > sent
    reset_hard(stream)


# ------------------------------------------------------------------------------------------ HTTP/2


@probe
async def an_early_answer_and_a_body_that_still_comes(stage: Stage) -> None:
    """Ended stock's whole server: a 401 and an ordinary curl were enough."""
    client, must_hear = await with_companion(stage)
    stream_id = await client.request("/early", method=b"POST", more=True)
    assert (401, b"no") == await client.read_answer(stream_id)
    await client.send_body(stream_id, bytes(2 * MEBIBYTE))
    await must_hear()
    await client.close()


@probe
async def a_body_that_never_ends_after_its_answer_is_reset(stage: Stage) -> None:
    """RFC 9113 section 8.1; not at once, or clients drop the answer."""
    client, must_hear = await with_companion(stage)
    stream_id = await client.request("/early", method=b"POST", more=True)
    assert (401, b"no") == await client.read_answer(stream_id)
    assert ErrorCodes.NO_ERROR == await client.read_reset(stream_id)
    await must_hear()
    await client.close()


@probe
async def leaving_while_answers_are_under_way(stage: Stage) -> None:
    """Ended stock's whole server; h2load does nothing else."""
    for hard in (False, True):
        client = await stage.http2()
        for _ in range(20):
            await client.request("/flood")
        await client.read_once()
        if hard:
            reset_hard(client.stream)  # type: ignore[arg-type] # a socket
        else:
            await client.close()


@probe
async def priorities_of_streams_that_do_not_exist(stage: Stage) -> None:
    """1,100 of them ended stock's whole server."""
    client, must_hear = await with_companion(stage)
    frames = [PriorityFrame(n, depends_on=0, stream_weight=10) for n in range(1001, 3301, 2)]
    await client.stream.send_all(b"".join(frame.serialize() for frame in frames))
    await must_hear()
    await client.close()


@probe
async def priorities_that_depend_on_each_other(stage: Stage) -> None:
    """A chain of 100 ended stock's whole server."""
    client, must_hear = await with_companion(stage)
    chain = [PriorityFrame(n, depends_on=n - 2, stream_weight=1) for n in range(1003, 1403, 2)]
    chain.append(PriorityFrame(1003, depends_on=1401, stream_weight=1))
    await client.stream.send_all(b"".join(frame.serialize() for frame in chain))
    await must_hear()
    await client.close()


@probe
async def pseudo_fields_that_are_no_ascii_or_missing(stage: Stage) -> None:
    """Each ended stock's whole server; now each is refused alone."""
    client, must_hear = await with_companion(stage)
    requests: list[dict[str, Any]] = [
        {"path": b"/\xff"},
        {"method": b"GET\xff"},
        {"path": b"no-slash"},
        {"extra": ((b"x", b"y" * 40_000),)},
        {"extra": ((b"x", b"y"),) * 101},
        {"method": b"CONNECT", "without": (b":path", b":scheme")},
    ]
    for number, options in enumerate(requests):
        stream_id = await client.request(**options, more=number % 2 == 0)
        expected = 431 if "extra" in options else 501 if options.get("method") == b"CONNECT" else 400
        assert (expected, b"") == await client.read_answer(stream_id)
    await must_hear()
    await client.close()


@probe
async def a_websocket_over_http2_is_refused(stage: Stage) -> None:
    """RFC 8441 is not offered; whoever tries is told so."""
    client, must_hear = await with_companion(stage)
    stream_id = await client.request("/", method=b"CONNECT", more=True, extra=((b":protocol", b"websocket"),))
    assert 501 == (await client.read_answer(stream_id))[0]
    await must_hear()
    await client.close()


@probe
async def heads_that_break_the_protocol_end_the_connection_only(stage: Stage) -> None:
    """h2 finds them, and gives up the connection."""
    for options in ({"without": (b":path",)}, {"without": (b":method",)}, {"extra": ((b"Upper", b"x"),)}):
        client = await stage.http2()
        await client.request(**options)
        assert ErrorCodes.PROTOCOL_ERROR == await client.read_goodbye()
        await client.close()


@probe
async def a_head_beyond_all_measure_ends_the_connection_only(stage: Stage) -> None:
    """What cannot be decoded in bounded memory is not decoded."""
    client = await stage.http2()
    await client.request("/", extra=tuple((b"x-%d" % n, b"y" * 3000) for n in range(40)))
    assert client.stream is not None
    while await client.read_once():
        pass
    assert client.goodbye is not None
    await client.close()


@probe
async def continuations_without_end(stage: Stage) -> None:
    """CVE-2024-27316 and its kin: a head that never ends."""
    client = await stage.http2()
    head = HeadersFrame(1, data=b"\x82\x86\x84")
    flood = head.serialize() + b"".join(ContinuationFrame(1, data=b"\x82").serialize() for _ in range(2000))
    with contextlib.suppress(trio.BrokenResourceError):
        await client.stream.send_all(flood)
    while await client.read_once():
        pass
    await client.close()


@probe
async def a_body_that_nobody_reads_does_not_block_other_streams(stage: Stage) -> None:
    """Stock blocked the whole connection, for good."""
    client, must_hear = await with_companion(stage)
    unread = [await client.request("/unread", method=b"POST", more=True) for _ in range(5)]
    for stream_id in unread:
        await client.send_body(stream_id, bytes(65_535), end=False)
    await must_hear()
    stream_id = await client.request("/", method=b"POST", more=True)
    await client.send_body(stream_id, bytes(500_000))
    assert (200, b"ok 500000") == await client.read_answer(stream_id)
    for release in stage.seen:
        release.set()
    for stream_id in unread:
        assert (200, b"late") == await client.read_answer(stream_id)
    # What the application has left unread is given back: the connection can carry as much again, and more.
    for _ in range(20):
        stream_id = await client.request("/", method=b"POST", more=True)
        await client.send_body(stream_id, bytes(100_000))
        assert (200, b"ok 100000") == await client.read_answer(stream_id)
    await must_hear()
    await client.close()


@probe
async def bodies_that_nobody_reads_leave_nothing_behind(stage: Stage) -> None:
    """Stock kept the tasks and the descriptors of such connections."""
    for _ in range(5):
        client = await stage.http2()
        for _ in range(4):
            stream_id = await client.request("/unread", method=b"POST", more=True)
            await client.send_body(stream_id, bytes(30_000), end=False)
        await client.close()


@probe
async def a_stream_that_is_read_slowly_is_not_buffered(stage: Stage) -> None:
    """Stock held 427 MB after three seconds of one such stream."""
    client = await stage.http2(window=0)
    await client.request("/flood")
    stuck = await client.request("/flood")
    assert ErrorCodes.CANCEL == await client.read_reset(stuck)
    assert 256 * 1024 > stage.bytes_sent
    assert 1 <= stage.served.statistics().cut_reading_slowly_total
    await client.close()


@probe
async def a_connection_whose_window_stays_shut(stage: Stage) -> None:
    """The connection's window is a second way to stop reading."""
    client = await stage.http2(window=MEBIBYTE, credits_body=False)
    stuck = [await client.request("/flood") for _ in range(3)]
    for stream_id in stuck:
        assert ErrorCodes.CANCEL == await client.read_reset(stream_id)
    assert 65_535 >= sum(len(body) for body in client.bodies.values())
    await client.close()


@probe
async def a_connection_that_is_not_read_is_cut(stage: Stage) -> None:
    """Open windows help nobody whose socket is full."""
    client = await stage.http2(window=2**31 - 1)
    client.connection.increment_flow_control_window(2**30)
    await client.flush()
    for _ in range(3):
        await client.request("/flood")
    await wait_until(lambda: stage.served.statistics().cut_reading_slowly_total >= 1)
    await client.close()


@probe
async def streams_beyond_the_limit_are_refused_alone(stage: Stage) -> None:
    """In stock the 101st stream ended the other hundred."""
    client = await stage.http2()
    waiting = [await client.request("/unread") for _ in range(150)]
    refused = set(waiting[100:])
    await client.read_events(lambda: refused <= set(client.resets))
    assert {ErrorCodes.REFUSED_STREAM} == {client.resets[stream_id] for stream_id in refused}
    for release in stage.seen:
        release.set()
    for stream_id in waiting[:100]:
        assert (200, b"late") == await client.read_answer(stream_id)
    assert 50 == stage.served.statistics().refused_streams_total
    await client.close()


@probe
async def an_answer_cut_short_is_reset(stage: Stage) -> None:
    """In stock its reader waited for ever."""
    client, must_hear = await with_companion(stage)
    stream_id = await client.request("/half")
    assert ErrorCodes.INTERNAL_ERROR == await client.read_reset(stream_id)
    for path in ("/boom", "/headless"):
        assert 500 == (await client.read_answer(await client.request(path)))[0]
    assert 3 == len(stage.served.log.take("application_fault"))
    await must_hear()
    await client.close()


@probe
async def an_application_behind_a_reset_stream_is_cancelled(stage: Stage) -> None:
    """Stock let it run, and its sends do nothing, for ever."""
    client, must_hear = await with_companion(stage)
    open_requests = stage.open_requests
    for path in ("/deaf", "/flood", "/busy"):
        stream_id = await client.request(path)
        await wait_until(lambda: stage.open_requests == open_requests + 1)
        client.connection.reset_stream(stream_id)
        await client.flush()
        await wait_until(lambda: stage.open_requests == open_requests)
    await must_hear()
    await client.close()


@probe
async def a_client_that_only_resets_is_cut(stage: Stage) -> None:
    """CVE-2023-44487."""
    client = await stage.http2()
    try:
        while client.goodbye is None:
            for _ in range(50):
                stream_id = client.connection.get_next_available_stream_id()
                head = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"x"), (b":path", b"/deaf")]
                client.connection.send_headers(stream_id, head, end_stream=True)
                client.connection.reset_stream(stream_id)
            await client.flush()
            with trio.move_on_after(0.01):
                await client.read_once()
    except trio.BrokenResourceError:
        pass
    await wait_until(lambda: stage.served.statistics().cut_resetting_total == 1)
    await client.close()


@probe
async def making_the_server_reset_counts_as_resetting(stage: Stage) -> None:
    """CVE-2025-8671: the reset is ours, the cause is theirs."""
    client = await stage.http2()
    data = b""
    for number in range(300):
        stream_id = 1 + 2 * number
        head = HeadersFrame(stream_id, data=b"\x82\x86\x84\x01\x01x", flags=["END_HEADERS", "END_STREAM"])
        data += head.serialize() + WindowUpdateFrame(stream_id, window_increment=2**31 - 1).serialize()
    with contextlib.suppress(trio.BrokenResourceError):
        await client.stream.send_all(data)
    await wait_until(lambda: stage.served.statistics().cut_resetting_total == 1)
    await client.close()


@probe
async def resets_at_a_human_pace_are_forgotten(stage: Stage) -> None:
    """People change their minds; the others on that connection must not pay for it."""
    client, must_hear = await with_companion(stage)
    for _ in range(150):
        stream_id = await client.request("/deaf")
        client.connection.reset_stream(stream_id)
        await client.flush()
    await must_hear()
    await client.close()


@probe
async def more_requests_than_stock_allows_do_not_end_a_stream(stage: Stage) -> None:
    """After 1,000 requests stock said goodbye, and open streams went silent."""
    client, must_hear = await with_companion(stage)
    for _ in range(30):
        for stream_id in [await client.request("/") for _ in range(40)]:
            assert (200, b"ok 0") == await client.read_answer(stream_id)
    await must_hear()
    assert client.goodbye is None
    await client.close()


@probe
async def questions_without_reading_the_answers_are_bounded(stage: Stage) -> None:
    """Every PING and SETTINGS must be answered, and answers are memory."""
    stream = await stage.connect()
    client = Http2Client(stream)
    await client.begin()
    flood = PingFrame(0, opaque_data=b"12345678").serialize() * 2000 + SettingsFrame(0).serialize() * 2000
    with trio.fail_after(PATIENCE_S):
        try:
            while True:
                await stream.send_all(flood)
        except trio.BrokenResourceError:
            pass
    assert 1 == stage.served.statistics().cut_reading_slowly_total
    await stream.aclose()


@probe
async def frames_that_break_the_protocol_end_the_connection_with_a_goodbye(stage: Stage) -> None:
    """A client that is told why can be mended."""
    frames: list[tuple[Frame, ErrorCodes]] = [
        (DataFrame(1, data=b"x"), ErrorCodes.PROTOCOL_ERROR),
        (WindowUpdateFrame(0, window_increment=2**31 - 1), ErrorCodes.FLOW_CONTROL_ERROR),
        (RstStreamFrame(5), ErrorCodes.PROTOCOL_ERROR),
    ]
    for frame, code in frames:
        client = await stage.http2()
        await client.stream.send_all(frame.serialize())
        assert code == await client.read_goodbye()
        await client.close()


@probe
async def garbage_behind_the_preface(stage: Stage) -> None:
    """Nine bytes announced a frame of 16 MiB, which h2 would have collected first."""
    for garbage in (b"\xff" * 1000, b"\0\0\4\4" + b"\0" * 9 + b"\0\x40\1"):  # the second: one byte too long
        client = Http2Client(await stage.connect())
        await client.stream.send_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + garbage)
        client.connection.initiate_connection()
        assert ErrorCodes.FRAME_SIZE_ERROR == await client.read_goodbye()


@probe
async def trailers_and_padding_and_empty_frames(stage: Stage) -> None:
    """All of them are allowed, and padding is credited."""
    client, must_hear = await with_companion(stage)
    stream_id = await client.request("/", method=b"POST", more=True)
    for _ in range(100):
        client.connection.send_data(stream_id, b"", pad_length=100)
        client.connection.send_data(stream_id, b"x", pad_length=200)
        await client.flush()
    client.connection.send_headers(stream_id, [(b"x-trailer", b"y")], end_stream=True)
    await client.flush()
    assert (200, b"ok 100") == await client.read_answer(stream_id)
    await must_hear()
    await client.close()


@probe
async def a_large_answer_and_a_large_body_pass_together(stage: Stage) -> None:
    """Streams must share a connection fairly in both directions."""
    client, must_hear = await with_companion(stage)
    flood = await client.request("/flood")
    stream_id = await client.request("/", method=b"POST", more=True)
    await client.send_body(stream_id, bytes(MEBIBYTE))
    assert (200, b"ok 1048576") == await client.read_answer(stream_id)
    await client.read_events(lambda: len(client.bodies.get(flood, b"")) > MEBIBYTE)
    await must_hear()
    await client.close()


@probe
async def a_goodbye_of_the_client_ends_the_connection(stage: Stage) -> None:
    """Nothing can be sent behind it."""
    client, _ = await with_companion(stage)
    client.connection.close_connection()
    await client.flush()
    while await client.read_once():
        pass
    await client.close()
