"""What a witness is sent is taken apart in its one form, and everything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.audit.notes import MalformedNote
from aegis_trio.audit.witness.request import MAX_REQUEST_BYTES, origin_digest, parse_add_checkpoint
from tests.audit.witness.histories import History

HISTORY = History()
GOOD = HISTORY.body(5, 12).decode()


@given(st.integers(0, 40), st.integers(0, 40))
def test_what_is_written_is_read_again(one: int, other: int) -> None:
    """Both sides use this form; a difference would be a checkpoint that nobody cosigns."""
    request = HISTORY.request(min(one, other), max(one, other))

    assert request == parse_add_checkpoint(str(request).encode())


@pytest.mark.parametrize(
    "raw_body",
    [
        b"",
        b"\n\n",
        b"\xff\xfe",
        GOOD.removeprefix("old ").encode(),
        GOOD.replace("old 5", "old 05").encode(),
        GOOD.replace("old 5", "old -5").encode(),
        GOOD.replace("old 5", "old  5").encode(),
        GOOD.replace("old 5", "old 13").encode(),
        GOOD.replace("old 5", "old 9223372036854775808").encode(),
        GOOD.replace("old 5\n", "old 5\r\n").encode(),
        GOOD.replace("old 5\n", "old 5\nAAAA\n").encode(),
        GOOD.replace("old 5\n", "old 5\n!!!!\n").encode(),
        GOOD.replace("old 5\n", "old 5\n" + ("A" * 43 + "=\n") * 63).encode(),
        GOOD.replace("\n\n", "\n", 1).encode(),
        GOOD.rpartition("\n\n")[0].encode(),
        GOOD.encode() + b" ",
        GOOD.encode() + b"x" * MAX_REQUEST_BYTES,
    ],
    ids=range(17),
)
def test_every_other_form_is_malformed(raw_body: bytes) -> None:
    """Two readings of one request are how a proof of one thing becomes a cosignature of another."""
    with pytest.raises(MalformedNote):
        parse_add_checkpoint(raw_body)


@given(st.binary(max_size=400))
def test_nothing_else_is_raised(raw_body: bytes) -> None:
    """Strangers send what they like."""
    try:
        parse_add_checkpoint(raw_body)
    except MalformedNote:
        return
    raise AssertionError(raw_body)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_another_request_or_none(place: int, byte: int) -> None:
    """No byte is ignored."""
    raw_body = bytearray(GOOD.encode())
    changed = raw_body[place] != byte
    raw_body[place] = byte
    try:
        same = str(parse_add_checkpoint(bytes(raw_body))) == GOOD
    except MalformedNote:
        same = False

    assert changed != same


def test_the_digest_of_an_origin_is_the_protocols() -> None:
    """Monitors ask by it."""
    # Source: `printf example.com/behind-the-sofa | sha256sum`
    expected = "5fd2dc0beb4ce54da5050cf6d5c75248b023abad441c3cecde3976fbe9da4fe4"

    assert expected == origin_digest("example.com/behind-the-sofa")
