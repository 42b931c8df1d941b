"""The trail signs as it writes: after so many records, after a minute, at a new file, at the end; or it blocks."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from aegis_trio.audit.checkpoint import parse_signed_checkpoint, verify_checkpoint
from aegis_trio.audit.checkpoint_files import read_notes
from aegis_trio.audit.reader import verify_chain
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.signer import EVERY_RECORDS, EVERY_S
from aegis_trio.audit.trail import open_audit_trail
from aegis_trio.audit.tree import CompactRange, leaf_digest
from aegis_trio.model.clock import SetClock
from tests.audit.faults import FaultyOps
from tests.audit.logs import events_of, records_of, tick
from tests.audit.places import content_of, move
from tests.audit.signed import KEY, SignedLog, beside
from tests.audit.waiting import until, until_blocked, until_writable


@pytest.fixture
def settings(path: Path) -> AuditSettings:
    """Sign."""
    return AuditSettings(path=path, signing_key=KEY)


def sizes_of(path: Path) -> list[int]:
    """Return the sizes that all checkpoints name, after holding each against the tree over the files at hand."""
    lines = b"".join(file.read_bytes() for file in (*sorted(path.parent.glob("audit.log.moved*")), path)).splitlines()
    sizes: list[int] = []
    for found in read_notes(beside(path, "checkpoints")):
        checkpoint = found.signed.checkpoint
        verify_checkpoint(found.signed, [KEY.verifier])
        tree = CompactRange()
        for line in lines[: checkpoint.size]:
            tree.add(leaf_digest(line))
        assert (tree.size, tree.root()) == (checkpoint.size, checkpoint.root)
        sizes.append(checkpoint.size)
    return sizes


async def test_a_clean_end_signs_everything(settings: AuditSettings, clock: SetClock) -> None:
    """What is handed over after a stop has no unsigned tail; the ordinary log holds the note as well."""
    with capture_logs() as logs:
        async with open_audit_trail(settings, clock=clock) as trail:
            for number in range(3):
                await trail.append(tick(number))
            assert 3 == trail.statistics().unsigned_records
        assert (0, 2) == (trail.statistics().unsigned_records, trail.statistics().checkpoints_total)

    assert [0, 3] == sizes_of(settings.path)
    notes = [entry["note"] for entry in logs if entry["event"] == "audit_checkpoint"]
    assert content_of(beside(settings.path, "checkpoint")).decode() == notes[-1]
    assert 3 == parse_signed_checkpoint(notes[-1]).checkpoint.size


async def test_an_end_without_new_records_signs_nothing_more(settings: AuditSettings, clock: SetClock) -> None:
    """The same statement twice would only make the list longer."""
    for _ in range(3):
        async with open_audit_trail(settings, clock=clock):
            pass

    assert [0] == sizes_of(settings.path)


async def test_a_thousand_records_are_signed_at_once(settings: AuditSettings, clock: SetClock) -> None:
    """The number bounds what a thief of the machine could take away unseen."""
    async with open_audit_trail(settings, clock=clock) as trail:
        for number in range(EVERY_RECORDS - 1):
            trail.append_nowait(tick(number))
        await until(lambda: trail.statistics().unsigned_records == EVERY_RECORDS - 1)
        await trail.append(tick(0))
        await until(lambda: trail.statistics().unsigned_records == 0)

    assert [0, EVERY_RECORDS] == sizes_of(settings.path)


async def test_a_record_is_signed_after_a_minute(
    settings: AuditSettings, clock: SetClock, mock_clock: trio.testing.MockClock
) -> None:
    """Also when it was the only one."""
    async with open_audit_trail(settings, clock=clock) as trail:
        await trail.append(tick(0))
        mock_clock.jump(EVERY_S / 2)
        assert EVERY_S / 2 == trail.statistics().unsigned_seconds
        assert 1 == trail.statistics().unsigned_records
        mock_clock.jump(EVERY_S / 2)
        await until(lambda: trail.statistics().unsigned_records == 0)

    assert [0, 1] == sizes_of(settings.path)


async def test_what_a_kill_left_unsigned_is_signed_soon_after_the_start(
    settings: AuditSettings, clock: SetClock, mock_clock: trio.testing.MockClock
) -> None:
    """A minute was promised to the record, and not to the process."""
    log = SignedLog(settings.path)
    log.ticks(5)
    log.close()

    async with open_audit_trail(settings, clock=clock) as trail:
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(1.0)
        await until(lambda: trail.statistics().unsigned_records == 0)

    assert [0, 5] == sizes_of(settings.path)


async def test_a_file_is_signed_before_the_next_one_begins(
    settings: AuditSettings, clock: SetClock, mock_clock: trio.testing.MockClock
) -> None:
    """The new file says what stood before; the signature below it proves that it says so rightly."""
    path = settings.path
    async with open_audit_trail(settings, clock=clock) as trail:
        await trail.append(tick(0))
        await trail.append(tick(1))
        move(path, path.with_name("audit.log.moved"))
        trail.append_nowait(tick(2))
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(1.0)
        await until_blocked(trail)
        await until_writable(trail, mock_clock)
        await trail.append(tick(3))

    assert [0, 2, 5] == sizes_of(path)
    assert ["audit_resumed", "tick", "tick"] == events_of(path)
    tree = CompactRange()
    for line in content_of(path.with_name("audit.log.moved")).splitlines():
        tree.add(leaf_digest(line))
    assert [digest.hex() for digest in tree.hashes] == records_of(path)[0]["tree"]
    assert None is verify_chain(path).fault

    move(path.with_name("audit.log.moved"), path.parent.with_name("elsewhere"))
    async with open_audit_trail(settings, clock=clock) as trail:
        assert 4 == trail.statistics().last_seq


@pytest.mark.parametrize("failing", ["replace", "fdatasync"])
async def test_a_checkpoint_that_cannot_be_written_blocks_until_it_can(
    settings: AuditSettings, clock: SetClock, mock_clock: trio.testing.MockClock, failing: str
) -> None:
    """Records that nobody could prove later are not what the gate promises; service returns by itself."""
    ops = FaultyOps()
    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        await trail.append(tick(0))
        ops.always[failing] = errno.ENOSPC
        mock_clock.jump(EVERY_S)
        assert "the checkpoint cannot be written: no space left on device" == await until_blocked(trail)
        await trio.testing.wait_all_tasks_blocked()
        probes = trail.statistics().probes_total
        mock_clock.jump(1.0)
        await until(lambda: trail.statistics().probes_total > probes)
        assert trail.blocked_reason() is not None
        ops.always.clear()
        await until_writable(trail, mock_clock, probes=2)
        await trail.append(tick(1))

    assert ["tick", "audit_resumed", "tick"] == events_of(settings.path)
    sizes = sizes_of(settings.path)
    assert [0, 1, 3] == sorted(set(sizes))
    assert sizes == sorted(sizes)


async def test_a_last_checkpoint_that_cannot_be_written_is_told(settings: AuditSettings, clock: SetClock) -> None:
    """No record is lost; the next start signs them."""
    ops = FaultyOps()
    with capture_logs() as logs:
        async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
            await trail.append(tick(0))
            ops.always["replace"] = errno.EROFS

    assert ["audit_blocked"] == [entry["event"] for entry in logs if entry["log_level"] == "critical"]
    async with open_audit_trail(settings, clock=clock):
        pass
    assert 1 == sizes_of(settings.path)[-1]
