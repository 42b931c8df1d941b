"""The text of a key: one body in two dresses, and a hint that gives nothing away."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.auth.keytext import DigestScheme, KeyForm, is_hint, make_key, parse_key, write_key
from aegis_trio.model.secret import Secret
from tests.auth.places import BODY, dressed


def test_a_new_key_has_256_bits_of_its_own() -> None:
    """64 hexadecimal characters, never twice the same."""
    keys = {make_key().reveal() for _ in range(100)}

    assert 100 == len(keys)
    assert all(64 == len(key) and set(key) <= set("0123456789abcdef") for key in keys)


def test_both_dresses_of_a_body_are_the_same_key() -> None:
    """A client may be given either."""
    plain, named = parse_key(BODY), parse_key(dressed())

    assert plain is not None
    assert named is not None
    assert plain.body == named.body
    assert plain.principal_id == named.principal_id
    assert "a1b2c3d4...e1f2" == plain.hint == named.hint
    assert (KeyForm.HEX, KeyForm.AEGIS) == (plain.form, named.form)


def test_the_dress_is_the_documented_one() -> None:
    """Scanners look for this form; 79 characters with the CRC32 of everything before it."""
    body = "0123456789abcdef" * 4
    assert "aegis_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef_" == dressed(body)[:71]
    assert 79 == len(dressed(body))


def test_the_id_is_the_documented_digest() -> None:
    """Operators can compute it: the first twelve characters of SHA-256 over a name and the body."""
    text = parse_key(BODY)

    assert text is not None
    assert hashlib.sha256(b"aegis-kid\x00" + BODY.encode()).hexdigest()[:12] == text.kid
    assert f"key:{text.kid}" == text.principal_id


@pytest.mark.parametrize(
    "raw_key",
    [
        "",
        "a" * 31,
        "a" * 31 + " ",
        "a" * 513,
        "a" * 40 + "\n",
        "ä" * 40,
        "aegis_" + "0" * 64,
        dressed()[:-1] + ("0" if dressed()[-1] != "0" else "1"),
        dressed().upper(),
        dressed() + "0",
    ],
)
def test_what_cannot_be_a_key_is_none(raw_key: str) -> None:
    """A typing error in a key with a checksum is seen without asking anybody."""
    assert parse_key(raw_key) is None


def test_an_hmac_needs_its_pepper() -> None:
    """Hashing without it would make an entry that anybody can check guesses against."""
    text = parse_key(BODY)
    assert text is not None
    with pytest.raises(ValueError, match="pepper"):
        text.digest(DigestScheme.HMAC, None)
    assert text.digest(DigestScheme.HMAC, Secret("a")) != text.digest(DigestScheme.HMAC, Secret("b"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a1b2c3d4...e1f2", True), ("a1b2c3d4..e1f2", False), ("a1b2c3d4...e1f", False), ("", False), (BODY, False)],
)
def test_hints_are_recognised(text: str, *, expected: bool) -> None:
    """A key must not pass where a hint is meant, or it would be written down."""
    assert expected is is_hint(text)


@given(st.text(max_size=120))
def test_no_text_raises_and_a_hint_is_never_the_key(raw_key: str) -> None:
    """Property: hostile text is answered, and twenty characters at least stay unknown."""
    text = parse_key(raw_key)
    if text is not None:
        assert len(text.hint) == 15
        assert len(text.body) - 12 >= 20


@given(st.binary(min_size=32, max_size=32))
def test_every_key_that_is_written_is_read(raw_body: bytes) -> None:
    """Property: writing and reading are inverse, in both dresses."""
    for form in KeyForm:
        text = parse_key(write_key(raw_body.hex(), form).reveal())
        assert text is not None
        assert raw_body.hex() == text.body.reveal()
