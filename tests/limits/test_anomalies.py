"""What is unusual is told to people, once, and costs the callers nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest
import structlog
import trio
import trio.testing
from trio.testing import MockClock

from aegis_trio.audit.entry import AuditEntry
from aegis_trio.audit.trail import AuditTrail
from aegis_trio.limits import anomalies
from aegis_trio.limits.anomalies import (
    BURST,
    QUIET_S,
    SIGHTINGS,
    AnomalyWatch,
    Called,
    Denied,
    Notice,
    NoticeKind,
    Seen,
)
from aegis_trio.model.clock import NS_PER_S, SetClock
from aegis_trio.model.errors import AuditUnavailable
from aegis_trio.model.identity import PrincipalId
from aegis_trio.policy.habits import MIN_DAYS
from aegis_trio.supervisor.noticing import Noticer

ALICE, BOB = PrincipalId("key:alice"), PrincipalId("key:bob")
HOUR_NS = 3600 * NS_PER_S


@dataclass
class Trail:
    """Keeps records, or refuses them."""

    entries: list[AuditEntry] = field(default_factory=list[AuditEntry])
    away: bool = False

    def append_nowait(self, entry: AuditEntry) -> None:
        if self.away:
            raise AuditUnavailable("no")
        self.entries.append(entry)


@dataclass
class Stage:
    """A watch that runs."""

    watch: AnomalyWatch
    trail: Trail
    clock: SetClock
    told: list[Notice] = field(default_factory=list[Notice])

    async def seen(self, who: PrincipalId, *addresses: str) -> list[Notice]:
        """Report that *who* came from *addresses*; return what was told of it."""
        for address in addresses:
            self.watch.report(Seen(principal_id=who, address=address))
        return await self.news()

    async def news(self) -> list[Notice]:
        """Return what was told since."""
        await trio.testing.wait_all_tasks_blocked()
        told = self.told.copy()
        self.told.clear()
        return told


@asynccontextmanager
async def stage() -> AsyncGenerator[Stage]:
    """Run a watch with its noticer and one listener."""
    clock, trail = SetClock(0), Trail()
    watch = AnomalyWatch(clock)
    noticer = Noticer(watch, cast("AuditTrail", trail))
    on = Stage(watch, trail, clock)
    tell = noticer._tell

    def told(notice: Notice) -> None:
        on.told.append(notice)
        tell(notice)

    noticer._tell = told  # type: ignore[method-assign]
    with structlog.testing.capture_logs():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(noticer.run)
            yield on
            nursery.cancel_scope.cancel()


async def test_a_new_address_of_a_known_key_is_told_and_recorded(autojump_clock: MockClock) -> None:
    """A stolen key is used from somewhere else; the first address of a key is no news."""
    async with stage() as on:
        assert [] == await on.seen(ALICE, "192.0.2.1", "192.0.2.1")
        assert [] == await on.seen(BOB, "198.51.100.7")
        (notice,) = await on.seen(ALICE, "198.51.100.7")
        assert (NoticeKind.NEW_ADDRESS, ALICE, "198.51.100.7") == (notice.kind, notice.subject, notice.address)
        (entry,) = on.trail.entries
        assert {
            "kind": "new_address_for_key",
            "severity": "medium",
            "client_ip": "198.51.100.7",
            "principal": ALICE,
        } == dict(entry.fields)
        assert [] == await on.seen(ALICE, "198.51.100.7", "192.0.2.1")


async def test_the_same_is_told_once_an_hour(autojump_clock: MockClock) -> None:
    """A notice that comes all the time is read by nobody."""
    async with stage() as on:
        await on.seen(ALICE, "192.0.2.1")
        assert 1 == len(await on.seen(ALICE, "192.0.2.2", "192.0.2.3", "192.0.2.4"))
        assert 2 == on.watch.statistics().repeated_total
        await trio.sleep(QUIET_S)
        assert 1 == len(await on.seen(ALICE, "192.0.2.5"))


async def test_a_house_is_one_address(autojump_clock: MockClock) -> None:
    """IPv6 changes its last half every day."""
    async with stage() as on:
        assert [] == await on.seen(ALICE, "2001:db8::1", "2001:db8::2")
        assert 1 == len(await on.seen(ALICE, "2001:db8:0:1::1"))


async def test_a_burst_of_denials_is_told_and_a_trickle_is_not(autojump_clock: MockClock) -> None:
    """Twenty refusals in a minute are somebody who tries; one now and then is a typing error."""
    async with stage() as on:
        for _ in range(3 * BURST):
            on.watch.report(Denied(subject="192.0.2.1", reason="invalid_api_key"))
            await trio.sleep(60 / BURST)
        assert [] == await on.news()
        for _ in range(2 * BURST):
            on.watch.report(Denied(subject="192.0.2.9", reason="invalid_api_key", address="192.0.2.9"))
        assert ["192.0.2.9"] == [notice.address for notice in await on.news()]
        assert {"kind", "severity", "client_ip", "reason"} == set(on.trail.entries[-1].fields)
        for _ in range(2 * BURST):
            on.watch.report(Denied(subject=ALICE, reason="forbidden"))
        (notice,) = await on.news()
        assert (NoticeKind.DENIALS, ALICE, "forbidden") == (notice.kind, notice.subject, notice.reason)


async def test_an_unusual_hour_is_told(autojump_clock: MockClock) -> None:
    """By the wall clock that was handed in."""
    async with stage() as on:
        for day in range(MIN_DAYS):
            on.clock.set_ns((day * 24 + 10) * HOUR_NS)
            on.watch.report(Called(principal_id=ALICE))
            assert [] == await on.news()
        on.clock.set_ns((MIN_DAYS * 24 + 3) * HOUR_NS)
        on.watch.report(Called(principal_id=ALICE))
        assert [NoticeKind.HOUR] == [notice.kind for notice in await on.news()]


async def test_a_reporter_never_waits_and_what_finds_no_room_is_counted() -> None:
    """Nobody runs: the channel fills up, and calls go on."""
    watch = AnomalyWatch(SetClock(0))
    for _ in range(SIGHTINGS + 50):
        watch.report(Called(principal_id=ALICE))
    assert (SIGHTINGS + 50, 50) == (watch.statistics().sightings_total, watch.statistics().dropped_total)


async def test_a_log_that_is_full_does_not_stop_the_watch(autojump_clock: MockClock) -> None:
    """The notice goes to the ordinary log all the same."""
    async with stage() as on:
        on.trail.away = True
        await on.seen(ALICE, "192.0.2.1")
        assert 1 == len(await on.seen(ALICE, "192.0.2.2"))
        on.trail.away = False
        await on.seen(BOB, "192.0.2.1")
        assert 1 == len(await on.seen(BOB, "192.0.2.2"))
        assert 1 == len(on.trail.entries)


async def test_memory_is_bounded(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has a thousand addresses, or thousands who are refused, take no more room."""
    for name in ("MAX_PRINCIPALS", "MAX_SOURCES", "MAX_BURSTS", "MAX_TOLD"):
        monkeypatch.setattr(anomalies, name, 5)
    async with stage() as on:
        for number in range(200):
            who = PrincipalId(f"key:{number}")
            await on.seen(who, *(f"192.0.2.{last}" for last in range(10)))
            on.watch.report(Denied(subject=f"192.0.2.{number}", reason="x"))
            await on.news()
        tables = (on.watch._known, on.watch._bursts, on.watch._told_s)
        assert [5, 5, 5] == [len(table) for table in tables]
        assert {5} == {len(known.sources) for known in on.watch._known.values()}
