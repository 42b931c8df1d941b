"""What the operator may choose about signing in with Gitea."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import final

from aegis_trio.auth.clients.client import Client
from aegis_trio.model.secret import Secret


class Flow(StrEnum):
    """Who gives clients their tokens."""

    BROKER = "broker"  # we do, after Gitea's login
    GITEA = "gitea"  # Gitea does; clients hold its own tokens


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SigninSettings:
    """Signing in; exists where `OAUTH_MODE` is on."""

    flow: Flow
    client_id: str
    """Of our application in Gitea."""
    client_secret: Secret
    gitea_public_url: str | None = None
    """Gitea as people's browsers reach it, without a trailing slash; None where that is the address that we ask."""
    expected_audience: str
    """What introspection's `aud` must hold."""
    access_ttl_s: int = 3600
    refresh_ttl_s: int = 30 * 86_400
    encryption_keys: tuple[bytes, ...] = field(default=(), repr=False)
    """32 bytes each, newest first; empty derives one from the root secret."""
    allowed_client_domains: tuple[str, ...] = ()
    """Hosts, with their subdomains, that clients may be of; empty allows all."""
    static_clients: tuple[Client, ...] = ()
    extra_redirect_uris: tuple[str, ...] = ()
    """Further redirect URIs of clients that use the Gitea application's own id."""
    store_path: Path = Path("/var/lib/aegis-mcp/store.sqlite3")
    jwks_max_stale_s: float = 3600.0
    allow_gitea_pat: bool = False
    """Whether a personal access token of Gitea is a credential (`Flow.GITEA` only)."""
    write_mode: bool = False
