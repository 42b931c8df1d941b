"""Begins the next file of the log, so that no file grows without end, and a day can be handed over as one file.

    <log>                              the active file, always at this name
    <log>.<first sequence, 20 digits>  a sealed segment, which nothing is added to
    <log>.next                         the next file, before it has the name of the active one

The steps, each durable before the next: next file with its first record, locked → second name for the active file
(hard link) → the next file takes the first name (rename) → folder.

Laws:
    1. At every moment there is a locked file at the log's own path: a second process finds no gap to come in by.
    2. A kill between two steps leaves a log that is continued: a segment that is still the active file is no segment,
       and a next file that did not get the name has never been.
    3. What cannot be done leaves the log as it was, and is tried again later. Only when nobody can tell whether it
       was done is the log unavailable.

Not here: when the old file is signed (writer), what a start makes of a rotation that was killed (opening), and what
becomes of segments later (keeping).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import structlog
import trio

from aegis_trio.audit.canonical import parse
from aegis_trio.audit.chain import LINE_START, ROTATED_EVENT, TREE_FIELD, ChainHead, seal, tree_field
from aegis_trio.audit.entry import service_event
from aegis_trio.audit.files import LogFile, sync_folder
from aegis_trio.audit.log_files import active_twin, draft_of, segment_name
from aegis_trio.audit.lost import LogUnavailable, reason_of
from aegis_trio.audit.opening import open_next
from aegis_trio.audit.recovery import draft
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.tree import CompactRange
from aegis_trio.model.clock import WallClock, as_timestamp
from aegis_trio.model.json import JsonValue

RETRY_S: Final = 60.0

_DAY: Final = slice(len(LINE_START), len(LINE_START) + len("2026-02-13"))
_AT_DAY: Final = "day"
_AT_SIZE: Final = "size"

log = structlog.get_logger(__name__)


@final
class CannotRotate(Exception):
    """The next file cannot begin now; the log is as it was, and goes on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@final
class Unsettled(Exception):
    """The disk does not say whether the next file has its name; both handles are closed.

    `next_file` is what stands at the path when it has.
    """

    def __init__(self, reason: str, next_file: LogFile) -> None:
        super().__init__(reason)
        self.reason = reason
        self.next_file = next_file


@final
@dataclass(frozen=True, slots=True)
class Begun:
    """The next file is the active one; its first record is durable."""

    file: LogFile
    head: ChainHead
    """Behind that record."""


@final
class Rotator:
    """Rotates for one writer, in the writer's thread."""

    __slots__ = ("_clock", "_from_s", "_ops", "_segment_bytes", "_thread", "_unsettled", "failures_total", "total")

    def __init__(self, segment_bytes: int, clock: WallClock, ops: FileOps, thread: trio.CapacityLimiter) -> None:
        self._segment_bytes = segment_bytes
        self._clock = clock
        self._ops = ops
        self._thread = thread
        self._from_s = float("-inf")
        self._unsettled: Begun | None = None
        self.total = 0
        """Files that were sealed."""
        self.failures_total = 0
        """Attempts that failed."""

    def due(self, file: LogFile) -> str | None:
        """Return why the next file should begin now, or None."""
        if trio.current_time() < self._from_s:
            return None
        return rotation_due(file, self._segment_bytes, self._clock.now_ns())

    async def rotate(self, file: LogFile, head: ChainHead, tree: CompactRange | None, why: str) -> Begun | None:
        """Begin the next file; None when that cannot be done, and the log goes on in *file*.

        Raises:
            LogUnavailable: *file* is closed; `settle` will tell which one goes on.
        """
        line, next_head = rotation_record(head, file, why, tree, self._clock.now_ns())
        try:
            following = await trio.to_thread.run_sync(rotate, file, line, self._ops, limiter=self._thread)
        except CannotRotate as fault:
            self.failures_total += 1
            self._from_s = trio.current_time() + RETRY_S
            log.error("audit_not_rotated", reason=fault.reason, path=str(file.path))  # noqa: TRY400 -- no bug of ours
            return None
        except Unsettled as fault:
            self._unsettled = Begun(fault.next_file, next_head)
            raise LogUnavailable(fault.reason) from fault
        return self._count(Begun(following, next_head))

    async def settle(self) -> Begun | None:
        """Return the next file, if a rotation that ended in a fault was done after all.

        Raises:
            LogUnavailable: the disk still does not say it.
        """
        begun = self._unsettled
        if begun is None:
            return None
        is_done = await trio.to_thread.run_sync(_stands, begun.file, limiter=self._thread)
        self._unsettled = None
        return self._count(begun) if is_done else None

    def _count(self, begun: Begun) -> Begun:
        self.total += 1
        log.info("audit_rotated", path=str(begun.file.path), seq=begun.head.next_seq - 1)
        return begun


def rotation_due(file: LogFile, segment_bytes: int, now_ns: int) -> str | None:
    """Return why the next file should begin, `size` or `day` (of UTC), or None.

    A clock that was set back makes no next file; one that was set forward makes one, and then none until that day.
    """
    if file.end >= segment_bytes:
        return _AT_SIZE
    begun = file.first_line[_DAY].decode("ascii", "replace")
    return _AT_DAY if begun and as_timestamp(now_ns)[: len(begun)] > begun else None


def rotation_record(
    head: ChainHead, file: LogFile, why: str, tree: CompactRange | None, now_ns: int
) -> tuple[bytes, ChainHead]:
    """Return the first record of the next file, and the chain with it.

    Args:
        head: where the chain stands.
        file: the active one.
        why: as `rotation_due` says.
        tree: over every record before; None where nobody signs.
        now_ns: the time of the record.
    """
    fields: dict[str, JsonValue] = {"reason": why, "sealed": _segment(file).name}
    if tree is not None:
        fields[TREE_FIELD] = tree_field(tree)
    entry = service_event(ROTATED_EVENT, **fields)
    return seal(head, draft(entry, now_ns), entry.phase)


def rotate(file: LogFile, line: bytes, ops: FileOps) -> LogFile:
    """Seal the active file, and return the next one, which holds *line*; *file* is closed then.

    Raises:
        CannotRotate: nothing has changed.
        Unsettled: see there.
        LogUnavailable: the active file is not what it must be; its handle is closed.
    """
    file.check()
    path, segment = file.path, _segment(file)
    try:
        following = open_next(file, draft_of(path), ops)
    except (OSError, LogUnavailable) as error:
        raise CannotRotate(reason_of(error)) from error
    try:
        following.append_unnamed(line)
        if active_twin(path) != segment:
            ops.link(path, segment)
        sync_folder(path.parent, ops)
    except (OSError, LogUnavailable) as error:
        _drop(following, draft_of(path), ops)
        raise CannotRotate(reason_of(error)) from error
    _take_name(file, following, ops)
    file.close()
    return following


def _stands(following: LogFile) -> bool:
    try:
        return following.stands()
    except OSError as error:
        raise LogUnavailable(reason_of(error)) from error


def _take_name(file: LogFile, following: LogFile, ops: FileOps) -> None:
    path = file.path
    try:
        ops.replace(draft_of(path), path)
        sync_folder(path.parent, ops)
    except OSError as error:
        with suppress(OSError):
            if not following.stands():
                _drop(following, draft_of(path), ops)
                raise CannotRotate(reason_of(error)) from error
        file.close()
        following.close()
        raise Unsettled(reason_of(error), following) from error


def _drop(following: LogFile, name: Path, ops: FileOps) -> None:
    following.close()
    with suppress(OSError):  # the next rotation begins with an empty one, whatever stands there
        ops.unlink(name)


def _segment(file: LogFile) -> Path:
    record = parse(file.first_line) or {}
    seq = record.get("seq")
    return segment_name(file.path, seq if isinstance(seq, int) else 0)
