"""The trail acknowledges what is durable, and nothing else."""

from __future__ import annotations

import errno
import json
import threading
from pathlib import Path

import pytest
import trio
import trio.testing

from aegis_trio.audit.chain import ChainHead
from aegis_trio.audit.entry import Phase, service_event
from aegis_trio.audit.lost import AuditLost
from aegis_trio.audit.queue import MAX_RECORDS
from aegis_trio.audit.reader import verify_chain
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.trail import AuditTrail, open_audit_trail
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import AuditUnavailable
from tests.audit.conftest import NOON_NS
from tests.audit.faults import FaultyOps
from tests.audit.logs import events_of, numbers_of, records_of, tick
from tests.audit.places import content_of, described, put
from tests.audit.waiting import let_linger, until, until_blocked


async def test_an_acknowledged_record_is_on_disk_with_its_sequence(
    settings: AuditSettings, clock: SetClock, path: Path
) -> None:
    """The caller acts on the acknowledgement."""
    async with open_audit_trail(settings, clock=clock) as trail:
        for number in range(3):
            assert number == await trail.append(tick(number, Phase.INTENT))
            last = records_of(path)[-1]
            assert (number, number, "intent") == (last["number"], last["seq"], last["phase"])


async def test_a_record_is_synced_before_it_is_acknowledged(settings: AuditSettings, clock: SetClock) -> None:
    """A record in the page cache is not a record after a power loss."""
    ops = FaultyOps()
    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        ops.order.clear()
        await trail.append(tick(1))
        order = [name for name in ops.order if name in {"write", "fdatasync"}]

    assert ["write", "fdatasync"] == order


async def test_many_concurrent_records_share_few_syncs(settings: AuditSettings, clock: SetClock, path: Path) -> None:
    """One sync per record would cap the gate at what one disk can sync."""
    ops = FaultyOps()
    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        before = ops.calls["fdatasync"]
        async with trio.open_nursery() as nursery:
            for number in range(256):
                nursery.start_soon(trail.append, tick(number))
        synced = ops.calls["fdatasync"] - before
        numbers = trail.statistics()

    assert sorted(range(256)) == sorted(int(str(number)) for number in numbers_of(path))
    assert synced <= 4
    assert (256, synced) == (numbers.records_total, numbers.batches_total)
    assert described(path).st_size == numbers.bytes_total


async def test_records_keep_the_order_in_which_they_were_handed_in(
    settings: AuditSettings, clock: SetClock, path: Path
) -> None:
    """Intent before outcome, attempt before call: order is part of the evidence."""
    async with open_audit_trail(settings, clock=clock) as trail:
        for number in range(0, 100, 2):
            trail.append_nowait(tick(number))
            await trail.append(tick(number + 1))

    assert list(range(100)) == numbers_of(path)


async def test_leaving_the_trail_makes_everything_durable(settings: AuditSettings, clock: SetClock, path: Path) -> None:
    """The last records of a clean stop are the ones that say that it was clean."""
    async with open_audit_trail(settings, clock=clock) as trail:
        for number in range(500):
            trail.append_nowait(tick(number))
    report = verify_chain(path, expected=trail.head())

    assert list(range(500)) == numbers_of(path)
    assert (None, 500) == (report.fault, report.records)


async def test_a_cancelled_body_is_drained_too(settings: AuditSettings, clock: SetClock, path: Path) -> None:
    """A forced stop still writes what was taken."""
    with trio.CancelScope() as scope:
        async with open_audit_trail(settings, clock=clock) as trail:
            for number in range(10):
                trail.append_nowait(tick(number))
            scope.cancel()
            await trio.lowlevel.checkpoint()

    assert scope.cancelled_caught
    assert list(range(10)) == numbers_of(path)


async def test_the_chain_goes_on_after_a_restart(settings: AuditSettings, clock: SetClock, path: Path) -> None:
    """One log is one chain, over all lives of the process."""
    head = ChainHead()
    for life in range(3):
        async with open_audit_trail(settings, clock=clock) as trail:
            assert life == await trail.append(tick(life))
            head = trail.head()
    report = verify_chain(path, expected=head)

    assert (None, 3) == (report.fault, report.records)


async def test_the_time_of_a_record_is_when_it_was_handed_in(settings: AuditSettings, path: Path) -> None:
    """A slow disk must not move what happened."""
    clock = SetClock(NOON_NS)
    async with open_audit_trail(settings, clock=clock) as trail:
        trail.append_nowait(tick(1))
        clock.set_ns(NOON_NS + 5_000_000_000)

    assert ["2026-02-13T10:00:00.000000Z"] == [record["timestamp"] for record in records_of(path)]


async def test_cancelling_whoever_waits_neither_loses_nor_tears_a_record(
    settings: AuditSettings, clock: SetClock, path: Path
) -> None:
    """A client that hangs up must not be able to keep its call out of the trail."""
    ops = FaultyOps()
    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        ops.gate = threading.Event()
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(trail.append, tick(number))
            await until(lambda: "write" in ops.order)
            nursery.cancel_scope.cancel()
        ops.gate.set()
        await trail.append(tick(20))

    assert set(range(21)) == set(numbers_of(path))
    assert None is verify_chain(path, expected=trail.head()).fault


async def test_a_full_queue_refuses_at_once_and_keeps_room_for_outcomes(
    settings: AuditSettings, clock: SetClock, path: Path
) -> None:
    """Memory is bounded: what cannot be written soon is refused, and nothing of it is written."""
    ops = FaultyOps()
    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        ops.gate = threading.Event()
        taken = 0
        with pytest.raises(AuditUnavailable):  # noqa: PT012 -- which one is refused is the question
            while True:
                trail.append_nowait(tick(taken))
                taken += 1
        with pytest.raises(AuditUnavailable):
            await trail.append(tick(-1))
        trail.append_nowait(tick(taken, Phase.OUTCOME))
        numbers = trail.statistics()
        ops.gate.set()

    assert MAX_RECORDS * 3 // 4 == taken
    assert (taken + 1, 2) == (numbers.queue_records, numbers.refused_total)
    assert list(range(taken + 1)) == numbers_of(path)


async def test_a_disk_that_hangs_is_a_blocked_log(
    settings: AuditSettings, clock: SetClock, path: Path, mock_clock: trio.testing.MockClock
) -> None:
    """A hung network disk answers neither yes nor no; callers must get an answer all the same."""
    ops = FaultyOps()
    faults: list[AuditUnavailable] = []

    async def wait(number: int) -> None:
        try:
            await trail.append(tick(number))
        except AuditUnavailable as fault:
            faults.append(fault)

    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        ops.gate = threading.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, 1)
            await until(lambda: "write" in ops.order)
            assert None is trail.blocked_reason()
            mock_clock.jump(5.0)
            assert "the disk has not answered for 5 seconds" == trail.blocked_reason()
            assert 1 == trail.statistics().blocked
            with pytest.raises(AuditUnavailable):
                trail.append_nowait(tick(2))
            mock_clock.jump(5.0)
        ops.gate.set()
        await until(lambda: trail.blocked_reason() is None)
        await trail.append(tick(3))

    assert 1 == len(faults)
    assert [1, 3] == numbers_of(path)


async def test_a_fault_tells_callers_no_path_of_this_machine(
    settings: AuditSettings, clock: SetClock, path: Path
) -> None:
    """Callers are told what to do; where the log stands is the operator's business."""
    ops = FaultyOps()
    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        ops.always["write"] = errno.ENOSPC
        with pytest.raises(AuditUnavailable) as refusal:
            await trail.append(tick(1))
        assert str(path) not in str(refusal.value)
        assert "operator" in refusal.value.remedy
        assert str(path.parent) not in await until_blocked(trail)


async def test_a_bug_in_the_writer_cancels_the_body_and_escapes(settings: AuditSettings, clock: SetClock) -> None:
    """A gate whose writer has died must not go on serving."""

    class Broken(FileOps):
        def write(self, fd: int, data: memoryview) -> int:
            raise ZeroDivisionError

    cancelled = False
    refused = trio.Event()

    async def shielded(trail: AuditTrail) -> None:
        with trio.CancelScope(shield=True):
            try:
                await trail.append(tick(1))
            except AuditUnavailable:
                refused.set()

    with pytest.raises(ZeroDivisionError):  # noqa: PT012 -- leaving the trail is what raises
        async with open_audit_trail(settings, clock=clock, ops=Broken()) as trail, trio.open_nursery() as nursery:
            nursery.start_soon(shielded, trail)
            try:
                await trio.sleep_forever()
            except trio.Cancelled:
                cancelled = True
                raise

    assert cancelled
    assert refused.is_set()
    assert "the audit trail has ended" == trail.blocked_reason()
    with pytest.raises(AuditUnavailable):
        trail.append_nowait(tick(2))


async def test_what_the_body_raises_escapes_as_it_is(settings: AuditSettings, clock: SetClock, path: Path) -> None:
    """A refused setting or a taken port must reach the handler that knows its exit code."""
    with pytest.raises(KeyError) as escaped:  # noqa: PT012 -- leaving the trail is what raises
        async with open_audit_trail(settings, clock=clock) as trail:
            trail.append_nowait(tick(1))
            raise KeyError("port") from ValueError("cause")

    assert isinstance(escaped.value.__cause__, ValueError)
    assert [1] == numbers_of(path)


async def test_records_that_were_taken_and_could_not_be_written_end_the_process_as_lost(
    settings: AuditSettings, clock: SetClock, path: Path
) -> None:
    """A clean exit code would be a lie."""
    ops = FaultyOps()
    with pytest.raises(AuditLost, match=r"AUDIT_LOG_PATH: 2 records could not be written"):  # noqa: PT012 -- leaving the trail is what raises
        async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
            ops.always["write"] = errno.ENOSPC
            trail.append_nowait(tick(1))
            trail.append_nowait(tick(2))

    assert 2 == trail.statistics().lost_total
    assert b"" == content_of(path)


async def test_two_faults_at_once_come_together(settings: AuditSettings, clock: SetClock) -> None:
    """Neither hides the other."""
    ops = FaultyOps()
    with pytest.RaisesGroup(KeyError, AuditLost):
        async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
            ops.always["write"] = errno.ENOSPC
            trail.append_nowait(tick(1))
            raise KeyError


async def test_a_blocked_log_that_holds_nothing_ends_cleanly(settings: AuditSettings, clock: SetClock) -> None:
    """Whoever waited was refused, so nothing is lost."""
    ops = FaultyOps()
    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        ops.always["write"] = errno.ENOSPC
        with pytest.raises(AuditUnavailable):
            await trail.append(tick(1))

    assert (0, 1) == (trail.statistics().lost_total, trail.statistics().refused_total)


async def test_a_log_that_cannot_be_opened_never_runs_the_body(tmp_path: Path, clock: SetClock) -> None:
    """Nothing may happen without a trail."""
    put(tmp_path / "file", b"")
    with pytest.raises(AuditLost, match="AUDIT_LOG_PATH"):
        async with open_audit_trail(AuditSettings(path=tmp_path / "file" / "audit.log"), clock=clock):
            pytest.fail("the body ran")


async def test_hostile_text_does_not_break_the_trail(settings: AuditSettings, clock: SetClock, path: Path) -> None:
    """What clients send stands in the trail, and never as a line of its own."""
    hostile = '\n{"event": "forged"}\n\u2028\x1b[2J\ud800' + "x" * 1_000_000
    async with open_audit_trail(settings, clock=clock) as trail:
        await trail.append(service_event("odd", text=hostile, arguments={hostile: hostile}))
        await trail.append(tick(1))

    assert ["odd", "tick"] == events_of(path)
    assert None is verify_chain(path, expected=trail.head()).fault


async def test_the_numbers_say_where_the_trail_stands(
    settings: AuditSettings, clock: SetClock, path: Path, mock_clock: trio.testing.MockClock
) -> None:
    """Readiness and metrics read nothing else."""
    ops = FaultyOps()
    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        assert (-1, 0) == (trail.statistics().last_seq, trail.statistics().blocked)
        ops.gate = threading.Event()
        trail.append_nowait(tick(1))
        await let_linger(mock_clock)
        await until(lambda: "write" in ops.order)
        waiting = trail.statistics()
        mock_clock.jump(2.0)
        ops.gate.set()
        await until(lambda: trail.statistics().records_total == 1)
        numbers = trail.statistics()

    assert 1 == waiting.queue_records
    assert len(json.dumps({"timestamp": "2026-02-13T10:00:00.000000Z", "event": "tick", "number": 1})) == (
        waiting.queue_bytes
    )
    assert (2.0, 2.0) == (numbers.commit_seconds_total, numbers.commit_seconds_max)
    assert (0, 0, 0) == (numbers.queue_records, numbers.queue_bytes, numbers.last_seq)
