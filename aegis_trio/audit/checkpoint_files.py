"""Where signed checkpoints stand, beside the log.

    <log>.checkpoint    the newest note, replaced as a whole
    <log>.checkpoints   every note, an empty line behind each
    <log>.tree          what the signer needs to go on: the newest checkpoint's last record, and its path to the root

Laws:
    1. A checkpoint is written after the records that it covers are durable, and is durable when `write` returns.
    2. The order is: every note, tree, newest note. A kill between any two leaves what the next start understands.
    3. Nothing here is believed: notes are signed, and the tree's file counts only when it leads to a signed root.

Not here: when one is due (signer), and what a start makes of them (resume).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from aegis_trio.audit.canonical import parse
from aegis_trio.audit.checkpoint import SignedCheckpoint, parse_signed_checkpoint
from aegis_trio.audit.files import sync_folder, write_all
from aegis_trio.audit.log_files import Line, read_lines
from aegis_trio.audit.lost import LogUnavailable, reason_of
from aegis_trio.audit.notes import MAX_SIGNATURES, SIGNATURE_START, MalformedNote
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.tree import CompactRange

_APPEND_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_DRAFT_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
_TAIL_BYTES: Final = 64 * 1024  # a note has some 300 bytes, with many cosignatures a few thousand
_MAX_STATE_BYTES: Final = 64 * 1024
_MAX_LINES: Final = 2 * MAX_SIGNATURES
_SIGNATURE: Final = SIGNATURE_START.encode()
_BETWEEN: Final = b"\n\n"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TreeState:
    """The last record that a checkpoint covers, and where it stands."""

    size: int
    """Of the tree; the record's sequence is one less."""
    offset: int
    """Behind the record, in the file that was active; 0 where a file began after it."""
    leaf: bytes
    """Its hash; empty for the empty tree."""
    path: tuple[bytes, ...]
    """From it to the root."""

    def tree(self) -> CompactRange:
        """Return the tree.

        Raises:
            ValueError: the path does not fit the size.
        """
        return CompactRange.from_last_leaf(self.size, self.leaf, self.path) if self.size else CompactRange()


@final
@dataclass(frozen=True, slots=True)
class FoundNote:
    """A checkpoint in a file of notes, unverified."""

    signed: SignedCheckpoint
    offset: int


@final
class NotesFault(Exception):
    """A file of notes holds something else at `offset`."""

    def __init__(self, path: Path, offset: int, reason: str) -> None:
        super().__init__(f"{path}, byte {offset}: {reason}")
        self.path = path
        self.offset = offset
        self.reason = reason


@final
class CheckpointFiles:
    """The three files beside one log."""

    __slots__ = ("_appended", "_ops", "every", "newest", "state")

    def __init__(self, log: Path, ops: FileOps) -> None:
        self.newest = log.with_name(f"{log.name}.checkpoint")
        self.every = log.with_name(f"{log.name}.checkpoints")
        self.state = log.with_name(f"{log.name}.tree")
        self._ops = ops
        self._appended = ""

    def write(self, signed: SignedCheckpoint, state: TreeState) -> None:
        """Make a checkpoint durable.

        Raises:
            LogUnavailable: the disk does not allow it; what is half done is taken back, or understood at the next try.
        """
        note = str(signed.note)
        document = {
            "size": state.size,
            "offset": state.offset,
            "leaf": state.leaf.hex(),
            "path": [digest.hex() for digest in state.path],
        }
        try:
            if note != self._appended:  # at a second try it stands there already
                self._append(f"{note}\n".encode())
                self._appended = note
            self._replace(self.state, f"{json.dumps(document)}\n".encode())
            self._replace(self.newest, note.encode())
            sync_folder(self.newest.parent, self._ops)
        except OSError as error:
            raise LogUnavailable(f"the checkpoint cannot be written: {reason_of(error)}") from error

    def read_newest(self) -> SignedCheckpoint | None:
        """Return what the newest note's file holds, unverified, or None when there is none.

        Raises:
            MalformedNote: it holds something else.
            OSError: it cannot be read.
        """
        try:
            return parse_signed_checkpoint(_decoded(self.newest.read_bytes()))
        except FileNotFoundError:
            return None

    def read_last(self) -> SignedCheckpoint | None:
        """Return the last whole note of the file of every note, unverified, or None; cut a torn end off.

        Raises:
            MalformedNote: it ends in something else.
            OSError: it cannot be read or cut.
        """
        try:
            with self.every.open("rb+") as stream:
                size = stream.seek(0, 2)
                stream.seek(max(0, size - _TAIL_BYTES))
                tail = stream.read()
                blocks = tail.split(_BETWEEN)
                # A torn end is a text without signatures, or has something behind its last empty line.
                whole = next((i for i in range(len(blocks) - 2, 0, -1) if blocks[i].startswith(_SIGNATURE)), None)
                kept = 0 if whole is None else len(_BETWEEN.join(blocks[: whole + 1])) + len(_BETWEEN)
                if whole is None and size > len(tail):
                    raise MalformedNote("it does not end in a note")
                if kept < len(tail):
                    stream.truncate(size - len(tail) + kept)
        except FileNotFoundError:
            return None
        if whole is None:
            return None
        return parse_signed_checkpoint(_decoded(_BETWEEN.join(blocks[whole - 1 : whole + 1]) + b"\n"))

    def read_state(self) -> TreeState | None:
        """Return the state, unverified, or None when there is none that can be used.

        Raises:
            OSError: it cannot be read.
        """
        try:
            with self.state.open("rb") as stream:
                record = parse(stream.read(_MAX_STATE_BYTES)) or {}
        except FileNotFoundError:
            return None
        size, offset, leaf, path = (record.get(name) for name in ("size", "offset", "leaf", "path"))
        if not isinstance(size, int) or not isinstance(offset, int) or not isinstance(path, list):
            return None
        try:
            hashes = tuple(bytes.fromhex(str(digest)) for digest in path)
            state = TreeState(size=size, offset=offset, leaf=bytes.fromhex(str(leaf)), path=hashes)
            state.tree()
        except ValueError:
            return None
        return state

    def _append(self, data: bytes) -> None:
        fd = self._ops.open(self.every, _APPEND_FLAGS)
        try:
            size = self._ops.fstat(fd).st_size
            try:
                write_all(fd, data, self._ops)
                self._ops.fdatasync(fd)
            except (OSError, LogUnavailable):
                with suppress(OSError):  # what stays is torn, and cut at the next start
                    self._ops.ftruncate(fd, size)
                raise
        finally:
            self._ops.close(fd)

    def _replace(self, path: Path, data: bytes) -> None:
        draft = path.with_name(f"{path.name}.new")
        fd = self._ops.open(draft, _DRAFT_FLAGS)
        try:
            write_all(fd, data, self._ops)
            self._ops.fdatasync(fd)
        finally:
            self._ops.close(fd)
        self._ops.replace(draft, path)


def read_notes(path: Path) -> Iterator[FoundNote]:
    """Yield the checkpoints of a file that holds one note or many, unverified, in constant memory.

    A torn note at the end, as a crash leaves it, is passed over.

    Raises:
        NotesFault: it holds something else.
        OSError: it cannot be read.
    """
    text: list[Line] = []
    signatures: list[Line] = []
    for line in read_lines(path):
        is_signature = line.raw.startswith(_SIGNATURE) and bool(text) and text[-1].raw == b"\n"
        if is_signature:
            signatures.append(line)
        else:
            if signatures:
                yield _found(path, text, signatures)
                text, signatures = [], []
            if text or line.raw != b"\n":
                text.append(line)
        if len(text) + len(signatures) > _MAX_LINES:
            raise NotesFault(path, text[0].offset, "this is no checkpoint")
    if signatures and signatures[-1].raw.endswith(b"\n"):
        yield _found(path, text, signatures)


def _found(path: Path, text: list[Line], signatures: list[Line]) -> FoundNote:
    raw_note = b"".join(line.raw for line in (*text, *signatures))
    try:
        return FoundNote(parse_signed_checkpoint(_decoded(raw_note)), text[0].offset)
    except MalformedNote as malformed:
        raise NotesFault(path, text[0].offset, f"this is no checkpoint: {malformed}") from None


def _decoded(raw_note: bytes) -> str:
    try:
        return raw_note.decode()
    except UnicodeDecodeError:
        raise MalformedNote("it is not UTF-8") from None
