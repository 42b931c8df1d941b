"""Makes the proof that one record stands in a signed log: read once, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import final

from aegis_trio.audit.age import Identity
from aegis_trio.audit.chain import BrokenRecord, ChainHead, follow_link, follow_record, tree_before
from aegis_trio.audit.checkpoint import SignedCheckpoint
from aegis_trio.audit.log_files import read_lines
from aegis_trio.audit.proof import TlogProof
from aegis_trio.audit.tree import CompactRange, NodePath


@final
class CannotProve(Exception):
    """The record is not in these files, or they are not what the checkpoint covers."""


@final
class NotSignedYet(Exception):
    """No checkpoint covers the record; a running gate signs it within a minute."""


def prove_record(
    files: Sequence[Path], signed: SignedCheckpoint, seq: int, *, identities: Sequence[Identity] = ()
) -> TlogProof:
    """Return the proof that record *seq* stands beneath a checkpoint; its line travels along.

    Args:
        files: of one log, in order.
        signed: the checkpoint; whoever checks the proof checks its signature.
        seq: of the record.
        identities: read what is encrypted.

    Raises:
        NotSignedYet: the checkpoint does not cover it.
        CannotProve: see there.
        OSError: a file cannot be read.
    """
    checkpoint = signed.checkpoint
    if seq >= checkpoint.size:
        raise NotSignedYet(f"record {seq} is not signed yet; the newest checkpoint covers {checkpoint.size} records")
    tree: CompactRange | None = None
    head = ChainHead()
    path, wanted = NodePath(seq), b""
    for file in files:
        for line in read_lines(file, identities=identities):
            raw = line.raw.removesuffix(b"\n")
            try:
                if tree is None:
                    tree, head = _begin(raw)
                head, leaf = follow_link(head, raw)
            except BrokenRecord as broken:
                raise CannotProve(f"{file}, byte {line.offset}: {broken}; run `aegis-trio audit verify`") from broken
            wanted = raw if head.next_seq - 1 == seq else wanted
            tree.add(leaf, path)
            if tree.size == checkpoint.size:
                if tree.root() != checkpoint.root:
                    raise CannotProve("the log is not what its checkpoint covers; run `aegis-trio audit verify`")
                if not wanted:
                    raise CannotProve(f"record {seq} is not in these files: name the older ones too")
                return TlogProof(index=seq, path=tuple(path.finish(tree)), signed=signed, extra=wanted)
    raise CannotProve(f"the log ends before the {checkpoint.size} records that its checkpoint covers")


def _begin(raw_line: bytes) -> tuple[CompactRange, ChainHead]:
    head, record = follow_record(None, raw_line)
    tree = CompactRange() if head.next_seq == 1 else tree_before(record)
    if tree is None:
        raise BrokenRecord("the first record here, and does not say what stood before it")
    return tree, ChainHead(tree.size, str(record["prev"]))
