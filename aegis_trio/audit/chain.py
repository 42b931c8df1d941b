"""The chain: every record carries its sequence and the hash of the record before it.

Laws:
    1. The hash of a record is the leaf hash of RFC 6962 over the bytes of its line without the newline, so that a
       Merkle tree over the lines has exactly these leaves, and the sequence is the leaf's index, from 0.
    2. The bytes on disk are hashed, never a record that was read and written again.
    3. A file that does not begin with record 0 says why in its first record.

What the chain alone cannot show: that the end of the file was cut off at a record, that its last record was changed
(no later record covers it), or that everything was written anew. Signed checkpoints outside this machine will.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.audit.canonical import MAX_LINE_BYTES, is_canonical, parse
from aegis_trio.audit.entry import Phase
from aegis_trio.audit.tree import CompactRange, leaf_digest
from aegis_trio.model.json import JsonObject, JsonValue

GENESIS: Final = "0" * 64
"""What the very first record names as the one before it."""

RESUMED_EVENT: Final = "audit_resumed"
REPAIRED_EVENT: Final = "audit_repaired"
ROTATED_EVENT: Final = "audit_rotated"
CONTINUING_EVENTS: Final = frozenset({RESUMED_EVENT, REPAIRED_EVENT, ROTATED_EVENT})
"""What may begin a file that goes on with a log."""

SHREDDED_EVENT: Final = "pii_shredded"
"""Says that the keys of a person are gone."""

PRUNED_EVENT: Final = "audit_pruned"
"""Says that older segments are gone, by the operator's rule."""

TREE_FIELD: Final = "tree"
"""In a record of these: the compact range over all records before it, largest subtree first, in hexadecimal."""
LINE_START: Final = b'{"timestamp": "'

_LAST_FIELDS: Final = ["seq", "phase", "prev"]
_PHASES: Final = frozenset(phase.value for phase in Phase)


@final
@dataclass(frozen=True, slots=True)
class ChainHead:
    """Where the chain stands: the sequence that comes next, and the hash that the next record names."""

    next_seq: int = 0
    prev: str = GENESIS


@final
class BrokenRecord(Exception):
    """A line is not the record that must stand there; the text says in what way."""


def leaf_hash(line: bytes) -> str:
    """Return the hash of a record in lower-case hexadecimal.

    Args:
        line: the record's bytes without the newline.

    Source: RFC 6962 section 2.1, MTH({d(0)}) = SHA-256(0x00 || d(0)).
    """
    return leaf_digest(line).hex()


def seal(head: ChainHead, draft: str, phase: Phase) -> tuple[bytes, ChainHead]:
    """Return the line of a record, newline included, and the chain with it.

    Args:
        draft: the record as canonical text without what the chain adds.
        phase: intent, outcome or event.
    """
    line = f'{draft[:-1]}, "seq": {head.next_seq}, "phase": "{phase.value}", "prev": "{head.prev}"}}'.encode("ascii")
    return line + b"\n", ChainHead(head.next_seq + 1, leaf_hash(line))


def follow(head: ChainHead | None, line: bytes) -> ChainHead:
    """Check one line against the chain before it.

    Args:
        head: where the chain stands, or None for the first line that is looked at.
        line: the bytes of the line without the newline.

    Returns:
        ChainHead: where the chain stands with this record.

    Raises:
        BrokenRecord: too long, not canonical, or not the record that follows.
    """
    return follow_record(head, line)[0]


def follow_record(head: ChainHead | None, line: bytes) -> tuple[ChainHead, JsonObject]:
    """Check one line as `follow` does, and return the record too.

    Raises:
        BrokenRecord: as `follow`.
    """
    if len(line) >= MAX_LINE_BYTES:
        raise BrokenRecord(f"longer than {MAX_LINE_BYTES} bytes")
    record = parse(line)
    if record is None:
        raise BrokenRecord("not a JSON object")
    if not is_canonical(record, line):
        raise BrokenRecord("not in the one form that is written")
    names = list(record)
    if names[:2] != ["timestamp", "event"] or names[-3:] != _LAST_FIELDS or record["phase"] not in _PHASES:
        raise BrokenRecord("not a record of the trail")
    seq, prev = record["seq"], record["prev"]
    if not isinstance(seq, int) or isinstance(seq, bool) or seq < 0 or not isinstance(prev, str):
        raise BrokenRecord("sequence or previous hash is of the wrong type")
    if head is not None and seq != head.next_seq:
        raise BrokenRecord(f"sequence {seq} where {head.next_seq} must stand")
    if head is not None and prev != head.prev:
        raise BrokenRecord("does not name the record before it")
    return ChainHead(seq + 1, leaf_hash(line)), record


def follow_link(head: ChainHead, line: bytes) -> tuple[ChainHead, bytes]:
    """Check only that a line names its place and the record before it, ten times as fast as `follow`.

    It does not see a line that is not in the one form: for lines that a signed root covers.

    Returns:
        tuple: where the chain stands with this record, and its leaf hash.

    Raises:
        BrokenRecord: it does not follow.
    """
    place = line.rfind(b', "seq": ')
    start, end = f', "seq": {head.next_seq}, "phase": "', f'", "prev": "{head.prev}"}}'
    phase = line[place + len(start) : -len(end)].decode("ascii", "replace")
    if line[place:] != f"{start}{phase}{end}".encode("ascii", "replace") or phase not in _PHASES:
        raise BrokenRecord(f"not record {head.next_seq}, or does not name the record before it")
    leaf = leaf_digest(line)
    return ChainHead(head.next_seq + 1, leaf.hex()), leaf


def tree_before(record: JsonObject) -> CompactRange | None:
    """Return the tree over all records before *record* as the record itself says it, or None when it does not.

    It is a claim, until a signed root over it holds.
    """
    seq, raw_hashes = record.get("seq"), record.get(TREE_FIELD)
    if not isinstance(seq, int) or not isinstance(raw_hashes, list):
        return None
    try:
        return CompactRange(seq, [bytes.fromhex(str(raw_hash)) for raw_hash in raw_hashes])
    except ValueError:
        return None


def tree_field(tree: CompactRange) -> list[JsonValue]:
    """Return what a record that begins a file says of the records before it."""
    return [digest.hex() for digest in tree.hashes]


def begins_a_file(line: bytes) -> bool:
    """Return whether *line*, already followed, may be the first of its file."""
    record = parse(line) or {}
    if record.get("seq") == 0:
        return record.get("prev") == GENESIS
    return record.get("event") in CONTINUING_EVENTS
