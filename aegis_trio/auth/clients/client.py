"""A client: who asks on a person's behalf, where answers may go, and how it proves that it is itself.

Laws:
    1. A redirect URI is matched exactly; only the port of a loopback address is free (RFC 8252 section 7.3), and, for
       a client of the operator's, the last segment of an address that a service makes for each of its connectors.
    2. Outside loopback a redirect URI is https, has no fragment, no userinfo, and no dot segment; beside these there
       are the few addresses of `NATIVE_REDIRECTS`, whole.
    3. What a client calls itself is shown, and trusted for nothing.

Not here: where clients come from (static.py, registry.py, documents.py).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast, final
from urllib.parse import SplitResult, urlsplit

from aegis_trio.model.json import JsonObject

MAX_REDIRECT_CHARS: Final = 2048
MAX_REDIRECT_URIS: Final = 16
MAX_NAME_CHARS: Final = 120
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
NATIVE_REDIRECTS: Final = frozenset({"cursor://anysphere.cursor-mcp/oauth/callback"})
"""Where programs are called by the operating system instead of listening, each exactly so.

Trade: MCP asks for https or loopback, and Cursor registers this besides. Any program may claim a scheme, as any may
listen on loopback, so the person is warned alike; PKCE keeps a code from whoever did not ask for it. A free choice of
schemes would let a stranger's registration call any program of the person's machine.

Source: RFC 8252 sections 7.1 and 8.1; Cursor's registration request.
"""
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]+", re.ASCII)
_NETLOC: Final = re.compile(r"(\[[^\[\]]*\]|[^\[\]]*?)(:[0-9]*)?", re.ASCII)
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+", re.ASCII)
_FREE_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)  # no dot, no percent sign: one segment it stays


class ClientKind(StrEnum):
    """Where a client is known from."""

    STATIC = "static"  # the operator's configuration
    REGISTERED = "registered"  # RFC 7591
    DOCUMENT = "document"  # a metadata document at the client's own address


class ClientAuth(StrEnum):
    """How a client proves that it is itself.

    Source: RFC 7591 section 2, RFC 7523.
    """

    NONE = "none"
    SECRET = "client_secret"  # noqa: S105 -- the name of a method; by header or body
    KEY = "private_key_jwt"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One client."""

    id: str
    kind: ClientKind
    name: str
    """What it calls itself, cleaned; untrusted."""
    redirect_uris: tuple[str, ...]
    open_redirects: tuple[str, ...] = ()
    """Beginnings of redirect URIs that end in one more segment, which is free; of static clients only, never stored."""
    auth: ClientAuth = ClientAuth.NONE
    secret_sha256: bytes | None = None
    """Of its secret, which has 128 bits at least."""
    jwks: JsonObject | None = None
    """Its public keys, for `private_key_jwt`."""
    jwks_uri: str | None = None
    created_at: int = 0
    """UTC seconds."""

    @property
    def host(self) -> str | None:
        """The host that a client with a document is verified to speak for; None for any other."""
        return urlsplit(self.id).hostname if self.kind is ClientKind.DOCUMENT else None


def is_valid_redirect(raw_uri: str) -> bool:
    """Return whether *raw_uri* may be a redirect URI at all.

    Source: OAuth 2.1 section 2.3.1; MCP 2026-07-28 basic/authorization (https, or loopback).
    """
    if raw_uri in NATIVE_REDIRECTS:
        return True
    if not 0 < len(raw_uri) <= MAX_REDIRECT_CHARS or not _VISIBLE.fullmatch(raw_uri) or "\\" in raw_uri:
        return False
    parts = _split(raw_uri)
    if parts is None or parts.fragment or "#" in raw_uri or "@" in parts.netloc:
        return False
    host = (parts.hostname or "").lower()
    if not _HOST.fullmatch(host) or any(segment in {".", ".."} for segment in parts.path.split("/")):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)


def matches_redirect(client: Client, raw_uri: str) -> bool:
    """Return whether answers for *client* may go to *raw_uri*.

    Source: RFC 9700 section 4.1.3 (exact comparison), RFC 8252 section 7.3 (ports of loopback addresses).
    """
    if not is_valid_redirect(raw_uri):
        return False
    if any(raw_uri == known or _differ_in_port_only(raw_uri, known) for known in client.redirect_uris):
        return True
    return any(
        raw_uri.startswith(opening) and _FREE_SEGMENT.fullmatch(raw_uri.removeprefix(opening)) is not None
        for opening in client.open_redirects
    )


def is_loopback(uri: str) -> bool:
    """Return whether *uri* leads to a listener on the person's own machine."""
    parts = _split(uri)
    return parts is not None and parts.scheme == "http" and (parts.hostname or "").lower() in LOOPBACK


def is_local(uri: str) -> bool:
    """Return whether *uri* leads to a program on the person's own machine, by loopback or by a scheme of its own."""
    return uri in NATIVE_REDIRECTS or is_loopback(uri)


def encode_client(client: Client) -> bytes:
    """Return *client* as a row of the store."""
    return json.dumps(
        {
            "id": client.id,
            "kind": client.kind.value,
            "name": client.name,
            "redirect_uris": list(client.redirect_uris),
            "auth": client.auth.value,
            "secret_sha256": None if client.secret_sha256 is None else client.secret_sha256.hex(),
            "jwks": client.jwks,
            "jwks_uri": client.jwks_uri,
            "created_at": client.created_at,
        }
    ).encode()


def decode_client(row: bytes) -> Client:
    """Return the client that a row of the store holds.

    Raises:
        ValueError, KeyError: not a row of ours — the store was changed by somebody else.
    """
    fields = cast("dict[str, object]", json.loads(row))
    secret = fields["secret_sha256"]
    return Client(
        id=str(fields["id"]),
        kind=ClientKind(str(fields["kind"])),
        name=str(fields["name"]),
        redirect_uris=tuple(str(uri) for uri in cast("list[object]", fields["redirect_uris"])),
        auth=ClientAuth(str(fields["auth"])),
        secret_sha256=None if secret is None else bytes.fromhex(str(secret)),
        jwks=cast("JsonObject | None", fields["jwks"]),
        jwks_uri=None if fields["jwks_uri"] is None else str(fields["jwks_uri"]),
        created_at=int(str(fields["created_at"])),
    )


def _split(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        return None
    # Threat: of "[::1].evil.example" this library takes "::1" for the host, and drops the rest.
    return parts if _NETLOC.fullmatch(parts.netloc) else None


def _differ_in_port_only(uri: str, known: str) -> bool:
    if not (is_loopback(uri) and is_loopback(known)):
        return False
    one, other = urlsplit(uri), urlsplit(known)
    return (one.hostname, one.path, one.query) == (other.hostname, other.path, other.query)
