"""What a witness decides: may this checkpoint be cosigned, after what was cosigned before?

Laws:
    1. Pure: a request, the keys of its log and the newest cosigned checkpoint in, one decision out.
    2. The order of the checks is the protocol's: nothing is told of a log to whom has not its key, and of a wrong old
       size before the proof is looked at.

Source: c2sp.org/tlog-witness, "add-checkpoint".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias, final

from aegis_trio.audit.checkpoint import SignedCheckpoint, verify_checkpoint
from aegis_trio.audit.notes import SignedNote, UntrustedNote, VerifierKey
from aegis_trio.audit.tree import EMPTY_ROOT, verify_consistency
from aegis_trio.audit.witness.request import AddCheckpoint


class Status(IntEnum):
    """What a refusal is answered with."""

    MALFORMED = 400
    UNTRUSTED = 403
    UNKNOWN_LOG = 404
    CONFLICT = 409
    INCONSISTENT = 422


@final
@dataclass(frozen=True, slots=True)
class Grown:
    """The log has grown, or is as it was; `note` holds the signatures that were verified, and no other."""

    note: SignedNote

    def __bool__(self) -> bool:
        raise TypeError("match on the decision")


@final
@dataclass(frozen=True, slots=True)
class Refusal:
    """It must not be cosigned."""

    status: Status
    reason: str
    size: int = 0
    """Of the newest cosigned checkpoint, for a conflict."""

    def __bool__(self) -> bool:
        raise TypeError("match on the decision")


Judgement: TypeAlias = Grown | Refusal


def judge(request: AddCheckpoint, keys: Sequence[VerifierKey], newest: SignedCheckpoint | None) -> Judgement:
    """Decide about one request.

    Args:
        request: of a log that is known here.
        keys: of that log.
        newest: what was cosigned last for it; None when nothing was.
    """
    checkpoint = request.signed.checkpoint
    try:
        verified = verify_checkpoint(request.signed, keys)
    except UntrustedNote as untrusted:
        return Refusal(Status.UNTRUSTED, str(untrusted))
    size, root = (0, EMPTY_ROOT) if newest is None else (newest.checkpoint.size, newest.checkpoint.root)
    if request.old_size != size:
        return Refusal(Status.CONFLICT, f"the newest cosigned checkpoint has {size} records", size)
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        return Refusal(Status.INCONSISTENT, "the root of an empty log is that of no other")
    if not verify_consistency(size, checkpoint.size, root, checkpoint.root, request.proof):
        return Refusal(Status.INCONSISTENT, f"the proof from {size} to {checkpoint.size} records does not hold")
    trusted = {(one.key.name, one.key.key_id) for one in verified}
    kept = tuple(line for line in request.signed.note.signatures if (line.name, line.key_id) in trusted)
    return Grown(SignedNote(request.signed.note.text, kept))
