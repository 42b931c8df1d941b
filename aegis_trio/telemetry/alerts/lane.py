"""A lane: the notices of one target, one after the other, so that a dead or slow target holds up nobody but itself.

Laws:
    1. At most `QUEUE` notices wait; what finds no room is dropped and counted.
    2. At most the operator's number of notices goes out in a minute.
    3. A notice is tried `1 + len(BACKOFF_S)` times; then it is given up, logged and counted.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, final

import structlog
import trio

from aegis_trio.model.clock import NS_PER_S
from aegis_trio.policy.rate import Exceeds, Fits, per_minute, spend
from aegis_trio.telemetry.alerts.alert import Notice
from aegis_trio.telemetry.alerts.posting import NotDelivered
from aegis_trio.telemetry.alerts.settings import AlertTarget

QUEUE: Final = 64  # with ten notices a minute, six minutes of a target that was away
BACKOFF_S: Final = (2.0, 8.0, 32.0)

Deliver: TypeAlias = Callable[[AlertTarget, Notice, str], Awaitable[None]]
"""Sends a notice under an id that is the same for each attempt; raises `NotDelivered`."""

log = structlog.get_logger(__name__)


@final
class Lane:
    """Sends to one target."""

    def __init__(self, target: AlertTarget, deliver: Deliver, notices_per_minute: int) -> None:
        self.target = target
        self._deliver = deliver
        self._limit = per_minute(notices_per_minute)
        self._tat_ns = 0
        self._send, self._receive = trio.open_memory_channel[Notice](QUEUE)
        self.sent = self.failed = self.retries = self.dropped = 0

    @property
    def waiting(self) -> int:
        """Notices that wait."""
        return self._send.statistics().current_buffer_used

    def offer(self, notice: Notice) -> None:
        """Take *notice*, or drop and count it when the lane is full."""
        try:
            self._send.send_nowait(notice)
        except trio.WouldBlock:
            self.dropped += 1

    async def run(self) -> None:
        """Send what comes, until cancelled."""
        async for notice in self._receive:
            await self._wait_turn()
            await self._send_patiently(notice)

    async def _wait_turn(self) -> None:
        while True:
            match spend(self._limit, self._tat_ns, int(trio.current_time() * NS_PER_S)):
                case Fits(tat_ns):
                    self._tat_ns = tat_ns
                    return
                case Exceeds(retry_after_ns):
                    await trio.sleep(max(retry_after_ns, NS_PER_S // 100) / NS_PER_S)

    async def _send_patiently(self, notice: Notice) -> None:
        message_id = f"msg_{uuid.uuid4().hex}"
        for pause_s in (*BACKOFF_S, None):
            try:
                await self._deliver(self.target, notice, message_id)
            except NotDelivered as fault:
                if fault.is_final or pause_s is None:
                    self.failed += 1
                    log.warning("alert_not_sent", target=self.target.name, kind=notice.alert.kind, reason=str(fault))
                    return
                await trio.sleep(max(pause_s, fault.retry_after_s or 0.0))
                self.retries += 1
            else:
                self.sent += 1
                return
