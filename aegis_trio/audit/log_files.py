"""The files of one log in the order of their records, and their lines: for whoever reads, never for the writer.

A log is its active file at `AUDIT_LOG_PATH`, and before it sealed segments `<log>.<sequence of the first record, 20
digits>`, which may be packed. A file that does not begin with record 0 says in its first record what stood before.

Laws:
    1. Memory is bounded: a line of any length is read up to `MAX_LINE_BYTES`.
    2. A file is read only as far as it went when it was opened: the writer may be at work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, final

from aegis_trio.audit.age import Identity
from aegis_trio.audit.canonical import MAX_LINE_BYTES, parse
from aegis_trio.audit.packing import is_encrypted, open_segment

_SEGMENT: Final = re.compile(r"(?P<digits>[0-9]{20})(?:\.zst(?:\.age)?)?", re.ASCII)
_CHUNK_BYTES: Final = 128 * 1024
_ENDLESS: Final = 2**63 - 1


@final
@dataclass(frozen=True, slots=True)
class Line:
    """One line where it stands."""

    number: int
    """From 1, as editors count; 0 where reading began in the middle."""
    offset: int
    """Of its first byte in the file."""
    raw: bytes
    """With its newline, unless it is the torn end or longer than a record may be."""

    @property
    def end(self) -> int:
        """Offset behind its last byte."""
        return self.offset + len(self.raw)


def files_of_log(path: Path) -> list[Path]:
    """Return the segments and the active file of the log at *path*, as far as they are there.

    Of a segment that stands there in two forms, as a kill while it is packed leaves it, the plainer one counts.

    Raises:
        OSError: the folder cannot be read.
    """
    forms: dict[str, Path] = {}
    for entry in sorted(path.parent.iterdir(), reverse=True):
        match = _match(path, entry)
        if match is not None:
            forms[match["digits"]] = entry
    found = [forms[digits] for digits in sorted(forms)]
    active = [path] if path.exists() else []
    if found and active and found[-1].samefile(path):
        found.pop()  # a second name that a rotation has just given, or was killed after
    return [*found, *active]


def sealed_files(path: Path) -> list[Path]:
    """Return the segments of the log at *path*, oldest first, without the active file.

    Raises:
        OSError: the folder cannot be read.
    """
    return [file for file in files_of_log(path) if file != path]


def seq_of_segment(path: Path, segment: Path) -> int | None:
    """Return the sequence of the first record of a segment of the log at *path*, as its name says; None of no segment.

    It is a claim, until the chain is followed.
    """
    match = _match(path, segment)
    return None if match is None else int(match["digits"])


def segment_name(path: Path, first_seq: int) -> Path:
    """Return the name that a segment of the log at *path* has, which begins with record *first_seq*."""
    return path.with_name(f"{path.name}.{first_seq:020}")


def draft_of(path: Path) -> Path:
    """Return the name of the next file of the log at *path*, before it is the active one."""
    return path.with_name(f"{path.name}.next")


def active_twin(path: Path) -> Path | None:
    """Return the name of a segment that the active file has as well, or None.

    Raises:
        OSError: the folder cannot be read.
    """
    for entry in path.parent.iterdir():
        if _match(path, entry) is not None and entry.samefile(path):
            return entry
    return None


def in_order(paths: list[Path]) -> list[Path]:
    """Return *paths* by the sequence that their first records name; what has none comes last.

    Raises:
        OSError: one cannot be read.
    """
    return sorted(paths, key=_first_seq)


def read_lines(
    path: Path, offset: int = 0, end: int | None = None, *, identities: Sequence[Identity] = ()
) -> Iterator[Line]:
    """Yield the lines of a file, whatever form it is kept in.

    Args:
        path: the file.
        offset: where a line begins, of the plain form.
        end: where to stop; None for where the file ends now.
        identities: read what is encrypted.

    Raises:
        EncryptedSegment, DamagedSegment: see there.
        OSError: it cannot be read.
    """
    with open_segment(path, identities) as stream:
        if not stream.seekable():
            end = _ENDLESS
            _skip(stream, offset)
        else:
            end = stream.seek(0, 2) if end is None else end
            stream.seek(offset)
        number = 1 if offset == 0 else 0
        while offset < end and (raw := stream.readline(min(MAX_LINE_BYTES + 1, end - offset))):
            yield Line(number, offset, raw)
            offset += len(raw)
            number += 1 if number else 0


def _skip(stream: BinaryIO, count: int) -> None:
    while count and (piece := stream.read(min(count, _CHUNK_BYTES))):
        count -= len(piece)


def line_before(path: Path, end: int) -> bytes | None:
    """Return the line without its newline that ends with the byte before *end*, or None when none does.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        stream.seek(max(0, end - MAX_LINE_BYTES - 1))
        data = stream.read(end - stream.tell())
    if not data.endswith(b"\n") or len(data) != min(end, MAX_LINE_BYTES + 1):
        return None
    return data[:-1].rpartition(b"\n")[2]


def _match(path: Path, entry: Path) -> re.Match[str] | None:
    prefix = f"{path.name}."
    return _SEGMENT.fullmatch(entry.name.removeprefix(prefix)) if entry.name.startswith(prefix) else None


def _first_seq(path: Path) -> int:
    named = _SEGMENT.search(path.name) if is_encrypted(path) else None
    if named is not None:
        return int(named["digits"])  # who has no identity can still be told which file he cannot read
    first = next(read_lines(path), None)
    record = None if first is None else parse(first.raw)
    seq = None if record is None else record.get("seq")
    return seq if isinstance(seq, int) else 2**63
