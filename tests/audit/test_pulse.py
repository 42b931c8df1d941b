"""Silence shows, and so does a clock that was set."""

from __future__ import annotations

from dataclasses import fields

import trio
import trio.testing

from aegis_trio.audit.entry import AuditEntry
from aegis_trio.audit.pulse import HEARTBEAT_S, LOOK_EVERY_S, run_pulse
from aegis_trio.audit.statistics import AuditStatistics
from aegis_trio.model.clock import NS_PER_S
from aegis_trio.model.errors import AuditUnavailable
from tests.audit.conftest import NOON_NS


class Wall:
    """Goes with Trio's clock, and can be set."""

    def __init__(self) -> None:
        self.set_by_s = 0.0

    def now_ns(self) -> int:
        return NOON_NS + round((trio.current_time() + self.set_by_s) * NS_PER_S)


class Trail:
    """Keeps what it is handed, or refuses it; the real one works in a thread, which knows no mocked clock."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self.blocked = False

    def append_nowait(self, entry: AuditEntry) -> None:
        if self.blocked:
            raise AuditUnavailable("blocked", "wait")
        self.entries.append(entry)

    def statistics(self) -> AuditStatistics:
        return AuditStatistics(**{field.name: 7 for field in fields(AuditStatistics)})

    def named(self, event: str) -> list[AuditEntry]:
        """Return the records of one kind."""
        return [entry for entry in self.entries if entry.event == event]


async def test_a_heartbeat_comes_every_ten_minutes(autojump_clock: trio.testing.MockClock) -> None:
    """Also when nobody calls: a longer gap is a gate that did not run, or a log that was cut."""
    trail = Trail()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_pulse, trail, Wall())
        await trio.sleep(3 * HEARTBEAT_S + LOOK_EVERY_S + 1)
        nursery.cancel_scope.cancel()

    assert [{"records": 7, "refused": 7, "unsigned": 7}] * 3 == [beat.fields for beat in trail.entries]
    assert trail.entries == trail.named("audit_heartbeat")


async def test_a_blocked_log_misses_heartbeats_and_nothing_ends(autojump_clock: trio.testing.MockClock) -> None:
    """The pulse belongs to the guardians: what ends it ends the gate."""
    trail = Trail()
    trail.blocked = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_pulse, trail, Wall())
        await trio.sleep(2 * HEARTBEAT_S + LOOK_EVERY_S + 1)
        trail.blocked = False
        await trio.sleep(HEARTBEAT_S)
        nursery.cancel_scope.cancel()

    assert 1 == len(trail.entries)


async def test_a_clock_that_is_set_is_recorded_with_how_far(autojump_clock: trio.testing.MockClock) -> None:
    """Both ways; a slow drift is none, however far it gets."""
    trail, wall = Trail(), Wall()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_pulse, trail, wall)
        await trio.sleep(1)
        for set_by_s in (0.001, 90.001, 88.5, 60.0, 60.001, *(61.0 + 1.5 * number for number in range(9))):
            wall.set_by_s = set_by_s
            await trio.sleep(LOOK_EVERY_S)
        nursery.cancel_scope.cancel()

    assert [90_000, -28_500] == [step.fields["step_ms"] for step in trail.named("clock_step")]
