"""Keys of other makers are let in when they are strong enough."""

from __future__ import annotations

import random
import secrets
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.auth.key_strength import MIN_BITS, estimate_bits


@pytest.mark.parametrize(
    ("alphabet", "characters"), [(string.hexdigits.lower()[:16], 40), (string.ascii_letters + string.digits, 32)]
)
def test_random_keys_are_strong(alphabet: str, characters: int) -> None:
    """Gitea's own tokens have 40 hexadecimal characters; other makers' have letters. 500 of each, by a fixed seed."""
    chance = random.Random(4711)  # noqa: S311 -- the same texts at every run
    weakest = min(estimate_bits("".join(chance.choices(alphabet, k=characters))) for _ in range(500))

    assert weakest >= MIN_BITS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a" * 64,
        "ab" * 40,
        "0123456789abcdef" * 4,
        "0123456789" * 8,
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "password" * 8,
        "hunter2-hunter2-hunter2-hunter2-",
        "1111111111111111222222222222222233333333",
        "00000000000000000000000000000000000000000000000000000000deadbeef",
        "12" + "0" * 62,
        "20260213202602142026021520260216",
    ],
)
def test_weak_keys_are_weak(text: str) -> None:
    """Long, and guessed soon."""
    assert estimate_bits(text) < MIN_BITS


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=80))
def test_no_text_is_worth_more_than_its_alphabet(text: str) -> None:
    """Property: an estimate is no promise beyond what visible characters can hold."""
    assert 0 <= estimate_bits(text) <= 6.56 * len(text)


def test_our_own_keys_are_strong_by_far() -> None:
    """What we make must be importable elsewhere, and here."""
    assert min(estimate_bits(secrets.token_hex(32)) for _ in range(50)) > 200
