"""A log that a crash tore is repaired at start; a log that somebody changed is not continued."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from pathlib import Path

import pytest

from aegis_trio.audit.canonical import MAX_LINE_BYTES
from aegis_trio.audit.chain import ChainHead
from aegis_trio.audit.lost import AuditLost, LogIsHeld
from aegis_trio.audit.reader import verify_chain
from aegis_trio.audit.recovery import BATCH_BYTES, TAIL_BYTES, open_and_recover
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.model.clock import SetClock
from tests.audit.faults import Fault, FaultyOps
from tests.audit.logs import events_of, lines_of, records_of, write_log

LINES, HEAD = lines_of(6)
WHOLE = b"".join(LINES)
LAST_THREE = len(b"".join(LINES[3:]))


def start(path: Path, clock: SetClock, ops: FileOps | None = None) -> ChainHead:
    """Open the log as at start, close it, and return where the chain stands."""
    opened = open_and_recover(path, clock, ops or FileOps())
    log, head = opened.file, opened.head
    log.close()
    return head


def torn_files(path: Path) -> list[Path]:
    """Return what was put aside."""
    return sorted(path.parent.glob(f"{path.name}.torn-*"))


def test_a_missing_log_is_made_with_its_folders_for_its_owner_alone(tmp_path: Path, clock: SetClock) -> None:
    """The log names people and addresses."""
    path = tmp_path / "new" / "folder" / "audit.log"

    assert ChainHead() == start(path, clock)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert [0o700, 0o700] == [stat.S_IMODE(folder.stat().st_mode) for folder in list(path.parents)[:2]]


@pytest.mark.parametrize("there", [False, True])
def test_the_folder_is_synced_before_the_first_record(path: Path, clock: SetClock, *, there: bool) -> None:
    """Without it a power loss takes the name of the file away, and all acknowledged records with it."""
    path.parent.mkdir()
    if there:
        path.touch()
    ops = FaultyOps()
    start(path, clock, ops)

    assert ops.order.index("lock") < ops.order.index("fsync")


def test_a_right_log_is_continued_where_it_ends(path: Path, clock: SetClock) -> None:
    """A clean stop leaves nothing to repair."""
    head = write_log(path, 6)

    assert head == start(path, clock)
    assert WHOLE == path.read_bytes()


@pytest.mark.parametrize("cut", range(1, LAST_THREE + 1))
def test_a_log_that_was_torn_at_any_byte_is_repaired(path: Path, clock: SetClock, cut: int) -> None:
    """A process can be killed between any two bytes; nothing that was whole is lost and nothing torn remains."""
    left = WHOLE[:-cut]
    path.parent.mkdir()
    path.write_bytes(left)
    whole = left[: left.rfind(b"\n") + 1]
    torn = left[len(whole) :]

    head = start(path, clock)
    report = verify_chain(path, expected=head)

    assert None is report.fault
    assert path.read_bytes().startswith(whole)
    assert ([torn] if torn else []) == [file.read_bytes() for file in torn_files(path)]
    added = records_of(path)[whole.count(b"\n") :]
    expected = [(len(torn), hashlib.sha256(torn).hexdigest())] if torn else []
    assert expected == [(record["bytes"], record["sha256"]) for record in added]
    assert ["audit_recovered"] * len(added) == [record["event"] for record in added]


def test_torn_bytes_stand_beside_the_log_for_its_owner_alone(path: Path, clock: SetClock) -> None:
    """They are evidence, and as personal as the log."""
    write_log(path, 2)
    with path.open("ab") as stream:
        stream.write(b'{"timest')
    start(path, clock)

    (torn,) = torn_files(path)
    assert "audit.log.torn-20260213T100000.000000Z" == torn.name
    assert 0o600 == stat.S_IMODE(torn.stat().st_mode)


def test_two_crashes_at_the_same_moment_leave_two_torn_files(path: Path, clock: SetClock) -> None:
    """A clock that stands still or steps back must not overwrite evidence."""
    write_log(path, 2)
    for _ in range(2):
        with path.open("ab") as stream:
            stream.write(b'{"timest')
        start(path, clock)

    assert 2 == len(torn_files(path))


def test_a_hundred_torn_files_of_one_moment_are_not_a_crash_any_more(path: Path, clock: SetClock) -> None:
    """The loop that looks for a free name is bounded."""
    write_log(path, 2)
    for number in range(100):
        suffix = f"-{number}" if number else ""
        (path.parent / f"audit.log.torn-20260213T100000.000000Z{suffix}").touch()
    with path.open("ab") as stream:
        stream.write(b'{"timest')

    with pytest.raises(AuditLost, match="too many torn files"):
        start(path, clock)


@pytest.mark.parametrize("zeros", [1, 4096, BATCH_BYTES])
def test_zeros_that_a_power_loss_left_are_torn_bytes_too(path: Path, clock: SetClock, zeros: int) -> None:
    """File systems that promise the size before the data show zeros."""
    write_log(path, 2)
    with path.open("ab") as stream:
        stream.write(bytes(zeros))

    assert 3 == start(path, clock).next_seq


@pytest.mark.parametrize(
    "foreign",
    [b"a line of somebody else", b'{"timestamp": "' + b"x" * (BATCH_BYTES + MAX_LINE_BYTES), b"x\x00" * 10],
    ids=["text", "too_long", "mixed"],
)
def test_bytes_that_no_crash_leaves_behind_are_not_moved(path: Path, clock: SetClock, foreign: bytes) -> None:
    """A wrong AUDIT_LOG_PATH must not empty somebody else's file, nor a forger's work be tidied away."""
    path.parent.mkdir()
    path.write_bytes(WHOLE + foreign)

    with pytest.raises(AuditLost, match=rf"(?s)AUDIT_LOG_PATH.*byte {len(WHOLE)} is bytes that no crash"):
        start(path, clock)
    assert WHOLE + foreign == path.read_bytes()


@pytest.mark.parametrize("line", range(5))
def test_a_change_before_the_last_record_refuses_the_start(path: Path, clock: SetClock, line: int) -> None:
    """Continuing a log that somebody changed would vouch for it."""
    forged = [one.replace(b'"text": "t"', b'"text": "u"') if n == line else one for n, one in enumerate(LINES)]
    path.parent.mkdir()
    path.write_bytes(b"".join(forged))

    with pytest.raises(AuditLost, match="does not name the record before it"):
        start(path, clock)
    assert b"".join(forged) == path.read_bytes()


def test_a_file_of_another_kind_is_not_continued(path: Path, clock: SetClock) -> None:
    """Appending to somebody's notes would help nobody."""
    path.parent.mkdir()
    path.write_bytes(b"shopping list\n")

    with pytest.raises(AuditLost, match="byte 0 is not a JSON object"):
        start(path, clock)


def test_a_log_without_its_head_is_not_continued(path: Path, clock: SetClock) -> None:
    """Its first records were taken away."""
    path.parent.mkdir()
    path.write_bytes(b"".join(LINES[1:]))

    with pytest.raises(AuditLost, match="not the first record"):
        start(path, clock)


def test_only_the_tail_of_a_long_log_is_looked_at(path: Path, clock: SetClock) -> None:
    """Start must be quick and its memory constant, however long the log has become."""
    long, head = lines_of(120, size=4000)
    while len(b"".join(long)) < TAIL_BYTES + BATCH_BYTES:
        more, head = lines_of(120, head=head, size=4000)
        long += more
    path.parent.mkdir()
    path.write_bytes(b"x" * 10 + b"".join(long)[10:])

    assert head == start(path, clock)
    assert None is not verify_chain(path).fault


def test_a_long_log_without_lines_is_not_continued(path: Path, clock: SetClock) -> None:
    """A line longer than any record cannot be ours."""
    write_log(path, 2)
    with path.open("ab") as stream:
        stream.write(b"x" * TAIL_BYTES + b"\n")

    with pytest.raises(AuditLost, match="longer than 65536 bytes"):
        start(path, clock)


def test_a_crash_or_fault_at_any_step_of_the_repair_loses_nothing(path: Path, clock: SetClock) -> None:
    """The repair is done again at the next start, from whatever state the first one left."""
    torn = LINES[5][:-20]
    failed = 0
    for index in range(200):
        path.parent.mkdir(exist_ok=True)
        for old in path.parent.iterdir():
            old.unlink()
        path.write_bytes(b"".join(LINES[:5]) + torn)
        ops = FaultyOps()
        ops.at[index] = Fault(errno.EIO)
        try:
            start(path, clock, ops)
        except AuditLost:
            failed += 1
        head = start(path, clock)

        assert None is verify_chain(path, expected=head).fault
        assert path.read_bytes().startswith(b"".join(LINES[:5]))
        assert torn in [file.read_bytes() for file in torn_files(path)]
        if index >= len(ops.order):
            break
    else:
        pytest.fail("the repair never came through")
    assert failed >= 10


def test_a_folder_that_cannot_be_made_names_the_setting(tmp_path: Path, clock: SetClock) -> None:
    """The operator must learn which variable to set, and that it is the place."""
    (tmp_path / "file").touch()

    with pytest.raises(AuditLost, match=r"AUDIT_LOG_PATH: .*file/audit.log.*Set AUDIT_LOG_PATH to a file in a folder"):
        start(tmp_path / "file" / "audit.log", clock)


@pytest.mark.parametrize("error", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_a_folder_that_may_not_be_written_names_the_setting(path: Path, clock: SetClock, error: int) -> None:
    """The default folder belongs to root on most machines: this is the first thing that many people see."""
    ops = FaultyOps()
    ops.always["open"] = error

    with pytest.raises(AuditLost, match=rf"AUDIT_LOG_PATH: .*\({os.strerror(error).lower()}\)"):
        start(path, clock, ops)


@pytest.mark.parametrize("place", ["/dev/null", "/dev/full"])
def test_a_device_is_no_log(place: str, clock: SetClock) -> None:
    """Records that go to /dev/null are acknowledged and gone."""
    with pytest.raises(AuditLost, match="not a regular file"):
        start(Path(place), clock)


def test_a_folder_is_no_log(tmp_path: Path, clock: SetClock) -> None:
    """A common slip in a compose file."""
    with pytest.raises(AuditLost, match="AUDIT_LOG_PATH"):
        start(tmp_path, clock)


def test_a_log_that_another_process_has_is_refused_with_one_clear_fault(path: Path, clock: SetClock) -> None:
    """Two writers would fork the chain."""
    log = open_and_recover(path, clock, FileOps()).file
    try:
        with pytest.raises(LogIsHeld, match=r"AUDIT_LOG_PATH: .*another process has it open"):
            start(path, clock)
    finally:
        log.close()
    start(path, clock)


def test_a_second_name_of_the_same_file_is_the_same_log(path: Path, clock: SetClock) -> None:
    """The lock lies on the file, not on what it is called."""
    log = open_and_recover(path, clock, FileOps()).file
    os.link(path, path.with_name("other.log"))
    try:
        with pytest.raises(AuditLost, match="another process"):
            start(path.with_name("other.log"), clock)
    finally:
        log.close()


def test_a_file_that_was_moved_between_opening_and_locking_is_refused(path: Path, clock: SetClock) -> None:
    """The lock would lie on a file that nobody looks at any more."""

    class Moving(FileOps):
        def lock(self, fd: int) -> None:
            path.rename(path.with_name("moved"))
            path.touch()
            FileOps.lock(self, fd)

    with pytest.raises(AuditLost, match="another file stands in the place"):
        start(path, clock, Moving())


def test_the_recovered_record_is_in_the_chain(path: Path, clock: SetClock) -> None:
    """The repair itself is evidence, with its time."""
    path.parent.mkdir()
    path.write_bytes(WHOLE[:-1])
    start(path, clock)

    assert ["tick"] * 5 + ["audit_recovered"] == events_of(path)
    assert "2026-02-13T10:00:00.000000Z" == json.loads(path.read_bytes().splitlines()[-1])["timestamp"]
