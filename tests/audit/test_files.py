"""The open log: what it does when it is misused, or when the place it stands in changes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from aegis_trio.audit.files import LogFile, write_aside
from aegis_trio.audit.lost import AuditLost, LogUnavailable, reason_of
from aegis_trio.audit.opening import open_log, reopen_log
from aegis_trio.audit.system_calls import FileOps
from tests.audit.faults import Fault, FaultyOps
from tests.audit.places import open_descriptors


def opened(path: Path, ops: FileOps | None = None) -> LogFile:
    """Open a log in a folder that is made for it."""
    return open_log(path, ops or FileOps())


def test_bytes_that_were_taken_are_in_the_file(path: Path) -> None:
    """The plain case."""
    log = opened(path)
    log.append(b"one\n")
    log.append(b"two\n")

    assert b"one\ntwo\n" == path.read_bytes()
    assert (8, b"two\n") == (log.end, log.tail(4))
    log.close()


def test_a_handle_that_was_closed_is_never_used_again(path: Path) -> None:
    """Descriptors are numbers, and the number may already belong to somebody's socket."""
    log = opened(path)
    log.close()
    log.close()

    with pytest.raises(RuntimeError, match="closed"):
        log.append(b"x")
    with pytest.raises(RuntimeError, match="closed"):
        log.check()
    with pytest.raises(RuntimeError, match="closed"):
        log.tail(1)


def test_a_fault_closes_the_handle_and_gives_the_lock_back(path: Path) -> None:
    """Only a fresh descriptor is trusted after a fault, and it needs the lock."""
    ops = FaultyOps()
    log = opened(path, ops)
    ops.always["write"] = errno.ENOSPC
    with pytest.raises(LogUnavailable, match="no space left"):
        log.append(b"one\n")
    ops.always.clear()

    again = reopen_log(log, ops)
    again.append(b"two\n")
    again.close()
    assert b"two\n" == path.read_bytes()


@pytest.mark.parametrize("how", ["moved", "removed", "appended_to"])
def test_a_log_that_changes_while_it_is_written_is_a_fault_and_keeps_nothing(path: Path, how: str) -> None:
    """Between looking and syncing there is time enough to rename a file; what is acknowledged stands at the path."""
    moved = path.with_name("moved")

    class Meddling(FileOps):
        armed = False

        def fdatasync(self, fd: int) -> None:
            if self.armed:
                self.armed = False
                os.link(path, moved)
                if how == "appended_to":
                    os.write(fd, b"theirs\n")
                else:
                    path.unlink()
                if how == "moved":
                    path.touch()
            FileOps.fdatasync(self, fd)

    ops = Meddling()
    log = opened(path, ops)
    log.append(b"one\n")
    ops.armed = True
    with pytest.raises(LogUnavailable, match=r"gone|another"):
        log.append(b"two\n")

    assert b"one\n" == moved.read_bytes()


@pytest.mark.parametrize("call", ["stat", "fstat"])
def test_a_place_that_cannot_be_looked_at_is_a_fault(path: Path, call: str) -> None:
    """A disk that answers with an error to a question about the file is broken."""
    ops = FaultyOps()
    log = opened(path, ops)
    ops.always[call] = errno.EIO

    with pytest.raises(LogUnavailable, match="input/output error"):
        log.check()


def test_a_descriptor_that_cannot_be_closed_changes_nothing(path: Path) -> None:
    """Everything of value was synced before."""

    class Stuck(FileOps):
        def close(self, fd: int) -> None:
            FileOps.close(self, fd)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    opened(path).close()
    stuck = LogFile(path, os.open(path, os.O_RDWR), Stuck(), end=0, folder_device=0)
    stuck.close()
    opened(path).close()


def test_no_descriptor_is_left_behind_by_a_log_that_could_not_be_opened(path: Path) -> None:
    """The probe tries every second for as long as the disk is broken."""
    log = opened(path)
    log.close()
    before = open_descriptors()
    for call in ("fstat", "lock", "stat"):
        ops = FaultyOps()
        ops.always[call] = errno.EIO
        with pytest.raises(AuditLost):
            opened(path, ops)
        with pytest.raises(LogUnavailable):
            reopen_log(log, ops)

    assert before == open_descriptors()


def test_what_is_put_aside_is_whole_though_the_disk_takes_it_in_parts(path: Path) -> None:
    """Torn bytes are evidence."""
    ops = FaultyOps()
    path.parent.mkdir()
    ops.at = {index: Fault(taken=1) for index in range(1, 5)}
    write_aside(path, b"0123456789", ops)

    assert b"0123456789" == path.read_bytes()


def test_a_disk_that_takes_nothing_does_not_hang_the_start(path: Path) -> None:
    """A loop around write must end when write does nothing."""
    ops = FaultyOps()
    path.parent.mkdir()
    ops.at = {1: Fault(taken=0)}
    with pytest.raises(LogUnavailable, match="takes no more bytes"):
        write_aside(path, b"0123456789", ops)


def test_an_error_without_a_number_has_words_too() -> None:
    """Python raises such ones itself."""
    assert "input/output error" == reason_of(OSError("odd"))
    assert "permission denied" == reason_of(PermissionError(errno.EACCES, "x", "/a/path"))
