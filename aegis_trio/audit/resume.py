"""How a start finds the tree again, and sees whether what was signed is still there.

Laws:
    1. The newest checkpoint is a signed statement about the records below it. When they are not there, or not the
       ones that were signed, the log is not continued: somebody was at it.
    2. The fast way proves one record, the last one that the checkpoint covers, by its path to the signed root. It
       names the one before it, and so on to the first: who changed an earlier one and mended the chain is found.
       What was changed without mending the chain is found by `audit verify`.
    3. Where the fast way finds nothing, every record is hashed again: slow, in bounded memory, never wrong.

Whom it trusts: whoever holds the signing key.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

import structlog

from aegis_trio.audit.chain import BrokenRecord, ChainHead, follow_link, follow_record, tree_before
from aegis_trio.audit.checkpoint import SignedCheckpoint, verify_checkpoint
from aegis_trio.audit.checkpoint_files import CheckpointFiles, TreeState
from aegis_trio.audit.log_files import files_of_log, line_before, read_lines
from aegis_trio.audit.lost import AuditLost, LogCannotOpen
from aegis_trio.audit.notes import MalformedNote, SigningKey, UntrustedNote
from aegis_trio.audit.packing import is_encrypted, is_packed
from aegis_trio.audit.signer import CheckpointSigner
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.tree import CompactRange, leaf_digest

log = structlog.get_logger(__name__)


@final
class LogWasChanged(AuditLost):
    """What was signed is not there any more: evidence is missing, or is another one than before."""


@final
@dataclass(slots=True)
class _Place:
    """Where in a log one reads, and the tree over what stands before."""

    files: list[Path]
    offset: int
    tree: CompactRange
    head: ChainHead


def refuse_signed_log(path: Path) -> None:
    """Make sure that a log without a signing key was never a signed one.

    Raises:
        LogCannotOpen: it was.
    """
    files = CheckpointFiles(path, FileOps())
    for file in (files.newest, files.every):
        if file.exists():
            raise LogCannotOpen(
                f"AUDIT_SIGNING_KEY: it is not set, and {file} shows that this log is signed. Set the key again; to "
                "begin a log that nobody signs, move the log and the files beside it away."
            )


def resume_signing(path: Path, key: SigningKey, ops: FileOps, end: int) -> tuple[CheckpointSigner, ChainHead]:
    """Return the signer of the log at *path* and the head of its chain.

    Args:
        path: the log, locked by us.
        key: signs.
        end: where its whole lines end.

    Raises:
        LogWasChanged: it is not what was signed.
        AuditLost: it was never signed, or is signed by another key.
        LogUnavailable: the first checkpoint of a new log cannot be written.
        OSError: a file cannot be read.
    """
    files = CheckpointFiles(path, ops)
    notes = _read_notes(path, files, key)
    if not notes:
        return _begin(path, key, files, end), ChainHead()
    newest = max(notes, key=lambda signed: signed.checkpoint.size).checkpoint
    roots = {signed.checkpoint.size: signed.checkpoint.root for signed in notes}
    state = files.read_state()
    place = _locate(path, end, state, roots)
    if place is None:
        log.warning("audit_tree_recomputed", path=str(path), size=newest.size)
        place = _from_the_first(path, end)
    head, leaf = _read_on(path, place, end, roots)
    if place.tree.size < newest.size:
        raise _changed(path, f"it ends with record {place.tree.size - 1}, and {newest.size} records were signed")
    signer = CheckpointSigner(key, files, place.tree, leaf, newest.size)
    signer.add((), float("-inf"))  # what is unsigned after a kill is due at once
    return signer, head


def newest_provable(path: Path, key: SigningKey, ops: FileOps) -> TreeState | None:
    """Return the state that leads to the newest signed root, whatever became of the records; None when there is none.

    Raises:
        AuditLost: a checkpoint is not one, or is signed by another key.
        OSError: a file cannot be read.
    """
    files = CheckpointFiles(path, ops)
    notes = _read_notes(path, files, key)
    state = files.read_state()
    if not notes or state is None:
        return None
    newest = max(notes, key=lambda signed: signed.checkpoint.size).checkpoint
    return state if (state.size, state.tree().root()) == (newest.size, newest.root) else None


def is_signed_log(path: Path) -> bool:
    """Return whether checkpoints stand beside the log."""
    files = CheckpointFiles(path, FileOps())
    return files.newest.exists() or files.every.exists()


def _read_notes(path: Path, files: CheckpointFiles, key: SigningKey) -> list[SignedCheckpoint]:
    try:
        notes = [note for note in (files.read_newest(), files.read_last()) if note is not None]
    except MalformedNote as malformed:
        raise _changed(path, f"a checkpoint beside it is damaged: {malformed}") from malformed
    for note in notes:
        try:
            verify_checkpoint(note, [key.verifier])
        except UntrustedNote as untrusted:
            raise LogWasChanged(
                f"AUDIT_SIGNING_KEY: the checkpoints beside {path} are not signed by it ({untrusted}; they are of "
                f"{note.checkpoint.origin!r}, the key is of {key.name!r}). Set the key that signed them; to begin a "
                "log of another key, move the log and the files beside it away."
            ) from untrusted
    return notes


def _begin(path: Path, key: SigningKey, files: CheckpointFiles, end: int) -> CheckpointSigner:
    if end or len(files_of_log(path)) > 1:
        raise AuditLost(
            f"AUDIT_SIGNING_KEY: {path} holds records, and no checkpoint stands beside it. If it was signed before, "
            "the checkpoints were removed: treat that as an incident. If it never was, `aegis-trio audit init` signs "
            "what is there; or move it away, and a new log begins."
        )
    signer = CheckpointSigner(key, files, CompactRange(), b"", 0)
    signer.write(0)
    return signer


def _locate(path: Path, end: int, state: TreeState | None, roots: dict[int, bytes]) -> _Place | None:
    """Return the place behind the last signed record, proved to be there; None when it is not where it should be."""
    if state is None:
        return None
    tree = state.tree()
    if roots.get(state.size) != tree.root():
        return None
    head = ChainHead(state.size, state.leaf.hex()) if state.size else ChainHead()
    files = files_of_log(path)
    for place, file in reversed(list(enumerate(files))):
        if is_packed(file):
            break  # the newest checkpoint is never older than the newest segment, which stays plain
        limit = end if file == path else file.stat().st_size
        line = line_before(file, state.offset) if 0 < state.offset <= limit else None
        if line is not None and leaf_digest(line) == state.leaf:
            return _Place(files[place:], state.offset, tree, head)
        first = next(read_lines(file, 0, limit), None)
        if first is not None and _links(head, first.raw):
            return _Place(files[place:], 0, tree, head)
    return _Place([path], 0, tree, head) if state.size == 0 and end == 0 else None


def _links(head: ChainHead, raw_line: bytes) -> bool:
    try:
        follow_link(head, raw_line.removesuffix(b"\n"))
    except BrokenRecord:
        return False
    return True


def _from_the_first(path: Path, end: int) -> _Place:
    files = files_of_log(path)
    encrypted = [place for place, file in enumerate(files) if is_encrypted(file)]
    files = files[encrypted[-1] + 1 :] if encrypted else files  # what the gate itself cannot read
    for file in files:
        first = next(read_lines(file, 0, end if file == path else None), None)
        if first is None:
            continue
        try:
            head, record = follow_record(None, first.raw.removesuffix(b"\n"))
        except BrokenRecord as broken:
            raise _changed(path, f"the first record is {broken}") from broken
        tree = CompactRange() if head.next_seq == 1 else tree_before(record)
        if tree is None:
            raise _changed(path, f"the records before {head.next_seq - 1} are not here")
        return _Place(files, 0, tree, ChainHead(tree.size, str(record["prev"])))
    return _Place(files, 0, CompactRange(), ChainHead())


def _read_on(path: Path, place: _Place, end: int, roots: dict[int, bytes]) -> tuple[ChainHead, bytes]:
    """Follow every record from *place* on; hold the tree against each signed root that is passed."""
    head, leaf = place.head, bytes.fromhex(place.head.prev) if place.head.next_seq else b""
    _compare(path, place.tree, roots)
    offset = place.offset
    for file in place.files:
        for line in read_lines(file, offset, end if file == path else None):
            try:
                head, leaf = follow_link(head, line.raw.removesuffix(b"\n"))
            except BrokenRecord as broken:
                raise _changed(path, f"the record at byte {line.offset} of {file} is {broken}") from broken
            place.tree.add(leaf)
            _compare(path, place.tree, roots)
        offset = 0
    return head, leaf


def _compare(path: Path, tree: CompactRange, roots: dict[int, bytes]) -> None:
    if tree.size in roots and roots[tree.size] != tree.root():
        raise _changed(path, f"the first {tree.size} records are not the ones that were signed")


def _changed(path: Path, reason: str) -> LogWasChanged:
    return LogWasChanged(
        f"AUDIT_LOG_PATH: {path} is not continued: {reason}. Keep it and the files beside it as evidence, run "
        "`aegis-trio audit verify`, and find out who changed it. `aegis-trio audit repair --accept-loss` goes on, "
        "with a signed record of the loss."
    )
