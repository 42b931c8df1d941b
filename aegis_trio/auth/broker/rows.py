"""What the broker keeps, as rows of the store: pure values and their JSON.

Laws:
    1. No token or code stands in a row as it is: keys are digests, what must be given again is sealed.
    2. A row that is not of its form is a bug or somebody else's doing, and raises.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from typing import Final, TypeVar, cast, final

from aegis_trio.model.secret import Secret

TOKEN_BYTES: Final = 32  # 256 bits
ACCESS_PREFIX: Final = "aegis_at_"
REFRESH_PREFIX: Final = "aegis_rt_"
CODE_PREFIX: Final = "aegis_ac_"
MAX_TOKEN_CHARS: Final = 128
RowT = TypeVar("RowT")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRow:
    """One person's consent to one client."""

    id: str
    uid: int
    login: str
    client_id: str
    client_name: str
    scopes: tuple[str, ...]
    resource: str
    created_at: int
    last_used_at: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """A code that waits to be redeemed."""

    grant: GrantRow
    redirect_uri: str
    code_challenge: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRow:
    """An access token."""

    grant_id: str
    scopes: tuple[str, ...]
    resource: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshRow:
    """A refresh token."""

    grant_id: str
    scopes: tuple[str, ...]
    used_at: int | None = None
    """When it was exchanged; what stays of it then serves to notice its reuse."""
    successor: str | None = None
    """What it was exchanged for, sealed, for a client that lost the answer."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """A person's tokens at Gitea, sealed; one set for all of their clients."""

    uid: int
    login: str
    access: str
    refresh: str
    access_expires_at: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRow:
    """A sign-in on its way: what was asked for, and how far it has come."""

    client_id: str
    client_name: str
    redirect_uri: str
    state: str | None
    scopes: tuple[str, ...]
    code_challenge: str
    resource: str
    browser: str
    """Digest of the browser session that it belongs to."""
    nonce: str | None = None
    """Of the way to Gitea, once the person has agreed."""
    verifier: str | None = None
    """Sealed: the PKCE verifier of that way."""
    is_own: bool = False
    """Whether a person signs in to our own pages, and no client gets anything."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserRow:
    """A browser that has been here."""

    uid: int | None = None
    """Who is signed in."""
    login: str | None = None


def new_token(prefix: str) -> Secret:
    """Return a fresh token."""
    return Secret(prefix + secrets.token_urlsafe(TOKEN_BYTES))


def new_id() -> str:
    """Return a fresh id of 128 bits that is no secret."""
    return secrets.token_hex(16)


def digest(raw_token: str) -> str:
    """Return the key under which a token's row stands."""
    return hashlib.sha256(raw_token.encode("utf-8", "surrogatepass")).hexdigest()


def person_key(uid: int) -> str:
    """Return the key of a person's row, and the word by which their rows are found."""
    return f"person:{uid}"


def client_word(client_id: str) -> str:
    """Return the word by which a client's rows are found."""
    return f"client:{digest(client_id)[:32]}"


def grant_word(grant_id: str) -> str:
    """Return the word by which a grant's tokens are found."""
    return f"grant:{grant_id}"


def encode_row(row: GrantRow | CodeRow | AccessRow | RefreshRow | PersonRow | LoginRow | BrowserRow) -> bytes:
    """Return *row* as the store keeps it."""
    return json.dumps(asdict(row)).encode()


def decode_grant(value: bytes) -> GrantRow:
    """Return the grant that *value* holds."""
    return _grant(_fields(value))


def decode_code(value: bytes) -> CodeRow:
    """Return the code that *value* holds."""
    fields = _fields(value)
    return CodeRow(**{**fields, "grant": _grant(cast("dict[str, object]", fields["grant"]))})  # type: ignore[arg-type]  # as encode_row wrote it


def decode_row(kind: type[RowT], value: bytes) -> RowT:
    """Return the row of *kind* that *value* holds.

    Raises:
        TypeError: it is of another form.
    """
    return kind(**_fields(value))


def _grant(fields: dict[str, object]) -> GrantRow:
    return GrantRow(**_tupled(fields))  # type: ignore[arg-type]  # as encode_row wrote it


def _fields(value: bytes) -> dict[str, object]:
    return _tupled(cast("dict[str, object]", json.loads(value)))


def _tupled(fields: dict[str, object]) -> dict[str, object]:
    return {
        name: tuple(cast("list[object]", field)) if isinstance(field, list) else field for name, field in fields.items()
    }
