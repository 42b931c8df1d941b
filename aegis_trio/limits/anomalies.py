"""Anomalies: what is unusual about who calls, from where, when and how often; noticed beside the calls, not in them.

Laws:
    1. Whoever reports a sighting never waits and never fails: what finds no room is dropped and counted.
    2. Nothing is refused because of an anomaly. It is told, to people.
    3. The same of the same is told once in `QUIET_S` seconds.
    4. Memory is bounded: `MAX_PRINCIPALS` habits, `MAX_SOURCES` addresses of each, `MAX_BURSTS` counts of denials.

Not here: what is told to whom (supervisor/noticing.py), the arithmetic of habits (policy/habits.py).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias, TypeVar, assert_never, final

import trio

from aegis_trio.limits.sources import Source, source_of
from aegis_trio.model.clock import NS_PER_S, WallClock
from aegis_trio.model.errors import Severity
from aegis_trio.model.identity import PrincipalId
from aegis_trio.policy.habits import Habit, Oddity, note_call
from aegis_trio.policy.rate import Exceeds, Fits, per_minute, spend

SIGHTINGS: Final = 2048  # that wait for their turn; a call has two
MAX_PRINCIPALS: Final = 5_000  # about 10 MB
MAX_SOURCES: Final = 32  # of one principal; hosted assistants come from a few dozen addresses
MAX_BURSTS: Final = 20_000
MAX_TOLD: Final = 4_096
BURST: Final = 20  # denials of one principal or address in a minute
QUIET_S: Final = 3600.0
_HOUR_NS: Final = 3600 * NS_PER_S
_BURST_LIMIT: Final = per_minute(BURST)


class NoticeKind(StrEnum):
    """What was noticed; the `kind` of the security event."""

    NEW_ADDRESS = "new_address_for_key"
    DENIALS = "burst_of_denials"
    HOUR = "unusual_hour"
    VOLUME = "unusual_volume"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A credential was right."""

    principal_id: PrincipalId
    address: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A call was let in."""

    principal_id: PrincipalId


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """A request or call was refused."""

    subject: str
    """The principal, or the address where there is none."""
    reason: str
    address: str | None = None
    """Where it came from, when that is the subject."""


Sighting: TypeAlias = Seen | Called | Denied


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that people should look at."""

    kind: NoticeKind
    severity: Severity
    subject: str
    """The principal or address that it is about."""
    address: str | None = None
    reason: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyStatistics:
    """How the watch goes; totals since start."""

    principals: int
    sightings_total: int
    dropped_total: int
    """Sightings for which there was no room."""
    notices_total: int
    repeated_total: int
    """Notices that were not told again."""


@dataclass(slots=True)
class _Known:
    sources: OrderedDict[Source, None] = field(default_factory=OrderedDict[Source, None])
    habit: Habit = field(default_factory=Habit)


@final
class AnomalyWatch:
    """Takes sightings from anywhere, and tells what is unusual."""

    def __init__(self, clock: WallClock, *, clock_s: Callable[[], float] = trio.current_time) -> None:
        """Know nobody yet.

        Args:
            clock: tells the hour of the day.
            clock_s: seconds of a clock that does not run backwards; Trio's.
        """
        self._clock = clock
        self._clock_s = clock_s
        self._send, self._receive = trio.open_memory_channel[Sighting](SIGHTINGS)
        self._known: OrderedDict[PrincipalId, _Known] = OrderedDict()
        self._bursts: OrderedDict[str, int] = OrderedDict()
        self._told_s: OrderedDict[tuple[NoticeKind, str], float] = OrderedDict()
        self._sightings = self._dropped = self._notices = self._repeated = 0

    def report(self, sighting: Sighting) -> None:
        """Take *sighting*; never waits, never raises."""
        self._sightings += 1
        try:
            self._send.send_nowait(sighting)
        except trio.WouldBlock:
            self._dropped += 1

    async def run(self, tell: Callable[[Notice], None]) -> None:
        """Judge sightings until cancelled, and hand what is unusual to *tell*, which must not block."""
        async for sighting in self._receive:
            notice = self._judge(sighting)
            if notice is not None and self._is_news(notice):
                self._notices += 1
                tell(notice)

    def statistics(self) -> AnomalyStatistics:
        """Return how the watch goes."""
        return AnomalyStatistics(
            principals=len(self._known),
            sightings_total=self._sightings,
            dropped_total=self._dropped,
            notices_total=self._notices,
            repeated_total=self._repeated,
        )

    def _judge(self, sighting: Sighting) -> Notice | None:
        match sighting:
            case Seen(principal_id=principal_id, address=address):
                return self._judge_address(principal_id, address)
            case Called(principal_id=principal_id):
                return self._judge_call(principal_id)
            case Denied():
                return self._judge_denial(sighting)
            case _:
                assert_never(sighting)

    def _judge_address(self, principal_id: PrincipalId, address: str) -> Notice | None:
        known, source = self._of(principal_id), source_of(address)
        is_new = source not in known.sources and bool(known.sources)
        known.sources[source] = None
        known.sources.move_to_end(source)
        _bound(known.sources, MAX_SOURCES)
        if not is_new:
            return None
        return Notice(kind=NoticeKind.NEW_ADDRESS, severity=Severity.MEDIUM, subject=principal_id, address=address)

    def _judge_call(self, principal_id: PrincipalId) -> Notice | None:
        known = self._of(principal_id)
        known.habit, oddity = note_call(known.habit, self._clock.now_ns() // _HOUR_NS)
        match oddity:
            case None:
                return None
            case Oddity.UNUSUAL_HOUR:
                return Notice(kind=NoticeKind.HOUR, severity=Severity.LOW, subject=principal_id)
            case Oddity.UNUSUAL_VOLUME:
                return Notice(kind=NoticeKind.VOLUME, severity=Severity.MEDIUM, subject=principal_id)

    def _judge_denial(self, denied: Denied) -> Notice | None:
        subject = denied.subject
        now_ns = int(self._clock_s() * NS_PER_S)
        match spend(_BURST_LIMIT, self._bursts.get(subject, 0), now_ns):
            case Fits(tat_ns):
                self._bursts[subject] = tat_ns
                self._bursts.move_to_end(subject)
                _bound(self._bursts, MAX_BURSTS)
                return None
            case Exceeds():
                return Notice(
                    kind=NoticeKind.DENIALS,
                    severity=Severity.HIGH,
                    subject=subject,
                    address=denied.address,
                    reason=denied.reason,
                )

    def _is_news(self, notice: Notice) -> bool:
        now_s, key = self._clock_s(), (notice.kind, notice.subject)
        told_s = self._told_s.get(key)
        if told_s is not None and now_s - told_s < QUIET_S:
            self._repeated += 1
            return False
        self._told_s[key] = now_s
        self._told_s.move_to_end(key)
        _bound(self._told_s, MAX_TOLD)
        return True

    def _of(self, principal_id: PrincipalId) -> _Known:
        known = self._known.setdefault(principal_id, _Known())
        self._known.move_to_end(principal_id)
        _bound(self._known, MAX_PRINCIPALS)
        return known


_KeyT = TypeVar("_KeyT")
_ValueT = TypeVar("_ValueT")


def _bound(table: OrderedDict[_KeyT, _ValueT], most: int) -> None:
    while len(table) > most:
        table.popitem(last=False)
