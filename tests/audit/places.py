"""What a test does to the disk itself, at once and in its own task: nobody else runs meanwhile."""

from __future__ import annotations

import os
from pathlib import Path


def content_of(path: Path) -> bytes:
    """Return what a file holds."""
    return path.read_bytes()


def put(path: Path, data: bytes) -> None:
    """Make a file hold *data*."""
    path.write_bytes(data)


def move(path: Path, target: Path) -> Path:
    """Give a file or folder another name."""
    return path.rename(target)


def remove(path: Path) -> None:
    """Take a file away."""
    path.unlink()


def exists(path: Path) -> bool:
    """Return whether something stands there."""
    return path.exists()


def described(path: Path) -> os.stat_result:
    """Return what the system says of a file."""
    return path.stat()


def open_descriptors() -> int:
    """Return how many descriptors this process holds."""
    return len(list(Path("/proc/self/fd").iterdir()))
