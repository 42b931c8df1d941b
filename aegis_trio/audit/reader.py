"""Reads a whole log and checks its chain, in constant memory, with nothing but the file.

Not here yet: several files of one log, checkpoints and proofs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, final

from aegis_trio.audit.canonical import MAX_LINE_BYTES
from aegis_trio.audit.chain import BrokenRecord, ChainHead, begins_a_file, follow


@final
@dataclass(frozen=True, slots=True)
class ChainFault:
    """The first line that is wrong."""

    line: int
    """From 1, as editors count."""
    offset: int
    """Of its first byte in the file."""
    reason: str


@final
@dataclass(frozen=True, slots=True)
class ChainReport:
    """What a log holds, as far as it is right."""

    records: int
    first_seq: int | None
    head: ChainHead
    """Where the chain stands after the last right record."""
    fault: ChainFault | None


def verify_chain(path: Path, *, expected: ChainHead | None = None) -> ChainReport:
    """Check every line of the log at *path*.

    Args:
        path: the log.
        expected: where the chain must end. Without it a log that was cut at a record, or whose last record was
            changed, cannot be told from a right one.

    Raises:
        OSError: the file cannot be read.
    """
    records, first_seq = 0, None
    offset = 0
    head: ChainHead | None = None
    fault: ChainFault | None = None
    with path.open("rb") as stream:
        for raw_line in _lines(stream):
            try:
                head = _step(head, raw_line)
            except BrokenRecord as broken:
                fault = ChainFault(records + 1, offset, str(broken))
                break
            if first_seq is None:
                first_seq = head.next_seq - 1
            records += 1
            offset += len(raw_line)
    reached = head or ChainHead()
    if fault is None and expected is not None and reached != expected:
        fault = ChainFault(records + 1, offset, "the log does not end with the record that it must end with")
    return ChainReport(records, first_seq, reached, fault)


def _step(head: ChainHead | None, raw_line: bytes) -> ChainHead:
    if not raw_line.endswith(b"\n"):
        raise BrokenRecord("torn: it has no newline")
    line = raw_line[:-1]
    follows = follow(head, line)
    if head is None and not begins_a_file(line):
        raise BrokenRecord("not the first record of a log")
    return follows


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    # Threat: a file of one endless line must not be read into memory.
    while raw_line := stream.readline(MAX_LINE_BYTES + 1):
        yield raw_line
