"""Writing files that hold secrets: whole or not at all, for their owner alone, and never lost.

Laws:
    1. A reader sees the old file or the new one, also after a power cut.
    2. The new file keeps its owner and its mode, less what others may do: at most 0600.
    3. A file that changed since it was read is not replaced.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from aegis_trio.cli.usage import Usage
from aegis_trio.config.root_secret import sync_folder
from aegis_trio.model.clock import WallClock, as_timestamp

_OWNER_ONLY: Final = 0o600
MAX_MODE: Final = 0o600


def make_folder(path: Path) -> None:
    """Make *path* for its owner alone, unless it is there."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_new(path: Path, content: bytes) -> None:
    """Write a file that must not be there yet, mode 0600.

    Raises:
        FileExistsError: it is there.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with open(descriptor, "wb") as file:  # noqa: PTH123 -- a descriptor has no path
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def back_up(path: Path, content: bytes, clock: WallClock) -> Path:
    """Write *content* beside *path* as `<name>.backup-<time>`, mode 0600, and return where."""
    stamp = as_timestamp(clock.now_ns()).replace("-", "").replace(":", "")
    backup = path.with_name(f"{path.name}.backup-{stamp}")
    with suppress(FileExistsError):
        write_new(backup, content)
        return backup
    backup = path.with_name(f"{path.name}.backup-{stamp}-{secrets.token_hex(4)}")
    write_new(backup, content)
    return backup


def replace_file(path: Path, content: bytes, *, expected: bytes | None) -> None:
    """Put *content* in the place of *path*; a link is followed.

    Args:
        path: what is replaced, or made when *expected* is None.
        content: the new bytes.
        expected: what was read from it before.

    Raises:
        Usage: it holds something else by now.
    """
    target = path.resolve()
    mode = _OWNER_ONLY
    owner: tuple[int, int] | None = None
    if expected is not None:
        if target.read_bytes() != expected:
            raise Usage(f"{path} was changed by somebody else in the meantime; nothing was written. Try again.")
        status = target.stat()
        mode, owner = status.st_mode & MAX_MODE, (status.st_uid, status.st_gid)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        write_new(draft, content)
        draft.chmod(mode)
        if owner is not None:
            with suppress(PermissionError):  # only root may give files away; others own what they replace
                os.chown(draft, *owner)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(target.parent)
