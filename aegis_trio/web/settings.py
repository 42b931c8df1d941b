"""What the operator may choose about the public listener."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Final, final

DEFAULT_PORT: Final = 8080
LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Where the gate listens, what it is called, and whom it believes about addresses."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    public_url: str = f"http://127.0.0.1:{DEFAULT_PORT}"
    """The URL that users type, without a trailing slash."""
    allowed_hosts: frozenset[str] = LOOPBACK_HOSTS
    """Host names (lower case, without port) that a request may ask for; an entry with a port matches that port only."""
    allowed_origins: frozenset[str] = frozenset()
    """Origins (`https://host[:port]`, lower case) of browsers' requests; loopback origins of any port are allowed
    while only loopback hosts are."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    websocket_debug: bool = False
    """Whether the debugging transport, MCP over WebSocket at `/mcp/ws`, is there at all."""
