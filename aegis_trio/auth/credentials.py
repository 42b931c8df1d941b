"""Credentials: which one a request carries, if it carries exactly one.

Laws:
    1. A request that carries two different credentials, or one header twice, is refused: a proxy before us may have
       read the other one.
    2. What is refused here is refused by form alone; nothing was compared with a key.

Not here: finding them in a request (transports/credentials.py), and whether one is valid (authenticator.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias, final

from aegis_trio.model.secret import Secret

_SCHEME: Final = b"bearer"
MAX_CREDENTIAL_BYTES: Final = 4096  # far above any key; what stands behind it is not read


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RawCredentials:
    """What stands in a request where credentials may stand, untouched."""

    authorization: tuple[bytes, ...] = field(default=(), repr=False)
    """Values of every `Authorization` header."""
    api_key_header: tuple[bytes, ...] = field(default=(), repr=False)
    """Values of every `X-API-Key` header."""
    query_key: str | None = field(default=None, repr=False)
    """`?api_key=`, only where the settings and the path allow it."""


@final
@dataclass(frozen=True, slots=True)
class Presented:
    """One credential; hostile text until it was found among the keys."""

    raw_key: Secret


@final
@dataclass(frozen=True, slots=True)
class Absent:
    """No credential at all."""


@final
@dataclass(frozen=True, slots=True)
class Conflicting:
    """Credentials that cannot be told apart; `rule` says which rule they break."""

    rule: str


Credential: TypeAlias = Presented | Absent | Conflicting


def classify_credentials(raw: RawCredentials) -> Credential:
    """Return the one credential of a request, its absence, or what is wrong with their number."""
    # 1. no header twice  2. Authorization has our scheme  3. all that are present agree
    if len(raw.authorization) > 1 or len(raw.api_key_header) > 1:
        return Conflicting("A credential header stands twice.")
    raw_keys: list[bytes] = []
    if raw.authorization:
        scheme, _, token = raw.authorization[0].strip().partition(b" ")
        if scheme.lower() != _SCHEME:
            return Conflicting("Authorization has another scheme than Bearer.")
        raw_keys.append(token.strip())
    raw_keys.extend(value.strip() for value in raw.api_key_header)
    if raw.query_key is not None:
        raw_keys.append(raw.query_key.strip().encode("utf-8", "surrogatepass"))
    raw_keys = [raw_key for raw_key in raw_keys if raw_key]
    if not raw_keys:
        return Absent()
    if any(raw_key != raw_keys[0] for raw_key in raw_keys[1:]):
        return Conflicting("Two different credentials were sent.")
    # Every byte becomes one character: hostile bytes fail as a key later, and never as text here.
    return Presented(Secret(raw_keys[0][: MAX_CREDENTIAL_BYTES + 1].decode("latin-1")))
