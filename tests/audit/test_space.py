"""A disk that fills up: calls are refused before it is full, the log says so when it is, and service returns."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import trio
import trio.testing

from aegis_trio.audit.entry import Phase
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.space import LOOK_EVERY_S, reserve_of
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.trail import AuditTrail, open_audit_trail
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import AuditUnavailable
from tests.audit.logs import events_of, tick
from tests.audit.places import exists
from tests.audit.test_rotation import findings_of
from tests.audit.waiting import until, until_blocked, until_writable

MIB = 1024 * 1024
MARK = 64 * MIB
RESERVE = 64 * 1024


class Disk(FileOps):
    """A disk with so much room as a test says; one without any takes bytes again when the reserve is given back."""

    def __init__(self, free: int = 10 * MARK) -> None:
        self.free = free
        self.is_full = False
        self.looks = 0

    def free_bytes(self, folder: Path) -> int:
        self.looks += 1
        return self.free

    def write(self, fd: int, data: memoryview) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(fd, data)

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        self.is_full = self.is_full and not path.name.endswith(".reserve")


@pytest.fixture
def settings(path: Path) -> AuditSettings:
    """Refuse calls below 64 MiB, and hold a small reserve."""
    return AuditSettings(path=path, min_free_bytes=MARK, reserve_bytes=RESERVE)


async def look(disk: Disk, clock: trio.testing.MockClock) -> None:
    """Let the next look happen, and what follows from it."""
    looks = disk.looks
    for _ in range(100):
        await trio.testing.wait_all_tasks_blocked()
        clock.jump(LOOK_EVERY_S)
        # A thread may have been at work, and who looks did not wait for this jump: then he does for the next.
        await trio.testing.wait_all_tasks_blocked(0.01)
        if disk.looks > looks:
            break
    await until(lambda: disk.looks > looks)
    await trio.testing.wait_all_tasks_blocked()


def is_held(reserve: Path) -> bool:
    """Return whether the reserve is there whole; it has its name before it has its room."""
    return exists(reserve) and reserve.stat().st_blocks * 512 >= RESERVE


async def is_taken(trail: AuditTrail, phase: Phase) -> bool:
    """Return whether a record is taken."""
    try:
        await trail.append(tick(0, phase))
    except AuditUnavailable:
        return False
    return True


async def test_calls_are_refused_before_the_disk_is_full(
    settings: AuditSettings, clock: SetClock, mock_clock: trio.testing.MockClock
) -> None:
    """What was begun ends, strangers' failures are recorded; nothing flaps at the mark."""
    disk = Disk()
    async with open_audit_trail(settings, clock=clock, ops=disk) as trail:
        await until(lambda: is_held(reserve_of(settings.path)))
        assert await is_taken(trail, Phase.INTENT)
        assert (None, 10 * MARK) == (trail.closed_reason(), trail.statistics().free_bytes)
        disk.free = MARK - 1
        await look(disk, mock_clock)
        assert "less than 64 MiB are free on the disk of the log" == trail.closed_reason()
        assert [False, True, True] == [await is_taken(trail, phase) for phase in Phase]
        assert (None, 1, 0) == (trail.blocked_reason(), trail.statistics().space_low, trail.statistics().blocked_total)
        for free in (MARK, MARK + MARK // 2 - 1):
            disk.free = free
            await look(disk, mock_clock)
            assert not await is_taken(trail, Phase.INTENT)
        disk.free = MARK + MARK // 2
        await look(disk, mock_clock)
        assert await is_taken(trail, Phase.INTENT)
        disk.free = MARK
        await look(disk, mock_clock)
        assert await is_taken(trail, Phase.INTENT)

    events = [event for event in events_of(settings.path) if event != "tick"]
    assert ["audit_space_low", "audit_space_back"] == events
    assert None is findings_of(settings.path, None).fault


async def test_a_full_disk_gives_the_reserve_back_and_the_log_says_so(
    settings: AuditSettings, clock: SetClock, mock_clock: trio.testing.MockClock
) -> None:
    """Records that nobody waits for stand in it; calls wait for real room, and then there is a reserve again."""
    disk, reserve = Disk(), reserve_of(settings.path)
    async with open_audit_trail(settings, clock=clock, ops=disk) as trail:
        await until(lambda: is_held(reserve))
        disk.is_full, disk.free = True, 0
        assert not await is_taken(trail, Phase.INTENT)
        assert "no space left on device" == await until_blocked(trail)
        await until_writable(trail, mock_clock)
        assert not exists(reserve)
        assert "less than 64 MiB are free on the disk of the log" == trail.closed_reason()
        assert [False, True, True] == [await is_taken(trail, phase) for phase in Phase]
        assert "audit_resumed" in events_of(settings.path)
        disk.free = 10 * MARK
        await look(disk, mock_clock)
        assert await is_taken(trail, Phase.INTENT)
        await until(lambda: is_held(reserve))

    assert None is findings_of(settings.path, None).fault
    assert 0o600 == reserve.stat().st_mode & 0o777


async def test_a_reserve_is_not_taken_back_from_a_disk_that_just_got_it(
    path: Path, clock: SetClock, mock_clock: trio.testing.MockClock
) -> None:
    """Else it would be full again, and so on."""
    disk = Disk()
    async with open_audit_trail(AuditSettings(path=path, reserve_bytes=RESERVE), clock=clock, ops=disk) as trail:
        await until(lambda: is_held(reserve_of(path)))
        disk.is_full, disk.free = True, RESERVE
        assert not await is_taken(trail, Phase.INTENT)
        await until_writable(trail, mock_clock)
        await look(disk, mock_clock)
        assert not exists(reserve_of(path))
        assert await is_taken(trail, Phase.INTENT)
        disk.free = 2 * RESERVE
        # A look may be under way with what the disk said before: then the next one takes it.
        for _ in range(3):
            await look(disk, mock_clock)
            if exists(reserve_of(path)):
                break
        assert exists(reserve_of(path))


async def test_a_disk_that_cannot_be_asked_changes_nothing(
    settings: AuditSettings, clock: SetClock, mock_clock: trio.testing.MockClock
) -> None:
    """A write will tell."""

    class SilentDisk(Disk):
        def free_bytes(self, folder: Path) -> int:
            self.looks += 1
            raise OSError(errno.EIO, "x")

        def allocate(self, fd: int, size: int) -> None:
            raise OSError(errno.EOPNOTSUPP, "x")

    async with open_audit_trail(settings, clock=clock, ops=(disk := SilentDisk())) as trail:
        await look(disk, mock_clock)
        assert await is_taken(trail, Phase.INTENT)

    assert not exists(reserve_of(settings.path))


async def test_without_room_for_a_reserve_the_log_is_written(settings: AuditSettings, clock: SetClock) -> None:
    """Some file systems give no promise; nothing half-made stays."""

    class PoorDisk(Disk):
        tried = False

        def allocate(self, fd: int, size: int) -> None:
            self.tried = True
            raise OSError(errno.EOPNOTSUPP, "x")

    async with open_audit_trail(settings, clock=clock, ops=(disk := PoorDisk())) as trail:
        await until(lambda: disk.tried)
        await trio.testing.wait_all_tasks_blocked()
        assert await is_taken(trail, Phase.INTENT)

    assert not exists(reserve_of(settings.path))
