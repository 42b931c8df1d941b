"""Signs for the log: keeps the tree over its durable records, and makes a checkpoint of it when one is due.

Laws:
    1. A leaf is added after its record is durable, so that no checkpoint covers what a crash could take away.
    2. A checkpoint is due after `EVERY_RECORDS` records, and after `EVERY_S` with a new one; the writer asks.
    3. A checkpoint that cannot be written blocks the log, as a record that cannot be written does.

Not here: the writer's loop (writer), the files (checkpoint_files), how a start finds the tree again (resume).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from aegis_trio.audit.checkpoint import Checkpoint, SignedCheckpoint, sign_checkpoint
from aegis_trio.audit.checkpoint_files import CheckpointFiles, TreeState
from aegis_trio.audit.notes import SigningKey
from aegis_trio.audit.tree import CompactRange

EVERY_RECORDS: Final = 1_000
EVERY_S: Final = 60.0  # how long a record stays unsigned, at most


@final
class CheckpointSigner:
    """Owns the tree of one log, and signs its roots."""

    __slots__ = ("_files", "_key", "_last_leaf", "_signed", "_tree", "_unsigned_since_s", "total")

    def __init__(
        self, key: SigningKey, files: CheckpointFiles, tree: CompactRange, last_leaf: bytes, signed: int
    ) -> None:
        """Take up a log.

        Args:
            key: signs; its name is the log's origin.
            files: where checkpoints stand.
            tree: over every durable record.
            last_leaf: the hash of the last of them; empty when there is none.
            signed: how many of them the newest checkpoint covers.
        """
        self._key = key
        self._files = files
        self._tree = tree
        self._last_leaf = last_leaf
        self._signed = signed
        self._unsigned_since_s: float | None = None
        self.total = 0
        """Checkpoints that were made."""

    @property
    def tree(self) -> CompactRange:
        """The tree over every durable record."""
        return self._tree

    @property
    def unsigned(self) -> int:
        """How many durable records no checkpoint covers yet."""
        return self._tree.size - self._signed

    def unsigned_s(self, now_s: float) -> float:
        """Return how long the oldest unsigned record has been there, seconds."""
        return 0.0 if self._unsigned_since_s is None else now_s - self._unsigned_since_s

    def add(self, leaves: Sequence[bytes], now_s: float) -> None:
        """Take up records that are durable now."""
        for leaf in leaves:
            self._tree.add(leaf)
            self._last_leaf = leaf
        if self._unsigned_since_s is None and self.unsigned:
            self._unsigned_since_s = now_s

    def is_due(self, now_s: float) -> bool:
        """Return whether a checkpoint should be written now."""
        return self.unsigned >= EVERY_RECORDS or (self.unsigned > 0 and self.unsigned_s(now_s) >= EVERY_S)

    def write(self, offset: int) -> SignedCheckpoint:
        """Sign the tree and make the checkpoint durable. Blocks: for the writer's thread.

        Args:
            offset: where the durable records of the active file end.

        Raises:
            LogUnavailable: the disk does not allow it.
        """
        tree = self._tree
        signed = sign_checkpoint(Checkpoint(origin=self._key.name, size=tree.size, root=tree.root()), self._key)
        path = tuple(tree.last_path()) if tree.size else ()
        self._files.write(signed, TreeState(size=tree.size, offset=offset, leaf=self._last_leaf, path=path))
        self._signed = tree.size
        self._unsigned_since_s = None
        self.total += 1
        return signed
