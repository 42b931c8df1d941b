"""What a witness remembers, in one folder: its key, the logs that it knows, and what it cosigned last for each.

    <folder>/witness.key                    PRIVATE+KEY+…, mode 0600
    <folder>/logs/<SHA-256 of origin>/vkeys         keys of the log, one a line
    <folder>/logs/<SHA-256 of origin>/checkpoint    the newest cosigned note; empty before the first
    <folder>/lock                           held while a witness runs

Laws:
    1. A cosignature leaves after the note with it is durable: draft, fdatasync, rename, fsync of the folder.
    2. Looking at the newest checkpoint and replacing it is one step: one thread at a time, of one process.
    3. What was lost is never taken for what never was: a log without its checkpoint file, or with a damaged one, is
       answered for no more.

Trust: who can write this folder can make the witness forget, and sign for it. It belongs on another machine than the
log, under another person's hand.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from aegis_trio.audit.checkpoint import SignedCheckpoint, parse_signed_checkpoint
from aegis_trio.audit.files import sync_folder, write_all
from aegis_trio.audit.lost import LogUnavailable
from aegis_trio.audit.notes import (
    MAX_NOTE_BYTES,
    MalformedNote,
    SignatureKind,
    SignedNote,
    SigningKey,
    UntrustedNote,
    VerifierKey,
    parse_signatures,
    parse_signing_key,
    parse_verifier_key,
    verify_note,
)
from aegis_trio.audit.replacing import replace_durably
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.witness.judgement import Judgement, Refusal, Status, judge
from aegis_trio.audit.witness.request import origin_digest, parse_add_checkpoint

_KEY: Final = "witness.key"
_LOGS: Final = "logs"
_KEYS: Final = "vkeys"
_CHECKPOINT: Final = "checkpoint"
_LOCK: Final = "lock"
_FOLDER_MODE: Final = 0o700
_NEW_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_LOCK_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


class VaultFault(Exception):
    """The folder is not a witness's, is held by another one, or cannot be written; the text is for its operator."""


@final
@dataclass(frozen=True, slots=True)
class KnownLog:
    """A log that is cosigned."""

    keys: tuple[VerifierKey, ...]
    newest: SignedCheckpoint | None
    """What was cosigned last; None before the first."""

    @property
    def origin(self) -> str:
        """The name of the log, which is that of its keys."""
        return self.keys[0].name


@final
@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint is durable here, with our signature."""

    origin: str
    size: int
    cosignature: str
    """Our line, newline included."""


class WitnessVault:
    """One folder. Every method blocks; `cosign` is for one thread at a time, of the process that holds the lock."""

    __slots__ = ("_folder", "_key", "_ops")

    def __init__(self, folder: Path, key: SigningKey, ops: FileOps) -> None:
        self._folder = folder
        self._key = key
        self._ops = ops

    @property
    def verifier(self) -> VerifierKey:
        """What logs need to know of this witness."""
        return self._key.verifier

    def cosign(self, raw_body: bytes, now_s: int) -> Cosigned | Refusal:
        """Cosign what a body asks for, when it may be; it is durable when this returns.

        Args:
            raw_body: as it came.
            now_s: UTC seconds since 1970, above 0.

        Raises:
            VaultFault: what was cosigned before cannot be read, or the new one not be written.
        """
        try:
            request = parse_add_checkpoint(raw_body)
        except MalformedNote as malformed:
            return Refusal(Status.MALFORMED, str(malformed))
        origin = request.signed.checkpoint.origin
        known = self.find(origin_digest(origin))
        if known is None or known.origin != origin:
            return Refusal(Status.UNKNOWN_LOG, "this log is not known here")
        judgement: Judgement = judge(request, known.keys, known.newest)
        if isinstance(judgement, Refusal):
            return judgement
        line = self._key.sign(judgement.note.text, time_s=now_s)
        note = SignedNote(judgement.note.text, (*judgement.note.signatures, *parse_signatures(line)))
        self._replace(self._log_folder(origin_digest(origin)) / _CHECKPOINT, str(note).encode())
        return Cosigned(origin, request.signed.checkpoint.size, line)

    def find(self, digest: str) -> KnownLog | None:
        """Return the log of an origin's digest (`request.origin_digest`), or None when it is not known.

        Raises:
            VaultFault: what stands there is damaged, or not signed by this witness.
        """
        folder = self._log_folder(digest)
        try:
            keys = tuple(parse_verifier_key(line) for line in (folder / _KEYS).read_text(encoding="utf-8").split())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as fault:
            raise VaultFault(f"{folder / _KEYS} cannot be used: {fault}") from fault
        try:
            with (folder / _CHECKPOINT).open(encoding="utf-8") as stream:
                raw_note = stream.read(MAX_NOTE_BYTES + 1)
            newest = parse_signed_checkpoint(raw_note) if raw_note else None
            if newest is not None:
                verify_note(newest.note, [self.verifier])
        except (OSError, ValueError, UntrustedNote) as fault:
            # Threat: a checkpoint that was taken away would let the log begin anew, with another history.
            raise VaultFault(
                f"{folder / _CHECKPOINT} cannot be used ({fault}); nothing more is cosigned for this log. Bring the "
                "file back; what was cosigned last also stands with the log."
            ) from fault
        if not keys or (newest is not None and newest.checkpoint.origin != keys[0].name):
            raise VaultFault(f"{folder} does not hold one log")
        return KnownLog(keys, newest)

    def logs(self) -> Iterator[KnownLog]:
        """Yield every log that is known.

        Raises:
            VaultFault: one is damaged.
        """
        for folder in sorted((self._folder / _LOGS).iterdir()):
            known = self.find(folder.name) if not folder.name.startswith(".") else None
            if known is not None:
                yield known

    def add(self, key: VerifierKey) -> bool:
        """Know a log from now on, or a further key of one; return whether it is new. A running witness sees it.

        Raises:
            VaultFault: what is known of the log is damaged.
            OSError: it cannot be written.
        """
        digest = origin_digest(key.name)
        known = self.find(digest)
        if known is not None:
            if key in known.keys:
                return False
            self._replace(self._log_folder(digest) / _KEYS, _spelled((*known.keys, key)))
            return True
        draft = self._folder / _LOGS / f".{digest}.new"
        draft.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        self._replace(draft / _KEYS, _spelled((key,)))
        self._replace(draft / _CHECKPOINT, b"")
        draft.rename(self._log_folder(digest))
        sync_folder(self._folder / _LOGS, self._ops)
        return True

    @contextmanager
    def hold(self) -> Generator[None]:
        """Keep other witnesses away from the folder.

        Raises:
            VaultFault: one is there already.
            OSError: the lock cannot be opened.
        """
        fd = self._ops.open(self._folder / _LOCK, _LOCK_FLAGS)
        try:
            try:
                self._ops.lock(fd)
            except BlockingIOError:
                raise VaultFault(f"another witness runs with {self._folder}; two would cosign two histories") from None
            yield
        finally:
            self._ops.close(fd)

    def _log_folder(self, digest: str) -> Path:
        return self._folder / _LOGS / digest

    def _replace(self, path: Path, data: bytes) -> None:
        try:
            replace_durably(path, data, self._ops)
        except LogUnavailable as fault:
            raise VaultFault(f"in {path.parent}, {fault.reason}") from fault


def make_vault(folder: Path, name: str, ops: FileOps) -> WitnessVault:
    """Make the folder and key of a new witness.

    Raises:
        MalformedNote: the name is empty, or holds a space or plus.
        FileExistsError: there is a witness already.
        OSError: it cannot be written.
    """
    key = SigningKey.generate(name, SignatureKind.COSIGNATURE)
    (folder / _LOGS).mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(_FOLDER_MODE)
    fd = ops.open(folder / _KEY, _NEW_FLAGS)
    try:
        write_all(fd, f"{key.reveal()}\n".encode(), ops)
        ops.fdatasync(fd)
    finally:
        ops.close(fd)
    sync_folder(folder, ops)
    sync_folder(folder.parent, ops)
    return WitnessVault(folder, key, ops)


def open_vault(folder: Path, ops: FileOps) -> WitnessVault:
    """Open the folder of a witness.

    Raises:
        VaultFault: it is none.
    """
    try:
        key = parse_signing_key((folder / _KEY).read_text(encoding="utf-8").strip())
        if key.verifier.kind is not SignatureKind.COSIGNATURE:
            raise MalformedNote("it is not a witness's")
        (folder / _LOGS).stat()
    except FileNotFoundError as missing:
        raise VaultFault(
            f"{folder} is no witness's folder ({missing.filename} is missing); `aegis-trio audit witness init` makes "
            "one"
        ) from missing
    except (OSError, ValueError) as fault:
        raise VaultFault(f"the key in {folder} cannot be used: {fault}") from fault
    return WitnessVault(folder, key, ops)


def _spelled(keys: tuple[VerifierKey, ...]) -> bytes:
    return "".join(f"{key}\n" for key in keys).encode()
