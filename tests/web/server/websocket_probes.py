"""The probes of WebSockets: hostile, broken or unlucky clients of one, bytes by bytes, and what each must see.

Run by test_probes.py like the others, in front of bystanders. What the transport may rely on, told by a client that
behaves, stands in test_websockets.py.
"""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import trio

from tests.web.server.clients import Http1Client
from tests.web.server.probes import MEBIBYTE, UPGRADE, Probe, reset_hard, websocket_frame
from tests.web.server.stage import PATIENCE_S, Stage, wait_until

WEBSOCKET_PROBES: list[Probe] = []
PING = b"\x89\x00"


def probe(function: Probe) -> Probe:
    """Add a probe to the list."""
    WEBSOCKET_PROBES.append(function)
    return function


def close_frame(code: int) -> bytes:
    """Return what the server sends to close with *code* and no word more."""
    return b"\x88\x02" + struct.pack("!H", code)


async def open_socket(stage: Stage, path: bytes = b"/") -> Http1Client:
    """Return a client whose upgrade was accepted."""
    client = await stage.http1()
    await client.send(UPGRADE % (path, b""))
    assert (await client.read_until(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    return client


def without(request: bytes, name: bytes) -> bytes:
    """Return *request* without one field."""
    return b"\r\n".join(line for line in request.split(b"\r\n") if not line.startswith(name + b":"))


async def ends_with(client: Http1Client, code: int) -> None:
    """Expect a close frame, and the end behind it."""
    with trio.fail_after(PATIENCE_S):
        assert close_frame(code) == await client.read_to_end()


# ------------------------------------------------------------------------------------------ the upgrade


@probe
async def an_upgrade_whose_key_is_wrong(stage: Stage) -> None:
    """RFC 6455 section 4.2.1: exactly one key of sixteen bytes."""
    good = UPGRADE % (b"/", b"")
    for request in (
        without(good, b"sec-websocket-key"),
        good.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"a"),
        good.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhlIHNhbXBsZSBub25jZSE="),
        UPGRADE % (b"/", b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
    ):
        assert (await stage.raw(request)).startswith(b"HTTP/1.1 400 ")
    assert not stage.seen  # no application was asked


@probe
async def an_upgrade_whose_version_is_wrong_is_told_the_right_one(stage: Stage) -> None:
    """RFC 6455 section 4.4."""
    good = UPGRADE % (b"/", b"")
    for request in (without(good, b"sec-websocket-version"), good.replace(b"version: 13", b"version: 8")):
        answer = await stage.raw(request)
        assert answer.startswith(b"HTTP/1.1 426 ")
        assert b"\r\nsec-websocket-version: 13\r\n" in answer
        assert b"\r\nupgrade: websocket\r\n" in answer
    twice = await stage.raw(UPGRADE % (b"/", b"sec-websocket-version: 13\r\n"))
    assert twice.startswith(b"HTTP/1.1 400 ")
    assert not stage.seen


@probe
async def an_upgrade_that_offers_more_than_a_websocket(stage: Stage) -> None:
    """What is ambiguous is not guessed at."""
    good = UPGRADE % (b"/", b"")
    for request in (
        good.replace(b"upgrade: websocket", b"upgrade: websocket, h2c"),
        UPGRADE % (b"/", b"upgrade: websocket\r\n"),
        UPGRADE % (b"/", b"connection: keep-alive\r\n"),
        good.replace(b"HTTP/1.1", b"HTTP/1.0"),
    ):
        assert (await stage.raw(request)).startswith(b"HTTP/1.1 400 ")
    assert not stage.seen


@probe
async def an_upgrade_with_a_body(stage: Stage) -> None:
    """Smuggling: a proxy takes the bytes for a body, the server for frames."""
    for extra in (b"content-length: 5\r\n", b"content-length: 0\r\n", b"transfer-encoding: chunked\r\n"):
        assert (await stage.raw(UPGRADE % (b"/", extra) + b"hello")).startswith(b"HTTP/1.1 400 ")
    assert not stage.seen


@probe
async def a_request_behind_an_upgrade_that_is_refused(stage: Stage) -> None:
    """Smuggling: whoever is refused may not go on with a request of somebody else's."""
    for path, status in ((b"/refuse", b"403"), (b"/denied", b"401")):
        answer = await stage.raw(UPGRADE % (path, b"") + b"GET /scope HTTP/1.1\r\nhost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 %s " % status)
        assert 1 == answer.count(b"HTTP/1.1 ")
        assert 1 == answer.count(b"\r\nconnection: close\r\n")
    assert ["websocket", "websocket"] == [scope["type"] for scope in stage.seen]


@probe
async def a_second_upgrade_behind_the_first(stage: Stage) -> None:
    """One connection is one socket: what follows the first upgrade are its frames."""
    client = await stage.http1()
    await client.send(2 * (UPGRADE % (b"/", b"")))
    await client.read_until(b"\r\n\r\n")
    assert close_frame(1002) in await client.read_to_end()
    await wait_until(lambda: stage.served.statistics().failed_websockets_total == 1)
    assert 1 == stage.served.statistics().websockets_total


@probe
async def leaving_at_every_stage(stage: Stage) -> None:
    """Networks fail at any byte; each application hears of it, and none is left."""
    upgrade, half = UPGRADE % (b"/", b""), websocket_frame(1, b"hello")
    for hard in (False, True):
        for data in (upgrade[:40], UPGRADE % (b"/held", b""), *(upgrade + half[:size] for size in (0, 1, 5, 8, 11))):
            stream = await stage.connect()
            await stream.send_all(data)
            if data.startswith(upgrade):
                await stream.receive_some(1000)
            if hard:
                reset_hard(stream)
            else:
                await stream.aclose()
    await wait_until(lambda: stage.served.statistics().open_websockets == 0)


@probe
async def leaving_while_the_application_decides(stage: Stage) -> None:
    """An upgrade that is looked at, such as while a key is checked, ends with its peer."""
    client = await stage.http1()
    await client.send(UPGRADE % (b"/held", b""))
    await wait_until(lambda: len(stage.seen) == 2)
    await client.close()
    await wait_until(lambda: stage.served.statistics().open_connections == 2)
    stage.seen[1].set()  # accepting is nothing now
    await wait_until(lambda: stage.open_requests == 3)


# ------------------------------------------------------------------------------------------ frames


@probe
async def text_that_is_no_utf8(stage: Stage) -> None:
    """RFC 6455 section 8.1; also when a character is cut between two frames."""
    for data in (
        websocket_frame(1, b"\xff\xfe"),
        websocket_frame(1, b"a\xc3", first_bits=0) + websocket_frame(0, b"a"),
        websocket_frame(1, b"\xc3"),
    ):
        client = await open_socket(stage)
        await client.send(data)
        await ends_with(client, 1007)


@probe
async def frames_that_break_the_protocol(stage: Stage) -> None:
    """Each closes with 1002, and says nothing about us."""
    for data in (
        b"\x81\x01a",  # without a mask
        websocket_frame(3, b""),
        websocket_frame(0, b"x"),  # a continuation of nothing
        websocket_frame(1, b"x", first_bits=0) + websocket_frame(1, b"x"),  # a message inside a message
        websocket_frame(9, b"x", first_bits=0),  # half a ping
        websocket_frame(9, bytes(126)),
        websocket_frame(2, b"x", first_bits=0xC0),  # compressed
        b"\x82\xff" + b"\xff" * 8 + bytes(4),
        websocket_frame(8, b"x"),
        websocket_frame(8, struct.pack("!H", 1006)),
    ):
        client = await open_socket(stage)
        await client.send(data)
        await ends_with(client, 1002)
    assert 10 == stage.served.statistics().failed_websockets_total


@probe
async def a_message_of_frames_without_end(stage: Stage) -> None:
    """Empty frames hold no byte, so bytes alone would never stop them."""
    client = await open_socket(stage)
    with contextlib.suppress(trio.BrokenResourceError):
        await client.send(websocket_frame(2, b"", first_bits=0) + 5000 * websocket_frame(0, b"", first_bits=0))
    await ends_with(client, 1009)


@probe
async def a_message_of_many_frames_that_is_small_enough(stage: Stage) -> None:
    """What stays inside the bounds passes, however it is cut; control frames may stand between."""
    client = await open_socket(stage)
    pieces = 499 * (websocket_frame(0, "é".encode(), first_bits=0) + websocket_frame(10, b""))
    await client.send(websocket_frame(1, "é".encode(), first_bits=0) + pieces + websocket_frame(0, b""))
    assert b"\x81\x7e" + struct.pack("!H", 1000) + 500 * "é".encode() == await client.read_until(500 * "é".encode())
    await client.close()


@probe
async def a_text_is_counted_in_bytes(stage: Stage) -> None:
    """Characters of three bytes would make three messages' worth of one."""
    client = await open_socket(stage)
    with contextlib.suppress(trio.BrokenResourceError):
        await client.send(websocket_frame(1, 400_000 * "€".encode()))
    await ends_with(client, 1009)


@probe
async def a_message_that_fills_its_bound(stage: Stage) -> None:
    """The bound itself still passes, also through an inbox that holds less."""
    client = await open_socket(stage)
    await client.send(websocket_frame(2, bytes(MEBIBYTE)))
    head = b"\x82\x7f" + struct.pack("!Q", MEBIBYTE)
    while len(client.received) < MEBIBYTE + len(head):
        assert await client.read_some()
    assert client.received.startswith(head)
    await client.close()


@probe
async def messages_that_wait_lie_as_bytes(stage: Stage) -> None:
    """Small messages cost a hundred times their bytes, so only so many are taken up; none is lost or overtaken."""
    client = await stage.http1()
    messages = [b"%d" % number for number in range(3000)]
    frames = [websocket_frame(2, message) for message in messages]
    await client.send(UPGRADE % (b"/held", b"") + b"".join(frames[:2000]))
    await wait_until(lambda: len(stage.seen) == 2)
    stage.seen[1].set()
    await wait_until(lambda: len(stage.seen) == 3)
    await client.send(b"".join(frames[2000:]))
    await client.read_until(b"\r\n\r\n")
    connection = next(each for each in stage.served.running.connections if _stream_of(each) is not None)
    assert 32 == len(_stream_of(connection).inbox._messages)
    assert 0 == len(stage.seen[3:])
    stage.seen[2].set()
    await wait_until(lambda: len(stage.seen) == 3003)
    assert messages == stage.seen[3:]
    await client.close()


def _stream_of(connection: Any) -> Any:
    stream = getattr(connection._spoken._spoken, "stream", None)
    return stream if hasattr(stream, "_turn") else None


@probe
async def leaving_behind_messages_that_were_not_read(stage: Stage) -> None:
    """What came before the end is told before the end, as far as it was taken up."""
    client = await open_socket_held(stage)
    await client.send(b"".join(websocket_frame(2, b"%d" % number) for number in range(20)))
    await client.send(websocket_frame(8, struct.pack("!H", 4001) + b"bye"))
    assert b"\x88\x05" + struct.pack("!H", 4001) + b"bye" == await client.read_to_end()
    stage.seen[2].set()
    await wait_until(lambda: len(stage.seen) == 24)
    assert [b"%d" % number for number in range(20)] == stage.seen[3:23]
    assert {"type": "websocket.disconnect", "code": 4001, "reason": "bye"} == stage.seen[23]


async def open_socket_held(stage: Stage) -> Http1Client:
    """Return a client of `/held` that was accepted and is not read yet."""
    client = await stage.http1()
    await client.send(UPGRADE % (b"/held", b""))
    await wait_until(lambda: len(stage.seen) == 2)
    stage.seen[1].set()
    await client.read_until(b"\r\n\r\n")
    return client


@probe
async def pings_and_pongs_without_end(stage: Stage) -> None:
    """They are answered or dropped, one by one, and hold nobody else up."""
    client = await open_socket(stage)
    await client.send(5000 * websocket_frame(10, b"") + 100 * websocket_frame(9, b"x"))
    for _ in range(100):
        await client.read_until(b"\x8a\x01x")
    await client.close()


@probe
async def frames_behind_a_close(stage: Stage) -> None:
    """RFC 6455 section 5.5.1: after a close frame nothing follows that anybody would read."""
    client = await open_socket(stage)
    await client.send(websocket_frame(8, struct.pack("!H", 1000)) + 1000 * websocket_frame(2, b"x"))
    assert (await client.read_to_end()) in {b"", close_frame(1000)}  # "": our end found bytes unread
    await wait_until(lambda: len(stage.seen) == 2)
    assert 1000 == stage.seen[1]["code"]


# ------------------------------------------------------------------------------------------ the end


@probe
async def a_close_that_is_never_answered(stage: Stage) -> None:
    """The closing handshake waits for its peer, but not for long."""
    client = await open_socket(stage, b"/close")
    await client.send(websocket_frame(2, b"x"))  # what comes meanwhile is not read
    assert b"\x88\x08" + struct.pack("!H", 4000) + b"enough" == await client.read_to_end()
    end = {"type": "websocket.disconnect", "code": 1006, "reason": ""}
    await wait_until(lambda: stage.seen[1:] == [end, end])


@probe
async def a_close_that_is_answered_with_rubbish(stage: Stage) -> None:
    """The peer's half of the handshake may be broken, too."""
    client = await open_socket(stage, b"/close")
    await client.send(websocket_frame(3, b""))
    assert b"\x88\x08" + struct.pack("!H", 4000) + b"enough" == await client.read_to_end()
    await wait_until(lambda: len(stage.seen) == 3)


@probe
async def an_application_that_breaks(stage: Stage) -> None:
    """Before the upgrade the peer sees 500, behind it 1011; never why."""
    assert (await stage.raw(UPGRADE % (b"/boom", b""))).startswith(b"HTTP/1.1 500 ")
    assert (await stage.raw(UPGRADE % (b"/unasked", b""))).startswith(b"HTTP/1.1 500 ")
    client = await open_socket(stage, b"/broken")
    await ends_with(client, 1011)
    assert 3 == len(stage.served.log.take("application_fault"))
