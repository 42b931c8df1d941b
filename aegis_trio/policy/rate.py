"""Rate arithmetic: does one more call fit? The generic cell rate algorithm, one integer per bucket.

Laws:
    1. Pure: the time comes in, the new state goes out; nothing is kept here.
    2. Integers only: nanoseconds do not drift, so the same numbers decide the same everywhere.
    3. An answer has no truth value; callers `match`.

Not here: where buckets are kept and forgotten (limits/).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NoReturn, TypeAlias, final

from aegis_trio.model.clock import NS_PER_S

NS_PER_MINUTE: Final = 60 * NS_PER_S
NS_PER_DAY: Final = 86_400 * NS_PER_S
NEAR: Final = (4, 5)  # of the burst. Precedent: Envoy's ratelimit, `near_limit_ratio` 0.8


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `burst` cells at once, refilled at `burst` cells per `period_ns`."""

    burst: int
    period_ns: int

    def __post_init__(self) -> None:
        if self.burst < 1:
            raise ValueError(f"burst: must be at least 1, not {self.burst}. A limit that is off is no limit at all.")
        if self.period_ns < self.burst:
            raise ValueError(f"period_ns: must be at least one nanosecond per cell, not {self.period_ns}.")

    @property
    def interval_ns(self) -> int:
        """Nanoseconds in which one cell comes back, rounded up so that nobody gains."""
        return -(-self.period_ns // self.burst)


def per_minute(cells: int) -> Limit:
    """Return the limit of *cells* (at least 1) a minute, all of them at once if need be."""
    return Limit(burst=cells, period_ns=NS_PER_MINUTE)


def per_day(cells: int) -> Limit:
    """Return the limit of *cells* (at least 1) a day, all of them at once if need be."""
    return Limit(burst=cells, period_ns=NS_PER_DAY)


def remaining(limit: Limit, tat_ns: int, now_ns: int) -> int:
    """Return how many cells of *limit* may be taken at once, 0..burst."""
    missing = -(-max(0, tat_ns - now_ns) // limit.interval_ns)
    return max(0, limit.burst - missing)


def rescaled(old: Limit, new: Limit, tat_ns: int, now_ns: int) -> int:
    """Return the state of a bucket of *old* as one of *new*: what was taken stays taken, cell for cell.

    The state is a time, so without this a bucket that was used up would stay so for the old limit's time.
    """
    return now_ns + (old.burst - remaining(old, tat_ns, now_ns)) * new.interval_ns


def is_near(limit: Limit, tat_ns: int, now_ns: int) -> bool:
    """Return whether more than `NEAR` of *limit* is taken."""
    part, whole = NEAR
    return (limit.burst - remaining(limit, tat_ns, now_ns)) * whole > limit.burst * part


class _NoTruth:
    __slots__ = ()

    def __bool__(self) -> NoReturn:
        raise TypeError("the answer of spend() has no truth value: match it against Fits and Exceeds")


@final
@dataclass(frozen=True, slots=True)
class Fits(_NoTruth):
    """It fits; `tat_ns` is the bucket's new state."""

    tat_ns: int


@final
@dataclass(frozen=True, slots=True)
class Exceeds(_NoTruth):
    """It does not fit before `retry_after_ns` have passed; the bucket stays as it was."""

    retry_after_ns: int

    @property
    def retry_after_s(self) -> int:
        """Whole seconds to wait, rounded up, at least 1."""
        return max(1, -(-self.retry_after_ns // NS_PER_S))


Spend: TypeAlias = Fits | Exceeds


def spend(limit: Limit, tat_ns: int, now_ns: int, cost: int = 1) -> Spend:
    """Decide whether one call fits *limit*, by the generic cell rate algorithm.

    Args:
        limit: cells and the time in which they come back.
        tat_ns: theoretical arrival time of this bucket, on the clock of *now_ns*; 0 or any past time is a full one.
        now_ns: the present, nanoseconds of any clock that does not run backwards.
        cost: cells to take, 1..limit.burst.

    Returns:
        Spend: `Fits` with the new state, or `Exceeds` with the time to wait.

    Raises:
        ValueError: cost out of range — our caller's bug, never a client's doing.

    Source: ITU-T I.371 (GCRA), virtual scheduling; shape after boulder ratelimits/gcra.go.
    """
    if not 1 <= cost <= limit.burst:
        raise ValueError(f"cost: must be 1..{limit.burst}, not {cost}. A dearer call could never fit.")
    new_tat_ns = max(tat_ns, now_ns) + cost * limit.interval_ns
    early_ns = new_tat_ns - limit.burst * limit.interval_ns - now_ns
    if early_ns > 0:
        return Exceeds(early_ns)
    return Fits(new_tat_ns)
