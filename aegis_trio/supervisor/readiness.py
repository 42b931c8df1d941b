"""Readiness: one place that knows why the gate cannot serve, in codes for everybody and words for the operator.

Law: the gate is ready only when no condition says otherwise; a condition that cannot be asked is not fine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Unready:
    """Why the gate is not ready: `code` may be shown to anybody, `detail` to the operator."""

    code: str
    detail: str


@final
@dataclass(frozen=True, slots=True)
class ReadinessStatistics:
    """Whether the gate is ready: 1 or 0."""

    ready: int


@final
class Readiness:
    """Asks every condition, each time."""

    def __init__(self) -> None:
        self._conditions: list[Callable[[], Unready | None]] = [self._phase]
        self._notes: list[Callable[[], Unready | None]] = []
        self._starting = True
        self._draining = False

    def add_condition(self, condition: Callable[[], Unready | None]) -> None:
        """Add a condition; it returns None while all is well."""
        self._conditions.append(condition)

    def add_note(self, note: Callable[[], Unready | None]) -> None:
        """Add something that the operator should see though the gate serves; it returns None while all is well."""
        self._notes.append(note)

    def notes(self) -> tuple[Unready, ...]:
        """Return what the operator should see though the gate serves."""
        return tuple(found for note in self._notes if (found := note()) is not None)

    def mark_started(self) -> None:
        """Say that the tree stands."""
        self._starting = False

    def mark_draining(self) -> None:
        """Say that the end has begun; it is never taken back."""
        self._draining = True

    @property
    def draining(self) -> bool:
        """Whether the end has begun."""
        return self._draining

    def unready(self) -> tuple[Unready, ...]:
        """Return every reason why the gate is not ready; empty when it is."""
        return tuple(found for condition in self._conditions if (found := condition()) is not None)

    def unready_codes(self) -> tuple[str, ...]:
        """Return the reasons' codes."""
        return tuple(found.code for found in self.unready())

    def statistics(self) -> ReadinessStatistics:
        """Return the state as a number."""
        return ReadinessStatistics(ready=0 if self.unready() else 1)

    def _phase(self) -> Unready | None:
        if self._draining:
            return Unready("draining", "The gate is ending: SIGTERM or SIGINT was received.")
        if self._starting:
            return Unready("starting", "The gate is starting.")
        return None
