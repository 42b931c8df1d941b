"""The small parts of HTTP/2: frames that are gauged, an outbox with room, resets that refill."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from hyperframe.frame import DataFrame, Frame, PingFrame
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.web.server.frames import MAX_FRAME_BYTES, FrameGauge
from aegis_trio.web.server.inbox import Inbox
from aegis_trio.web.server.limits import ConnectionLimits
from aegis_trio.web.server.outbox import ROOM_BYTES, Outbox
from aegis_trio.web.server.resets import ResetAllowance

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def _split(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces, position = [], 0
    for size in sizes:
        pieces.append(data[position : position + size])
        position += size
    return [*pieces, data[position:]]


@given(st.lists(st.integers(0, 300), max_size=8), st.lists(st.integers(1, 50), max_size=40))
def test_frames_of_allowed_length_pass_however_they_are_cut(lengths: list[int], cuts: list[int]) -> None:
    """Property: where TCP cuts the bytes must make no difference."""
    gauge = FrameGauge()
    data = PREFACE + b"".join(DataFrame(1, data=bytes(length)).serialize() for length in lengths)

    assert not any(gauge.is_exceeded_by(piece) for piece in _split(data, cuts))


@given(st.lists(st.integers(0, 300), max_size=4), st.lists(st.integers(1, 50), max_size=40))
def test_a_frame_one_byte_too_long_is_found_before_its_body_comes(lengths: list[int], cuts: list[int]) -> None:
    """Property: nine bytes must never make us collect sixteen megabytes."""
    gauge = FrameGauge()
    frames: list[Frame] = [DataFrame(1, data=bytes(length)) for length in lengths]
    head = (MAX_FRAME_BYTES + 1).to_bytes(3) + b"\0" * 6
    data = PREFACE + b"".join(frame.serialize() for frame in [*frames, PingFrame(0)]) + head

    assert any(gauge.is_exceeded_by(piece) for piece in _split(data, cuts))


def test_resets_come_back_with_time() -> None:
    """A connection lives for days, and people change their minds; only a burst is an attack."""
    allowance = ResetAllowance(ConnectionLimits(max_resets=2, resets_refilled_per_s=1), now=0)

    assert [True, True, False] == [allowance.spend(0) for _ in range(3)]
    assert [True, True, False] == [allowance.spend(1_000) for _ in range(3)]


async def test_an_outbox_lets_nobody_wait_after_its_end() -> None:
    """A connection that ended must wake whoever waits for it."""
    outbox = Outbox()
    outbox.put(bytes(ROOM_BYTES))
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outbox.wait_for_room)
            await trio.testing.wait_all_tasks_blocked()
            outbox.close()
        outbox.put(b"late")
        await outbox.wait_for_room()

    assert outbox.is_empty


async def test_a_body_that_comes_byte_by_byte_is_one_message() -> None:
    """A peer that sends single bytes must cost bytes, not objects."""
    inbox = Inbox(ConnectionLimits())
    for _ in range(1000):
        await inbox({"type": "http.request", "body": b"x", "more_body": True})
    await inbox({"type": "http.request", "body": b"", "more_body": False})

    assert {"type": "http.request", "body": b"x" * 1000, "more_body": False} == await inbox.receive()


async def test_an_inbox_that_is_closed_takes_nothing_and_tells_what_was_unread() -> None:
    """Bytes that nobody will read are given back to the peer's window, and then not kept."""
    taken: list[int] = []
    inbox = Inbox(ConnectionLimits(max_stream_buffer_bytes=10))
    inbox.on_taken = taken.append
    await inbox({"type": "http.request", "body": b"x" * 20, "more_body": True})
    assert inbox.is_full

    inbox.close()
    await inbox({"type": "http.request", "body": b"x" * 20, "more_body": True})

    assert [20] == taken
    assert not inbox.is_full


@pytest.mark.parametrize("count", [32, 33])
async def test_an_inbox_of_small_messages_is_full_by_their_number(count: int) -> None:
    """A message costs more than its text."""
    inbox = Inbox(ConnectionLimits(max_queued_messages=32))
    for _ in range(count):
        await inbox({"type": "websocket.receive", "bytes": None, "text": "x"})

    assert inbox.is_full
