"""A process that is killed at one system call, inside this one: everything after that call never happens."""

from __future__ import annotations

from pathlib import Path

from aegis_trio.audit.system_calls import FileOps
from tests.audit.faults import Fault, FaultyOps


class Killed(BaseException):
    """The process ends here."""


class KillingOps(FaultyOps):
    """Kills before one call; when that call is a write, after half of it. What was open dies with the process."""

    def __init__(self, at: int, *, torn: bool) -> None:
        super().__init__()
        self.kill_at, self.torn = at, torn
        self.descriptors: set[int] = set()

    def open(self, path: Path, flags: int) -> int:
        fd = super().open(path, flags)
        self.descriptors.add(fd)
        return fd

    def close(self, fd: int) -> None:
        self.descriptors.discard(fd)
        super().close(fd)

    def write(self, fd: int, data: memoryview) -> int:
        if len(self.order) == self.kill_at and self.torn:
            FileOps.write(self, fd, data[: len(data) // 2])
        return super().write(fd, data)

    def die(self) -> None:
        """Give back what the system takes from a process that ended."""
        for fd in self.descriptors:
            FileOps.close(self, fd)

    def _count(self, name: str) -> Fault | None:
        if len(self.order) >= self.kill_at:
            raise Killed
        return super()._count(name)
