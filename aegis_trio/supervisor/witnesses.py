"""The lanes to the witnesses, beside the gate: started with it, contained, and asked only for numbers.

Law: a fault of theirs is in the log and in the metrics; the gate serves on, and readiness notes when copies get old.
"""

from __future__ import annotations

from functools import partial
from typing import final

import httpx
import structlog
import trio

from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.witness.exchange import HttpPost
from aegis_trio.audit.witness.push import WitnessPush, WitnessStatistics
from aegis_trio.model.clock import NS_PER_S, WallClock
from aegis_trio.supervisor.readiness import Unready
from aegis_trio.web.server.containment import contained

log = structlog.get_logger(__name__)


@final
class Witnesses:
    """What the tree runs and the gate shows."""

    __slots__ = ("_broken", "_push")

    def __init__(self, push: WitnessPush) -> None:
        self._push = push
        self._broken = False

    async def run(self) -> None:
        """Push until cancelled; a bug ends the pushing, and is told, and nothing else."""
        with contained(log, "witnesses_broken", self._note_broken):
            await self._push.run()
        await trio.sleep_forever()

    async def push_last(self) -> None:
        """Bring the checkpoint of a clean stop out; the caller bounds the time, and nothing is tried twice."""
        if not self._broken:
            with contained(log, "witnesses_broken", self._note_broken):
                await self._push.push_newest()

    def note(self) -> Unready | None:
        """Return what the operator should see though the gate serves."""
        if self._broken:
            return Unready("witnesses_broken", "A bug ended the pushing of checkpoints; see the log, and restart.")
        reason = self._push.stale_reason()
        return None if reason is None else Unready("witness_stale", reason)

    def statistics(self) -> WitnessStatistics:
        """Return this moment's numbers."""
        return self._push.statistics()

    def _note_broken(self) -> None:
        self._broken = True


async def open_witnesses(settings: AuditSettings, clock: WallClock) -> Witnesses | None:
    """Return the lanes, not yet running; None where no witness is configured."""
    if settings.witnessing is None:
        return None
    # The built-in authorities, as towards Gitea; made once, because it takes a while.
    tls = await trio.to_thread.run_sync(partial(httpx.create_ssl_context, trust_env=False))

    def now_s() -> float:
        return clock.now_ns() / NS_PER_S

    make = partial(WitnessPush, settings.path, settings.witnessing, HttpPost(tls), now_s)
    return Witnesses(await trio.to_thread.run_sync(make))
