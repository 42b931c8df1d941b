"""Folding: the first alert of a kind and subject is told at once, the others become a number.

Laws:
    1. One kind and subject is told at most once in `WINDOW_S`, then with the number of repetitions.
    2. A kind has at most `MAX_SUBJECTS` subjects at a time; further ones are told together, as `VARIOUS`.
    3. Pure: the time comes in. Memory is bounded by the kinds, which are words of ours, times `MAX_SUBJECTS`.

Threat: a flood from many addresses must neither fill memory nor bury the one notice that matters.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, replace
from math import inf
from typing import Final, final

from aegis_trio.telemetry.alerts.alert import Alert, Notice

WINDOW_S: Final = 300.0
MAX_SUBJECTS: Final = 16
VARIOUS: Final = "various"


@dataclass(slots=True)
class _Window:
    latest: Alert
    since_s: float
    repeated: int = 0


@final
class Folding:
    """Knows what was told lately."""

    def __init__(self) -> None:
        self._windows: OrderedDict[tuple[str, str], _Window] = OrderedDict()
        self._subjects: Counter[str] = Counter()
        self.folded = 0
        """Alerts that became a number."""

    def add(self, alert: Alert, now_s: float) -> Notice | None:
        """Return the notice to send now, or None when *alert* was counted."""
        key = (alert.kind, alert.subject)
        if key not in self._windows and self._subjects[alert.kind] >= MAX_SUBJECTS:
            alert = replace(alert, subject=VARIOUS)
            key = (alert.kind, VARIOUS)
        window = self._windows.get(key)
        if window is not None:
            window.latest = alert
            window.repeated += 1
            self.folded += 1
            return None
        self._windows[key] = _Window(alert, now_s)
        self._subjects[alert.kind] += 1
        return Notice(alert)

    def due(self, now_s: float) -> list[Notice]:
        """Return a notice of each window that is over and in which something was repeated."""
        notices: list[Notice] = []
        while self._windows and self.next_due_s() <= now_s:
            key, window = self._windows.popitem(last=False)
            self._subjects[key[0]] -= 1
            if window.repeated:
                notices.append(Notice(window.latest, window.repeated))
                self._windows[key] = _Window(window.latest, now_s)
                self._subjects[key[0]] += 1
        return notices

    def next_due_s(self) -> float:
        """Return when the oldest window ends; never, when there is none."""
        # Invariant: windows stand in the order in which they were opened.
        return next((window.since_s + WINDOW_S for window in self._windows.values()), inf)
