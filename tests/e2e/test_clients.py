"""Other people's clients list and call tools: the official SDK in both eras, HTTP+SSE, and plain curl."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trio
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent

from tests.e2e.gates import GateProcess, open_gate, settings
from tests.e2e.interactions import TOOLS
from tests.forge import open_forge

pytestmark = pytest.mark.e2e


def _text(result: CallToolResult) -> str:
    [block] = result.content
    assert isinstance(block, TextContent)
    return block.text


async def _use(client: Client) -> None:
    """List the tools and call two of them, as an assistant would."""
    listed = await client.list_tools()
    assert TOOLS == {tool.name for tool in listed.tools}
    result = await client.call_tool("list_repositories", {})
    assert not result.is_error
    assert result.structured_content == json.loads(_text(result))
    repositories: list[Any] = result.structured_content["repositories"]
    assert repositories
    owner, repo = repositories[0]["owner"], repositories[0]["repo"]
    tree = await client.call_tool("get_file_tree", {"owner": owner, "repo": repo})
    assert not tree.is_error
    wrong = await client.call_tool("get_repository_info", {"owner": owner})
    assert wrong.is_error
    assert "repo" in _text(wrong)


def _http(gate: GateProcess) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(headers=gate.authorization, trust_env=False, timeout=60)


@pytest.mark.requirement("MCP-TOOL-13", "MCP-ERA-08")
@pytest.mark.parametrize("path", ["/mcp", "/mcp/sse"])
@pytest.mark.parametrize(
    ("mode", "version"), [("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28"), ("auto", "2026-07-28")]
)
async def test_the_official_client_speaks_both_eras(tmp_path: Path, mode: Any, version: str, path: str) -> None:
    """Whatever revision a client brings, the same tools answer; ChatGPT is configured with /mcp/sse."""
    async with (
        open_forge() as forge,
        open_gate(settings(forge.url, forge.world.bot_token, tmp_path)) as gate,
        _http(gate) as http,
        Client(streamable_http_client(f"{gate.url}{path}", http_client=http), mode=mode) as client,
    ):
        assert version == client.protocol_version
        await _use(client)


@pytest.mark.requirement("MCP-SSE-02")
@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_official_client_speaks_http_with_events(tmp_path: Path, mode: Any) -> None:
    """2024-11-05 is what older desktop clients still have; by default the client probes for the modern era first."""
    async with open_forge() as forge, open_gate(settings(forge.url, forge.world.bot_token, tmp_path)) as gate:
        transport = sse_client(f"{gate.url}/mcp/sse", headers=gate.authorization)
        async with Client(transport, mode=mode) as client:
            await _use(client)
        records = gate.audit_records("tool_invocation")
    assert {"http_sse"} == {record["transport"] for record in records}


async def test_curl_uses_the_plain_endpoints(tmp_path: Path, require_program: Callable[[str], str]) -> None:
    """A shell script needs no MCP."""
    curl = require_program("curl")
    async with open_forge() as forge, open_gate(settings(forge.url, forge.world.bot_token, tmp_path)) as gate:
        header = f"Authorization: Bearer {gate.key}"
        listed = await trio.run_process([curl, "-sS", f"{gate.url}/mcp/tools", "-H", header], capture_stdout=True)
        assert TOOLS == {tool["name"] for tool in json.loads(listed.stdout)["tools"]}
        called = await trio.run_process(
            [
                curl, "-sS", f"{gate.url}/mcp/tool/call", "-H", header, "-H", "Content-Type: application/json",
                "-d", '{"tool": "get_me", "arguments": {}}',
            ],
            capture_stdout=True,
        )  # fmt: skip
        answer = json.loads(called.stdout)
        assert answer["success"] is True
        assert answer["correlation_id"] == gate.audit_records("tool_invocation")[-1]["correlation_id"]
        refused = await trio.run_process(
            [curl, "-sS", "-w", "%{http_code}", f"{gate.url}/mcp/tools"], capture_stdout=True, stderr=subprocess.DEVNULL
        )
        assert refused.stdout.endswith(b"401")


async def test_a_session_of_streamable_http_lives_at_the_address_of_events_too(tmp_path: Path) -> None:
    """A client that was given /mcp/sse listens to and ends its session there, and opens no second one."""
    async with (
        open_forge() as forge,
        open_gate(settings(forge.url, forge.world.bot_token, tmp_path)) as gate,
        gate.client() as client,
    ):
        accept = {"Accept": "application/json, text/event-stream"}
        handshake = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        }
        opened = await client.post("/mcp/sse", json=handshake, headers=accept)
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"], "Accept": "text/event-stream"}
        async with client.stream("GET", "/mcp/sse", headers=session) as stream:
            assert 200 == stream.status_code
            said = ""
            async for chunk in stream.aiter_text():  # ends with the session
                if not said:
                    assert 204 == (await client.delete("/mcp/sse", headers=session)).status_code
                said += chunk
        assert "endpoint" not in said
        assert 404 == (await client.delete("/mcp/sse", headers=session)).status_code
