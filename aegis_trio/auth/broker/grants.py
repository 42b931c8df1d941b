"""Grants: what people agreed to, and the ends of it.

Law: when a grant ends, its tokens end with it, in one step, and whoever runs something for it is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, final

from aegis_trio.audit.entry import service_event
from aegis_trio.auth.broker.ports import OAuthTrail
from aegis_trio.auth.broker.rows import (
    GrantRow,
    client_word,
    decode_grant,
    encode_row,
    grant_word,
    person_key,
)
from aegis_trio.model.clock import WallClock, unix_seconds
from aegis_trio.model.identity import PrincipalId
from aegis_trio.model.json import JsonValue
from aegis_trio.store.interface import Change, Delete, Put, Space, Store

REVOKED: Final = "revoked"
"""The topic on which ended grants are told, by their ids."""
MAX_GRANTS_OF_ONE: Final = 20
"""Grants of one person to one client; a further one ends the oldest."""
MAX_GRANTS_OF_PERSON: Final = 200
"""Grants of one person in all; a further one ends the one that was longest not used."""
USED_STEP_S: Final = 60
"""How exactly "last used" is kept, seconds: each note is a write."""


@final
class Grants:
    """The grants in the store."""

    def __init__(self, store: Store, clock: WallClock, audit: OAuthTrail) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit

    async def find(self, grant_id: str) -> GrantRow | None:
        """Return a grant, or None when it has ended."""
        found = await self.find_version(grant_id)
        return None if found is None else found[0]

    async def find_recent(self, grant_id: str) -> GrantRow | None:
        """Return a grant as the store's `get_recent` does; for judging calls."""
        row = await self._store.get_recent(Space.GRANT, grant_id)
        return None if row is None else decode_grant(row.value)

    async def find_version(self, grant_id: str) -> tuple[GrantRow, int] | None:
        """Return a grant and the version of its row, for a change that must not bring an ended one back."""
        row = await self._store.get(Space.GRANT, grant_id)
        return None if row is None else (decode_grant(row.value), row.version)

    async def of_person(self, uid: int) -> tuple[GrantRow, ...]:
        """Return the grants of one person, oldest first."""
        rows = await self._store.find(Space.GRANT, person_key(uid))
        return _oldest_first(decode_grant(row.value) for row in rows)

    async def of_client(self, client_id: str) -> tuple[GrantRow, ...]:
        """Return the grants to one client, oldest first."""
        rows = await self._store.find(Space.GRANT, client_word(client_id))
        return _oldest_first(decode_grant(row.value) for row in rows)

    async def page(self, after: str = "", limit: int = 100) -> tuple[GrantRow, ...]:
        """Return grants in the order of their ids, behind *after*."""
        return tuple(decode_grant(row.value) for row in await self._store.rows(Space.GRANT, after=after, limit=limit))

    async def make_room(self, uid: int, client_id: str) -> None:
        """End the oldest grants of a person to a client that has as many as it may, and then of a person who has."""
        grants = await self.of_person(uid)
        same = [grant for grant in grants if grant.client_id == client_id]
        gone = same[: max(0, len(same) - MAX_GRANTS_OF_ONE + 1)]
        rested = sorted((grant for grant in grants if grant not in gone), key=lambda grant: grant.last_used_at)
        gone += rested[: max(0, len(rested) - MAX_GRANTS_OF_PERSON + 1)]
        for grant in gone:
            await self.end(grant.id, "replaced")

    def keep(self, grant: GrantRow, expires_at: int, if_version: int | None = None) -> Put:
        """Return the change that writes *grant*."""
        return Put(
            space=Space.GRANT,
            key=grant.id,
            value=encode_row(grant),
            expires_at=expires_at,
            indexes=(person_key(grant.uid), client_word(grant.client_id)),
            if_version=if_version,
        )

    async def note_use(self, grant: GrantRow) -> None:
        """Note that a grant is used, at most once in `USED_STEP_S`; lost to whoever changes it meanwhile."""
        now_s = unix_seconds(self._clock)
        if now_s - grant.last_used_at < USED_STEP_S:
            return
        row = await self._store.get(Space.GRANT, grant.id)
        if row is None or row.expires_at is None:
            return
        used = replace(decode_grant(row.value), last_used_at=now_s)
        await self._store.put(self.keep(used, row.expires_at, row.version))

    async def end(self, grant_id: str, reason: str, address: str | None = None) -> GrantRow | None:
        """End a grant with its tokens, and tell whoever runs something for it; None when it had ended.

        Args:
            grant_id: the grant's.
            reason: a word for the record.
            address: whence the request came that ended it; None where none did.
        """
        row = await self._store.take(Space.GRANT, grant_id)
        word = grant_word(grant_id)
        changes: list[Change] = []
        for space in (Space.ACCESS, Space.REFRESH):
            changes.extend(Delete(space=space, key=one.key) for one in await self._store.find(space, word))
        if changes:
            await self._store.apply(tuple(changes))
        await self._store.publish(REVOKED, grant_id)
        if row is None:
            return None
        grant = decode_grant(row.value)
        whence: dict[str, JsonValue] = {} if address is None else {"client_ip": address}
        self._audit.append_nowait(
            service_event(
                "oauth_revoke",
                reason=reason,
                grant=grant.id,
                principal=principal_of(grant.uid),
                login=grant.login,
                client=grant.client_id[:256],
                **whence,
            )
        )
        return grant


def principal_of(uid: int) -> PrincipalId:
    """Return the principal that a person is."""
    return PrincipalId(person_key(uid))


def _oldest_first(grants: Iterable[GrantRow]) -> tuple[GrantRow, ...]:
    return tuple(sorted(grants, key=lambda grant: (grant.created_at, grant.id)))
