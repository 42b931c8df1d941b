"""The reader reads one meaning or refuses; no bytes make it do anything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.json import JsonValue, encode_json
from aegis_trio.protocol.json_reader import MAX_DEPTH, MAX_DOCUMENT_BYTES, read_json
from aegis_trio.protocol.refusals import INVALID_REQUEST, PARSE_ERROR, Refusal
from tests.protocol.strategies import JSON_VALUES


def refusal_of(raw_document: bytes) -> Refusal:
    """Return the refusal that *raw_document* must earn."""
    read = read_json(raw_document)
    assert isinstance(read, Refusal)
    return read


@pytest.mark.requirement("MCP-ERR-09")
@pytest.mark.parametrize(
    "raw_document",
    [
        b"",
        b"{",
        b"{}{}",
        b"\xff\xfe{}",
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf{}",
        b"NaN",
        b"[Infinity]",
        b'{"a":-Infinity}',
        b"1e999",
        b"[-1e999]",
        b"9" * 20,
        b"9223372036854775808",
        b"-9223372036854775809",
        b"9" * 21,
        b"9" * 5000,
        b"'a'",
        b"{a:1}",
        b"[1,]",
        b"\x00",
        b"[" * 100_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
        b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"params":{"name":"a","name":"b"}}',
    ],
)
def test_bytes_that_two_parsers_could_read_differently_are_a_parse_error(raw_document: bytes) -> None:
    """RFC 8259, RFC 7493: a proxy before us and we must have read the same document, or none."""
    refusal = refusal_of(raw_document)

    assert PARSE_ERROR == refusal.code
    assert 400 == refusal.http_status


def test_a_document_above_the_bound_is_refused_before_it_is_decoded() -> None:
    """Size is the one refusal that has a status of its own (413)."""
    refusal = refusal_of(b'"' + b"a" * MAX_DOCUMENT_BYTES + b'"')

    assert (INVALID_REQUEST, 413) == (refusal.code, refusal.http_status)


def test_a_refusal_never_repeats_the_document() -> None:
    """What a client sent does not come back as an error text, where logs and pages would show it."""
    assert "<script>" not in refusal_of(b'{"<script>":1,"<script>":2}').message


def test_the_deepest_document_allowed_is_read() -> None:
    """The bound is the documented one, not one less."""
    raw_document = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH

    assert json.loads(raw_document) == read_json(raw_document)


@pytest.mark.parametrize("number", [-(2**63), 2**63 - 1])
def test_the_largest_integers_allowed_are_read(number: int) -> None:
    """The bound is 64 bits, not fewer."""
    assert number == read_json(str(number).encode())


def test_many_brackets_side_by_side_are_not_deep() -> None:
    """Depth is measured, not guessed from the number of brackets: wide tool arguments are ordinary."""
    raw_document = b"[" + b",".join([b"{}"] * 500) + b"]"

    assert [{}] * 500 == read_json(raw_document)


def test_brackets_inside_text_are_not_depth() -> None:
    """A file's contents may hold any brackets."""
    text = "[{" * 500

    assert text == read_json(json.dumps(text).encode())


@given(JSON_VALUES)
def test_what_we_write_is_what_we_read(value: JsonValue) -> None:
    """Property: every value of ours survives a round trip, lone surrogates included."""
    assert value == read_json(encode_json(value))


@pytest.mark.requirement("MCP-ERR-09")
@given(st.binary(max_size=400) | st.text(alphabet='[]{}",:0123456789eE+-.\\utrfalsn NaI', max_size=80).map(str.encode))
def test_any_bytes_are_read_or_refused(raw_document: bytes) -> None:
    """Property: nothing is raised, and whatever is accepted reads the same with the standard parser."""
    read = read_json(raw_document)

    if isinstance(read, Refusal):
        assert PARSE_ERROR == read.code
    else:
        assert json.loads(raw_document) == read
