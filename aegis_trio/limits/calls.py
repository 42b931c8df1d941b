"""Limits of calls: how many run at once for one principal, and how many it starts in a minute.

Laws:
    1. A slot is held exactly as long as the `with` block runs, however it ends.
    2. A refused call takes nothing: neither a slot nor a cell.
    3. A principal that has nothing running and a full bucket is forgotten, so memory follows those that are active.

Not here: the arithmetic (policy/rate.py), and limits of connections (web/server).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, final

import trio

from aegis_trio.limits.settings import LimitSettings
from aegis_trio.model.clock import NS_PER_S
from aegis_trio.model.errors import RateLimited
from aegis_trio.model.identity import PrincipalId
from aegis_trio.model.toolspec import CostClass
from aegis_trio.policy.rate import Exceeds, Fits, per_minute, spend

# Trade: every class costs one cell, as the promise is "calls a minute"; the table is where that would change.
CELLS: Final = {CostClass.CHEAP: 1, CostClass.NORMAL: 1, CostClass.HEAVY: 1}

CONCURRENCY_RETRY_S: Final = 1  # a slot comes free when a call ends, which nobody can foretell
_SWEEP: Final = 2  # entries looked at per admission: more than one is added, so the table shrinks when it can


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimitStatistics:
    """What the limits of calls have done; totals since start."""

    in_flight: int
    principals: int
    admitted_total: int
    refused_concurrency_total: int
    refused_rate_total: int


@dataclass(slots=True)
class _Usage:
    in_flight: int = 0
    tat_ns: int = 0


@final
class CallLimits:
    """Counts the calls of each principal."""

    def __init__(self, settings: LimitSettings, *, clock_s: Callable[[], float] = trio.current_time) -> None:
        """Start with nothing running.

        Args:
            settings: the limits; 0 is off.
            clock_s: seconds of a clock that does not run backwards; Trio's.
        """
        self._settings = settings
        self._clock_s = clock_s
        self._usage: OrderedDict[PrincipalId, _Usage] = OrderedDict()
        self._in_flight = 0
        self._admitted = 0
        self._refused_concurrency = 0
        self._refused_rate = 0

    def replace_settings(self, settings: LimitSettings) -> None:
        """Use *settings* from the next call on; what runs goes on."""
        self._settings = settings

    @contextmanager
    def admit(self, principal_id: PrincipalId, cost: CostClass) -> Generator[None]:
        """Hold a slot for one call of *principal_id* while inside.

        Raises:
            RateLimited: too many at once, or too many in the last minute; says when to try again.
        """
        now_ns = int(self._clock_s() * NS_PER_S)
        self._forget_idle(now_ns)
        usage = self._usage.setdefault(principal_id, _Usage())
        self._usage.move_to_end(principal_id)
        self._check_concurrency(usage)
        self._spend(usage, now_ns, CELLS[cost])
        usage.in_flight += 1
        self._in_flight += 1
        self._admitted += 1
        try:
            yield
        finally:
            usage.in_flight -= 1
            self._in_flight -= 1

    def statistics(self) -> CallLimitStatistics:
        """Return how the limits stand."""
        return CallLimitStatistics(
            in_flight=self._in_flight,
            principals=len(self._usage),
            admitted_total=self._admitted,
            refused_concurrency_total=self._refused_concurrency,
            refused_rate_total=self._refused_rate,
        )

    def _check_concurrency(self, usage: _Usage) -> None:
        limit = self._settings.max_concurrent_calls
        if limit and usage.in_flight >= limit:
            self._refused_concurrency += 1
            raise RateLimited(
                f"This credential already has {limit} calls running, which is its limit.",
                "Wait for one of them to end, then try again.",
                retry_after_s=CONCURRENCY_RETRY_S,
            )

    def _spend(self, usage: _Usage, now_ns: int, cells: int) -> None:
        per_minute_limit = self._settings.calls_per_minute
        if not per_minute_limit:
            return
        match spend(per_minute(per_minute_limit), usage.tat_ns, now_ns, min(cells, per_minute_limit)):
            case Fits(tat_ns):
                usage.tat_ns = tat_ns
            case Exceeds() as exceeded:
                self._refused_rate += 1
                raise RateLimited(
                    f"This credential may make {per_minute_limit} calls a minute, and has made them.",
                    f"Try again in {exceeded.retry_after_s} s.",
                    retry_after_s=exceeded.retry_after_s,
                )

    def _forget_idle(self, now_ns: int) -> None:
        for _ in range(min(_SWEEP, len(self._usage))):
            principal_id, usage = next(iter(self._usage.items()))
            if usage.in_flight == 0 and usage.tat_ns <= now_ns:
                del self._usage[principal_id]
            else:
                # Invariant: every entry comes to the front in turn, so one that is busy does not hide the idle.
                self._usage.move_to_end(principal_id)
