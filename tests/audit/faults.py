"""System calls that fail where a test wants them to, beneath an audit trail that knows nothing of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import TypeVar

from aegis_trio.audit.system_calls import FileOps

ResultT = TypeVar("ResultT")


class Fault:
    """What one call does instead of its work."""

    def __init__(self, error: int | None = None, *, taken: int | None = None, after: bool = False) -> None:
        """Describe it.

        Args:
            error: raise OSError of that number.
            taken: of a write, take only so many bytes; with *error*, the next write raises it.
            after: do the work first, then raise.
        """
        self.error = error
        self.taken = taken
        self.after = after


class FaultyOps(FileOps):
    """Counts every call, and fails where it was told to: at one index, or at every call of some kinds."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.order: list[str] = []
        self.at: dict[int, Fault] = {}
        self.always: dict[str, int] = {}
        self.gate: Event | None = None
        """When set, fdatasync waits for it: a disk that hangs."""

    def open(self, path: Path, flags: int) -> int:
        return self._do("open", lambda: FileOps.open(self, path, flags))

    def write(self, fd: int, data: memoryview) -> int:
        fault = self._count("write")
        if fault is not None and fault.taken is not None:
            if fault.error is not None:
                self.at[len(self.order)] = Fault(fault.error)
            return os.write(fd, data[: fault.taken]) if fault.taken else 0
        if fault is not None:
            raise OSError(fault.error, os.strerror(fault.error or 0))
        return FileOps.write(self, fd, data)

    def fdatasync(self, fd: int) -> None:
        if self.gate is not None:
            self.gate.wait()
        self._do("fdatasync", lambda: FileOps.fdatasync(self, fd))

    def fsync(self, fd: int) -> None:
        self._do("fsync", lambda: FileOps.fsync(self, fd))

    def ftruncate(self, fd: int, size: int) -> None:
        self._do("ftruncate", lambda: FileOps.ftruncate(self, fd, size))

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        return self._do("pread", lambda: FileOps.pread(self, fd, size, offset))

    def fstat(self, fd: int) -> os.stat_result:
        return self._do("fstat", lambda: FileOps.fstat(self, fd))

    def stat(self, path: Path) -> os.stat_result:
        return self._do("stat", lambda: FileOps.stat(self, path))

    def replace(self, path: Path, target: Path) -> None:
        self._do("replace", lambda: FileOps.replace(self, path, target))

    def link(self, path: Path, name: Path) -> None:
        self._do("link", lambda: FileOps.link(self, path, name))

    def unlink(self, path: Path) -> None:
        self._do("unlink", lambda: FileOps.unlink(self, path))

    def lock(self, fd: int) -> None:
        self._do("lock", lambda: FileOps.lock(self, fd))

    def _do(self, name: str, work: Callable[[], ResultT]) -> ResultT:
        fault = self._count(name)
        if fault is None or fault.error is None:
            return work()
        if fault.after:
            work()
        raise OSError(fault.error, os.strerror(fault.error))

    def _count(self, name: str) -> Fault | None:
        index = len(self.order)
        self.order.append(name)
        self.calls[name] += 1
        if name in self.always:
            return Fault(self.always[name])
        return self.at.pop(index, None)
