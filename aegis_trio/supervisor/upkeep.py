"""The upkeep of signing in: what has ended ends what runs for it, and what is over is cleared away.

Laws:
    1. What has ended (a grant, a person's access at Gitea) ends what runs for it: told by the store's feed within a
       second, and by asking Gitea within `STILL_HERE_EVERY_S`.
    2. A fault of Gitea's or of the store is logged and tried again, or left for the next start; a bug ends the task.
"""

from __future__ import annotations

from typing import Final

import structlog
import trio

from aegis_trio.auth.broker.grants import REVOKED
from aegis_trio.auth.broker.people import People
from aegis_trio.auth.judge import TokenJudge
from aegis_trio.model.errors import AuditUnavailable, UpstreamFault
from aegis_trio.model.identity import OwnerId
from aegis_trio.store.interface import RESYNC, Store, StoreFailed
from aegis_trio.transports.hub import SessionHub

STILL_HERE_EVERY_S: Final = 30.0  # promised: a person who is blocked at Gitea loses access within 60 s
SWEEP_EVERY_S: Final = 600.0
PEOPLE: Final = ("grant:", "person:")  # who holds a personal access token has no grant

log: Final = structlog.get_logger(__name__)


async def end_revoked(
    store: Store,
    judge: TokenJudge,
    hub: SessionHub,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """End what runs for grants that end, also in other processes on the same store; until cancelled."""
    with store.subscribe(REVOKED) as revoked:
        task_status.started()
        async for word in revoked:
            if word == RESYNC:
                await _look_at(judge, hub)
            else:
                hub.end_sessions_of(frozenset({OwnerId(f"grant:{word}")}))


async def end_gone(judge: TokenJudge, hub: SessionHub) -> None:
    """Ask again and again whether the access of everybody for whom something runs goes on; until cancelled."""
    while True:
        await trio.sleep(STILL_HERE_EVERY_S)
        await _look_at(judge, hub)


async def _look_at(judge: TokenJudge, hub: SessionHub) -> None:
    """End what runs for people whose access has ended; whoever cannot be asked about is looked at the next time."""
    for owner in hub.owners():
        if not owner.startswith(PEOPLE):
            continue
        try:
            if not await judge.still_holds(owner):
                hub.end_sessions_of(frozenset({owner}))
        except (UpstreamFault, StoreFailed) as fault:
            log.warning("access_not_checked", owner=owner, fault=type(fault).__name__)
        except AuditUnavailable:
            # The end of this access could not be recorded: nothing may run for it; a next call is judged anew.
            log.warning("access_end_not_recorded", owner=owner)
            hub.end_sessions_of(frozenset({owner}))


async def sweep(store: Store) -> None:
    """Clear away what has expired; until cancelled."""
    while True:
        await trio.sleep(SWEEP_EVERY_S)
        try:
            await store.sweep()
        except StoreFailed as failed:
            log.warning("store_not_swept", detail=str(failed))


async def reseal(people: People) -> bool:
    """Make older keys of the vault unneeded, at the start; return whether that was done."""
    try:
        count = await people.reseal()
    except StoreFailed as failed:
        log.warning("tokens_not_resealed", detail=str(failed))
        return False
    log.info("tokens_resealed", people=count)
    return True
