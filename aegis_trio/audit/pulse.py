"""The pulse of the log: a record every ten minutes, so that silence shows, and one for every step of the clock.

Laws:
    1. A log without a heartbeat for longer than `HEARTBEAT_S` was not being written, or was cut.
    2. The order of records is their sequence; the clock may step. A step of more than `MAX_STEP_S` against the
       monotonic clock is recorded, so that nobody takes times that go back for a rewritten log.

Source: journald's sealing taught both: epochs that were empty could be cut, and clock steps gave false alarms.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final, Protocol

import trio

from aegis_trio.audit.entry import AuditEntry, service_event
from aegis_trio.audit.statistics import AuditStatistics
from aegis_trio.model.clock import NS_PER_S, WallClock
from aegis_trio.model.errors import AuditUnavailable

HEARTBEAT_S: Final = 600.0
MAX_STEP_S: Final = 2.0
LOOK_EVERY_S: Final = 5.0
"""How often the clocks are compared: what the machine's clock is slewed meanwhile (500 ppm) is far below a step."""


class Trail(Protocol):
    """What the pulse needs of the audit trail."""

    def append_nowait(self, entry: AuditEntry) -> None:
        """Hand in a record."""
        ...

    def statistics(self) -> AuditStatistics:
        """Return this moment's numbers."""
        ...


async def run_pulse(trail: Trail, clock: WallClock) -> None:
    """Write heartbeats and clock steps until cancelled."""
    beat_at_s = trio.current_time() + HEARTBEAT_S
    offset_s = _offset_s(clock)
    while True:
        await trio.sleep(LOOK_EVERY_S)
        step_s = _offset_s(clock) - offset_s
        offset_s += step_s
        if abs(step_s) > MAX_STEP_S:
            _hand_in(trail, service_event("clock_step", step_ms=round(step_s * 1000)))
        if trio.current_time() >= beat_at_s:
            beat_at_s += HEARTBEAT_S
            statistics = trail.statistics()
            _hand_in(
                trail,
                service_event(
                    "audit_heartbeat",
                    records=statistics.records_total,
                    refused=statistics.refused_total,
                    unsigned=statistics.unsigned_records,
                ),
            )


def _offset_s(clock: WallClock) -> float:
    return clock.now_ns() / NS_PER_S - trio.current_time()


def _hand_in(trail: Trail, entry: AuditEntry) -> None:
    with suppress(AuditUnavailable):  # the log is blocked; `audit_resumed` will say since when
        trail.append_nowait(entry)
