"""The address of the gate's WebSocket, made of the URL that people type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final
from urllib.parse import SplitResult, urlsplit

from aegis_trio.config.faults import Misfit
from aegis_trio.config.parsing import is_loopback

ENDPOINT: Final = "/mcp/ws"
_IS_TLS: Final = {"ws": False, "http": False, "wss": True, "https": True}
_DEFAULT_PORTS: Final = {False: 80, True: 443}
_EXAMPLE: Final = "Write one such as ws://127.0.0.1:8080/mcp/ws or https://mcp.example.com."


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to connect, and what to ask for there."""

    host: str
    port: int
    resource: str
    is_tls: bool

    @property
    def url(self) -> str:
        """The address in full."""
        return f"{'wss' if self.is_tls else 'ws'}://{self.authority}{self.resource}"

    @property
    def authority(self) -> str:
        """Host and port, as a `Host` header names them.

        Source: RFC 9110 section 7.2; RFC 3986 section 3.2.2 for the brackets.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.is_tls] else f"{host}:{self.port}"

    @property
    def is_in_the_clear(self) -> bool:
        """Whether the key would cross a network without TLS."""
        return not self.is_tls and not is_loopback(self.host)


def parse_target(raw_url: str) -> Target:
    """Make a target of *raw_url*: ws, wss, http or https; the gate's base URL, its `/mcp`, or the endpoint itself.

    Raises:
        Misfit: it is no such URL, or holds what must not stand in one.
    """
    parts = _split(raw_url)
    if parts is None or parts.scheme not in _IS_TLS or not parts.hostname:
        raise Misfit("is not a ws, wss, http or https URL", _EXAMPLE)
    # Threat: a key in a URL ends in histories and logs.
    if "@" in parts.netloc or "?" in raw_url or "#" in raw_url:
        raise Misfit("holds a user, query or fragment", "Give the key by --key-file or AEGIS_CONSOLE_KEY.")
    if not raw_url.isascii() or not raw_url.isprintable() or " " in raw_url:
        raise Misfit("holds a character that a URL cannot have", _EXAMPLE)
    is_tls = _IS_TLS[parts.scheme]
    path = parts.path.rstrip("/")
    return Target(
        host=parts.hostname,
        port=parts.port or _DEFAULT_PORTS[is_tls],
        resource=path if path.endswith(ENDPOINT) else f"{path.removesuffix('/mcp')}{ENDPOINT}",
        is_tls=is_tls,
    )


def _split(raw_url: str) -> SplitResult | None:
    try:
        parts = urlsplit(raw_url)
        _ = parts.port  # raises when it is no number or out of range
    except ValueError:
        return None
    return parts
