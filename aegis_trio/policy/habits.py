"""Habits: at which hours a principal calls and how much, and whether this call is out of them.

Laws:
    1. Pure: the hour comes in, the new habit goes out.
    2. Nothing is odd before there is a habit: `MIN_DAYS` days with calls for hours, `MIN_HOURS` hours for volume.
    3. An oddity is told once, by the call with which it begins.

Trade: simple on purpose. It tells a key that calls at night, or ten times as much as ever; it tells no attacker who
takes care.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, final

DAY_HOURS: Final = 24
MIN_DAYS: Final = 7
MIN_HOURS: Final = 24
FADING: Final = 0.9  # of an hour's weight, with each day that has calls: what was usual is forgotten in some weeks
FAMILIAR: Final = 0.3  # weight of an hour and its neighbours, below which it is unusual
TIMES: Final = 5  # as much as in a usual hour
MIN_CALLS: Final = 200  # in an hour; below, nothing is much
_MEMORY_HOURS: Final = 72  # over which the mean of an hour is taken


class Oddity(StrEnum):
    """What is out of a habit."""

    UNUSUAL_HOUR = "unusual_hour"
    UNUSUAL_VOLUME = "unusual_volume"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How one principal calls."""

    weights: tuple[float, ...] = field(default=(0.0,) * DAY_HOURS)
    """By hour of the day (UTC): on how many days lately there were calls."""
    days: int = 0
    """Days with calls."""
    hours: int = 0
    """Hours with calls, that are over."""
    mean: float = 0.0
    """Calls in such an hour."""
    hour: int = -1
    """The hour of the last call, in hours since 1970."""
    calls: int = 0
    """In that hour."""


def note_call(habit: Habit, hour: int) -> tuple[Habit, Oddity | None]:
    """Take one call into *habit*; return the new one, and what is odd about the call.

    Args:
        hour: whole hours since 1970, UTC; an earlier one than the last is taken for the last.
    """
    if hour <= habit.hour:
        grown = replace(habit, calls=habit.calls + 1)
        return grown, Oddity.UNUSUAL_VOLUME if _becomes_much(grown) else None
    begun = _begin_hour(habit, hour)
    is_odd = habit.days >= MIN_DAYS and _familiarity(habit, hour) < FAMILIAR
    return begun, Oddity.UNUSUAL_HOUR if is_odd else None


def _begin_hour(habit: Habit, hour: int) -> Habit:
    is_first = habit.hour < 0
    hours = habit.hours if is_first else habit.hours + 1
    mean = habit.mean if is_first else habit.mean + (habit.calls - habit.mean) / min(hours, _MEMORY_HOURS)
    is_new_day = is_first or hour // DAY_HOURS > habit.hour // DAY_HOURS
    weights = [weight * FADING if is_new_day else weight for weight in habit.weights]
    weights[hour % DAY_HOURS] += 1
    days = habit.days + 1 if is_new_day else habit.days
    return Habit(weights=tuple(weights), days=days, hours=hours, mean=mean, hour=hour, calls=1)


def _familiarity(habit: Habit, hour: int) -> float:
    return sum(habit.weights[(hour + near) % DAY_HOURS] for near in (-1, 0, 1))


def _becomes_much(habit: Habit) -> bool:
    bound = max(MIN_CALLS, TIMES * habit.mean)
    return habit.hours >= MIN_HOURS and habit.calls - 1 <= bound < habit.calls
