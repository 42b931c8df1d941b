"""Follows a log from one record to the next, across its files, while the writer is at work: for whoever reads on.

Laws:
    1. Whole lines only, each once, in their order; a torn end is left until it is whole, or a next file goes on.
    2. A place is named by what the log says, never by a descriptor or inode: the first record of a file, an offset in
       it, and the record that comes next. So it outlives rotation, restart and a copy to another machine.
    3. Records that are not here are said to be missing, never passed over.

Not here: whether the lines are right (verify), and waiting (whoever asks again).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Final, final

from aegis_trio.audit.age import Identity
from aegis_trio.audit.canonical import MAX_LINE_BYTES, parse
from aegis_trio.audit.log_files import Line, files_of_log, read_lines, seq_of_segment
from aegis_trio.audit.packing import is_encrypted, is_packed

_PLACE: Final = re.compile(rb', "seq": (0|[1-9][0-9]{0,18}), "phase": "[a-z]+", "prev": "[0-9a-f]{64}"\}$')


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where somebody stands in a log."""

    first_seq: int
    """Of the first record in the file."""
    offset: int
    """Behind the last record that was read."""
    next_seq: int
    """Of the record that comes next."""


@final
@dataclass(frozen=True, slots=True)
class FollowedLine:
    """A line without its newline, and the number that it gives itself; None when it gives none."""

    raw: bytes
    seq: int | None


@final
class MissingRecords(Exception):
    """Records that come next are in no file here; `resumes_at` is the first that is, or None."""

    def __init__(self, log: Path, next_seq: int, resumes_at: int | None) -> None:
        there = "no later one is" if resumes_at is None else f"the next one here is {resumes_at}"
        super().__init__(f"record {next_seq} is not in the files of {log}; {there}")
        self.next_seq = next_seq
        self.resumes_at = resumes_at


@final
class LogFollower:
    """Stands at one place of a log. Every method blocks."""

    __slots__ = ("_identities", "_log", "_packed", "_packed_at", "_place")

    def __init__(self, log: Path, place: Place | None = None, *, identities: Sequence[Identity] = ()) -> None:
        """Stand at *place*; None is the oldest record that is here."""
        self._log = log
        self._place = place
        self._identities = identities
        self._packed: Iterator[Line] = iter(())
        self._packed_at: tuple[Path, int] | None = None

    @property
    def place(self) -> Place | None:
        """Where it stands; None before the log has a record."""
        return self._place

    def read(self, at_most: int) -> list[FollowedLine]:
        """Return the next lines, at most so many; none when the log goes no further now.

        Raises:
            MissingRecords: they are not here.
            OSError: a file cannot be read.
        """
        while True:
            files = numbered_files(self._log)
            if self._place is None:
                if not files:
                    return []
                self._place = _start_of(min(first for first, _ in files))
            lines = self._read_here(files, self._place, at_most)
            if lines or not self._go_on(files, self._place):
                return lines

    def _read_here(self, files: list[tuple[int, Path]], place: Place, at_most: int) -> list[FollowedLine]:
        file = next((path for first, path in files if first == place.first_seq), None)
        if file is None:
            return []
        found: list[FollowedLine] = []
        offset, next_seq = place.offset, place.next_seq
        for line in islice(self._lines(file, offset), at_most):
            if not line.raw.endswith(b"\n"):
                break
            followed = FollowedLine(line.raw[:-1], seq_of(line.raw[:-1]))
            offset, next_seq = line.end, (next_seq if followed.seq is None else followed.seq) + 1
            found.append(followed)
        self._place = replace(place, offset=offset, next_seq=next_seq)
        self._packed_at = (file, offset)
        return found

    def _lines(self, file: Path, offset: int) -> Iterator[Line]:
        """Return the lines from *offset* on; of a packed file the rest of those before, or each read begins anew."""
        if not is_packed(file):
            return read_lines(file, offset)
        if self._packed_at != (file, offset):
            self._packed = read_lines(file, offset, identities=self._identities)
        return self._packed

    def _go_on(self, files: list[tuple[int, Path]], place: Place) -> bool:
        """Step into the file that begins with the next record; return False when there is none yet."""
        later = sorted(first for first, _ in files if first >= place.next_seq and first != place.first_seq)
        if later and later[0] == place.next_seq:
            self._place = _start_of(later[0])
            return True
        if later:
            raise MissingRecords(self._log, place.next_seq, later[0])
        known = {first for first, _ in files}
        if known and place.first_seq not in known:
            # Its file is gone, and no other begins with what comes next: that is in a file of another cut, or nowhere.
            before = [first for first in known if first < place.next_seq]
            if not before:
                raise MissingRecords(self._log, place.next_seq, None)
            self._place = self._find(place.next_seq, max(before), dict(files))
            return True
        return False

    def _find(self, next_seq: int, first_seq: int, files: dict[int, Path]) -> Place:
        reached, end = first_seq, 0
        for line in read_lines(files[first_seq], identities=self._identities):
            if reached == next_seq or not line.raw.endswith(b"\n"):
                return Place(first_seq=first_seq, offset=line.offset, next_seq=reached)
            reached, end = (seq_of(line.raw[:-1]) or reached) + 1, line.end
        if reached != next_seq:
            raise MissingRecords(self._log, next_seq, None)
        return Place(first_seq=first_seq, offset=end, next_seq=next_seq)


def end_of(log: Path) -> Place | None:
    """Return the place behind the newest whole record; None when there is none.

    Raises:
        OSError: a file cannot be read.
    """
    for first, file in reversed(numbered_files(log)):
        size = file.stat().st_size
        with file.open("rb") as stream:
            stream.seek(max(0, size - 2 * MAX_LINE_BYTES))
            start, tail = stream.tell(), stream.read(size - stream.tell())
        whole = tail.rpartition(b"\n")[0]
        seq = seq_of(whole.rpartition(b"\n")[2])
        if seq is not None:
            return Place(first_seq=first, offset=start + len(whole) + 1, next_seq=seq + 1)
    return None


def seq_of(line: bytes) -> int | None:
    """Return the number that a record gives itself, or None when it has not a record's end."""
    match = _PLACE.search(line)
    return None if match is None else int(match[1])


def start_at(log: Path, since: str) -> tuple[Place | None, list[Path]]:
    """Return the place before which nothing needs to be read, and the encrypted files that are passed over for it.

    A file that nobody here can read need not be, when the next one begins before *since*.

    Args:
        log: the log.
        since: timestamp as records have it; empty for the oldest record.

    Raises:
        OSError: a file cannot be read.
    """
    place: Place | None = None
    passed: list[Path] = []
    files = numbered_files(log)
    for (_, file), (first_seq, following) in pairwise(files):
        if not since or not is_encrypted(file):
            break
        passed.append(file)
        if not is_encrypted(following) and _first_time(following) <= since:
            place = _start_of(first_seq)
            break
    return (place, passed) if place is not None else (None, [])


def numbered_files(log: Path) -> list[tuple[int, Path]]:
    """Return the files of a log with the number of the first record of each, in order; empty files are left out.

    Raises:
        OSError: the folder or a file cannot be read.
    """
    found: dict[int, Path] = {}
    for file in files_of_log(log):
        named = seq_of_segment(log, file)
        first = _first_seq(file) if named is None else named
        if first is not None:
            found[first] = file
    return sorted(found.items())


def _first_seq(file: Path) -> int | None:
    try:
        line = next(read_lines(file), None)
    except FileNotFoundError:  # moved away between the two looks
        return None
    return None if line is None else seq_of(line.raw.removesuffix(b"\n"))


def _first_time(file: Path) -> str:
    line = next(read_lines(file), None)
    record = None if line is None else parse(line.raw)
    return "9" if record is None else str(record.get("timestamp", "9"))


def _start_of(first_seq: int) -> Place:
    return Place(first_seq=first_seq, offset=0, next_seq=first_seq)
