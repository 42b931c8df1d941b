"""What a log sends to a witness: where the witness stood, the proof from there, and the checkpoint.

Source: c2sp.org/tlog-witness, "add-checkpoint".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.audit.checkpoint import SignedCheckpoint, parse_decimal, parse_signed_checkpoint
from aegis_trio.audit.notes import MalformedNote, decode_base64, encode_base64
from aegis_trio.audit.tree import HASH_BYTES, MAX_PROOF_HASHES

ADD_CHECKPOINT_PATH: Final = "/add-checkpoint"
SIZE_TYPE: Final = "text/x.tlog.size"
MAX_REQUEST_BYTES: Final = 64 * 1024
"""63 hashes have 3 KB, a checkpoint some 300 bytes, and a dozen post-quantum signatures would have 45 KB."""

_OLD: Final = "old "


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """One request, unverified; `str` gives the body."""

    old_size: int
    """Of the checkpoint that the witness cosigned last, as the log believes."""
    proof: tuple[bytes, ...]
    """That the tree of the old size is a beginning of the new one."""
    signed: SignedCheckpoint

    def __str__(self) -> str:
        proof = "".join(f"{encode_base64(digest)}\n" for digest in self.proof)
        return f"{_OLD}{self.old_size}\n{proof}\n{self.signed.note}"


def parse_add_checkpoint(raw_body: bytes) -> AddCheckpoint:
    """Take a body apart.

    Raises:
        MalformedNote: it is not of that form, too long, or its old size is above that of the checkpoint.
    """
    if len(raw_body) > MAX_REQUEST_BYTES:
        raise MalformedNote(f"the body has more than {MAX_REQUEST_BYTES} bytes")
    try:
        head, blank, raw_note = raw_body.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise MalformedNote("the body is not UTF-8") from None
    first, *raw_proof = head.split("\n")
    if not blank or not first.startswith(_OLD):
        raise MalformedNote("the body is an old size, a proof, an empty line and a checkpoint")
    if len(raw_proof) > MAX_PROOF_HASHES:
        raise MalformedNote(f"a proof has at most {MAX_PROOF_HASHES} hashes")
    proof = tuple(decode_base64(line) for line in raw_proof)
    if any(len(digest) != HASH_BYTES for digest in proof):
        raise MalformedNote(f"a hash of the proof has {HASH_BYTES} bytes")
    old_size, signed = parse_decimal(first.removeprefix(_OLD)), parse_signed_checkpoint(raw_note)
    if old_size > signed.checkpoint.size:
        raise MalformedNote("the old size is above that of the checkpoint")
    return AddCheckpoint(old_size=old_size, proof=proof, signed=signed)


def origin_digest(origin: str) -> str:
    """Return the name under which a witness serves what it knows of a log: SHA-256 in lower-case hexadecimal."""
    return hashlib.sha256(origin.encode()).hexdigest()
