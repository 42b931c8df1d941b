"""The tree is RFC 6962's: known roots, every proof of small trees, and proofs that were tampered with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.audit.tree import (
    EMPTY_ROOT,
    CompactRange,
    ConsistencyProof,
    NodePath,
    leaf_digest,
    node_digest,
    verify_consistency,
    verify_inclusion,
)

LARGEST = 70
LEAVES = [leaf_digest(f"record {number}".encode()) for number in range(LARGEST)]

# Source: certificate-transparency-go, merkle_tree test vectors: these leaves, and the roots of the first 1 to 8.
CT_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def tree_of(leaves: Sequence[bytes]) -> CompactRange:
    """Return the tree over *leaves*."""
    tree = CompactRange()
    for leaf in leaves:
        tree.add(leaf)
    return tree


def defined_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root as RFC 6962 section 2.1 defines it, by recursion over the whole list."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else EMPTY_ROOT
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_digest(defined_root(leaves[:split]), defined_root(leaves[split:]))


def defined_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return PATH of RFC 6962 section 2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*defined_path(index, leaves[:split]), defined_root(leaves[split:])]
    return [*defined_path(index - split, leaves[split:]), defined_root(leaves[:split])]


def defined_consistency(old: int, leaves: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    """Return SUBPROOF of RFC 6962 section 2.1.2."""
    if old == len(leaves):
        return [] if whole else [defined_root(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= split:
        return [*defined_consistency(old, leaves[:split], whole=whole), defined_root(leaves[split:])]
    return [*defined_consistency(old - split, leaves[split:], whole=False), defined_root(leaves[:split])]


def path_of(index: int, size: int) -> list[bytes]:
    """Return the streamed inclusion path."""
    tree, path = CompactRange(), NodePath(index)
    for leaf in LEAVES[:size]:
        tree.add(leaf, path)
    return path.finish(tree)


def consistency_of(old: int, size: int) -> list[bytes]:
    """Return the streamed consistency proof."""
    proof = ConsistencyProof(old)
    for leaf in LEAVES[:size]:
        proof.add(leaf)
    return proof.proof()


def test_the_roots_are_those_of_certificate_transparency() -> None:
    """Whoever has another implementation must come to the same root."""
    leaves = [leaf_digest(bytes.fromhex(leaf)) for leaf in CT_LEAVES]

    assert CT_ROOTS == [tree_of(leaves[:size]).root().hex() for size in range(1, 9)]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    """A log without a record has a checkpoint too."""
    assert hashlib.sha256().digest() == EMPTY_ROOT == CompactRange().root()


@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_every_inclusion_proof_is_the_defined_one_and_verifies(size: int) -> None:
    """Streaming must give what the recursion over the whole list gives; each proof holds for its own place alone."""
    root = defined_root(LEAVES[:size])

    assert root == tree_of(LEAVES[:size]).root()
    for index in range(size):
        path = path_of(index, size)
        assert defined_path(index, LEAVES[:size]) == path
        held = [place for place in range(size) if verify_inclusion(place, size, LEAVES[index], path, root)]
        assert [index] == held


@pytest.mark.parametrize("size", range(1, LARGEST + 1))
def test_every_consistency_proof_is_the_defined_one_and_verifies(size: int) -> None:
    """A witness cosigns by this; it must accept all growth, and no other old root."""
    root = defined_root(LEAVES[:size])
    for old in range(1, size + 1):
        proof = consistency_of(old, size)
        assert defined_consistency(old, LEAVES[:size]) == proof
        assert verify_consistency(old, size, defined_root(LEAVES[:old]), root, proof)
        assert not verify_consistency(old, size, LEAVES[0] if old > 1 else root + b"x", root, proof)
    assert [] == consistency_of(0, size)
    assert verify_consistency(0, size, EMPTY_ROOT, root, [])


@given(st.integers(1, LARGEST), st.data())
def test_a_proof_that_was_tampered_with_does_not_verify(size: int, data: st.DataObject) -> None:
    """A proof comes from whoever wants to be believed."""
    index = data.draw(st.integers(0, size - 1))
    root, path = defined_root(LEAVES[:size]), path_of(index, size)
    kinds = ["leaf", "root", "longer", "index"] + (["flip", "drop"] if path else [])
    leaf = LEAVES[index]
    match data.draw(st.sampled_from(kinds)):
        case "leaf":
            leaf = leaf_digest(b"another record")
        case "root":
            root = leaf_digest(root)
        case "longer":
            path.insert(data.draw(st.integers(0, len(path))), leaf)
        case "index":
            index = data.draw(st.integers(-1, 2 * size).filter(lambda place: place != index))
        case "flip":
            place = data.draw(st.integers(0, len(path) - 1))
            path[place] = leaf_digest(path[place])
        case _:
            del path[data.draw(st.integers(0, len(path) - 1))]

    assert not verify_inclusion(index, size, leaf, path, root)


@given(st.integers(2, LARGEST), st.data())
def test_a_consistency_proof_that_was_tampered_with_does_not_verify(size: int, data: st.DataObject) -> None:
    """The same for growth; a rewritten past must not pass for it."""
    old = data.draw(st.integers(1, size - 1))
    rewritten = [leaf_digest(b"rewritten"), *LEAVES[1:size]]
    proof = ConsistencyProof(old)
    for leaf in rewritten:
        proof.add(leaf)
    honest = consistency_of(old, size)
    old_root = defined_root(LEAVES[:old])
    place = data.draw(st.integers(0, len(honest) - 1))

    assert not verify_consistency(old, size, old_root, proof.root(), proof.proof())
    assert not verify_consistency(
        old, size, old_root, defined_root(LEAVES[:size]), honest[:place] + honest[place + 1 :]
    )
    assert not verify_consistency(old, size, old_root, defined_root(LEAVES[:size]), [*honest, honest[place]])


@given(st.integers(1, LARGEST), st.data())
def test_a_tree_that_is_taken_up_again_grows_as_before(size: int, data: st.DataObject) -> None:
    """A restart must not need the whole log; nor may a proof that begins in the middle be another one."""
    start = data.draw(st.integers(1, size))
    stood = tree_of(LEAVES[:start])
    from_hashes = CompactRange(start, stood.hashes)
    from_leaf = CompactRange.from_last_leaf(start, LEAVES[start - 1], stood.last_path())
    old = data.draw(st.integers(start, size))
    proof = ConsistencyProof(old, CompactRange(start, stood.hashes))
    for leaf in LEAVES[start:size]:
        from_hashes.add(leaf)
        from_leaf.add(leaf)
        proof.add(leaf)

    whole = tree_of(LEAVES[:size])
    assert whole.hashes == from_hashes.hashes == from_leaf.hashes
    assert whole.last_path() == from_leaf.last_path()
    assert defined_consistency(old, LEAVES[:size]) == proof.proof()


@pytest.mark.parametrize(("size", "hashes"), [(1, 0), (3, 1), (4, 2), (-1, 0), (0, 1)])
def test_hashes_that_are_not_those_of_a_tree_are_refused(size: int, hashes: int) -> None:
    """A damaged state must not become the start of a tree."""
    with pytest.raises(ValueError, match="does not consist"):
        CompactRange(size, LEAVES[:hashes])
    with pytest.raises(ValueError, match="not the path"):
        CompactRange.from_last_leaf(size, LEAVES[0], LEAVES[: hashes + 3])


def test_a_node_beyond_the_tree_has_no_path() -> None:
    """Asking too early is a mistake of the caller, and no proof."""
    with pytest.raises(ValueError, match="ends before the node"):
        path_of(5, 5)
    with pytest.raises(ValueError, match="ends before the old one"):
        consistency_of(6, 5)
    with pytest.raises(ValueError, match="passed already"):
        ConsistencyProof(2, tree_of(LEAVES[:3]))
    with pytest.raises(ValueError, match="no leaf was added"):
        CompactRange(2, tree_of(LEAVES[:2]).hashes).last_path()
