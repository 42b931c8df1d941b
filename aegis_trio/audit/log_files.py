"""The files of one log in the order of their records, and their lines: for whoever reads, never for the writer.

A log is its active file at `AUDIT_LOG_PATH`, and before it sealed segments `<log>.<sequence of the first record, 20
digits>`. A file that does not begin with record 0 says in its first record what stood before.

Laws:
    1. Memory is bounded: a line of any length is read up to `MAX_LINE_BYTES`.
    2. A file is read only as far as it went when it was opened: the writer may be at work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from aegis_trio.audit.canonical import MAX_LINE_BYTES, parse

_SEGMENT_DIGITS: Final = re.compile(r"[0-9]{20}", re.ASCII)


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

    Raises:
        OSError: the folder cannot be read.
    """
    prefix = f"{path.name}."
    names = [entry.name for entry in path.parent.iterdir() if entry.name.startswith(prefix)]
    segments = sorted(name for name in names if _SEGMENT_DIGITS.fullmatch(name.removeprefix(prefix)))
    active = [path] if path.exists() else []
    found = [path.with_name(name) for name in segments]
    if found and active and found[-1].samefile(path):
        found.pop()  # a second name that a rotation has just given, or was killed after
    return [*found, *active]


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
    prefix = f"{path.name}."
    for entry in path.parent.iterdir():
        is_segment = entry.name.startswith(prefix) and _SEGMENT_DIGITS.fullmatch(entry.name.removeprefix(prefix))
        if is_segment and entry.samefile(path):
            return entry
    return None


def in_order(paths: list[Path]) -> list[Path]:
    """Return *paths* by the sequence that their first records name; what has none comes last.

    Raises:
        OSError: one cannot be read.
    """
    return sorted(paths, key=_first_seq)


def read_lines(path: Path, offset: int = 0, end: int | None = None) -> Iterator[Line]:
    """Yield the lines of a file.

    Args:
        path: the file.
        offset: where a line begins.
        end: where to stop; None for where the file ends now.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        end = stream.seek(0, 2) if end is None else end
        stream.seek(offset)
        number = 1 if offset == 0 else 0
        while offset < end and (raw := stream.readline(min(MAX_LINE_BYTES + 1, end - offset))):
            yield Line(number, offset, raw)
            offset += len(raw)
            number += 1 if number else 0


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


def _first_seq(path: Path) -> int:
    first = next(read_lines(path), None)
    record = None if first is None else parse(first.raw)
    seq = None if record is None else record.get("seq")
    return seq if isinstance(seq, int) else 2**63
