"""Calls of people: from an access token of ours to the caller that it stands for.

Laws:
    1. A token counts for the resource that it was made for, and only while its grant lives.
    2. The caller acts at Gitea with the person's own token, and may use no more than the token's scopes.
    3. A person whose grant at Gitea has ended is nobody, like an unknown token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import final

from aegis_trio.auth.broker.grants import Grants, principal_of
from aegis_trio.auth.broker.people import People
from aegis_trio.auth.broker.rows import ACCESS_PREFIX
from aegis_trio.auth.broker.tokens import Tokens
from aegis_trio.model.identity import DEFAULT_INSTANCE, Caller, Origin, OwnerId, Principal, PrincipalKind
from aegis_trio.model.secret import Secret


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PersonCalls:
    """Judges access tokens of ours."""

    tokens: Tokens
    grants: Grants
    people: People
    resources: tuple[str, ...]
    """The protected resources that this server is."""
    may_be_used: Callable[[Secret], Awaitable[bool]]
    """Whether Gitea still lets the owner of a token in."""

    def is_one(self, raw_token: str) -> bool:
        """Return whether a credential has the form of an access token of ours."""
        return raw_token.startswith(ACCESS_PREFIX)

    async def judge(self, raw_token: Secret, origin: Origin, *, may_ask: bool) -> Caller | None:  # noqa: ARG002 -- a good token is never a stranger's
        """Return who calls with *raw_token*, or None when it is not good.

        Args:
            may_ask: without effect: Gitea is asked only once the token is known to be good.

        Raises:
            UpstreamFault: the person's token at Gitea has to be exchanged, and Gitea cannot be asked.
        """
        # 1. the token is ours and lives  2. for this resource  3. the person's grant at Gitea lives
        found = await self.tokens.find_access(raw_token.reveal())
        if found is None:
            return None
        access, grant = found
        # Threat: a token for another resource, made before the address of this one changed.
        if access.resource not in self.resources:
            return None
        gitea_token = await self.people.token_of(grant.uid)
        if gitea_token is None:
            return None
        await self.grants.note_use(grant)
        principal = Principal(
            id=principal_of(grant.uid),
            kind=PrincipalKind.PERSON,
            instance=DEFAULT_INSTANCE,
            scopes=frozenset(access.scopes),
            login=grant.login,
            grant=grant.id,
            client=grant.client_id,
        )
        return Caller(principal=principal, gitea_token=gitea_token, origin=origin)

    async def still_holds(self, owner: OwnerId) -> bool:
        """Return whether the access of *owner* goes on: its grant lives, and Gitea lets the person in.

        Raises:
            UpstreamFault: Gitea cannot be asked.
        """
        grant = await self.grants.find(owner.removeprefix("grant:"))
        if grant is None:
            return False
        token = await self.people.token_of(grant.uid)
        if token is None or not await self.may_be_used(token):
            await self.people.forget(grant.uid, "refused_at_gitea")
            return False
        return True
