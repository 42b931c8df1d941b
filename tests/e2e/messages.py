"""MCP messages as clients of each era send them: bodies and the headers that belong to them."""

from __future__ import annotations

from typing import Any

import httpx

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
ACCEPT = {"Accept": "application/json, text/event-stream"}


def request(method: str, params: dict[str, Any] | None = None, request_id: Any = 1) -> dict[str, Any]:
    """Return a legacy request."""
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}}


def notification(method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a legacy notification."""
    return {"jsonrpc": "2.0", "method": method, "params": params or {}}


def call(tool: str, arguments: dict[str, Any] | None = None, request_id: Any = 1) -> dict[str, Any]:
    """Return a legacy call of a tool."""
    return request("tools/call", {"name": tool, "arguments": arguments or {}}, request_id)


def initialize() -> dict[str, Any]:
    """Return the request that opens a session."""
    info = {"name": "e2e", "version": "1"}
    return request("initialize", {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": info}, 0)


def modern(document: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return *document* as a modern request, and the headers that go with it."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "e2e", "version": "1"},
    }
    headers = {**ACCEPT, "MCP-Protocol-Version": MODERN, "Mcp-Method": str(document["method"])}
    if "name" in document["params"]:
        headers["Mcp-Name"] = str(document["params"]["name"])
    return {**document, "params": {**document["params"], "_meta": meta}}, headers


async def post_modern(client: httpx.AsyncClient, document: dict[str, Any], path: str = "/mcp") -> httpx.Response:
    """Send *document* as a modern request."""
    body, headers = modern(document)
    return await client.post(path, json=body, headers=headers)


async def open_session(client: httpx.AsyncClient) -> dict[str, str]:
    """Open a legacy session; return the headers that its messages carry."""
    opened = await client.post("/mcp", json=initialize(), headers=ACCEPT)
    assert 200 == opened.status_code, opened.text
    headers = {**ACCEPT, "Mcp-Session-Id": opened.headers["mcp-session-id"], "MCP-Protocol-Version": LEGACY}
    ready = await client.post("/mcp", json=notification("notifications/initialized"), headers=headers)
    assert 202 == ready.status_code
    return headers


async def use_tool(client: httpx.AsyncClient, tool: str, **arguments: Any) -> httpx.Response:
    """Call a tool over plain REST."""
    return await client.post("/mcp/tool/call", json={"tool": tool, "arguments": arguments})
