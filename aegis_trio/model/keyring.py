"""One root secret, from which a key per purpose is derived; a ring, so that it can be rotated.

Laws:
    1. No key is used for two purposes: the purpose's name is part of the derivation.
    2. The first root of the ring makes, every root of the ring checks: rotation is adding one in front.

Not here: where the root secret is kept (config).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from aegis_trio.model.secret import Secret

MIN_ROOT_BYTES: Final = 32  # 256 bits, as the digest that stretches it
_SALT: Final = b"aegis-trio keyring v1"


class Purpose(StrEnum):
    """What a derived key may be used for; one value, one use."""

    ARGUMENT_DIGEST = "audit argument digest"
    CURSOR = "pagination cursor"
    REQUEST_STATE = "mrtr request state"
    VAULT = "what is kept sealed"
    BROWSER_FORM = "forms of browser sessions"
    SESSION_TICKET = "sse session ticket"


@final
@dataclass(frozen=True, slots=True)
class Keyring:
    """Root secrets, newest first; at least one."""

    roots: tuple[Secret, ...]

    def __post_init__(self) -> None:
        if not self.roots:
            raise ValueError("a keyring needs at least one root secret")
        for root in self.roots:
            if len(root.reveal().encode()) < MIN_ROOT_BYTES:
                raise ValueError(f"a root secret has at least {MIN_ROOT_BYTES} bytes")

    def key(self, purpose: Purpose) -> bytes:
        """Return the 32-byte key that makes new values for *purpose*."""
        return derive(self.roots[0], purpose)

    def keys(self, purpose: Purpose) -> tuple[bytes, ...]:
        """Return every key that may check a value for *purpose*, newest first."""
        return tuple(derive(root, purpose) for root in self.roots)


def derive(root: Secret, purpose: Purpose) -> bytes:
    """Return 32 bytes for *purpose* by HKDF-SHA256 (one expansion block).

    Source: RFC 5869 sections 2.2 and 2.3.
    """
    pseudorandom_key = hmac.digest(_SALT, root.reveal().encode(), hashlib.sha256)
    return hmac.digest(pseudorandom_key, purpose.value.encode() + b"\x01", hashlib.sha256)
