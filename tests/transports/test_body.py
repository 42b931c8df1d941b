"""A body is read whole, within its bound and its time."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.asgi import Message, Receive
from aegis_trio.protocol.refusals import Refusal
from aegis_trio.transports.body import HUNG_UP, read_body


def sender(*pieces: bytes, every_s: float = 0.0, then_leave: bool = False) -> Receive:
    """Return a `receive` that gives *pieces*, one each *every_s* seconds."""
    left = list(pieces)

    async def receive() -> Message:
        await trio.sleep(every_s)
        if not left:
            return {"type": "http.disconnect"}
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(left) or then_leave}

    return receive


async def test_pieces_are_joined(autojump_clock: MockClock) -> None:
    """A body comes as the network cut it."""
    assert b"abc" == await read_body(sender(b"a", b"", b"bc"), max_bytes=3, deadline_s=10)


async def test_a_body_above_the_bound_is_refused_at_the_first_byte_too_many(autojump_clock: MockClock) -> None:
    """Without a declared length only reading tells; what follows is never kept."""
    refusal = await read_body(sender(b"ab", b"cd", then_leave=True), max_bytes=3, deadline_s=10)

    assert isinstance(refusal, Refusal)
    assert 413 == refusal.http_status


@pytest.mark.parametrize("every_s", [0.0, 4.0])
async def test_the_deadline_is_for_the_whole_body(autojump_clock: MockClock, every_s: float) -> None:
    """A byte now and then does not buy more time."""
    read = await read_body(sender(b"a", b"b", b"c", every_s=every_s), max_bytes=3, deadline_s=10)

    if every_s:
        assert isinstance(read, Refusal)
        assert 408 == read.http_status
    else:
        assert b"abc" == read


async def test_a_client_that_leaves_is_no_body(autojump_clock: MockClock) -> None:
    """Half a message must not be taken for a whole one."""
    assert HUNG_UP is await read_body(sender(b"a", then_leave=True), max_bytes=3, deadline_s=10)
