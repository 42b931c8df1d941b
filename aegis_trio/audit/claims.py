"""What others say of a log: the checkpoints beside it, and copies that were kept elsewhere, in the order of their size.

Laws:
    1. With keys, a claim counts only when the log's own key signed it; a pin without keys counts by where it was kept.
    2. Memory is constant: files of any number of checkpoints are merged while the log is read.

Not here: whether they are true (verify).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from aegis_trio.audit.checkpoint import SignedCheckpoint, verify_checkpoint
from aegis_trio.audit.checkpoint_files import CheckpointFiles, FoundNote, NotesFault, read_notes
from aegis_trio.audit.notes import UntrustedNote, VerifiedSignature, VerifierKey, verify_note
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.witness.cosigned import cosigned_path


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Somebody says that the first *size* records have this root."""

    size: int
    root: bytes
    source: Path
    offset: int
    is_pin: bool
    time_s: int | None
    """When a known witness saw it, UTC seconds since 1970; None when none did."""

    def __str__(self) -> str:
        kind = "pin" if self.is_pin else "checkpoint"
        return f"the {kind} of {self.size} records in {self.source}"


@final
class UnusablePin(Exception):
    """A copy that was given to verify against is none, or nobody known signed it."""


def claims_about(
    log: Path, pins: Sequence[Path], keys: Sequence[VerifierKey], witnesses: Sequence[VerifierKey] = ()
) -> Iterator[Claim]:
    """Yield every claim, the smallest first.

    Args:
        log: its checkpoints stand beside it.
        pins: files with one checkpoint or many, kept elsewhere.
        keys: of the log and its witnesses; none when nothing is authenticated.
        witnesses: of whom a cosignature must stand beside the log; what they cosigned counts as pins.

    Raises:
        NotesFault: a file beside the log holds what the gate did not write there.
        UnusablePin: a pin cannot be used.
        OSError: a file cannot be read.
    """
    files = CheckpointFiles(log, FileOps())
    beside = [_claims(path, keys, is_pin=False) for path in (files.every, files.newest) if path.exists()]
    cosigned = [_cosigned(cosigned_path(log), keys, witnesses)] if witnesses else []
    return heapq.merge(*beside, *(_pinned(path, keys) for path in pins), *cosigned, key=_size)


def _size(claim: Claim) -> int:
    return claim.size


def _pinned(path: Path, keys: Sequence[VerifierKey]) -> Iterator[Claim]:
    found = False
    try:
        for claim in _claims(path, keys, is_pin=True):
            found = True
            yield claim
    except NotesFault as fault:
        raise UnusablePin(str(fault)) from fault
    if not found:
        raise UnusablePin(f"{path} holds no checkpoint")


def _cosigned(path: Path, keys: Sequence[VerifierKey], witnesses: Sequence[VerifierKey]) -> Iterator[Claim]:
    found = False
    try:
        for claim in _claims(path, [*keys, *witnesses], is_pin=True, only_by=witnesses) if path.exists() else ():
            found = True
            yield claim
    except NotesFault as fault:
        raise UnusablePin(str(fault)) from fault
    if not found:
        # Threat: whoever removes the cosignatures must not get a milder judgement than with them.
        raise UnusablePin(f"{path} holds no checkpoint that a witness of --witness-vkey cosigned")


def _claims(
    path: Path, keys: Sequence[VerifierKey], *, is_pin: bool, only_by: Sequence[VerifierKey] = ()
) -> Iterator[Claim]:
    size = 0
    for found in read_notes(path):
        checkpoint = found.signed.checkpoint
        if checkpoint.size < size:
            raise NotesFault(path, found.offset, f"a checkpoint of {checkpoint.size} records stands after {size}")
        size = checkpoint.size
        if only_by and not _is_signed(found, only_by):
            continue
        time_s = _authenticate(path, found, keys, needs_log=keys != list(only_by)) if keys else None
        yield Claim(size=size, root=checkpoint.root, source=path, offset=found.offset, is_pin=is_pin, time_s=time_s)


def _is_signed(found: FoundNote, keys: Sequence[VerifierKey]) -> bool:
    try:
        return bool(verify_note(found.signed.note, keys))
    except UntrustedNote:
        return False


def _authenticate(path: Path, found: FoundNote, keys: Sequence[VerifierKey], *, needs_log: bool = True) -> int | None:
    try:
        # A witness verified the log's own signature before it signed, so its key alone tells as much.
        verify = verify_checkpoint if needs_log else _verify_note
        verified = verify(found.signed, keys)
    except UntrustedNote as untrusted:
        reason = f"the checkpoint of {found.signed.checkpoint.size} records is not signed by the key: {untrusted}"
        raise NotesFault(path, found.offset, reason) from untrusted
    return max((one.time_s for one in verified if one.time_s is not None), default=None)


def _verify_note(signed: SignedCheckpoint, keys: Sequence[VerifierKey]) -> tuple[VerifiedSignature, ...]:
    return verify_note(signed.note, keys)
