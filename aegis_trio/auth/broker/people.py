"""People: one set of Gitea tokens for each, shared by all of their clients, fresh when a call needs it.

Laws:
    1. A person's tokens are refreshed by one task at a time, and before they expire.
    2. A grant that Gitea has ended ends ours: every client of the person has to sign in again, and is told by 401.
    3. Tokens of Gitea leave this room only as the secret that a call is made with.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Final, final

import structlog
import trio

from aegis_trio.auth.broker.grants import Grants
from aegis_trio.auth.broker.ports import Upstream, UpstreamGrantDead, UpstreamIdentity, UpstreamTokens
from aegis_trio.auth.broker.rows import PersonRow, decode_row, encode_row, person_key
from aegis_trio.auth.vault import Vault
from aegis_trio.model.clock import WallClock, unix_seconds
from aegis_trio.model.secret import Secret
from aegis_trio.store.interface import Put, Row, Space, Store

FRESH_FOR_S: Final = 60  # a token that is good for less is exchanged first: a call may last that long
PERSON_KEPT_S: Final = 60 * 86_400  # twice as long as Gitea's own refresh tokens live
MAX_LOCKS: Final = 10_000

log: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Lock:
    lock: trio.Lock = field(default_factory=trio.Lock)


@final
class People:
    """Who signed in, and with which tokens."""

    def __init__(self, store: Store, *, vault: Vault, upstream: Upstream, grants: Grants, clock: WallClock) -> None:
        self._store = store
        self._vault = vault
        self._upstream = upstream
        self._grants = grants
        self._clock = clock
        self._locks: OrderedDict[int, _Lock] = OrderedDict()

    async def remember(self, identity: UpstreamIdentity, tokens: UpstreamTokens) -> None:
        """Keep the tokens of somebody who signed in, in the place of older ones."""
        async with self._lock(identity.uid):
            await self._store.put(self._put(identity.uid, identity.login, tokens))

    async def token_of(self, uid: int) -> Secret | None:
        """Return a Gitea token of a person that is good for a call, or None when they have to sign in again.

        Raises:
            UpstreamFault: Gitea cannot be asked now; nothing is lost by that.
        """
        found = _person_of(uid, await self._store.get_recent(Space.PERSON, person_key(uid)))
        if found is not None and found[0].access_expires_at - self._now_s() > FRESH_FOR_S:
            return self._unseal(found[0], "access")
        async with self._lock(uid):
            return await self._refreshed(uid, None if found is None else found[1].version)

    async def is_signed_in(self, uid: int) -> bool:
        """Return whether a person's tokens work; asks Gitea when they have to be exchanged.

        Raises:
            UpstreamFault: Gitea cannot be asked now.
        """
        return await self.token_of(uid) is not None

    async def forget(self, uid: int, reason: str) -> None:
        """Forget a person's tokens, and end every grant that stands on them."""
        # The tokens go last: where this breaks off, the next call finds them, and goes on with it.
        for grant in await self._grants.of_person(uid):
            await self._grants.end(grant.id, reason)
        await self._store.delete(Space.PERSON, person_key(uid))

    async def reseal(self) -> int:
        """Seal by the vault's first key what older ones sealed; return for how many people.

        Afterwards the older keys can be taken away, and nobody signs in again for it.
        """
        done, after = 0, ""
        while rows := await self._store.rows(Space.PERSON, after=after):
            after = rows[-1].key
            for row in rows:
                done += await self._resealed(decode_row(PersonRow, row.value).uid)
        return done

    async def _resealed(self, uid: int) -> bool:
        key = person_key(uid)
        async with self._lock(uid):
            found = await self._find(uid)
            if found is None or self._vault.is_sealed_by_first(found[0].refresh, row=f"{key} refresh", owner=key):
                return False
            person, row = found
            access, refresh = self._unseal(person, "access"), self._unseal(person, "refresh")
            if access is None or refresh is None:
                return False
            lasts_s = person.access_expires_at - self._now_s()
            tokens = UpstreamTokens(access=access, refresh=refresh, expires_in_s=lasts_s)
            put = replace(self._put(uid, person.login, tokens, row.version), expires_at=row.expires_at)
            return await self._store.put(put) is not None

    async def _refreshed(self, uid: int, seen: int | None) -> Secret | None:
        # Somebody may have refreshed while this task waited for the lock; where Gitea's tokens live for less than the
        # margin, what they got is as fresh as it can be, and good for every call that waited.
        found = await self._find(uid)
        if found is None:
            return None
        person, row = found
        margin_s = FRESH_FOR_S if row.version == seen else 0
        if person.access_expires_at - self._now_s() > margin_s:
            return self._unseal(person, "access")
        refresh = self._unseal(person, "refresh")
        if refresh is None:
            return None
        kept: Secret | None = None
        # Invariant: an exchange that began is finished, and what it gave is kept, for with rotation on the old token is
        # gone; and a grant that is dead is cleared away whole, or what stays of it would live again.
        with trio.CancelScope(shield=True):  # the transport's own timeouts bound it
            try:
                kept = await self._kept(person, row, await self._upstream.refresh(refresh))
            except UpstreamGrantDead:
                log.info("gitea_grant_ended", principal=person_key(uid))
                await self.forget(uid, "gitea_grant_ended")
        return kept

    async def _find(self, uid: int) -> tuple[PersonRow, Row] | None:
        return _person_of(uid, await self._store.get(Space.PERSON, person_key(uid)))

    async def _kept(self, person: PersonRow, row: Row, tokens: UpstreamTokens) -> Secret | None:
        kept = await self._store.put(self._put(person.uid, person.login, tokens, row.version))
        if kept is not None:
            return tokens.access
        # Another process was faster; its tokens are as good, and perhaps the only ones that are.
        newer = await self._find(person.uid)
        return None if newer is None else self._unseal(newer[0], "access")

    def _put(self, uid: int, login: str, tokens: UpstreamTokens, if_version: int | None = None) -> Put:
        key, now_s = person_key(uid), self._now_s()
        person = PersonRow(
            uid=uid,
            login=login,
            access=self._vault.seal(tokens.access, row=f"{key} access", owner=key),
            refresh=self._vault.seal(tokens.refresh, row=f"{key} refresh", owner=key),
            access_expires_at=now_s + tokens.expires_in_s,
        )
        until = now_s + PERSON_KEPT_S
        return Put(space=Space.PERSON, key=key, value=encode_row(person), expires_at=until, if_version=if_version)

    def _unseal(self, person: PersonRow, what: str) -> Secret | None:
        key = person_key(person.uid)
        sealed = person.access if what == "access" else person.refresh
        return self._vault.unseal(sealed, row=f"{key} {what}", owner=key)

    def _lock(self, uid: int) -> trio.Lock:
        found = self._locks.setdefault(uid, _Lock())
        self._locks.move_to_end(uid)
        for other in list(self._locks)[: max(0, len(self._locks) - MAX_LOCKS)]:
            if not self._locks[other].lock.locked():
                del self._locks[other]
        return found.lock

    def _now_s(self) -> int:
        return unix_seconds(self._clock)


def _person_of(uid: int, row: Row | None) -> tuple[PersonRow, Row] | None:
    person = None if row is None else decode_row(PersonRow, row.value)
    # Threat: another person's row in the place of this one's would open with what it says of itself.
    return None if row is None or person is None or person.uid != uid else (person, row)
