"""The log on disk: one open file, locked, appended to and synced; every fault ends this handle.

Laws:
    1. `end` is the size of the file as far as it is durable; what stands above it was never acknowledged.
    2. After any fault the handle is closed for good: bytes above `end` are cut off, and only `reopen_log` continues.
       Threat: after a failed fdatasync the kernel forgets that pages were dirty, so a second one on the same
       descriptor succeeds without the data. Source: PostgreSQL wiki, "Fsync Errors" (fsyncgate).
    3. What stands at the path is this file, before and after each commit. Somebody who renames, removes, cuts or
       writes it is noticed before anything is acknowledged.
    4. The lock lies on the file itself, so that two names of one log are one log.

Who can change this file can take away evidence that no copy outside this machine holds yet.

Not here: what the bytes mean (chain), the judgement of a file that was there before us (recovery). Everything here
blocks, and runs in the writer's thread.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final, final

from aegis_trio.audit.lost import AuditLost, LogCannotOpen, LogIsHeld, LogUnavailable, reason_of
from aegis_trio.audit.system_calls import FileOps

_OPEN_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
_CREATE_FLAGS: Final = _OPEN_FLAGS | os.O_CREAT | os.O_EXCL
_FOLDER_MODE: Final = 0o700
_HELD: Final = "another process has it open as its audit log"


@final
class LogFile:
    """The open, locked log."""

    __slots__ = ("_fd", "_ops", "dirty", "end", "folder_device", "identity", "path")

    def __init__(self, path: Path, fd: int, ops: FileOps, *, end: int, folder_device: int) -> None:
        self.path = path
        self.end = end
        self.dirty = False
        """Whether bytes of ours may stand above `end`."""
        self.folder_device = folder_device
        self.identity = _identity(ops.fstat(fd))
        self._fd: int | None = fd
        self._ops = ops

    def append(self, data: bytes) -> None:
        """Make *data* durable at the end of the log, or leave nothing of it.

        Raises:
            LogUnavailable: the disk or the file does not allow it; this handle is closed.
        """
        fd = self._open_fd()
        try:
            self._check_place(fd)
            self.dirty = True
            write_all(fd, data, self._ops)
            self._ops.fdatasync(fd)
            self.end += len(data)
            try:
                self._check_place(fd)
            except (OSError, LogUnavailable):
                self.end -= len(data)
                raise
            self.dirty = False
        except LogUnavailable:
            self._give_up(fd)
            raise
        except OSError as error:
            self._give_up(fd)
            raise LogUnavailable(reason_of(error)) from error

    def check(self) -> None:
        """Look whether the log still stands where it should, as long as it should be.

        Raises:
            LogUnavailable: it does not; this handle is closed.
        """
        fd = self._open_fd()
        try:
            self._check_place(fd)
        except LogUnavailable:
            self._give_up(fd)
            raise
        except OSError as error:
            self._give_up(fd)
            raise LogUnavailable(reason_of(error)) from error

    def cut(self, end: int) -> None:
        """Cut the log at *end*, durably; for recovery only.

        Raises:
            OSError: the disk does not allow it.
        """
        fd = self._open_fd()
        self._ops.ftruncate(fd, end)
        self._ops.fdatasync(fd)
        self.end = end

    def tail(self, max_bytes: int) -> bytes:
        """Return the last bytes of the log.

        Raises:
            OSError: they cannot be read.
        """
        start = max(0, self.end - max_bytes)
        return self._ops.pread(self._open_fd(), self.end - start, start)

    def close(self) -> None:
        """Give the log and its lock back; what was acknowledged is durable already."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            with suppress(OSError):  # nothing of value hangs on it: every commit was synced before
                self._ops.close(fd)

    def _open_fd(self) -> int:
        if self._fd is None:
            raise RuntimeError("this handle of the log is closed")
        return self._fd

    def _check_place(self, fd: int) -> None:
        try:
            there = self._ops.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            raise LogUnavailable("the log file or its folder is gone") from None
        if _identity(there) != self.identity:
            raise LogUnavailable("another file stands in the place of the log")
        if self._ops.fstat(fd).st_size != self.end:
            raise LogUnavailable("the log file was changed by another program")

    def _give_up(self, fd: int) -> None:
        # Invariant: nothing half-written remains. What cannot be cut now is cut by reopen_log.
        if self.dirty:
            with suppress(OSError):
                if self._ops.fstat(fd).st_size > self.end:
                    self._ops.ftruncate(fd, self.end)
                self.dirty = False
        self.close()


def open_log(path: Path, ops: FileOps) -> LogFile:
    """Open the log at start; make it and its folder where they are missing.

    Raises:
        LogCannotOpen: it cannot be made or opened.
        LogIsHeld: another process has it.
        AuditLost: it is no file.
    """
    try:
        _make_folder(path.parent, ops)
        fd = _open_or_create(path, ops)
    except OSError as error:
        raise LogCannotOpen(
            f"AUDIT_LOG_PATH: {path} cannot be opened for writing ({reason_of(error)}). Set AUDIT_LOG_PATH to a file "
            "in a folder that this user may write, or let this user write that folder."
        ) from error
    try:
        return _take(path, fd, ops)
    except LogUnavailable as unavailable:
        ops.close(fd)
        lost = LogIsHeld if unavailable.reason == _HELD else AuditLost
        raise lost(
            f"AUDIT_LOG_PATH: {path} cannot be used: {unavailable.reason}. Each gate needs a log of its own: end the "
            "other process, or set AUDIT_LOG_PATH to another file."
        ) from unavailable
    except OSError as error:
        ops.close(fd)
        raise AuditLost(f"AUDIT_LOG_PATH: {path} cannot be used ({reason_of(error)}).") from error


def reopen_log(lost: LogFile, ops: FileOps) -> LogFile:
    """Open the log again after `lost` was given up; the caller still has to compare its tail.

    Returns:
        LogFile: with `end` where `lost` had it, or 0 when the log was moved or emptied and begins anew.

    Raises:
        LogUnavailable: it cannot be opened, or is not the log that was lost.
    """
    try:
        fd = _reopen(lost, ops)
    except OSError as error:
        raise LogUnavailable(reason_of(error)) from error
    try:
        log = _take(lost.path, fd, ops)
        if log.end > lost.end and lost.dirty and log.identity == lost.identity:
            log.cut(lost.end)
    except OSError as error:
        ops.close(fd)
        raise LogUnavailable(reason_of(error)) from error
    except LogUnavailable:
        ops.close(fd)
        raise
    if log.end not in {0, lost.end}:
        log.close()
        raise LogUnavailable("the log file was changed by another program")
    return log


def write_aside(path: Path, data: bytes, ops: FileOps) -> None:
    """Make a new file of *data*, durable with its name.

    Raises:
        FileExistsError: there is one of that name.
        LogUnavailable, OSError: the disk does not allow it.
    """
    fd = ops.open(path, _CREATE_FLAGS)
    try:
        write_all(fd, data, ops)
        ops.fdatasync(fd)
    finally:
        ops.close(fd)
    sync_folder(path.parent, ops)


def write_all(fd: int, data: bytes, ops: FileOps) -> None:
    """Write every byte of *data*.

    Raises:
        LogUnavailable, OSError: the disk does not allow it; a part may be written.
    """
    rest = memoryview(data)
    while rest:
        written = ops.write(fd, rest)
        if written <= 0:
            raise LogUnavailable("the disk takes no more bytes")
        rest = rest[written:]


def _make_folder(folder: Path, ops: FileOps) -> None:
    missing: list[Path] = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        sync_folder(new.parent, ops)


def _open_or_create(path: Path, ops: FileOps) -> int:
    try:
        return ops.open(path, _CREATE_FLAGS)
    except FileExistsError:
        return ops.open(path, _OPEN_FLAGS)


def _reopen(lost: LogFile, ops: FileOps) -> int:
    try:
        return ops.open(lost.path, _OPEN_FLAGS)
    except FileNotFoundError:
        pass
    try:
        device = ops.stat(lost.path.parent).st_dev
    except FileNotFoundError:
        raise LogUnavailable("the folder of the log is gone") from None
    if device != lost.folder_device:
        # Threat: a volume that was unmounted shows the empty folder below it; a log begun there would be hidden, and
        # forked, as soon as the volume is back.
        raise LogUnavailable("the folder of the log lies on another file system than before")
    return ops.open(lost.path, _CREATE_FLAGS)


def _take(path: Path, fd: int, ops: FileOps) -> LogFile:
    opened = ops.fstat(fd)
    if not stat.S_ISREG(opened.st_mode):
        raise LogUnavailable("it is not a regular file")
    try:
        ops.lock(fd)
    except BlockingIOError:
        raise LogUnavailable(_HELD) from None
    # The file may have been moved between opening and locking; then the lock is on the wrong one.
    if _identity(ops.stat(path)) != _identity(opened):
        raise LogUnavailable("another file stands in the place of the log")
    # Also for a file that was there: who made it may have been killed before its name was durable.
    sync_folder(path.parent, ops)
    return LogFile(path, fd, ops, end=ops.fstat(fd).st_size, folder_device=ops.stat(path.parent).st_dev)


def sync_folder(folder: Path, ops: FileOps) -> None:
    """Make the names in *folder* durable.

    Raises:
        OSError: the disk does not allow it.
    """
    fd = ops.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        ops.fsync(fd)
    finally:
        ops.close(fd)


def _identity(described: os.stat_result) -> tuple[int, int]:
    return described.st_dev, described.st_ino
