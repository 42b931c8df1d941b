"""The notifier: takes alerts from anywhere without making anybody wait, and gives notices to every target's lane.

Laws:
    1. `offer` never blocks and never raises: what finds no room, or comes after the end, is dropped and counted.
    2. The notifier is contained: if it breaks, that is logged and counted, and everything else goes on.

Not here: what is worth an alert (supervisor/alerting.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import trio

from aegis_trio.model.errors import Severity
from aegis_trio.telemetry.alerts.alert import Alert, Notice
from aegis_trio.telemetry.alerts.containment import contained
from aegis_trio.telemetry.alerts.folding import Folding
from aegis_trio.telemetry.alerts.lane import Deliver, Lane
from aegis_trio.telemetry.alerts.settings import AlertSettings

INTAKE: Final = 256  # folding one takes microseconds: more than this at once is a flood, of which the first tell enough
_ORDER: Final = tuple(Severity)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AlertStatistics:
    """How alerts go; totals since start, labels are the targets' names."""

    offered_total: int
    folded_total: int
    dropped_total: Mapping[tuple[str], int]
    """By where: `intake`, `ended`, or the target whose lane was full."""
    queue_notices: Mapping[tuple[str], int]
    sent_total: Mapping[tuple[str], int]
    failed_total: Mapping[tuple[str], int]
    retries_total: Mapping[tuple[str], int]
    deaths_total: int
    """Tasks of alerts that broke."""


@final
class AlertNotifier:
    """Tells people."""

    def __init__(self, settings: AlertSettings, deliver: Deliver) -> None:
        """Start with nothing told; `run` sends."""
        self._least = _ORDER.index(settings.min_severity)
        self._lanes: Sequence[Lane] = [Lane(target, deliver, settings.per_minute) for target in settings.targets]
        self._folding = Folding()
        self._send, self._receive = trio.open_memory_channel[Alert](INTAKE)
        self._offered = self._dropped = self._ended = self._deaths = 0
        self._is_over = False

    def offer(self, alert: Alert) -> None:
        """Take *alert*, if it is severe enough."""
        if _ORDER.index(alert.severity) < self._least:
            return
        self._offered += 1
        if self._is_over:
            self._ended += 1
            return
        try:
            self._send.send_nowait(alert)
        except trio.WouldBlock:
            self._dropped += 1

    async def run(self) -> None:
        """Send until cancelled; a bug ends this task alone."""
        try:
            with contained("notifier"):
                await self._run()
            self.note_death()
        finally:
            self._is_over = True

    def note_death(self) -> None:
        """Count a task of alerts that broke."""
        self._deaths += 1

    def statistics(self) -> AlertStatistics:
        """Return how alerts go."""
        dropped = {(lane.target.name,): lane.dropped for lane in self._lanes}
        return AlertStatistics(
            offered_total=self._offered,
            folded_total=self._folding.folded,
            dropped_total={("intake",): self._dropped, ("ended",): self._ended} | dropped,
            queue_notices={(lane.target.name,): lane.waiting for lane in self._lanes},
            sent_total={(lane.target.name,): lane.sent for lane in self._lanes},
            failed_total={(lane.target.name,): lane.failed for lane in self._lanes},
            retries_total={(lane.target.name,): lane.retries for lane in self._lanes},
            deaths_total=self._deaths,
        )

    async def _run(self) -> None:
        async with trio.open_nursery() as sending:
            for lane in self._lanes:
                sending.start_soon(lane.run)
            while True:
                with trio.move_on_at(self._folding.next_due_s()):
                    alert = await self._receive.receive()
                    self._hand_out(self._folding.add(alert, trio.current_time()))
                for notice in self._folding.due(trio.current_time()):
                    self._hand_out(notice)

    def _hand_out(self, notice: Notice | None) -> None:
        if notice is not None:
            for lane in self._lanes:
                lane.offer(notice)
