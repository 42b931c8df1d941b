"""Histories of a log for tests of witnesses: leaves, checkpoints of every size, and the proofs between them."""

from __future__ import annotations

from aegis_trio.audit.checkpoint import Checkpoint, SignedCheckpoint, sign_checkpoint
from aegis_trio.audit.notes import SignatureKind, SigningKey
from aegis_trio.audit.tree import CompactRange, ConsistencyProof, leaf_digest
from aegis_trio.audit.witness.request import AddCheckpoint

LOG = SigningKey("gate.example/audit/1f0c9a2b", SignatureKind.NOTE, b"\x01" * 32)
WITNESS = SigningKey("witness.example/w1", SignatureKind.COSIGNATURE, b"\x03" * 32)
NOW_S = 1_770_976_800


class History:
    """One way that a log went."""

    def __init__(self, name: str = "", size: int = 40, *, shared: int = 0, key: SigningKey = LOG) -> None:
        """Make *size* leaves, of which the first *shared* are those of every other history."""
        texts = [f"{'' if number < shared else name}{number}" for number in range(size)]
        self.leaves = [leaf_digest(text.encode()) for text in texts]
        self.key = key

    def tree(self, size: int) -> CompactRange:
        """Return the tree of the first leaves."""
        tree = CompactRange()
        for leaf in self.leaves[:size]:
            tree.add(leaf)
        return tree

    def checkpoint(self, size: int) -> SignedCheckpoint:
        """Return the signed checkpoint of a size."""
        root = self.tree(size).root()
        return sign_checkpoint(Checkpoint(origin=self.key.name, size=size, root=root), self.key)

    def proof(self, old_size: int, size: int) -> tuple[bytes, ...]:
        """Return the proof from one size to another."""
        made = ConsistencyProof(old_size)
        for leaf in self.leaves[:size]:
            made.add(leaf)
        return tuple(made.proof())

    def request(self, old_size: int, size: int) -> AddCheckpoint:
        """Return the request that is right when the witness stands at the old size."""
        return AddCheckpoint(old_size=old_size, proof=self.proof(old_size, size), signed=self.checkpoint(size))

    def body(self, old_size: int, size: int) -> bytes:
        """Return that request as it travels."""
        return str(self.request(old_size, size)).encode()
