"""The chain names the record that is wrong."""

from __future__ import annotations

import hashlib
import json

import pytest

from aegis_trio.audit.canonical import MAX_LINE_BYTES
from aegis_trio.audit.chain import GENESIS, BrokenRecord, ChainHead, begins_a_file, follow, leaf_hash, seal
from aegis_trio.audit.entry import Phase, service_event
from aegis_trio.audit.recovery import draft
from aegis_trio.model.json import JsonValue
from tests.audit.conftest import NOON_NS
from tests.audit.logs import lines_of


def changed(line: bytes, **changes: JsonValue) -> bytes:
    """Return a record with other values, in canonical form."""
    return json.dumps({**json.loads(line), **changes}).encode()


def test_a_leaf_is_hashed_as_in_certificate_transparency() -> None:
    """The tree that is built later over the same lines must have these hashes as its leaves."""
    # Source: certificate-transparency-go, merkle/rfc6962: the leaf hash of the empty entry.
    assert "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" == leaf_hash(b"")
    assert hashlib.sha256(b"\x00L123456").hexdigest() == leaf_hash(b"L123456")


def test_each_record_names_the_one_before_it_by_the_bytes_on_disk() -> None:
    """A reader with nothing but the file and SHA-256 can follow the chain."""
    lines, head = lines_of(3)
    prevs = [json.loads(line)["prev"] for line in lines]

    assert [GENESIS, leaf_hash(lines[0][:-1]), leaf_hash(lines[1][:-1])] == prevs
    assert ChainHead(3, leaf_hash(lines[2][:-1])) == head


def test_a_record_that_follows_moves_the_head() -> None:
    """What was sealed is what is accepted."""
    lines, head = lines_of(2)

    assert head == follow(follow(None, lines[0][:-1]), lines[1][:-1])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"x" * MAX_LINE_BYTES, "longer"),
        (b"not json", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b'{"timestamp":"t"}', "one form"),
        (b'{"a": 1}', "not a record"),
        (changed(lines_of(1)[0][0], phase="late"), "not a record"),
        (changed(lines_of(1)[0][0], seq="0"), "wrong type"),
        (changed(lines_of(1)[0][0], seq=True), "wrong type"),
        (changed(lines_of(1)[0][0], seq=-1), "wrong type"),
        (changed(lines_of(1)[0][0], prev=None), "wrong type"),
        (changed(lines_of(1)[0][0], seq=7), "sequence 7 where 0"),
        (changed(lines_of(1)[0][0], prev="f" * 64), "before it"),
    ],
    ids=["long", "text", "list", "form", "fields", "phase", "seq", "seq_bool", "seq_sign", "prev", "gap", "link"],
)
def test_a_line_that_is_not_the_next_record_is_refused_with_its_reason(line: bytes, reason: str) -> None:
    """An operator must learn what is wrong, not only that something is."""
    with pytest.raises(BrokenRecord, match=reason):
        follow(ChainHead(), line)


def test_a_file_begins_at_the_beginning_or_says_why_not() -> None:
    """Cutting the head off a log must not leave something that looks whole."""
    lines, head = lines_of(2)
    resumed, _ = seal(head, draft(service_event("audit_resumed"), NOON_NS), Phase.EVENT)

    assert begins_a_file(lines[0][:-1])
    assert not begins_a_file(lines[1][:-1])
    assert begins_a_file(resumed[:-1])
    assert not begins_a_file(changed(lines[0], prev="f" * 64))
