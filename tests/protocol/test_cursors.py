"""A cursor opens for whom it was sealed, for an hour, and for nobody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.clock import SetClock
from aegis_trio.protocol.cursors import CURSOR_TTL_S, MAX_CURSOR_CHARS, MAX_POSITION_BYTES, CursorSealer
from aegis_trio.protocol.sealing import as_text, read_text

KEY = b"k" * 32
OTHER_KEY = b"o" * 32
NOW_S = 1_780_000_000
TEXTS = st.text(max_size=20)
POSITIONS = st.text(max_size=MAX_POSITION_BYTES // 4)


def sealer(now_s: int = NOW_S, *, key: bytes = KEY, older_keys: tuple[bytes, ...] = ()) -> CursorSealer:
    """Return a sealer whose clock stands at *now_s*."""
    return CursorSealer(key, SetClock(now_s).now_ns, older_keys)


@given(TEXTS, TEXTS, POSITIONS, TEXTS)
def test_a_position_comes_back_exactly(principal: str, method: str, position: str, scope: str) -> None:
    """Property: whatever the texts, the cursor is within its bound and opens for the same context."""
    cursor = sealer().seal(principal, method, position, scope)

    assert MAX_CURSOR_CHARS >= len(cursor)
    assert position == sealer().unseal(cursor, principal, method, scope)


@given(st.tuples(TEXTS, TEXTS, TEXTS), st.tuples(TEXTS, TEXTS, TEXTS))
def test_a_cursor_opens_in_its_own_context_alone(given_to: tuple[str, str, str], used_by: tuple[str, str, str]) -> None:
    """Property: another principal, method or scope gets nothing, as if the cursor had never been."""
    principal, method, scope = given_to
    opened = sealer().unseal(sealer().seal(principal, method, "40", scope), *used_by)

    assert ("40" if given_to == used_by else None) == opened


@given(st.data())
def test_a_cursor_with_any_bit_flipped_is_none(data: st.DataObject) -> None:
    """Property: expiry and position are sealed; nothing of them can be changed."""
    sealed = read_text(sealer().seal("alice", "tools/list", "page 2"), max_chars=MAX_CURSOR_CHARS)
    assert sealed is not None
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    flipped = (int.from_bytes(sealed, "big") ^ (1 << bit)).to_bytes(len(sealed), "big")

    assert sealer().unseal(as_text(flipped), "alice", "tools/list") is None


@given(st.text() | st.text(alphabet="ABCabc019-_", max_size=300))
def test_any_text_that_we_did_not_seal_is_none(raw_cursor: str) -> None:
    """Property: nothing is raised, and nothing is found."""
    assert sealer().unseal(raw_cursor, "alice", "tools/list") is None


@pytest.mark.parametrize("raw_cursor", ["", "0", "A" * 54, "A" * 257, "\ud800", "é"])
def test_a_malformed_cursor_is_none(raw_cursor: str) -> None:
    """MCP 2026-07-28 pagination: "" is a cursor too, and one that was never given."""
    assert sealer().unseal(raw_cursor, "alice", "tools/list") is None


def test_lone_surrogates_of_a_client_do_not_raise() -> None:
    """JSON can carry them in escapes, so a scope made of a client's arguments can hold them."""
    cursor = sealer().seal("alice", "tools/list", "\ud800", "\udfff")

    assert "\ud800" == sealer().unseal(cursor, "alice", "tools/list", "\udfff")
    assert sealer().unseal(cursor, "alice", "tools/list", "\udffe") is None


@pytest.mark.parametrize(("age_s", "opens"), [(0, True), (CURSOR_TTL_S - 1, True), (CURSOR_TTL_S, False)])
def test_a_cursor_lives_for_its_time(age_s: int, opens: bool) -> None:  # noqa: FBT001  # a case of the table
    """A cursor out of an old conversation says nothing about the list of today."""
    cursor = sealer().seal("alice", "tools/list", "40")

    assert opens == (sealer(NOW_S + age_s).unseal(cursor, "alice", "tools/list") is not None)


def test_a_cursor_survives_the_rotation_of_its_key_and_no_other() -> None:
    """The newest key seals, every key of the ring opens."""
    cursor = sealer().seal("alice", "tools/list", "40")

    assert "40" == sealer(key=OTHER_KEY, older_keys=(KEY,)).unseal(cursor, "alice", "tools/list")
    assert sealer(key=OTHER_KEY).unseal(cursor, "alice", "tools/list") is None


def test_a_position_that_does_not_fit_is_our_bug() -> None:
    """The bound of 256 characters holds whatever we put in; it is not found out by a client."""
    longest = "p" * MAX_POSITION_BYTES
    assert MAX_CURSOR_CHARS >= len(sealer().seal("alice", "tools/list", longest))

    with pytest.raises(ValueError, match="position"):
        sealer().seal("alice", "tools/list", longest + "p")


def test_a_sealer_shows_no_key() -> None:
    """A traceback or a log line that prints the sealer gives nothing away; a short key is refused at once."""
    assert "kkk" not in repr(sealer(older_keys=(KEY,)))
    with pytest.raises(ValueError, match="32 bytes"):
        sealer(key=b"short")
