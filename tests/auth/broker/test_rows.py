"""What the broker keeps, as rows of the store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.auth.broker.rows import (
    ACCESS_PREFIX,
    MAX_TOKEN_CHARS,
    AccessRow,
    BrowserRow,
    CodeRow,
    GrantRow,
    LoginRow,
    PersonRow,
    RefreshRow,
    client_word,
    decode_code,
    decode_grant,
    decode_row,
    digest,
    encode_row,
    new_id,
    new_token,
)
from aegis_trio.store.interface import MAX_KEY_CHARS, MAX_VALUE_BYTES

GRANTS = st.builds(GrantRow, scopes=st.lists(st.text(max_size=20)).map(tuple))
ROWS = st.one_of(
    st.builds(AccessRow, scopes=st.lists(st.text(max_size=20)).map(tuple)),
    st.builds(RefreshRow, scopes=st.lists(st.text(max_size=20)).map(tuple)),
    st.builds(PersonRow),
    st.builds(LoginRow, scopes=st.lists(st.text(max_size=20)).map(tuple)),
    st.builds(BrowserRow),
)


@given(ROWS)
def test_a_row_is_read_as_it_was_written(row: AccessRow | RefreshRow | PersonRow | LoginRow | BrowserRow) -> None:
    """Every kind, whatever text is in it."""
    assert row == decode_row(type(row), encode_row(row))


@given(GRANTS, st.text(), st.text())
def test_grants_and_codes_are_read_as_they_were_written(grant: GrantRow, uri: str, challenge: str) -> None:
    """A code holds the grant that it will make."""
    code = CodeRow(grant=grant, redirect_uri=uri, code_challenge=challenge)

    assert grant == decode_grant(encode_row(grant))
    assert code == decode_code(encode_row(code))


def test_a_row_of_another_form_raises() -> None:
    """Law 2: what was not written by us is not guessed at."""
    with pytest.raises(TypeError):
        decode_row(PersonRow, encode_row(BrowserRow()))
    with pytest.raises(TypeError):
        decode_grant(b'{"id": "x"}')


def test_tokens_are_long_prefixed_and_never_the_same() -> None:
    """256 bits, with a beginning that scanners for leaked secrets know."""
    tokens = {new_token(ACCESS_PREFIX).reveal() for _ in range(100)}

    assert 100 == len(tokens)
    assert {len(ACCESS_PREFIX) + 43} == {len(token) for token in tokens}
    assert all(token.startswith(ACCESS_PREFIX) and len(token) <= MAX_TOKEN_CHARS for token in tokens)
    assert 32 == len(new_id())


@given(st.text() | st.sampled_from(["\ud800", "x" * 100_000]))
def test_hostile_text_makes_keys_of_a_bounded_length(raw: str) -> None:
    """Keys and index words are digests."""
    assert 64 == len(digest(raw))
    assert len(client_word(raw)) < MAX_KEY_CHARS


def test_the_largest_request_fits_into_a_row() -> None:
    """Else a client could make our store refuse, and the person read of a fault of ours."""
    row = LoginRow(
        client_id="c" * 512,
        client_name="\U0001f600" * 120,
        redirect_uri="r" * 2048,
        state="\U0001f600" * 4096,
        scopes=("read:repository",) * 10,
        code_challenge="c" * 43,
        resource="https://gate.example/mcp/sse",
        browser="b" * 64,
        nonce="n" * 43,
        verifier="v" * 120,
    )

    assert len(encode_row(row)) <= MAX_VALUE_BYTES
