"""The first is told at once, the others become a number, and a flood stays small."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from aegis_trio.model.errors import Severity
from aegis_trio.telemetry.alerts.alert import Alert, Notice
from aegis_trio.telemetry.alerts.folding import MAX_SUBJECTS, VARIOUS, WINDOW_S, Folding

ALERT = Alert(kind="blocked", severity=Severity.HIGH, summary="Blocked.", subject="a", at_ns=0)


def test_the_first_is_told_and_repetitions_are_counted() -> None:
    """The number comes when the window ends."""
    folding = Folding()
    latest = replace(ALERT, at_ns=9)

    assert Notice(ALERT) == folding.add(ALERT, 0)
    assert [None, None] == [folding.add(ALERT, 1), folding.add(latest, 2)]
    assert [] == folding.due(WINDOW_S - 1)
    assert [Notice(latest, 2)] == folding.due(WINDOW_S)
    assert 2 == folding.folded


def test_what_goes_on_is_told_once_a_window() -> None:
    """A notice of repetitions opens the next window."""
    folding = Folding()
    told = 0
    for second in range(int(4 * WINDOW_S) + 1):
        told += folding.add(ALERT, second) is not None
        told += len(folding.due(second))

    assert 5 == told


def test_what_is_over_is_forgotten() -> None:
    """So that the next time is a first time."""
    folding = Folding()
    folding.add(ALERT, 0)

    assert [] == folding.due(WINDOW_S)
    assert inf == folding.next_due_s()
    assert Notice(ALERT) == folding.add(ALERT, WINDOW_S + 1)


def test_a_flood_of_subjects_is_told_together() -> None:
    """Sixteen addresses by name, all others by number, and memory for no more."""
    folding = Folding()
    notices = [folding.add(replace(ALERT, subject=str(number)), 0) for number in range(100_000)]
    told = [notice.alert.subject for notice in notices if notice is not None]

    assert [*map(str, range(MAX_SUBJECTS)), VARIOUS] == told
    assert [(VARIOUS, 100_000 - MAX_SUBJECTS - 1)] == [
        (notice.alert.subject, notice.repeated) for notice in folding.due(WINDOW_S)
    ]


def test_another_kind_is_told_beside_a_flood() -> None:
    """The one notice that matters is not buried."""
    folding = Folding()
    for number in range(1000):
        folding.add(replace(ALERT, subject=str(number)), 0)

    assert folding.add(replace(ALERT, kind="audit_unavailable", subject=""), 1) is not None
