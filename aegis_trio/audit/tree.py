"""The Merkle tree over the lines: one root for a whole log, and short proofs about its parts.

Laws:
    1. Pure, and bounded by the tree's height: a log of any length is streamed through a compact range of at most
       64 hashes, also when a proof is made.
    2. A leaf is a record's line without its newline, its index is the record's sequence.
    3. Verification trusts nothing of a proof: of every length and content it gives yes or no.

Not here: who signs a root (checkpoint, notes), and where the lines stand (log_files).

Source: RFC 6962 section 2.1; "compact range" after transparency-dev/merkle.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, final

HASH_BYTES: Final = 32
MAX_PROOF_HASHES: Final = 63  # Source: C2SP tlog-witness; a path in a tree of 2^63 leaves
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def leaf_digest(line: bytes) -> bytes:
    """Return the hash of a record's line without its newline: SHA-256(0x00 || line)."""
    return hashlib.sha256(_LEAF + line).digest()


def node_digest(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(_NODE + left + right).digest()


@final
class NodePath:
    """Collects the siblings of one node, from the bottom up, while the leaves of a tree pass by.

    The node is the subtree of 2^level leaves that begins at leaf *first*.
    """

    __slots__ = ("_first", "_level", "siblings")

    def __init__(self, first: int, level: int = 0) -> None:
        self._first = first
        self._level = level
        self.siblings: list[bytes] = []

    def see(self, end: int, level: int, left: bytes, right: bytes) -> None:
        """Look at the merge of two subtrees of 2^level leaves each, the right one ending before leaf *end*."""
        middle = end - (1 << level)
        if level < self._level or not middle - (1 << level) <= self._first < end:
            return
        self.siblings.append(right if self._first < middle else left)

    def finish(self, tree: CompactRange) -> list[bytes]:
        """Return the whole path in *tree*, which all leaves have been added to.

        Raises:
            ValueError: the node is not in the tree.
        """
        if self._first + (1 << self._level) > tree.size:
            raise ValueError("the tree ends before the node")
        hashes, levels, start, place = tree.hashes, _levels(tree.size), 0, 0
        for place in range(len(hashes)):
            start += 1 << levels[place]
            if self._first < start:
                break
        behind = [_fold(hashes[place + 1 :])] if place + 1 < len(hashes) else []
        return [*self.siblings, *behind, *reversed(hashes[:place])]


@final
class CompactRange:
    """The roots of the perfect subtrees that a tree consists of, largest first: all that is needed to go on."""

    __slots__ = ("_hashes", "_merged", "_size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """Take up a tree where it stood.

        Raises:
            ValueError: these are not as many hashes as a tree of *size* has.
        """
        if size < 0 or len(hashes) != size.bit_count() or any(len(digest) != HASH_BYTES for digest in hashes):
            raise ValueError(f"a tree of {size} leaves does not consist of these hashes")
        self._size = size
        self._hashes = list(hashes)
        self._merged: list[bytes] | None = None

    @classmethod
    def from_last_leaf(cls, size: int, leaf: bytes, path: Sequence[bytes]) -> CompactRange:
        """Take up a tree from its last leaf and that leaf's inclusion path.

        Raises:
            ValueError: the path has not the length that it has in a tree of *size*.
        """
        inner = (size & -size).bit_length() - 1 if size > 0 else 0
        if size < 1 or len(path) != inner + size.bit_count() - 1:
            raise ValueError(f"this is not the path of the last leaf of {size}")
        last = leaf
        for sibling in path[:inner]:
            last = node_digest(sibling, last)
        tree = cls(size, [*reversed(path[inner:]), last])
        tree._merged = list(path[:inner])
        return tree

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self._size

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The roots of the perfect subtrees, largest first."""
        return tuple(self._hashes)

    def add(self, leaf: bytes, watch: NodePath | None = None) -> None:
        """Add the next leaf's hash; *watch* sees every merge."""
        digest, level, rest = leaf, 0, self._size
        merged: list[bytes] = []
        while rest & 1:
            left = self._hashes.pop()
            merged.append(left)
            if watch is not None:
                watch.see(self._size + 1, level, left, digest)
            digest = node_digest(left, digest)
            rest >>= 1
            level += 1
        self._hashes.append(digest)
        self._merged = merged
        self._size += 1

    def root(self) -> bytes:
        """Return the root hash of the whole tree."""
        return _fold(self._hashes) if self._hashes else EMPTY_ROOT

    def last_path(self) -> list[bytes]:
        """Return the inclusion path of the last leaf, for `from_last_leaf`.

        Raises:
            ValueError: no leaf was added since the tree was taken up from hashes.
        """
        if self._merged is None:
            raise ValueError("no leaf was added yet")
        return [*self._merged, *reversed(self._hashes[:-1])]


@final
class ConsistencyProof:
    """Makes the proof that a tree of *old_size* leaves is a beginning of a later one, while its leaves pass by."""

    __slots__ = ("_old", "_old_size", "_path", "_tree")

    def __init__(self, old_size: int, tree: CompactRange | None = None) -> None:
        """Begin before the first leaf, or at *tree*, which must not be beyond the old size.

        Raises:
            ValueError: it is.
        """
        self._tree = tree or CompactRange()
        if self._tree.size > old_size:
            raise ValueError("the old tree has passed already")
        level = (old_size & -old_size).bit_length() - 1 if old_size else 0
        self._path = NodePath(old_size - (1 << level) if old_size else 0, level)
        self._old_size = old_size
        self._old: bytes | None = None
        self._keep_old()

    def add(self, leaf: bytes) -> None:
        """Add the next leaf's hash."""
        self._tree.add(leaf, self._path)
        self._keep_old()

    def root(self) -> bytes:
        """Return the root of what has passed."""
        return self._tree.root()

    def proof(self) -> list[bytes]:
        """Return the proof from the old size to what has passed.

        Raises:
            ValueError: fewer leaves have passed than the old tree has.
        """
        size = self._tree.size
        if size < self._old_size:
            raise ValueError("the tree ends before the old one")
        if self._old_size in {0, size}:
            return []
        path = self._path.finish(self._tree)
        if self._old is None:
            raise ValueError("the old tree's last part has not passed")
        return path if self._old_size.bit_count() == 1 else [self._old, *path]

    def _keep_old(self) -> None:
        if self._old_size and self._tree.size == self._old_size:
            self._old = self._tree.hashes[-1]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether *proof* shows that *leaf* is number *index* of the tree of *size* leaves with *root*.

    Source: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size:
        return False
    place, last, digest = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            digest = node_digest(sibling, digest)
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            digest = node_digest(digest, sibling)
        place >>= 1
        last >>= 1
    return last == 0 and digest == root


def verify_consistency(old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> bool:
    """Return whether *proof* shows that the old tree is a beginning of the new one.

    Source: RFC 9162 section 2.1.4.2.
    """
    if not 0 <= old_size <= size:
        return False
    if old_size == size:
        return not proof and old_root == root
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    steps = [old_root, *proof] if old_size.bit_count() == 1 else list(proof)
    if not proof:
        return False
    place, last = old_size - 1, size - 1
    while place & 1:
        place >>= 1
        last >>= 1
    old_digest = digest = steps[0]
    for sibling in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old_digest = node_digest(sibling, old_digest)
            digest = node_digest(sibling, digest)
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            digest = node_digest(digest, sibling)
        place >>= 1
        last >>= 1
    return last == 0 and old_digest == old_root and digest == root


def _fold(hashes: Sequence[bytes]) -> bytes:
    digest = hashes[-1]
    for left in reversed(hashes[:-1]):
        digest = node_digest(left, digest)
    return digest


def _levels(size: int) -> list[int]:
    """Return the heights of the perfect subtrees of a tree, largest first."""
    return [level for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1]
