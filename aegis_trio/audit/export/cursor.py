"""How far records were delivered: a small file, replaced after each delivery, that names the last record by its hash.

Laws:
    1. A cursor is written after what it covers was delivered: every record is delivered at least once.
    2. It is believed only when the record that it names is the one in the log; another log, or one that was changed or
       pruned there, is an error, never a silent beginning anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, final

from aegis_trio.audit.age import Identity
from aegis_trio.audit.canonical import parse
from aegis_trio.audit.chain import leaf_hash
from aegis_trio.audit.following import Place, numbered_files, seq_of
from aegis_trio.audit.log_files import line_before, read_lines
from aegis_trio.audit.replacing import replace_durably
from aegis_trio.audit.system_calls import FileOps

_MAX_BYTES: Final = 4096


@final
class CursorLost(Exception):
    """What the cursor names is not in the log; the text is for the operator."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The last record that was delivered."""

    first_seq: int
    """Of the first record in the file that it stands in."""
    offset: int
    """Behind it in that file."""
    next_seq: int
    """Of the record after it."""
    last: str
    """Its leaf hash in hexadecimal."""

    @property
    def place(self) -> Place:
        """Where to read on."""
        return Place(first_seq=self.first_seq, offset=self.offset, next_seq=self.next_seq)


def cursor_at(place: Place, last_line: bytes) -> Cursor:
    """Return the cursor of a place behind a line, given without its newline."""
    return Cursor(first_seq=place.first_seq, offset=place.offset, next_seq=place.next_seq, last=leaf_hash(last_line))


def read_cursor(path: Path) -> Cursor | None:
    """Return what a cursor's file holds, or None when there is no such file.

    Raises:
        CursorLost: it holds something else.
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            found = parse(stream.read(_MAX_BYTES))
    except FileNotFoundError:
        return None
    numbers = [(found or {}).get(name) for name in ("first_seq", "offset", "next_seq")]
    first_seq, offset, next_seq = (
        number if isinstance(number, int) and not isinstance(number, bool) and number >= 0 else None
        for number in numbers
    )
    last = (found or {}).get("last")
    if first_seq is None or offset is None or next_seq is None or not isinstance(last, str):
        raise CursorLost(f"{path} holds no cursor; remove it, and everything is delivered from the oldest record on")
    return Cursor(first_seq=first_seq, offset=offset, next_seq=next_seq, last=last)


def write_cursor(path: Path, cursor: Cursor, ops: FileOps) -> None:
    """Make a cursor durable.

    Raises:
        LogUnavailable: the disk does not allow it.
    """
    replace_durably(path, f"{json.dumps(asdict(cursor))}\n".encode(), ops)


def find_cursor(log: Path, cursor: Cursor, identities: Sequence[Identity] = ()) -> Place:
    """Return the place behind the record that a cursor names.

    Raises:
        CursorLost: it is not in the log.
        OSError: a file cannot be read.
    """
    files = dict(numbered_files(log))
    file = files.get(cursor.first_seq)
    if file is not None and 0 < cursor.offset <= file.stat().st_size:
        line = line_before(file, cursor.offset)
        if line is not None and leaf_hash(line) == cursor.last:
            return cursor.place
    following = files.get(cursor.next_seq)
    first_line = None if following is None else next(read_lines(following, identities=identities), None)
    record = None if first_line is None else parse(first_line.raw)
    if record is not None and record.get("prev") == cursor.last:
        return Place(first_seq=cursor.next_seq, offset=0, next_seq=cursor.next_seq)  # what was delivered was pruned
    before = [first for first in files if first < cursor.next_seq]
    if before:
        first = max(before)  # also where it was packed since: offsets are those of the plain form
        for found in read_lines(files[first], identities=identities):
            line = found.raw.removesuffix(b"\n")
            if seq_of(line) == cursor.next_seq - 1 and leaf_hash(line) == cursor.last:
                return Place(first_seq=first, offset=found.end, next_seq=cursor.next_seq)
    raise CursorLost(
        f"record {cursor.next_seq - 1}, up to which was delivered, is not in the log at {log} as it was: it was "
        "pruned, or this is another log. Run `aegis-trio audit verify`; name the cursor of this log; or go on with "
        "the oldest record here that was not delivered, with --accept-gap"
    )
