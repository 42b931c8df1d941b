"""Ends by the operator: what a command ends beside the gate, and how the audit log learns of it.

The audit log belongs to one process, the gate. A command writes what it did into the store, in the same step as the
end itself; the gate records it, at once while it runs and at its next start otherwise.

Laws:
    1. An end and its notice are one step: neither stands without the other.
    2. A notice is removed once its record is durable. A gate that dies between the two records it once more, under the
       same `notice`.
    3. What is ended at once is told at once, so that open streams end; recording comes after.

Not here: who is asked whether they mean it (cli), and ends by anybody else (grants.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final, Protocol, cast, final

import structlog
import trio

from aegis_trio.audit.entry import AuditEntry, service_event
from aegis_trio.auth.broker.grants import REVOKED, principal_of
from aegis_trio.auth.broker.rows import GrantRow, decode_grant, grant_word, new_id, person_key
from aegis_trio.auth.clients.client import Client
from aegis_trio.model.clock import WallClock, as_timestamp
from aegis_trio.model.errors import AuditUnavailable
from aegis_trio.model.json import JsonObject
from aegis_trio.store.interface import Change, Delete, Put, Space, Store, StoreFailed

NOTICED: Final = "noticed"
"""The topic on which notices are told, by their ids."""
LOOK_AGAIN_S: Final = 30.0  # for a log that could not be written; the feed tells of everything new
_PAGE: Final = 100
_MAX_CLIENT_CHARS: Final = 256

log: Final = structlog.get_logger(__name__)


class DurableTrail(Protocol):
    """Where notices are recorded: the audit trail."""

    async def append(self, entry: AuditEntry) -> int:
        """Write a record and wait until it is durable; raises AuditUnavailable when it is not."""
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorEnds:
    """Ends what a person at the command line names."""

    store: Store
    clock: WallClock
    operator: str
    """The account of this machine that ran the command."""

    async def end_grant(self, grant_id: str) -> GrantRow | None:
        """End a grant with its tokens; None when it had ended.

        Raises:
            StoreFailed: the store cannot be read or written; the grant stands then, or its end is whole.
        """
        while True:
            row = await self.store.get(Space.GRANT, grant_id)
            if row is None:
                return None
            grant = decode_grant(row.value)
            notice = self._notice(
                "oauth_revoke",
                {
                    "reason": "operator",
                    "grant": grant.id,
                    "principal": principal_of(grant.uid),
                    "login": grant.login,
                    "client": grant.client_id[:_MAX_CLIENT_CHARS],
                },
            )
            changes: list[Change] = [Delete(space=Space.GRANT, key=grant_id, if_version=row.version), notice]
            for space in (Space.ACCESS, Space.REFRESH):
                tokens = await self.store.find(space, grant_word(grant_id))
                changes.extend(Delete(space=space, key=token.key) for token in tokens)
            # A client that refreshes at this moment changes the grant; then its new tokens have to go as well.
            if await self.store.apply(tuple(changes)):
                await self.store.publish(REVOKED, grant_id)
                await self.store.publish(NOTICED, notice.key)
                return grant

    async def forget_person(self, uid: int) -> bool:
        """Forget a person's tokens at Gitea, so that they sign in there again; return whether there were any."""
        key = person_key(uid)
        if await self.store.get(Space.PERSON, key) is None:
            return False
        notice = self._notice("oauth_forget", {"reason": "operator", "principal": principal_of(uid)})
        await self.store.apply((Delete(space=Space.PERSON, key=key), notice))
        await self.store.publish(NOTICED, notice.key)
        return True

    async def remove_client(self, client: Client) -> bool:
        """Forget a registered client; return whether it was known. Its grants are ended one by one, before."""
        while True:
            row = await self.store.get(Space.CLIENT, client.id)
            if row is None:
                return False
            notice = self._notice("oauth_unregister", {"client": client.id, "client_name": client.name})
            gone = Delete(space=Space.CLIENT, key=client.id, if_version=row.version)
            if await self.store.apply((gone, notice)):
                await self.store.publish(NOTICED, notice.key)
                return True

    def _notice(self, event: str, fields: JsonObject) -> Put:
        now_ns = self.clock.now_ns()
        key = f"{now_ns:020}-{new_id()}"  # so that they are recorded in their order
        whole: JsonObject = {**fields, "operator": self.operator, "ended_at": as_timestamp(now_ns), "notice": key}
        value = json.dumps({"event": event, "fields": whole}).encode()
        return Put(space=Space.NOTICE, key=key, value=value, if_version=0)


async def record_notices(store: Store, trail: DurableTrail) -> int:
    """Record every notice, and return how many there were.

    Raises:
        StoreFailed, AuditUnavailable: what is left is recorded another time.
    """
    recorded = 0
    while rows := await store.rows(Space.NOTICE, limit=_PAGE):
        for row in rows:
            notice = cast("JsonObject", json.loads(row.value))
            await trail.append(service_event(cast("str", notice["event"]), **cast("JsonObject", notice["fields"])))
            await store.delete(Space.NOTICE, row.key)
            recorded += 1
    return recorded


async def run_recorder(
    store: Store, trail: DurableTrail, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Record notices as they come, until cancelled; started once it hears of new ones."""
    with store.subscribe(NOTICED) as told:
        task_status.started()
        while True:
            try:
                await record_notices(store, trail)
            except (StoreFailed, AuditUnavailable) as fault:
                log.warning("ends_not_recorded", fault=type(fault).__name__)
            with trio.move_on_after(LOOK_AGAIN_S):
                await told.receive()
