"""Room on the disk for the log: calls are refused before it ends, and a reserve lets the log say so when it has ended.

    <log>.reserve    bytes that belong to nobody, given back to the disk when it is full

Laws:
    1. Below `min_free_bytes` no intent is taken: what was begun finds room for its end, and events for themselves.
       Calls are taken again when half as much again is free, so that a disk at the mark does not flap.
    2. When a write finds the disk full, the reserve is given back before the next probe; it is made again when
       there is room for it above the mark.
    3. What cannot be measured changes nothing: a write will tell.

Not here: who may fill the disk with noise (auth.attempts bounds strangers).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, final

import structlog
import trio

from aegis_trio.audit.entry import AuditEntry, service_event
from aegis_trio.audit.files import sync_folder
from aegis_trio.audit.lost import reason_of
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.model.errors import AuditUnavailable

LOOK_EVERY_S: Final = 1.0
LOW_EVENT: Final = "audit_space_low"
BACK_EVENT: Final = "audit_space_back"
FULL: Final = frozenset(reason_of(OSError(number, "")) for number in (errno.ENOSPC, errno.EDQUOT))
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_MIB: Final = 1024 * 1024

log = structlog.get_logger(__name__)


def reserve_of(path: Path) -> Path:
    """Return the name of the reserve of the log at *path*."""
    return path.with_name(f"{path.name}.reserve")


@final
class DiskSpace:
    """Watches the disk of one log."""

    def __init__(self, path: Path, *, min_free_bytes: int, reserve_bytes: int, ops: FileOps) -> None:
        """Watch.

        Args:
            path: the log.
            min_free_bytes: below it calls are refused; 0 never.
            reserve_bytes: how much the reserve holds; 0 for none.
            ops: the system calls.
        """
        self._path = path
        self._min_free_bytes = min_free_bytes
        self._reserve_bytes = reserve_bytes
        self._ops = ops
        self._thread = trio.CapacityLimiter(1)
        self._has_reserve = False
        self.free_bytes = 0
        """What was free at the last look."""
        self.is_low = False
        """Whether calls are refused."""

    @property
    def is_watched(self) -> bool:
        """Whether there is anything to look at."""
        return bool(self._min_free_bytes or self._reserve_bytes)

    def reason(self) -> str | None:
        """Return why calls are refused, in words without a path, or None."""
        if not self.is_low:
            return None
        return f"less than {self._min_free_bytes // _MIB} MiB are free on the disk of the log"

    def look(self) -> None:
        """Measure; make the reserve when there is room. Blocks."""
        try:
            self.free_bytes = self._ops.free_bytes(self._path.parent)
        except OSError:
            return
        mark = self._min_free_bytes + self._min_free_bytes // 2 if self.is_low else self._min_free_bytes
        self.is_low = self.free_bytes < mark
        if self._reserve_bytes and not self._has_reserve and self.free_bytes >= mark + 2 * self._reserve_bytes:
            self._make_reserve()

    def make_room(self, reason: str) -> None:
        """Give the reserve back when *reason* is a full disk. Blocks: for the writer's thread."""
        if reason.rpartition(": ")[2] in FULL and reserve_of(self._path).exists():
            self.is_low = self.is_low or self._min_free_bytes > 0
            with suppress(OSError):  # then there is none, and the probe tells it
                self._ops.unlink(reserve_of(self._path))
                sync_folder(self._path.parent, self._ops)
            self._has_reserve = False

    async def watch(self, append: Callable[[AuditEntry], None]) -> None:
        """Look every second until cancelled, and record when room ends and when it is back."""
        was_low = False
        while True:
            await trio.to_thread.run_sync(self.look, limiter=self._thread)
            if self.is_low != was_low:
                was_low = self.is_low
                event = LOW_EVENT if was_low else BACK_EVENT
                tell = log.critical if was_low else log.warning
                tell(event, free_bytes=self.free_bytes, min_free_bytes=self._min_free_bytes)
                entry = service_event(event, free_bytes=self.free_bytes, min_free_bytes=self._min_free_bytes)
                with suppress(AuditUnavailable):  # blocked: `audit_resumed` will tell of it
                    append(entry)
            await trio.sleep(LOOK_EVERY_S)

    def _make_reserve(self) -> None:
        reserve = reserve_of(self._path)
        try:
            fd = self._ops.open(reserve, _FLAGS)
            try:
                self._ops.allocate(fd, self._reserve_bytes)
                self._ops.fsync(fd)
            finally:
                self._ops.close(fd)
        except OSError as error:
            with suppress(OSError):
                self._ops.unlink(reserve)
            log.warning("audit_without_reserve", reason=reason_of(error), path=str(reserve))
            return
        self._has_reserve = True
