"""The client's messages in both eras: what each request carries, and how a connection begins.

Law: in the modern era every request states revision and capabilities; in the legacy era the handshake did.

Source: MCP 2026-07-28 basic/index#meta; MCP 2025-11-25 basic/lifecycle.
"""

from __future__ import annotations

from typing import Final, final

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.jsonrpc import RequestId
from aegis_trio.protocol.ladder import META_CAPABILITIES, META_CLIENT, META_VERSION
from aegis_trio.protocol.revisions import MODERN_VERSIONS, NEWEST_LEGACY, Era

CLIENT_NAME: Final = "aegis-trio-console"
META_LOG_LEVEL: Final = "io.modelcontextprotocol/logLevel"
_WITH_PROGRESS: Final = frozenset({"tools/call", "prompts/get", "resources/read"})


@final
class Messages:
    """Makes the messages of one connection."""

    def __init__(self, era: Era, version: str, *, first_id: int = 1) -> None:
        self.era = era
        self.log_level: str | None = None
        """The level that modern requests ask for."""
        self._client: JsonObject = {"name": CLIENT_NAME, "version": version}
        self._last_id = first_id - 1

    @property
    def version(self) -> str:
        """The revision that is spoken."""
        return MODERN_VERSIONS[-1] if self.era is Era.MODERN else NEWEST_LEGACY.version

    def request(self, method: str, params: JsonObject) -> tuple[RequestId, JsonObject]:
        """Return a request and its id."""
        self._last_id += 1
        meta: JsonObject = {}
        if self.era is Era.MODERN:
            meta |= {META_VERSION: self.version, META_CAPABILITIES: _capabilities(), META_CLIENT: self._client}
            if self.log_level is not None:
                meta[META_LOG_LEVEL] = self.log_level
        if method in _WITH_PROGRESS:
            meta["progressToken"] = self._last_id
        whole: JsonObject = {**params, "_meta": meta} if meta else params
        return self._last_id, {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": whole}

    def opening(self) -> tuple[str, JsonObject]:
        """Return method and parameters of what is asked first: the handshake, or what the server serves."""
        if self.era is Era.MODERN:
            return "server/discover", {}
        return "initialize", {
            "protocolVersion": self.version,
            "capabilities": _capabilities(),
            "clientInfo": self._client,
        }

    def cancelled(self, request_id: RequestId, reason: str) -> JsonObject:
        """Return the notification that a request is no longer wanted."""
        params: JsonObject = {"requestId": request_id, "reason": reason}
        if self.era is Era.MODERN:
            params["_meta"] = {META_VERSION: self.version}
        return notification("notifications/cancelled", params)


def notification(method: str, params: JsonObject | None = None) -> JsonObject:
    """Return a notification."""
    message: JsonObject = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        message["params"] = params
    return message


def answer(request_id: RequestId, result: JsonValue) -> JsonObject:
    """Return the answer to a request of the server."""
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def refusal(request_id: RequestId, code: int, message: str) -> JsonObject:
    """Return an error for a request of the server."""
    return {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}


def _capabilities() -> JsonObject:
    # Source: MCP 2025-11-25 client/elicitation#capabilities: an empty object means forms only.
    return {"elicitation": {}}
