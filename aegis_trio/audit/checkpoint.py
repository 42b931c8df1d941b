"""A checkpoint: that a log has so many records, and this root. The text that is signed, pinned and cosigned.

Source: c2sp.org/tlog-checkpoint (C2SP repository, 5ba5ee8).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.audit.notes import (
    MalformedNote,
    SignedNote,
    SigningKey,
    UntrustedNote,
    VerifiedSignature,
    VerifierKey,
    decode_base64,
    encode_base64,
    parse_note,
    sign_note,
    verify_note,
)
from aegis_trio.audit.tree import HASH_BYTES

MAX_SIZE: Final = 2**63 - 1
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a log says of itself; `str` gives the text that is signed."""

    origin: str
    """Which log."""
    size: int
    """How many records, so that the last one has the sequence size - 1."""
    root: bytes
    """Of the tree over them."""
    extensions: tuple[str, ...] = ()
    """Further lines, which others may write; ours has none."""

    def __str__(self) -> str:
        lines = (self.origin, str(self.size), encode_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


@final
@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with the note that it came in; unverified unless the one who holds it did."""

    checkpoint: Checkpoint
    note: SignedNote


def parse_checkpoint(raw_text: str) -> Checkpoint:
    """Return the checkpoint of a note's text.

    Raises:
        MalformedNote: it is none.
    """
    lines = raw_text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise MalformedNote("a checkpoint is at least three lines, and none of them is empty")
    root = decode_base64(lines[2])
    if len(root) != HASH_BYTES:
        raise MalformedNote(f"the root of a checkpoint has {HASH_BYTES} bytes")
    size = parse_decimal(lines[1])
    return Checkpoint(origin=lines[0], size=size, root=root, extensions=tuple(lines[3:-1]))


def parse_signed_checkpoint(raw_note: str) -> SignedCheckpoint:
    """Return the checkpoint of a note, unverified.

    Raises:
        MalformedNote: it is none.
    """
    note = parse_note(raw_note)
    return SignedCheckpoint(parse_checkpoint(note.text), note)


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> SignedCheckpoint:
    """Return *checkpoint* signed by the key of its log."""
    return SignedCheckpoint(checkpoint, sign_note(str(checkpoint), [key]))


def verify_checkpoint(signed: SignedCheckpoint, keys: Sequence[VerifierKey]) -> tuple[VerifiedSignature, ...]:
    """Return the signatures of known keys on a checkpoint, the log's own among them.

    Raises:
        UntrustedNote: the log's own is missing: no known key that carries the name of the origin signed it.
    """
    verified = verify_note(signed.note, keys)
    if not any(one.key.name == signed.checkpoint.origin for one in verified):
        raise UntrustedNote("the key that signed it is not the key of its log")
    return verified


def parse_decimal(raw_number: str) -> int:
    """Return a number of at most 2^63 - 1 in its one spelling.

    Raises:
        MalformedNote: it is not that.
    """
    if not _DECIMAL.fullmatch(raw_number) or int(raw_number) > MAX_SIZE:
        raise MalformedNote("something that must be a decimal number is not")
    return int(raw_number)
