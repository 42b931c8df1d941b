"""Whatever the disk does, refused records are not there, acknowledged ones are, and service returns by itself."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
import trio
import trio.testing

from aegis_trio.audit.lost import AuditLost
from aegis_trio.audit.reader import verify_chain
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.trail import AuditTrail, open_audit_trail
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import AuditUnavailable
from tests.audit.faults import Fault, FaultyOps
from tests.audit.logs import events_of, lines_of, numbers_of, records_of, tick, write_log
from tests.audit.places import content_of, described, exists, move, put, remove
from tests.audit.waiting import let_linger, until_blocked, until_writable

FAULTS = {
    "eio": Fault(errno.EIO),
    "enospc": Fault(errno.ENOSPC),
    "erofs": Fault(errno.EROFS),
    "done_but_failed": Fault(errno.EIO, after=True),
    "short_then_enospc": Fault(errno.ENOSPC, taken=7),
    "short": Fault(taken=7),
    "takes_nothing": Fault(taken=0),
}


class Story:
    """What one run was told about its records."""

    def __init__(self) -> None:
        self.acknowledged: dict[int, int] = {}
        self.taken: list[int] = []
        self.refused: list[int] = []

    async def append(self, trail: AuditTrail, number: int) -> None:
        try:
            self.acknowledged[number] = await trail.append(tick(number))
        except AuditUnavailable:
            self.refused.append(number)

    def append_nowait(self, trail: AuditTrail, number: int) -> None:
        try:
            trail.append_nowait(tick(number))
            self.taken.append(number)
        except AuditUnavailable:
            self.refused.append(number)

    async def run(self, trail: AuditTrail, clock: trio.testing.MockClock) -> None:
        for start in (0, 10, 20):
            async with trio.open_nursery() as nursery:
                for number in range(start, start + 4):
                    nursery.start_soon(self.append, trail, number)
                self.append_nowait(trail, start + 4)
            await until_writable(trail, clock, probes=2)


async def run_with(
    settings: AuditSettings, clock: SetClock, ops: FaultyOps, mock_clock: trio.testing.MockClock
) -> tuple[Story, bool]:
    """Run the story over a disk that fails; return it, and whether records were reported as lost."""
    story, lost = Story(), False
    try:
        async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
            await story.run(trail, mock_clock)
    except AuditLost:
        lost = True
    return story, lost


def assert_truth(path: Path, story: Story, *, lost: bool) -> None:
    """Everything that was said about a record is true of the file."""
    report = verify_chain(path)
    assert None is report.fault
    by_seq = {record["seq"]: record["number"] for record in records_of(path) if record["event"] == "tick"}
    written = list(by_seq.values())
    assert {seq: number for number, seq in story.acknowledged.items()}.items() <= by_seq.items()
    assert not set(story.refused) & set(written)
    assert len(written) == len(set(written))
    if not lost:
        assert set(story.taken) <= set(written)


@pytest.mark.parametrize("kind", FAULTS)
async def test_a_fault_at_any_call_keeps_every_promise(
    kind: str, tmp_path: Path, clock: SetClock, mock_clock: trio.testing.MockClock
) -> None:
    """Enumerated: at each system call of open, write, sync, cut, compare and close, one fault."""
    index, refused = 0, 0
    while True:
        path = tmp_path / str(index) / "audit.log"
        ops = FaultyOps()
        template = FAULTS[kind]
        ops.at[index] = Fault(template.error, taken=template.taken, after=template.after)
        story, lost = await run_with(AuditSettings(path=path), clock, ops, mock_clock)
        refused += len(story.refused)

        if exists(path):
            assert_truth(path, story, lost=lost)
        if index >= len(ops.order):
            break
        async with open_audit_trail(AuditSettings(path=path), clock=clock) as trail:
            await trail.append(tick(99))
        assert None is verify_chain(path, expected=trail.head()).fault
        index += 1
    assert index >= 20
    assert (kind == "short") == (refused == 0)


@pytest.mark.parametrize("kind", ["eio", "enospc", "short_then_enospc"])
async def test_two_faults_in_a_row_keep_every_promise(
    kind: str, tmp_path: Path, clock: SetClock, mock_clock: trio.testing.MockClock
) -> None:
    """The way back is disturbed too: cutting, reopening, comparing, probing."""
    template = FAULTS[kind]
    clean = FaultyOps()
    await run_with(AuditSettings(path=tmp_path / "clean" / "audit.log"), clock, clean, mock_clock)
    first_write = clean.order.index("write")
    for second in range(1, 16):
        path = tmp_path / str(second) / "audit.log"
        ops = FaultyOps()
        ops.at[first_write] = Fault(template.error, taken=template.taken)
        ops.at[first_write + second] = Fault(errno.EIO)
        story, lost = await run_with(AuditSettings(path=path), clock, ops, mock_clock)

        assert not lost
        assert_truth(path, story, lost=lost)
        assert "audit_resumed" in events_of(path)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("call", ["write", "fdatasync"])
async def test_a_disk_that_stays_broken_blocks_and_comes_back_by_itself(  # noqa: PLR0917 -- fixtures
    call: str,
    error: int,
    settings: AuditSettings,
    clock: SetClock,
    path: Path,
    mock_clock: trio.testing.MockClock,
) -> None:
    """Nobody has to restart the gate after space was made, and the trail says how long it was away."""
    ops = FaultyOps()
    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        await trail.append(tick(0))
        whole = content_of(path)
        ops.always[call] = error
        with pytest.raises(AuditUnavailable):
            await trail.append(tick(1))
        assert os.strerror(error).lower() == await until_blocked(trail)
        assert whole == content_of(path)
        for _ in range(3):
            with pytest.raises(AuditUnavailable):
                await trail.append(tick(2))
            with pytest.raises(AuditUnavailable):
                trail.append_nowait(tick(3))
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(AssertionError):
                await until_writable(trail, mock_clock)
            assert whole == content_of(path)
        assert 3.0 == trail.statistics().blocked_seconds_total
        ops.always.clear()
        await until_writable(trail, mock_clock)
        assert 2 == await trail.append(tick(4))

    assert ["tick", "audit_resumed", "tick"] == events_of(path)
    resumed = records_of(path)[1]
    assert (os.strerror(error).lower(), 4000, 7) == (resumed["reason"], resumed["blocked_ms"], resumed["refused"])
    assert None is verify_chain(path, expected=trail.head()).fault


async def test_after_a_failed_sync_the_same_descriptor_is_never_synced_again(
    settings: AuditSettings, clock: SetClock, mock_clock: trio.testing.MockClock
) -> None:
    """The kernel reports a lost page once; a second sync on that descriptor would succeed without the data."""
    synced: list[tuple[int, bool]] = []

    class Watching(FaultyOps):
        generation = 0

        def open(self, path: Path, flags: int) -> int:
            self.generation += 1
            return FaultyOps.open(self, path, flags)

        def fdatasync(self, fd: int) -> None:
            try:
                FaultyOps.fdatasync(self, fd)
            except OSError:
                synced.append((self.generation, False))
                raise
            synced.append((self.generation, True))

    ops = Watching()
    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        await trail.append(tick(0))
        ops.always["fdatasync"] = errno.EIO
        with pytest.raises(AuditUnavailable):
            await trail.append(tick(1))
        ops.always.clear()
        await until_writable(trail, mock_clock)

    failed = [generation for generation, done in synced if not done]
    assert 1 == len(failed)
    assert [] == [
        generation for generation, done in synced[synced.index((failed[0], False)) + 1 :] if generation == failed[0]
    ]


async def test_what_could_not_be_cut_at_once_is_cut_before_service_returns(
    settings: AuditSettings, clock: SetClock, path: Path, mock_clock: trio.testing.MockClock
) -> None:
    """A disk that takes the bytes, but neither syncs nor cuts them, must not leave a refused record behind."""
    ops = FaultyOps()
    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        await trail.append(tick(0))
        ops.always.update(fdatasync=errno.EIO, ftruncate=errno.EIO)
        with pytest.raises(AuditUnavailable):
            await trail.append(tick(1))
        with pytest.raises(AssertionError):
            await until_writable(trail, mock_clock)
        ops.always.clear()
        await until_writable(trail, mock_clock)
        await trail.append(tick(2))

    assert [0, 2] == numbers_of(path)
    assert None is verify_chain(path, expected=trail.head()).fault


async def test_records_that_nobody_waits_for_survive_a_blocked_disk(
    settings: AuditSettings, clock: SetClock, path: Path, mock_clock: trio.testing.MockClock
) -> None:
    """They were taken; they follow the record that says that the trail was away."""
    ops = FaultyOps()
    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        ops.always["write"] = errno.ENOSPC
        for number in range(5):
            trail.append_nowait(tick(number))
        await let_linger(mock_clock)
        await until_blocked(trail)
        ops.always.clear()
        await until_writable(trail, mock_clock)

    assert ["audit_resumed"] + ["tick"] * 5 == events_of(path)
    assert list(range(5)) == numbers_of(path)


async def test_a_disk_that_comes_back_while_the_gate_stops_still_gets_what_was_taken(
    settings: AuditSettings, clock: SetClock, path: Path
) -> None:
    """The end is one more chance, and the last one."""
    ops = FaultyOps()
    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        ops.always["write"] = errno.ENOSPC
        trail.append_nowait(tick(1))
        await until_blocked(trail)
        ops.always.clear()

    assert [1] == numbers_of(path)


async def test_a_folder_that_vanished_blocks_until_it_is_back(
    settings: AuditSettings, clock: SetClock, path: Path, mock_clock: trio.testing.MockClock
) -> None:
    """Writing into a file that nobody can find any more is not recording."""
    away = path.parent.with_name("away")
    async with open_audit_trail(settings, clock=clock) as trail:
        await trail.append(tick(0))
        move(path.parent, away)
        with pytest.raises(AuditUnavailable):
            await trail.append(tick(1))
        assert "the log file or its folder is gone" == await until_blocked(trail)
        with pytest.raises(AssertionError):
            await until_writable(trail, mock_clock)
        assert "the folder of the log is gone" == trail.blocked_reason()
        move(away, path.parent)
        await until_writable(trail, mock_clock)
        await trail.append(tick(2))

    assert ["tick", "audit_resumed", "tick"] == events_of(path)
    assert [0, 2] == numbers_of(path)


async def test_a_vanished_file_is_noticed_though_nobody_calls(
    settings: AuditSettings, clock: SetClock, path: Path, mock_clock: trio.testing.MockClock
) -> None:
    """Readiness must say so before the first caller is refused."""
    async with open_audit_trail(settings, clock=clock) as trail:
        await trail.append(tick(0))
        shutil.rmtree(path.parent)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(1.0)
        assert "the log file or its folder is gone" == await until_blocked(trail)


@pytest.mark.parametrize("how", ["renamed", "removed", "replaced_by_nothing", "emptied"])
async def test_a_log_that_was_rotated_behind_our_back_goes_on_in_a_new_file(
    how: str, settings: AuditSettings, clock: SetClock, path: Path, mock_clock: trio.testing.MockClock
) -> None:
    """Log rotation tools do this; the new file says why it does not begin at the beginning, and the chain goes on."""
    old = path.with_name("audit.log.1")
    async with open_audit_trail(settings, clock=clock) as trail:
        await trail.append(tick(0))
        before = trail.head()
        if how == "emptied":
            put(old, content_of(path))
            os.truncate(path, 0)
        elif how == "removed":
            put(old, content_of(path))
            remove(path)
        else:
            move(path, old)
        if how == "replaced_by_nothing":
            put(path, b"")
        with pytest.raises(AuditUnavailable):
            await trail.append(tick(1))
        await until_writable(trail, mock_clock)
        assert 2 == await trail.append(tick(2))

    assert None is verify_chain(old, expected=before).fault
    assert ["audit_resumed", "tick"] == events_of(path)
    assert before.prev == records_of(path)[0]["prev"]
    assert 0o600 == described(path).st_mode & 0o777 or how == "replaced_by_nothing"
    async with open_audit_trail(settings, clock=clock) as trail:
        assert 3 == await trail.append(tick(3))
    assert None is verify_chain(path, expected=trail.head()).fault


@pytest.mark.parametrize("how", ["appended", "cut", "replaced", "same_size"])
async def test_a_log_that_somebody_changed_stays_blocked_and_untouched(
    how: str, settings: AuditSettings, clock: SetClock, path: Path, mock_clock: trio.testing.MockClock
) -> None:
    """Going on would vouch for what is not ours, and repairing would destroy the evidence."""
    async with open_audit_trail(settings, clock=clock) as trail:
        await trail.append(tick(0))
        await trail.append(tick(1))
        whole = content_of(path)
        match how:
            case "appended":
                changed = whole + b"forged\n"
                put(path, changed)
            case "cut":
                changed = whole[:-1]
                put(path, changed)
            case "replaced":
                remove(path)
                write_log(path, 3)
                changed = content_of(path)
            case _:
                changed = whole.replace(b'"number": 1', b'"number": 7')
                remove(path)
                put(path, changed)
        with pytest.raises(AuditUnavailable):
            await trail.append(tick(2))
        for _ in range(2):
            with pytest.raises(AssertionError):
                await until_writable(trail, mock_clock)
        assert "the log file was changed by another program" == trail.blocked_reason()

    assert changed == content_of(path)


async def test_a_log_that_another_process_took_meanwhile_stays_its_own(
    settings: AuditSettings, clock: SetClock, path: Path, mock_clock: trio.testing.MockClock
) -> None:
    """Between losing and reopening a file another gate may have started on it."""
    async with open_audit_trail(settings, clock=clock) as trail:
        await trail.append(tick(0))
        move(path, path.with_name("audit.log.1"))
        async with open_audit_trail(settings, clock=clock) as other:
            with pytest.raises(AuditUnavailable):
                await trail.append(tick(1))
            with pytest.raises(AssertionError):
                await until_writable(trail, mock_clock)
            assert "another process has it open as its audit log" == trail.blocked_reason()
            await other.append(tick(5))

    assert [5] == numbers_of(path)


async def test_no_new_log_is_begun_below_a_volume_that_is_gone(
    settings: AuditSettings, clock: SetClock, path: Path, mock_clock: trio.testing.MockClock
) -> None:
    """An unmounted volume shows the empty folder beneath; records there would be hidden when it is back."""

    class Unmounted(FaultyOps):
        gone = False

        def stat(self, place: Path) -> os.stat_result:
            described = FaultyOps.stat(self, place)
            if self.gone and place == path.parent:
                return os.stat_result((*described[:2], described.st_dev + 1, *described[3:]))
            return described

    ops = Unmounted()
    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        await trail.append(tick(0))
        kept = move(path, path.with_name("kept"))
        ops.gone = True
        with pytest.raises(AuditUnavailable):
            await trail.append(tick(1))
        with pytest.raises(AssertionError):
            await until_writable(trail, mock_clock)
        assert "the folder of the log lies on another file system than before" == trail.blocked_reason()
        assert not exists(path)
        move(kept, path)
        ops.gone = False
        await until_writable(trail, mock_clock)

    assert ["tick", "audit_resumed"] == events_of(path)


async def test_a_log_that_was_brought_back_from_a_copy_is_taken_again(
    settings: AuditSettings, clock: SetClock, path: Path, mock_clock: trio.testing.MockClock
) -> None:
    """Moving the log to a larger disk and back is an honest way to make room."""
    async with open_audit_trail(settings, clock=clock) as trail:
        await trail.append(tick(0))
        shutil.copy(path, path.with_name("copy"))
        move(path.with_name("copy"), path)
        with pytest.raises(AuditUnavailable):
            await trail.append(tick(1))
        await until_writable(trail, mock_clock)

    assert ["tick", "audit_resumed"] == events_of(path)
    assert lines_of(0)[1].prev == records_of(path)[0]["prev"]
