"""Who is calling: the principal that a credential stands for, and the caller that carries it.

Laws:
    1. A `Principal` holds no secret: tools, logs and the audit trail may see it.
    2. A `Caller` holds the Gitea token of that principal; only the gateway passes it on, to the client that sends it.
    3. Every identity names its instance, though there is one Gitea today.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType, final

from aegis_trio.model.bounds import UNBOUNDED, KeyBounds
from aegis_trio.model.secret import Secret

InstanceId = NewType("InstanceId", str)
"""The name of one Gitea behind this gate."""

PrincipalId = NewType("PrincipalId", str)
"""Stable and unique, such as `key:1f0c9a2b3d4e` or `local`; never a secret, never reused."""

OwnerId = NewType("OwnerId", str)
"""What a session or a running request hangs on, and is ended with: a person's grant to one client, or a principal."""

DEFAULT_INSTANCE: Final = InstanceId("main")


class PrincipalKind(StrEnum):
    """How a principal proved who it is."""

    API_KEY = "api_key"
    PERSON = "person"  # signed in at Gitea, through a client of ours
    LOCAL = "local"  # AUTH_ENABLED=false on loopback


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """One authenticated identity for this server."""

    id: PrincipalId
    kind: PrincipalKind
    instance: InstanceId
    scopes: frozenset[str]
    """Scopes as our metadata spells them, such as `read:repository`; write implies read in policy, not here."""
    key_hint: str | None = None
    """First eight and last four characters of the key's hexadecimal body, such as `a1b2c3d4...e1f2`."""
    login: str | None = None
    """A person's login at Gitea, for people who read; it may change."""
    grant: str | None = None
    """A person's grant to the client that calls."""
    client: str | None = None
    """The client that a person signed in through; the same in every grant to it."""
    bounds: KeyBounds = UNBOUNDED
    """How far a key reaches; people are bounded by their scopes and by Gitea alone."""

    @property
    def owner(self) -> OwnerId:
        """What its sessions hang on: ending one client's grant leaves the person's other clients running."""
        return OwnerId(self.id if self.grant is None else f"grant:{self.grant}")

    def succeeds(self, earlier: Principal) -> bool:
        """Return whether this is the same person through the same client, and reaches all that *earlier* did.

        That is so after a step-up: the client signed in anew for more scopes.
        """
        same = self.client is not None and (self.id, self.client) == (earlier.id, earlier.client)
        return same and self.instance == earlier.instance and self.scopes >= earlier.scopes


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a request came from, after trusted proxies were taken into account."""

    address: str
    """IP address in canonical text, IPv4-mapped IPv6 unmapped; `local` for stdio."""
    user_agent: str | None = None
    """At most 256 characters, untrusted."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A principal, the Gitea token bound to its credential, and where the request came from."""

    principal: Principal
    gitea_token: Secret
    origin: Origin
