"""The wall clock, handed in: Trio's clock measures durations, this one tells what time it is.

Law: nothing else in the package reads the time of day (an architecture test looks), so that a test can set it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final, Protocol, final

NS_PER_S: Final = 1_000_000_000


class WallClock(Protocol):
    """Tells the time of day in UTC nanoseconds since 1970."""

    def now_ns(self) -> int:
        """Return UTC nanoseconds since the epoch; may step backwards when the machine's clock is set."""
        ...


@final
class SystemClock:
    """The machine's own clock."""

    __slots__ = ()

    def now_ns(self) -> int:
        """Return the machine's time in UTC nanoseconds."""
        return time.time_ns()


@final
class SetClock:
    """A clock that stands where it was put; for tests and for recomputing the past."""

    __slots__ = ("_now_ns",)

    def __init__(self, now_ns: int) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        """Return the time that was set."""
        return self._now_ns

    def set_ns(self, now_ns: int) -> None:
        """Put the clock at *now_ns* (UTC nanoseconds), forwards or backwards."""
        self._now_ns = now_ns


def unix_seconds(clock: WallClock) -> int:
    """Return whole UTC seconds since 1970, rounded down."""
    return clock.now_ns() // NS_PER_S


def as_timestamp(now_ns: int) -> str:
    """Return *now_ns* as `2026-02-13T10:00:00.000000Z`, microseconds, always UTC.

    Source: RFC 3339 section 5.6.
    """
    seconds, remainder_ns = divmod(now_ns, NS_PER_S)
    moment = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").removesuffix("+00:00")
    return f"{moment}.{remainder_ns // 1000:06d}Z"
