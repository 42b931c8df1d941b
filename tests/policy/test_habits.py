"""What is usual is learned before anything is called unusual."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.policy.habits import DAY_HOURS, MIN_CALLS, MIN_DAYS, TIMES, Habit, Oddity, note_call


def work(days: int, hours: range = range(9, 17), calls: int = 1, habit: Habit | None = None) -> Habit:
    """Return the habit of somebody who calls in those hours of so many days."""
    known = habit or Habit()
    for day in range(days):
        for hour in hours:
            for _ in range(calls):
                known, _ = note_call(known, day * DAY_HOURS + hour)
    return known


def test_nothing_is_odd_before_there_is_a_habit() -> None:
    """A new key is not news for weeks."""
    habit = Habit()
    for hour in range(MIN_DAYS * DAY_HOURS - DAY_HOURS):
        habit, oddity = note_call(habit, hour * 5)
        assert oddity is None


def test_a_call_in_the_night_is_odd_and_one_at_the_edge_of_the_day_is_not() -> None:
    """Whoever stays an hour longer is no anomaly; three in the morning is, once."""
    habit = work(MIN_DAYS)
    night = MIN_DAYS * DAY_HOURS + 3
    later, oddity = note_call(habit, night)
    assert Oddity.UNUSUAL_HOUR == oddity
    assert None is note_call(later, night)[1]
    assert None is note_call(habit, MIN_DAYS * DAY_HOURS + 17)[1]
    assert None is note_call(habit, MIN_DAYS * DAY_HOURS + 8)[1]


def test_who_calls_around_the_clock_has_no_unusual_hour() -> None:
    """A program does not sleep."""
    habit = work(MIN_DAYS, range(DAY_HOURS))
    for hour in range(DAY_HOURS):
        assert None is note_call(habit, MIN_DAYS * DAY_HOURS + hour)[1]


def test_a_habit_that_moved_is_the_new_habit() -> None:
    """Summer time, a new colleague: after some weeks what was unusual is usual, and the other way round."""
    habit = work(10)
    for day in range(10, 70):
        for hour in range(18, 22):
            habit, _ = note_call(habit, day * DAY_HOURS + hour)
    assert None is note_call(habit, 70 * DAY_HOURS + 20)[1]
    assert Oddity.UNUSUAL_HOUR == note_call(habit, 70 * DAY_HOURS + 12)[1]


def test_much_more_than_ever_is_odd_once_in_an_hour() -> None:
    """A key that leaked is used as nobody used it before."""
    habit = work(MIN_DAYS, calls=100)
    oddities = []
    hour = MIN_DAYS * DAY_HOURS + 10
    for number in range(2000):
        habit, oddity = note_call(habit, hour)
        if oddity is not None:
            oddities.append((number, oddity))
    assert [(TIMES * 100, Oddity.UNUSUAL_VOLUME)] == oddities


def test_little_is_never_much() -> None:
    """Five times two calls are ten."""
    habit = work(MIN_DAYS, calls=2)
    for _ in range(MIN_CALLS):
        habit, oddity = note_call(habit, MIN_DAYS * DAY_HOURS + 10)
        assert oddity is None


@given(st.lists(st.integers(0, 5000), max_size=300))
def test_any_clock_gives_a_sane_habit(hours: list[int]) -> None:
    """Property: clocks that jump, both ways, never raise and never give negative or growing numbers out of nothing."""
    habit = Habit()
    for hour in hours:
        habit, _ = note_call(habit, hour)
        assert all(0 <= weight <= 24 for weight in habit.weights)
        assert 0 <= habit.mean <= len(hours)
        assert habit.days <= habit.hours + 1 <= len(hours)
