"""The messages that the measures send, and the header lines that belong to them, of both eras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MODERN: Final = "2026-07-28"
LEGACY: Final = "2025-11-25"
CLIENT: Final = {"name": "bench", "version": "1"}
META: Final = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": CLIENT,
}

Json = Mapping[str, object]
_NONE: Final[Json] = {}


def legacy(method: str, params: Json = _NONE) -> Json:
    """Return a request as a session sends it."""
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def modern(method: str, params: Json = _NONE) -> Json:
    """Return a request that stands alone."""
    return legacy(method, {**params, "_meta": META})


def call(name: str, arguments: Json = _NONE) -> Json:
    """Return the parameters of a call of one tool."""
    return {"name": name, "arguments": arguments}


INITIALIZE: Final = legacy("initialize", {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": CLIENT})


def modern_headers(method: str, name: str | None = None) -> dict[str, str]:
    """Return the routing headers of a modern request."""
    headers = {"mcp-protocol-version": MODERN, "mcp-method": method}
    return headers if name is None else {**headers, "mcp-name": name}


def session_headers(session_id: str) -> dict[str, str]:
    """Return the routing headers of a message of a session."""
    return {"mcp-session-id": session_id, "mcp-protocol-version": LEGACY}
