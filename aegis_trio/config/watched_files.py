"""Watched files: how a change of any file that keys come from is seen, without reading it.

Laws:
    1. Links are followed: Kubernetes changes a mounted secret by pointing a link at another folder.
    2. A file that is not there is a state like any other; nothing here raises for it.

Source: kubernetes.io/docs/concepts/configuration/secret, "Mounted Secrets are updated automatically" (`..data`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, final

from aegis_trio.config.key_metadata import MAX_ROWS

_Look: TypeAlias = tuple[str, int, int, int, int, int]


@final
@dataclass(frozen=True, slots=True)
class Fingerprint:
    """How the files looked at one moment; equal when nothing changed."""

    looks: tuple[_Look, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedFiles:
    """The files that keys come from."""

    files: tuple[Path, ...] = ()
    folder: Path | None = None
    """The keys' folder: each of its rows counts."""

    def fingerprint(self) -> Fingerprint:
        """Look at every file; blocks for as long as the file system does."""
        looks = [_look_at(str(path)) for path in self.files]
        if self.folder is not None:
            looks.append(_look_at(str(self.folder)))
            looks.extend(_look_at(row) for row in _rows(self.folder))
        return Fingerprint(tuple(looks))


NO_FILES: Final = WatchedFiles()


def _rows(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            rows = [entry.path for entry in entries if entry.name.endswith(".json")]
    except OSError:
        return []
    return sorted(rows)[: MAX_ROWS + 1]


def _look_at(path: str) -> _Look:
    try:
        status = os.stat(path)  # noqa: PTH116 -- a thousand rows, four times a second
    except OSError as error:
        return (path, -1, error.errno or 0, 0, 0, 0)
    return (path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
