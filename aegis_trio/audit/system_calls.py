"""The system calls that the log is made of, in one place that a test can stand in for.

Law: each method is one call; what its failure means is decided by who made it (files.py).
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

FILE_MODE: Final = 0o600


class FileOps:
    """The system calls that the log is made of; a test that wants one of them to fail overrides it."""

    def open(self, path: Path, flags: int) -> int:
        """Return a descriptor; a file that is made is for its owner alone."""
        return os.open(path, flags, FILE_MODE)

    def write(self, fd: int, data: memoryview) -> int:
        """Return how many bytes were taken, which may be fewer than all."""
        return os.write(fd, data)

    def fdatasync(self, fd: int) -> None:
        """Make the data durable, and as much about the file as is needed to read them."""
        os.fdatasync(fd)

    def fsync(self, fd: int) -> None:
        """Make a folder's entries durable."""
        os.fsync(fd)

    def ftruncate(self, fd: int, size: int) -> None:
        """Cut the file."""
        os.ftruncate(fd, size)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Return bytes of the file, fewer at its end."""
        return os.pread(fd, size, offset)

    def fstat(self, fd: int) -> os.stat_result:
        """Describe what is open."""
        return os.fstat(fd)

    def stat(self, path: Path) -> os.stat_result:
        """Describe what stands at a path."""
        return path.stat()

    def replace(self, path: Path, target: Path) -> None:
        """Give a file the name of another, which is gone at that moment."""
        path.replace(target)

    def link(self, path: Path, name: Path) -> None:
        """Give a file a second name, which nothing else has."""
        os.link(path, name)

    def unlink(self, path: Path) -> None:
        """Take a name away."""
        path.unlink()

    def free_bytes(self, folder: Path) -> int:
        """Return how many bytes this user may still take of the folder's file system."""
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize

    def allocate(self, fd: int, size: int) -> None:
        """Take room on the disk for the first bytes of a file."""
        os.posix_fallocate(fd, 0, size)

    def lock(self, fd: int) -> None:
        """Take the file for this descriptor alone, or raise BlockingIOError at once."""
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self, fd: int) -> None:
        """Give the descriptor back."""
        os.close(fd)
