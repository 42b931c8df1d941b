"""What witnesses cosigned, beside the log: `<log>.cosigned`, the newest checkpoint of each with its line appended.

Laws:
    1. Replaced as a whole and durable when `note` returns.
    2. What is read counts only by a configured witness's signature.

Trust: it stands on the gate's machine, so it can be removed there; the witness itself serves what it cosigned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from aegis_trio.audit.checkpoint import SignedCheckpoint
from aegis_trio.audit.checkpoint_files import NotesFault, read_notes
from aegis_trio.audit.notes import NoteSignature, SignedNote, UntrustedNote, VerifierKey, verify_note
from aegis_trio.audit.replacing import replace_durably
from aegis_trio.audit.system_calls import FileOps


def cosigned_path(log: Path) -> Path:
    """Return where the cosigned checkpoints of a log stand."""
    return log.with_name(f"{log.name}.cosigned")


@final
@dataclass(frozen=True, slots=True)
class Copy:
    """A checkpoint that a witness outside has."""

    signed: SignedCheckpoint
    """With the log's own signatures alone."""
    line: NoteSignature
    """The witness's."""
    time_s: int
    """When it signed, UTC seconds since 1970, as it says."""


@final
class CosignedFile:
    """The file of one log, for one task at a time. Every method blocks."""

    __slots__ = ("_copies", "_ops", "_path", "unreadable")

    def __init__(self, log: Path, keys: Sequence[VerifierKey], ops: FileOps) -> None:
        """Read what is there; what cannot be used is left out, and replaced by the next cosignature.

        Args:
            keys: of the witnesses that are configured.
        """
        self._path = cosigned_path(log)
        self._ops = ops
        self._copies: dict[VerifierKey, Copy] = {}
        self.unreadable = ""
        """Why what stood there could not be used; empty when it could."""
        if keys and self._path.exists():
            try:
                for found in read_notes(self._path):
                    self._take(found.signed, keys)
            except (NotesFault, OSError) as fault:
                self.unreadable = str(fault)

    def newest_of(self, key: VerifierKey) -> Copy | None:
        """Return what a witness cosigned last, or None."""
        return self._copies.get(key)

    def note(self, key: VerifierKey, copy: Copy) -> None:
        """Make a cosignature durable.

        Raises:
            LogUnavailable: the disk does not allow it.
        """
        copies = self._copies | {key: copy}
        notes: dict[str, SignedNote] = {}
        for one in sorted(copies.values(), key=lambda one: one.signed.checkpoint.size):
            note = notes.get(one.signed.note.text, one.signed.note)
            notes[note.text] = SignedNote(note.text, (*note.signatures, one.line))
        data = "".join(f"{note}\n" for note in notes.values()).encode()
        replace_durably(self._path, data, self._ops)
        self._copies = copies

    def _take(self, signed: SignedCheckpoint, keys: Sequence[VerifierKey]) -> None:
        witnesses = {(key.name, key.key_id): key for key in keys}
        own = tuple(one for one in signed.note.signatures if one.name == signed.checkpoint.origin)
        bare = SignedCheckpoint(signed.checkpoint, SignedNote(signed.note.text, own))
        for line in signed.note.signatures:
            key = witnesses.get((line.name, line.key_id))
            if key is not None:
                copy = checked_copy(bare, line, key)
                if copy is not None:
                    self._copies[key] = copy


def checked_copy(signed: SignedCheckpoint, line: NoteSignature, key: VerifierKey) -> Copy | None:
    """Return the copy that a witness's line makes of a checkpoint, or None when it is not by that key on that text."""
    try:
        verified = verify_note(SignedNote(signed.note.text, (line,)), [key])
    except UntrustedNote:
        return None
    time_s = verified[0].time_s
    return None if not time_s else Copy(signed, line, time_s)
