"""What the operator may choose about authentication; keys stand here as digests only.

Whom it trusts: config made it from the operator's own settings and reported every fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import final

from aegis_trio.auth.keytext import DigestScheme
from aegis_trio.model.bounds import UNBOUNDED, KeyBounds
from aegis_trio.model.secret import Secret


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredKey:
    """One API key as the gate knows it: by digest, never by its text."""

    scheme: DigestScheme
    digest: bytes
    gitea_token: Secret
    """The Gitea identity that calls with this key act as."""
    hint: str | None = None
    """Known for a key that stands in plain text or in the store, or when a hashed entry names it."""
    kid: str | None = None
    """Known for a key that stands in plain text or in the store."""


class KeyState(StrEnum):
    """Where a key stands in its life."""

    ACTIVE = "active"
    GRACE = "grace"  # another key has taken its place, and it goes on for a while
    EXPIRED = "expired"
    REVOKED = "revoked"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyValidity:
    """Until when, how far and as whom a key is good; from its row in the store."""

    kid: str
    expires_ns: int | None
    """UTC nanoseconds; None never."""
    revoked: bool = False
    replaced_by: str | None = None
    """Hint of the key that takes this one's place."""
    bounds: KeyBounds = UNBOUNDED
    gitea_token: Secret | None = None
    """The Gitea identity of this key alone; goes before every other."""
    created_ns: int | None = None
    """UTC nanoseconds; None where it is not known."""
    hint: str | None = None

    def state(self, now_ns: int) -> KeyState:
        """Return where the key stands at *now_ns* (UTC nanoseconds)."""
        if self.revoked:
            return KeyState.REVOKED
        if self.expires_ns is not None and now_ns >= self.expires_ns:
            return KeyState.EXPIRED if self.replaced_by is None else KeyState.REVOKED
        return KeyState.ACTIVE if self.replaced_by is None else KeyState.GRACE


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSettings:
    """Who may call, and what happens to those who guess."""

    enabled: bool = True
    keys: tuple[ConfiguredKey, ...] = ()
    validities: tuple[KeyValidity, ...] = ()
    keys_folder: Path = Path("keys")
    """Where the keys' metadata stand."""
    pepper: Secret | None = None
    """The key of HMAC digests."""
    former_peppers: tuple[Secret, ...] = ()
    """Those that older digests were made with."""
    bot_token: Secret | None = None
    """`GITEA_TOKEN`: the identity of keys that have none of their own, and of the principal `local`."""
    key_tokens: Mapping[str, Secret] = field(default_factory=dict[str, Secret])
    """Gitea tokens by the hint of the key that they are bound to."""
    max_failures: int = 5
    """Invalid credentials from one address within the window before it is blocked; 0 never blocks."""
    failure_window_s: int = 300
    block_strict: bool = False
    """Refuse a blocked address even with a valid credential."""
    allow_query_key: bool = False
    public_tool_list: bool = False
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()

    def gitea_tokens(self) -> dict[str, Secret]:
        """Return every Gitea token in use, by the name under which the operator knows it."""
        tokens = {f"GITEA_KEY_TOKENS {hint}": token for hint, token in self.key_tokens.items()}
        for validity in self.validities:
            if validity.gitea_token is not None:
                tokens[f"{self.keys_folder}/{validity.kid}.json"] = validity.gitea_token
        if self.bot_token is not None:
            tokens["GITEA_TOKEN"] = self.bot_token
        return tokens
