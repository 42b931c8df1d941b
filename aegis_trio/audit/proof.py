"""A proof: that one record stands in a log, checkable without the log, its server or the network.

The record's own line travels in the `extra` line. It is not trusted there: the proof is about its hash.

Source: c2sp.org/tlog-proof (C2SP repository, 5ba5ee8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.audit.checkpoint import SignedCheckpoint, parse_decimal, parse_signed_checkpoint, verify_checkpoint
from aegis_trio.audit.notes import (
    MAX_NOTE_BYTES,
    MalformedNote,
    UntrustedNote,
    VerifiedSignature,
    VerifierKey,
    decode_base64,
    encode_base64,
)
from aegis_trio.audit.tree import HASH_BYTES, MAX_PROOF_HASHES, leaf_digest, verify_inclusion

_HEAD: Final = "c2sp.org/tlog-proof@v1"
_EXTRA: Final = "extra "
_INDEX: Final = "index "


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """One record's place in a checkpointed tree; `str` gives the file."""

    index: int
    """The record's sequence."""
    path: tuple[bytes, ...]
    signed: SignedCheckpoint
    extra: bytes | None = None
    """The record's line without its newline, where it travels along."""

    def __str__(self) -> str:
        extra = "" if self.extra is None else f"{_EXTRA}{encode_base64(self.extra)}\n"
        path = "".join(f"{encode_base64(digest)}\n" for digest in self.path)
        return f"{_HEAD}\n{extra}{_INDEX}{self.index}\n{path}\n{self.signed.note}"


def parse_proof(raw_proof: str) -> TlogProof:
    """Take a proof apart.

    Raises:
        MalformedNote: it is none.
    """
    if len(raw_proof) > MAX_NOTE_BYTES:
        raise MalformedNote("it is too long")
    head, blank, raw_note = raw_proof.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines.pop(0) != _HEAD or not lines:
        raise MalformedNote(f"a proof begins with {_HEAD}")
    extra = decode_base64(lines.pop(0).removeprefix(_EXTRA)) if lines[0].startswith(_EXTRA) else None
    if not lines or not lines[0].startswith(_INDEX):
        raise MalformedNote("the index line is missing")
    index = parse_decimal(lines.pop(0).removeprefix(_INDEX))
    path = tuple(decode_base64(line) for line in lines)
    if len(path) > MAX_PROOF_HASHES or any(len(digest) != HASH_BYTES for digest in path):
        raise MalformedNote(f"a proof has at most {MAX_PROOF_HASHES} hashes of {HASH_BYTES} bytes")
    return TlogProof(index=index, path=path, signed=parse_signed_checkpoint(raw_note), extra=extra)


def check_proof(proof: TlogProof, line: bytes, keys: Sequence[VerifierKey]) -> tuple[VerifiedSignature, ...]:
    """Return the known signatures on the checkpoint that *line* is proved to stand beneath.

    Args:
        proof: from anybody.
        line: the record without its newline.
        keys: the log's, and those of witnesses.

    Raises:
        UntrustedNote: the checkpoint is not signed by the log's key, or the record does not stand in its tree.
    """
    verified = verify_checkpoint(proof.signed, keys)
    checkpoint = proof.signed.checkpoint
    if not verify_inclusion(proof.index, checkpoint.size, leaf_digest(line), proof.path, checkpoint.root):
        raise UntrustedNote(f"the record is not number {proof.index} of the signed tree")
    return verified
