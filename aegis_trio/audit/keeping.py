"""What becomes of sealed segments: packed when the next one is sealed, pruned when their time is over.

Laws:
    1. The newest sealed segment stays as it is: a start looks into it.
    2. A segment is pruned when all of this holds: the operator gave a number of days; its last record is older; and a
       checkpoint that covers it carries a cosignature of a witness. What nobody outside this machine has seen is the
       only evidence there is.
    3. `audit_pruned` is durable before a segment goes. Segments go from the oldest on, so that one tree stands before
       what is kept.
    4. Contained: whatever fails here is told and tried again; no record waits for it, and nothing ends by it.

Not here: how a file is packed (packing), and what `verify` makes of a log that begins later (verify).
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, final

import structlog
import trio

from aegis_trio.audit.canonical import parse
from aegis_trio.audit.chain import PRUNED_EVENT, SHREDDED_EVENT, TREE_FIELD, tree_before, tree_field
from aegis_trio.audit.checkpoint_files import CheckpointFiles, NotesFault, read_notes
from aegis_trio.audit.entry import AuditEntry, service_event
from aegis_trio.audit.files import sync_folder
from aegis_trio.audit.log_files import files_of_log, read_lines, sealed_files, seq_of_segment
from aegis_trio.audit.lost import LogUnavailable
from aegis_trio.audit.notes import SignedNote, UntrustedNote, VerifierKey, verify_note
from aegis_trio.audit.packing import DRAFT_SUFFIX, fault_of, is_encrypted, is_packed, pack
from aegis_trio.audit.pseudonyms import finish_shredding, pending_shreddings, settle_shredding
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.model.clock import NS_PER_S, WallClock
from aegis_trio.model.errors import AuditUnavailable
from aegis_trio.model.json import JsonValue

LOOK_EVERY_S: Final = 60.0
SAY_EVERY_S: Final = 86_400.0
_DAY_NS: Final = 86_400 * NS_PER_S
_CHUNK_BYTES: Final = 128 * 1024

log = structlog.get_logger(__name__)


class Trail(Protocol):
    """What keeping needs of the audit trail."""

    async def append(self, entry: AuditEntry) -> int:
        """Write a record and wait until it is durable."""
        ...

    def forget(self, subject: str) -> None:
        """Drop what memory holds of a person."""
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeepingStatistics:
    """One moment of what is kept; `…_total` only grows while the process lives."""

    segments: int
    """Sealed files that are there."""
    segment_bytes: int
    """Of them all."""
    looks_total: int
    packed_total: int
    pruned_total: int
    failures_total: int
    """Looks that ended in a fault of the disk, and are repeated."""
    unwitnessed_segments: int
    """Segments whose time is over, and that are kept because no witness has cosigned a checkpoint that covers them."""


@contextmanager
def contained() -> Generator[None]:
    """Run the keeper; a bug of it is told with its traceback, and nothing else ends by it."""
    try:
        yield
    except* Exception:  # files that stay too long are no reason to refuse calls
        log.exception("audit_keeper_died")


@final
@dataclass(frozen=True, slots=True)
class _Segment:
    """One sealed file, and the sequences that it holds by the names of the files."""

    path: Path
    first: int
    last: int
    following: Path


@final
class Keeper:
    """Packs and prunes the segments of one log, in a thread of its own."""

    def __init__(self, settings: AuditSettings, trail: Trail, *, clock: WallClock, ops: FileOps | None = None) -> None:
        self._settings = settings
        self._path = settings.path
        self._trail = trail
        self._clock = clock
        self._ops = ops or FileOps()
        self._thread = trio.CapacityLimiter(1)
        self._say_from_s = float("-inf")
        self._witnessed = 0
        self._segments = self._bytes = self._looks = self._packed = self._pruned = self._failures = (
            self._unwitnessed
        ) = 0

    def statistics(self) -> KeepingStatistics:
        """Return this moment's numbers."""
        return KeepingStatistics(
            segments=self._segments,
            segment_bytes=self._bytes,
            looks_total=self._looks,
            packed_total=self._packed,
            pruned_total=self._pruned,
            failures_total=self._failures,
            unwitnessed_segments=self._unwitnessed,
        )

    async def run(self) -> None:
        """Look after the segments until cancelled; a bug ends this task alone."""
        with contained():
            while True:
                await self.look()
                await trio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Pack and prune what is due now."""
        try:
            await trio.to_thread.run_sync(self._pack_all, limiter=self._thread)
            await self._prune()
            await self._note_shredded()
            await trio.to_thread.run_sync(self._measure, limiter=self._thread)
        except (OSError, LogUnavailable) as error:
            self._failures += 1
            log.error("audit_segments_not_kept", reason=fault_of(error), path=str(self._path))  # noqa: TRY400 -- no bug
        except AuditUnavailable:
            self._failures += 1  # the log is blocked, and says so itself
        self._looks += 1

    def _pack_all(self) -> None:
        sealed = sealed_files(self._path)
        recipients = self._settings.recipients
        for segment, following in itertools.pairwise(sealed):
            if is_packed(segment) or not (self._settings.compress or recipients):
                continue
            if recipients and not self._is_seen_by_all(seq_of_segment(self._path, following)):
                break  # the gate could not prove to a witness what it cannot read any more
            pack(segment, recipients, self._ops, trio.from_thread.check_cancelled)
            self._packed += 1
        for draft in self._path.parent.glob(f"{self._path.name}.*{DRAFT_SUFFIX}"):
            self._ops.unlink(draft)  # a kill left it

    def _is_seen_by_all(self, size: int | None) -> bool:
        keys = self._settings.witness_keys
        return size is not None and all(witnessed_size(self._path, [key]) >= size for key in keys)

    async def _prune(self) -> None:
        days = self._settings.retention_days
        if not days:
            return
        segments = await trio.to_thread.run_sync(self._over, days, limiter=self._thread)
        unwitnessed = 0
        for segment in segments:
            if segment.last >= self._witnessed:
                unwitnessed = len(segments) - segments.index(segment)
                break
            entry = await trio.to_thread.run_sync(_pruned_entry, segment, days, limiter=self._thread)
            await self._trail.append(entry)
            await trio.to_thread.run_sync(self._remove, segment, limiter=self._thread)
            log.info("audit_pruned", first=segment.first, last=segment.last, path=str(segment.path))
        self._unwitnessed = unwitnessed
        if unwitnessed and trio.current_time() >= self._say_from_s:
            self._say_from_s = trio.current_time() + SAY_EVERY_S
            log.warning(
                "audit_kept_unwitnessed",
                segments=unwitnessed,
                detail="AUDIT_RETENTION_DAYS: no checkpoint that a witness cosigned covers them, so they are kept.",
            )

    async def _note_shredded(self) -> None:
        """Record who was forgotten since; what a kill left of it is finished first."""
        for found in await trio.to_thread.run_sync(pending_shreddings, self._path, limiter=self._thread):
            self._trail.forget(found.subject)
            await trio.to_thread.run_sync(finish_shredding, self._path, found, self._ops, limiter=self._thread)
            months: list[JsonValue] = list(found.months)
            await self._trail.append(service_event(SHREDDED_EVENT, keys=len(months), months=months))
            # A commit that was under way may have written a key again; that one is over now.
            await trio.to_thread.run_sync(finish_shredding, self._path, found, self._ops, limiter=self._thread)
            await trio.to_thread.run_sync(settle_shredding, self._path, found, self._ops, limiter=self._thread)

    def _over(self, days: int) -> list[_Segment]:
        """Return the segments whose time is over, oldest first, and look what is witnessed."""
        now_ns = self._clock.now_ns()
        files = files_of_log(self._path)
        found: list[_Segment] = []
        # The newest sealed segment stays: a start looks into it.
        for file, following in itertools.pairwise(files):
            first, following_first = seq_of_segment(self._path, file), seq_of_segment(self._path, following)
            if first is None or following_first is None or now_ns - file.stat().st_mtime_ns < days * _DAY_NS:
                break
            found.append(_Segment(file, first, following_first - 1, following))
        if found:
            self._witnessed = max(self._witnessed, witnessed_size(self._path, self._settings.witness_keys))
        return found

    def _remove(self, segment: _Segment) -> None:
        self._ops.unlink(segment.path)
        sync_folder(self._path.parent, self._ops)
        self._pruned += 1

    def _measure(self) -> None:
        sealed = sealed_files(self._path)
        self._segments = len(sealed)
        self._bytes = sum(file.stat().st_size for file in sealed)


def witnessed_size(path: Path, witnesses: Sequence[VerifierKey]) -> int:
    """Return how many records of the log at *path* a witness has seen, by the cosignatures beside it; 0 for none.

    Args:
        path: the log.
        witnesses: keys of those who count; others do not.

    Raises:
        OSError: a file cannot be read.
    """
    most = 0
    for file in (path.with_name(f"{path.name}.cosigned"), CheckpointFiles(path, FileOps()).newest):
        try:
            for found in read_notes(file):
                if found.signed.checkpoint.size > most and _is_cosigned(found.signed.note, witnesses):
                    most = found.signed.checkpoint.size
        except (FileNotFoundError, NotesFault):  # damage is what `verify` and the next start tell
            continue
    return most


def _is_cosigned(note: SignedNote, witnesses: Sequence[VerifierKey]) -> bool:
    try:
        return any(one.time_s is not None for one in verify_note(note, witnesses))
    except UntrustedNote:
        return False


def _pruned_entry(segment: _Segment, days: int) -> AuditEntry:
    digest = hashlib.sha256()
    with segment.path.open("rb") as stream:
        while piece := stream.read(_CHUNK_BYTES):
            trio.from_thread.check_cancelled()
            digest.update(piece)
    fields: dict[str, JsonValue] = {
        "first": segment.first,
        "last": segment.last,
        "days": days,
        "file": segment.path.name,
        "sha256": digest.hexdigest(),
    }
    first = None if is_encrypted(segment.following) else next(read_lines(segment.following), None)
    tree = None if first is None else tree_before(parse(first.raw) or {})
    if tree is not None:
        fields[TREE_FIELD] = tree_field(tree)
    return service_event(PRUNED_EVENT, **fields)
