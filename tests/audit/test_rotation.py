"""The log goes on in the next file: at a size, at a new day; whatever the disk or a kill does in between."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from aegis_trio.audit.checkpoint_files import read_notes
from aegis_trio.audit.log_files import draft_of, files_of_log, sealed_files
from aegis_trio.audit.lost import AuditLost, LogUnavailable
from aegis_trio.audit.notes import SigningKey
from aegis_trio.audit.opening import open_log
from aegis_trio.audit.rotation import RETRY_S, CannotRotate
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.trail import open_audit_trail
from aegis_trio.audit.verify import Findings, verify_log
from aegis_trio.model.clock import NS_PER_S, SetClock
from aegis_trio.model.errors import AuditUnavailable
from tests.audit.conftest import NOON_NS
from tests.audit.faults import Fault, FaultyOps
from tests.audit.killing import Killed, KillingOps
from tests.audit.lives import Life
from tests.audit.logs import events_of, records_of, tick
from tests.audit.places import exists, move
from tests.audit.signed import KEY, beside
from tests.audit.test_disk_faults import FAULTS, Story
from tests.audit.waiting import until, until_beyond, until_writable

DAY_S = 86_400
KEYS: list[SigningKey | None] = [None, KEY]


def findings_of(path: Path, key: SigningKey | None = KEY) -> Findings:
    """Verify the whole log."""
    return verify_log(files_of_log(path), path, keys=[] if key is None else [key.verifier])


def segments_of(path: Path) -> list[str]:
    """Return the names of the sealed segments."""
    return [file.name for file in sealed_files(path)]


def all_records(path: Path) -> list[object]:
    """Return the sequence of every record, file by file."""
    return [record["seq"] for file in files_of_log(path) for record in records_of(file)]


@pytest.mark.parametrize("key", KEYS, ids=["unsigned", "signed"])
async def test_a_file_of_the_size_is_sealed_and_the_next_one_goes_on(
    path: Path, clock: SetClock, key: SigningKey | None
) -> None:
    """Names say which record is first; the active file keeps its name; everything verifies as one log."""
    settings = AuditSettings(path=path, signing_key=key, segment_bytes=1500)
    async with open_audit_trail(settings, clock=clock) as trail:
        seqs = [await trail.append(tick(number)) for number in range(40)]
        await until(lambda: trail.statistics().rotations_total >= 4)
        rotations = trail.statistics().rotations_total

    files = files_of_log(path)
    assert path == files[-1]
    assert rotations + 1 == len(files)
    assert list(range(40 + rotations)) == all_records(path)
    assert all(file.stat().st_size < 2200 for file in files)
    for file in files[:-1]:
        assert file.name == f"audit.log.{records_of(file)[0]['seq']:020}"
    assert ["audit_rotated"] * rotations == [events_of(file)[0] for file in files[1:]]
    assert "size" == records_of(path)[0]["reason"]
    assert files[-2].name == records_of(path)[0]["sealed"]
    assert (key is not None) == ("tree" in records_of(path)[0])
    found = findings_of(path, key)
    assert (None, 40 + rotations) == (found.fault, found.records)
    assert seqs == sorted(set(seqs))
    if key is not None:
        ends = {found.signed.checkpoint.size for found in read_notes(beside(path, "checkpoints"))}
        assert {records_of(file)[0]["seq"] for file in files} <= ends
    async with open_audit_trail(settings, clock=clock) as trail:
        assert 40 + rotations == await trail.append(tick(0))


async def test_a_new_day_of_utc_begins_the_next_file(
    path: Path, clock: SetClock, mock_clock: trio.testing.MockClock
) -> None:
    """A clock that goes back seals nothing, so that a clock that jumps about makes no heap of files."""
    settings = AuditSettings(path=path, signing_key=KEY)
    async with open_audit_trail(settings, clock=clock) as trail:
        await trail.append(tick(0))
        clock.set_ns(NOON_NS + 13 * 3600 * NS_PER_S)
        await trail.append(tick(1))
        await until(lambda: trail.statistics().rotations_total == 0 and trail.statistics().last_seq == 1)
        assert 0 == trail.statistics().rotations_total
        clock.set_ns(NOON_NS + 14 * 3600 * NS_PER_S)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(1.0)  # also when nobody calls
        await until(lambda: trail.statistics().rotations_total == 1)
        clock.set_ns(NOON_NS - 3 * DAY_S * NS_PER_S)
        await trail.append(tick(2))
        clock.set_ns(NOON_NS + DAY_S * NS_PER_S)
        await trail.append(tick(3))

    assert ["audit.log.00000000000000000000"] == segments_of(path)
    assert ["audit_rotated", "tick", "tick"] == events_of(path)
    assert "day" == records_of(path)[0]["reason"]
    assert None is findings_of(path).fault


async def test_an_old_file_is_followed_by_the_next_one_at_the_start(path: Path, clock: SetClock) -> None:
    """A log of yesterday is sealed by the first look, whoever wrote it."""
    async with open_audit_trail(AuditSettings(path=path), clock=clock) as trail:
        await trail.append(tick(0))
    clock.set_ns(NOON_NS + DAY_S * NS_PER_S)
    async with open_audit_trail(AuditSettings(path=path), clock=clock) as trail:
        await trail.append(tick(1))
        await until(lambda: trail.statistics().rotations_total == 1)

    assert [0, 1, 2] == all_records(path)


def live(path: Path, key: SigningKey | None, ops: FileOps) -> Life:
    """Rotate twice, with records between."""
    life = Life(path, key, ops)
    for count in (3, 2):
        life.ticks(count)
        life.rotate()
    life.ticks(1)
    return life


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("key", KEYS, ids=["unsigned", "signed"])
def test_a_kill_at_any_system_call_leaves_a_log_that_goes_on(
    tmp_path: Path, key: SigningKey | None, *, torn: bool
) -> None:
    """No durable record is lost or doubled, nothing half-done stays, and the next rotation works."""
    whole = FaultyOps()
    live(tmp_path / "whole" / "audit.log", key, whole).file.close()
    assert 2 == whole.calls["link"]
    for at in range(len(whole.order)):
        path = tmp_path / str(at) / "audit.log"
        ops = KillingOps(at, torn=torn)
        with pytest.raises(Killed):
            live(path, key, ops).file.close()
        ops.die()

        again = Life(path, key)
        assert not exists(draft_of(path))
        again.ticks(2)
        again.rotate()
        again.ticks(1)
        again.file.close()

        found = findings_of(path, key)
        assert (None, 0) == (found.fault, found.first_seq)
        assert again.head == found.head
        assert list(range(found.records)) == all_records(path)


class LookingOps(FaultyOps):
    """Before every call, somebody else tries to open the log, and an auditor reads it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.looks = 0
        self.active = False

    def _count(self, name: str) -> Fault | None:
        if self.active:
            self.active = False
            self.looks += 1
            with pytest.raises(AuditLost):
                open_log(self.path, FileOps())
            found = verify_log(files_of_log(self.path), self.path)
            assert (None, 3) == (found.fault, found.records) or (None, 4) == (found.fault, found.records)
            self.active = True
        return super()._count(name)


def test_no_moment_of_a_rotation_lets_a_second_process_in_or_shows_half_a_log(path: Path) -> None:
    """The path never lacks a locked file; who reads in between reads every record once."""
    ops = LookingOps(path)
    life = Life(path, None, ops)
    life.ticks(3)
    ops.active = True
    life.rotate()
    ops.active = False
    assert ops.looks > 10
    with pytest.raises(AuditLost):
        open_log(path, FileOps())
    life.file.close()


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("key", KEYS, ids=["unsigned", "signed"])
def test_a_fault_at_any_call_of_a_rotation_rotates_or_does_not(
    tmp_path: Path, key: SigningKey | None, kind: str
) -> None:
    """Nothing in between: the log goes on in the old file or in the next one, and the next try works."""
    rotated: list[bool] = []
    for at in range(200):
        path = tmp_path / str(at) / "audit.log"
        ops = FaultyOps()
        life = Life(path, key, ops)
        life.ticks(3)
        template = FAULTS[kind]
        ops.at[len(ops.order) + at] = Fault(template.error, taken=template.taken, after=template.after)
        try:
            life.rotate()
        except CannotRotate:
            assert [] == segments_of(path)
            life.ticks(1)
        except LogUnavailable:
            life.file.close()
        fell_out = not ops.at
        ops.at.clear()
        life.file.close()
        rotated.append(len(segments_of(path)) == 1)

        again = Life(path, key)
        again.ticks(1)
        again.rotate()
        again.file.close()
        found = findings_of(path, key)
        assert (None, 0) == (found.fault, found.first_seq)
        assert list(range(found.records)) == all_records(path)
        if not fell_out:
            assert at > 12
            assert rotated[-1]
            assert (kind == "short") == all(rotated)
            return
    pytest.fail("a rotation takes fewer calls than that")


@pytest.mark.parametrize("kind", ["eio", "done_but_failed", "short_then_enospc"])
async def test_a_running_trail_keeps_every_promise_when_a_rotation_fails(
    kind: str, tmp_path: Path, clock: SetClock, mock_clock: trio.testing.MockClock
) -> None:
    """Whatever a call of it answers: acknowledged records are there, refused ones are not, and service returns."""
    at = 0
    while True:
        path = tmp_path / str(at) / "audit.log"
        ops, story = FaultyOps(), Story()
        settings = AuditSettings(path=path, signing_key=KEY, segment_bytes=600)
        async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
            template = FAULTS[kind]
            ops.at[len(ops.order) + at] = Fault(template.error, taken=template.taken, after=template.after)
            await story.run(trail, mock_clock)
        found = findings_of(path)
        assert None is found.fault
        written = {
            record["seq"]: record["number"]
            for file in files_of_log(path)
            for record in records_of(file)
            if record["event"] == "tick"
        }
        assert {seq: number for number, seq in story.acknowledged.items()}.items() <= written.items()
        assert not set(story.refused) & set(written.values())
        if ops.at:
            break
        at += 3 if at > 40 else 1
    assert at > 40


@pytest.mark.parametrize("call", ["link", "replace"])
async def test_where_a_file_cannot_be_sealed_the_log_goes_on_and_it_is_tried_again(
    path: Path, clock: SetClock, mock_clock: trio.testing.MockClock, call: str
) -> None:
    """Some file systems have no hard links, and a single file that was mounted cannot change its name."""
    ops = FaultyOps()
    settings = AuditSettings(path=path, segment_bytes=600)
    with capture_logs() as logs:
        async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
            ops.always[call] = errno.EPERM
            for number in range(6):
                await trail.append(tick(number))
            await until(lambda: trail.statistics().rotation_failures_total == 1)
            assert [] == segments_of(path)
            assert not exists(draft_of(path))
            ops.always.clear()
            await trail.append(tick(6))
            assert 0 == trail.statistics().rotations_total
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(RETRY_S)
            await until(lambda: trail.statistics().rotations_total == 1)
            await trail.append(tick(7))
            assert 0 == trail.statistics().blocked_total

    assert ["operation not permitted"] == [line["reason"] for line in logs if line["event"] == "audit_not_rotated"]
    assert list(range(9)) == all_records(path)
    assert None is findings_of(path, None).fault


class SilentOps(FaultyOps):
    """A disk that gives the next file its name, and then answers nothing but errors."""

    silent_once = True

    def replace(self, path: Path, target: Path) -> None:
        super().replace(path, target)
        if path == draft_of(target) and self.silent_once:
            self.silent_once = False
            self.always.update(fsync=errno.EIO, stat=errno.EIO)


async def test_a_disk_that_does_not_say_whether_it_is_done_is_asked_again(
    path: Path, clock: SetClock, mock_clock: trio.testing.MockClock
) -> None:
    """Nothing is acknowledged until it is known which file goes on."""
    ops = SilentOps()
    settings = AuditSettings(path=path, signing_key=KEY, segment_bytes=1500)
    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        acknowledged = 0
        with suppress(AuditUnavailable):
            while True:
                await trail.append(tick(acknowledged))
                acknowledged += 1
        assert "input/output error" == trail.blocked_reason()
        probes = trail.statistics().probes_total
        for number in (1, 2):
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(1.0)
            await until_beyond(lambda: trail.statistics().probes_total, probes + number - 1)
            assert probes + number == trail.statistics().probes_total
        assert (1, 0) == (trail.statistics().blocked, trail.statistics().rotations_total)
        ops.always.clear()
        await until_writable(trail, mock_clock, probes=2)
        assert acknowledged + 2 == await trail.append(tick(7))

    assert ["audit_rotated", "audit_resumed", "tick"] == events_of(path)
    assert list(range(acknowledged + 3)) == all_records(path)
    assert None is findings_of(path).fault


def test_without_an_active_file_the_log_goes_on_behind_the_newest_segment(path: Path) -> None:
    """A start that finds segments alone begins no second record 0."""
    life = Life(path, None)
    life.ticks(3)
    life.rotate()
    life.file.close()
    move(path, beside(path, "gone"))

    again = Life(path, None)
    again.ticks(1)
    again.file.close()

    assert [0, 1, 2, 3, 4] == all_records(path)
    assert "audit_resumed" == events_of(path)[0]
    assert None is findings_of(path, None).fault


def test_a_torn_first_record_of_a_file_is_recovered_behind_a_right_one(path: Path) -> None:
    """What begins a file says what stood before; a recovery is no such record."""
    life = Life(path, None)
    life.ticks(3)
    life.rotate()
    life.file.close()
    path.write_bytes(path.read_bytes()[:40])

    again = Life(path, None)
    again.file.close()

    assert ["audit_resumed", "audit_recovered"] == events_of(path)
    assert None is findings_of(path, None).fault
    Life(path, None).file.close()
