"""Replaces a small file as a whole: a reader sees the old one or the new one, also after a power cut."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from aegis_trio.audit.files import sync_folder, write_all
from aegis_trio.audit.lost import LogUnavailable, reason_of
from aegis_trio.audit.system_calls import FileOps

_DRAFT_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC


def replace_durably(path: Path, data: bytes, ops: FileOps) -> None:
    """Make *path* hold *data*, for its owner alone; it is durable when this returns.

    Raises:
        LogUnavailable: the disk does not allow it. What stands there is the old file or the new one.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        fd = ops.open(draft, _DRAFT_FLAGS)
        try:
            write_all(fd, data, ops)
            ops.fdatasync(fd)
        finally:
            ops.close(fd)
        ops.replace(draft, path)
        sync_folder(path.parent, ops)
    except OSError as error:
        raise LogUnavailable(f"{path.name} cannot be written: {reason_of(error)}") from error
