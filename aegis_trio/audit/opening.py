"""How a file becomes the log: opened at start, taken again after a fault, or made to be the next one; always locked.

Law: nothing is a `LogFile` before the lock on it is ours and it is known which file stands at the path.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from aegis_trio.audit.files import CREATE_FLAGS, LogFile, identity_of, make_folder, sync_folder
from aegis_trio.audit.log_files import active_twin, draft_of
from aegis_trio.audit.lost import AuditLost, LogCannotOpen, LogIsHeld, LogUnavailable, reason_of
from aegis_trio.audit.system_calls import FileOps

_OPEN_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
_NEXT_FLAGS: Final = _OPEN_FLAGS | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
_HELD: Final = "another process has it open as its audit log"


def open_log(path: Path, ops: FileOps) -> LogFile:
    """Open the log at start; make it and its folder where they are missing.

    Raises:
        LogCannotOpen: it cannot be made or opened.
        LogIsHeld: another process has it.
        AuditLost: it is no file.
    """
    try:
        make_folder(path.parent, ops)
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


def open_next(log: LogFile, name: Path, ops: FileOps) -> LogFile:
    """Make the empty file *name*, which is to take the place of *log*, and lock it.

    Raises:
        OSError: the disk does not allow it.
        LogUnavailable: another process holds a file of that name.
    """
    fd = ops.open(name, _NEXT_FLAGS)
    try:
        ops.lock(fd)
        return LogFile(log.path, fd, ops, end=0, folder_device=log.folder_device)
    except BlockingIOError:
        ops.close(fd)
        raise LogUnavailable(_HELD) from None
    except OSError:
        ops.close(fd)
        raise


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


def tidy_rotation(path: Path, ops: FileOps) -> None:
    """Take back what a kill left of a rotation; for whoever holds the lock of the log.

    Raises:
        OSError: the disk does not allow it.
    """
    twin = active_twin(path)
    if twin is not None:
        ops.unlink(twin)
        sync_folder(path.parent, ops)
    if draft_of(path).exists():
        ops.unlink(draft_of(path))


def _open_or_create(path: Path, ops: FileOps) -> int:
    try:
        return ops.open(path, CREATE_FLAGS)
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
    return ops.open(lost.path, CREATE_FLAGS)


def _take(path: Path, fd: int, ops: FileOps) -> LogFile:
    opened = ops.fstat(fd)
    if not stat.S_ISREG(opened.st_mode):
        raise LogUnavailable("it is not a regular file")
    try:
        ops.lock(fd)
    except BlockingIOError:
        raise LogUnavailable(_HELD) from None
    # The file may have been moved between opening and locking; then the lock is on the wrong one.
    if identity_of(ops.stat(path)) != identity_of(opened):
        raise LogUnavailable("another file stands in the place of the log")
    # Also for a file that was there: who made it may have been killed before its name was durable.
    sync_folder(path.parent, ops)
    return LogFile(path, fd, ops, end=ops.fstat(fd).st_size, folder_device=ops.stat(path.parent).st_dev)
