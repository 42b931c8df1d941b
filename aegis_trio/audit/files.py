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

Not here: how a file becomes one of these (opening), what the bytes mean (chain), the judgement of a file that was
there before us (recovery). Everything here blocks, and runs in the writer's thread.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, final

from aegis_trio.audit.canonical import MAX_LINE_BYTES
from aegis_trio.audit.lost import LogUnavailable, reason_of
from aegis_trio.audit.system_calls import FileOps

_FOLDER_MODE: Final = 0o700
CREATE_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_CREAT | os.O_EXCL


@final
class LogFile:
    """The open, locked log."""

    __slots__ = ("_fd", "_ops", "dirty", "end", "first_line", "folder_device", "identity", "path")

    def __init__(self, path: Path, fd: int, ops: FileOps, *, end: int, folder_device: int) -> None:
        self.path = path
        self.first_line = _first_line(ops.pread(fd, MAX_LINE_BYTES, 0)) if end else b""
        """With its newline; empty until it is durable."""
        self.end = end
        self.dirty = False
        """Whether bytes of ours may stand above `end`."""
        self.folder_device = folder_device
        self.identity = identity_of(ops.fstat(fd))
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
            self.first_line = self.first_line or _first_line(data)
        except LogUnavailable:
            self._give_up(fd)
            raise
        except OSError as error:
            self._give_up(fd)
            raise LogUnavailable(reason_of(error)) from error

    def append_unnamed(self, data: bytes) -> None:
        """Make the first bytes of a file durable that does not stand at its path yet.

        Raises:
            LogUnavailable, OSError: the disk does not allow it; nothing counts of what was written.
        """
        fd = self._open_fd()
        write_all(fd, data, self._ops)
        self._ops.fdatasync(fd)
        self.end = len(data)
        self.first_line = _first_line(data)

    def stands(self) -> bool:
        """Return whether this is the file at the path, open or closed.

        Raises:
            OSError: nobody can tell.
        """
        return identity_of(self._ops.stat(self.path)) == self.identity

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
        self.first_line = self.first_line if end else b""

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
        if identity_of(there) != self.identity:
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


def write_aside(path: Path, data: bytes, ops: FileOps) -> None:
    """Make a new file of *data*, durable with its name.

    Raises:
        FileExistsError: there is one of that name.
        LogUnavailable, OSError: the disk does not allow it.
    """
    fd = ops.open(path, CREATE_FLAGS)
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


def make_folder(folder: Path, ops: FileOps) -> None:
    """Make *folder* and what is missing above it, for its owner alone, durably.

    Raises:
        OSError: the disk does not allow it.
    """
    missing: list[Path] = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        sync_folder(new.parent, ops)


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


def _first_line(data: bytes) -> bytes:
    return data[: data.find(b"\n") + 1]


def identity_of(described: os.stat_result) -> tuple[int, int]:
    """Return what tells a file from every other, whatever its names."""
    return described.st_dev, described.st_ino
