"""One value has one text, and no two contexts bind alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.protocol.sealing import as_text, bind, check_keys, read_text


@given(st.binary(min_size=1, max_size=100))
def test_bytes_survive_as_text(sealed: bytes) -> None:
    """Property: the text stands in a URL as it is, and spells the same bytes again."""
    text = as_text(sealed)

    assert sealed == read_text(text, max_chars=200)
    assert "" == text.strip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=40) | st.text(alphabet="AQgw-_+/= \n", max_size=12))
def test_what_is_read_is_the_one_spelling_of_its_bytes(raw_text: str) -> None:
    """Property: any other text is none of ours, so a memory of texts cannot be walked around by respelling one."""
    sealed = read_text(raw_text, max_chars=12)

    assert sealed is None or (as_text(sealed) == raw_text and len(raw_text) <= 12)


@pytest.mark.parametrize("raw_text", ["", "A", "YR", "YQ==", "YQ\n", "Y+", "Y/", "YWJj\u0661", "A" * 13])
def test_malformed_text_is_not_read(raw_text: str) -> None:
    """RFC 4648 section 3.5 and 12: stray bits, padding, blanks, the other alphabet, digits of other scripts."""
    assert read_text(raw_text, max_chars=12) is None


@given(st.lists(st.text() | st.binary(), max_size=4), st.lists(st.text() | st.binary(), max_size=4))
def test_two_contexts_never_bind_alike(left: list[str | bytes], right: list[str | bytes]) -> None:
    """Property: moving a byte from one part to the next is another context."""
    raw_left, raw_right = (
        [part if isinstance(part, bytes) else part.encode() for part in parts] for parts in (left, right)
    )

    assert (raw_left == raw_right) == (bind(*left) == bind(*right))


def test_a_neighbours_letters_are_not_ones_own() -> None:
    """The negative that lengths are there for; lone surrogates, which a client can send, do not raise."""
    assert bind("a", "bc") != bind("ab", "c")
    assert bind("\ud800") != bind("\ud801")


def test_a_key_of_another_length_is_our_bug() -> None:
    """A seal with an empty key would be no seal."""
    check_keys((b"k" * 32,))
    with pytest.raises(ValueError, match="32 bytes"):
        check_keys((b"k" * 32, b""))
