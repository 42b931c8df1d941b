"""What the authenticator needs of the rooms around it, as protocols: who knows people, and the audit trail."""

from __future__ import annotations

from typing import Protocol

from aegis_trio.audit.entry import AuditEntry
from aegis_trio.model.identity import Caller, Origin, OwnerId
from aegis_trio.model.secret import Secret


class AttemptTrail(Protocol):
    """Where attempts are recorded: the audit trail."""

    def append_nowait(self, entry: AuditEntry) -> None:
        """Hand in a record; raises AuditUnavailable when it would not become durable."""
        ...


class TokenJudge(Protocol):
    """Knows people by their tokens; `auth.broker.calls.PersonCalls` and `auth.gitea_bearer.GiteaBearer` are two."""

    def is_one(self, raw_token: str) -> bool:
        """Return whether a credential has the form of such a token; whether it is good, `judge` tells."""
        ...

    async def judge(self, raw_token: Secret, origin: Origin, *, may_ask: bool) -> Caller | None:
        """Return who calls, or None when the token is not good, or not known to be while Gitea may not be asked.

        Raises UpstreamFault when Gitea has to be asked and cannot be.
        """
        ...

    async def still_holds(self, owner: OwnerId) -> bool:
        """Return whether the access of *owner* goes on; raises UpstreamFault when Gitea cannot be asked."""
        ...
