"""What the broker needs of the rooms around it, as protocols: Gitea's login, and the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final

from aegis_trio.audit.entry import AuditEntry
from aegis_trio.model.secret import Secret


class OAuthTrail(Protocol):
    """Where steps of sign-ins are recorded: the audit trail."""

    def append_nowait(self, entry: AuditEntry) -> None:
        """Hand in a record; raises AuditUnavailable when it would not become durable."""
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamTokens:
    """A set of tokens that Gitea gave."""

    access: Secret
    refresh: Secret
    expires_in_s: int
    id_token: Secret | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamIdentity:
    """Who signed in at Gitea, and what the grant there really holds."""

    uid: int
    login: str
    scope: str
    """As introspection shows it."""


class UpstreamGrantDead(Exception):
    """Gitea does not know the grant any more: the person has to sign in again."""


class UpstreamOtherGrant(Exception):
    """Gitea holds an older grant, made without the words by which it proves who signed in."""

    def __init__(self, person: str) -> None:
        """Say whose grant it is.

        Args:
            person: the login, as introspection names it; nobody has proved to be that person.
        """
        super().__init__()
        self.person = person


class Upstream(Protocol):
    """Gitea's login, with our application; every method raises the UpstreamFaults of model/errors.py."""

    def authorize_address(self, *, state: str, nonce: str, challenge: str) -> str:
        """Return where the browser goes to sign in at Gitea."""
        ...

    async def is_issuer(self, raw_issuer: str) -> bool:
        """Return whether an answer that names *raw_issuer* is Gitea's."""
        ...

    async def exchange(self, code: Secret, verifier: Secret) -> UpstreamTokens:
        """Exchange the code that Gitea gave; raises UpstreamGrantDead when it is none."""
        ...

    async def refresh(self, refresh_token: Secret) -> UpstreamTokens:
        """Exchange a refresh token; raises UpstreamGrantDead when the grant has ended."""
        ...

    async def identify(self, tokens: UpstreamTokens, nonce: str) -> UpstreamIdentity:
        """Return whose tokens these are: ID token verified, grant introspected.

        Raises:
            UpstreamGrantDead: the grant has ended, or its person may not sign in.
            UpstreamOtherGrant: the grant is an older one that proves nobody.
        """
        ...
