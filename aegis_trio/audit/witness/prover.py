"""Proves to a witness that the log grew: reads the records since the witness's size, and keeps what the next needs.

Laws:
    1. Records are read once: after an acknowledged checkpoint, only what came since. Anew only at a start, or when the
       witness stands elsewhere than was believed.
    2. Memory is that of two compact ranges.

Not here: waiting, and what is done with a proof (push). Every method blocks, and returns soon: a long way is gone in
steps, so that other threads come to their turn.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, final

from aegis_trio.audit.canonical import parse
from aegis_trio.audit.chain import tree_before
from aegis_trio.audit.checkpoint import Checkpoint
from aegis_trio.audit.following import LogFollower, MissingRecords, Place, numbered_files
from aegis_trio.audit.log_files import read_lines
from aegis_trio.audit.tree import CompactRange, ConsistencyProof, leaf_digest

STEP_RECORDS: Final = 2_000  # some milliseconds of hashing


@final
class CannotProve(Exception):
    """The records between are not here, or are not what was signed."""


@final
class GrowthProver:
    """Stands at the size that a witness has, for one witness."""

    __slots__ = ("_follower", "_log", "_proof", "_tree", "old_size")

    def __init__(self, log: Path) -> None:
        """Stand nowhere yet: `begin` comes first."""
        self._log = log
        self.old_size = 0
        self._tree = CompactRange()
        self._follower = LogFollower(log)
        self._proof = ConsistencyProof(0, self._tree)

    def begin(self, old_size: int) -> None:
        """Stand at the size that the witness has; what is between is read by `read_to`.

        Raises:
            CannotProve: the log's files begin behind it, and do not say what stood before.
            OSError: a file cannot be read.
        """
        for first, file in reversed(numbered_files(self._log)):
            tree = _tree_before(first, file) if first <= old_size else None
            if tree is not None:
                self._tree = tree
                self._follower = LogFollower(self._log, Place(first_seq=first, offset=0, next_seq=first))
                break
        else:
            if old_size or numbered_files(self._log):
                raise CannotProve(f"the records before {old_size} are not here")
            self._tree, self._follower = CompactRange(), LogFollower(self._log)
        self.old_size = old_size
        self._proof = ConsistencyProof(old_size, self._tree)

    def read_to(self, size: int) -> bool:
        """Read on, some records at a time; return whether *size* is reached.

        Raises:
            CannotProve: the log ends before, or lost records.
            OSError: a file cannot be read.
        """
        missing = size - self._tree.size
        if missing <= 0:
            return True
        try:
            lines = self._follower.read(min(missing, STEP_RECORDS))
        except MissingRecords as gap:
            raise CannotProve(str(gap)) from gap
        if not lines:
            raise CannotProve(f"the log ends with {self._tree.size} records, before the {size} that were signed")
        for line in lines:
            self._proof.add(leaf_digest(line.raw))
        return self._tree.size == size

    def prove(self, checkpoint: Checkpoint) -> tuple[bytes, ...]:
        """Return the proof from the old size to *checkpoint*, which was read to.

        Raises:
            CannotProve: the records are not what was signed.
        """
        if self._tree.size != checkpoint.size or self._tree.root() != checkpoint.root:
            raise CannotProve("the log is not what its checkpoint says; run `aegis-trio audit verify`")
        return tuple(self._proof.proof())

    def settle(self) -> None:
        """The witness stands where we have read to."""
        self.old_size = self._tree.size
        self._proof = ConsistencyProof(self.old_size, self._tree)


def _tree_before(first_seq: int, file: Path) -> CompactRange | None:
    if first_seq == 0:
        return CompactRange()
    line = next(read_lines(file), None)
    record = None if line is None else parse(line.raw)
    return None if record is None else tree_before(record)
