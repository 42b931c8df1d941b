"""The very end, outside the audit trail: what can be done only when nothing is written any more.

Laws:
    1. The checkpoint of a clean stop is brought to the witnesses at once, so that the last records of a gate that is
       not started again have a copy outside.
    2. A log that is lost is told to whoever gets alerts: a gate that does not start has nobody else to say so.
    3. Both have `AT_MOST_S` seconds, and never more than a shutdown has left. Neither changes how the process ends.

Not here: alerts of a gate that runs (alerting.py), the lanes beside it (witnesses.py).
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, final

import structlog
import trio

from aegis_trio.audit.lost import AuditLost, LogCannotOpen, LogIsHeld
from aegis_trio.config.settings import Settings
from aegis_trio.model.clock import WallClock
from aegis_trio.model.errors import Severity
from aegis_trio.supervisor.alerting import SUMMARIES, deliver, make_post
from aegis_trio.supervisor.last_resort import MARGIN_S
from aegis_trio.supervisor.witnesses import Witnesses
from aegis_trio.telemetry.alerts.alert import Alert, Notice
from aegis_trio.telemetry.alerts.posting import NotDelivered, Post
from aegis_trio.telemetry.alerts.settings import AlertTarget

AT_MOST_S: Final = 3.0  # an exchange on a network takes far less; containers wait ten seconds for everything
RESERVE_S: Final = 0.5  # before the last resort ends the process
KIND: Final = "audit_lost"

log: Final = structlog.get_logger(__name__)


@final
class Ending:
    """Knows how much time is left once the end has begun."""

    __slots__ = ("_begun_s", "_clock", "_settings", "_witnesses")

    def __init__(self, settings: Settings, clock: WallClock, witnesses: Witnesses | None) -> None:
        self._settings = settings
        self._clock = clock
        self._witnesses = witnesses
        self._begun_s: float | None = None

    def begin(self) -> None:
        """Note that the end begins now."""
        if self._begun_s is None:
            self._begun_s = trio.current_time()

    @asynccontextmanager
    async def around_trail(self) -> AsyncGenerator[None]:
        """Do what is left to do once the trail, which is the body, is over.

        Raises:
            AuditLost: the body's own.
        """
        loss: AuditLost | None = None
        try:
            yield
        except (LogCannotOpen, LogIsHeld):
            raise  # nothing is lost: a setting is wrong, and whoever starts the gate reads that
        except AuditLost as lost:
            loss = lost
        if loss is not None:
            with trio.move_on_after(self.left_s()):
                await self._tell(loss)
            raise loss
        if self._witnesses is not None:
            with trio.move_on_after(self.left_s()):
                await self._witnesses.push_last()

    def left_s(self) -> float:
        """Return how many seconds what is left to do may take."""
        if self._begun_s is None:
            return AT_MOST_S
        ends_s = self._begun_s + self._settings.supervisor.shutdown_grace_s + MARGIN_S - RESERVE_S
        return max(0.0, min(AT_MOST_S, ends_s - trio.current_time()))

    async def _tell(self, lost: AuditLost) -> None:
        alerts = self._settings.alerts
        if not alerts.targets:
            return
        alert = Alert(
            kind=KIND,
            severity=Severity.HIGH,
            summary=SUMMARIES[KIND],
            fields=(("detail", str(lost)),),
            at_ns=self._clock.now_ns(),
        )
        post, notice = make_post(alerts), Notice(alert)
        async with trio.open_nursery() as telling:
            for target in alerts.targets:
                telling.start_soon(self._tell_one, post, target, notice)

    async def _tell_one(self, post: Post, target: AlertTarget, notice: Notice) -> None:
        try:
            await deliver(post, self._clock, target, notice, f"msg_{uuid.uuid4().hex}")
        except NotDelivered as fault:
            log.warning("alert_not_sent", target=target.name, kind=KIND, reason=str(fault))
