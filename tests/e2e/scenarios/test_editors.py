"""Cursor and VS Code: editors that hold a session for hours, with a key in a header.

Source: cursor.com/docs/mcp (Streamable HTTP first, then events; `headers`);
code.visualstudio.com/api/extension-guides/ai/mcp (capabilities, at most 128 tools).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.gates import GateProcess
from tests.e2e.messages import ACCEPT, LEGACY, call, notification, request
from tests.e2e.scenarios.streams import open_events
from tests.e2e.scenarios.visits import Newcomer, check_result, check_tools, open_demo_gate, shake_hands, stranger

pytestmark = pytest.mark.e2e

CURSOR = Newcomer(name="cursor-vscode", version="2025-06-18", user_agent="Cursor/2.4.1 (linux x64)")
VSCODE_CAPABILITIES: dict[str, dict[str, Any]] = {
    "2025-06-18": {"roots": {"listChanged": True}, "sampling": {}, "elicitation": {}},
    LEGACY: {
        "roots": {"listChanged": True},
        "sampling": {"context": {}, "tools": {}},
        "elicitation": {"form": {}, "url": {}},
        "tasks": {"list": {}, "cancel": {}, "requests": {"sampling": {"createMessage": {}}}},
        "extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}},
    },
}
TOOLS_OF_VSCODE = 128
NAME_IN_VSCODE = re.compile(r"[a-z0-9_-]{1,64}")


def _key_holder(gate: GateProcess) -> httpx.AsyncClient:
    """Return a client that was given its key under the header's other name."""
    return httpx.AsyncClient(base_url=gate.url, headers={"X-API-Key": gate.key}, trust_env=False, timeout=60)


@pytest.mark.parametrize("path", ["/mcp", "/mcp/sse"])
async def test_cursor_speaks_streamable_http_at_whichever_address_it_was_given(tmp_path: Path, path: str) -> None:
    """Cursor tries Streamable HTTP first, also at an address that somebody made for events."""
    who = Newcomer(name=CURSOR.name, version=CURSOR.version, user_agent=CURSOR.user_agent, path=path)
    async with open_demo_gate(tmp_path) as gate, _key_holder(gate) as client:
        visit = await shake_hands(client, who)
        headers = {"X-API-Key": gate.key, **visit.headers, "Accept": "text/event-stream"}
        async with open_events(gate.url, "GET", path, headers) as events:
            check_tools(await visit.list_all("tools"), most=128, longest_name=60)
            assert isinstance(await visit.list_all("resources"), list)
            assert isinstance(await visit.list_all("prompts"), list)
            await visit.use("get_me")
            await visit.leave()
            assert [] == await events.rest()
        assert {"streamable_http"} == {record["transport"] for record in gate.audit_records("tool_invocation")}


async def test_cursor_falls_back_to_events_with_the_same_header(tmp_path: Path) -> None:
    """After a refused POST, it opens the same address with GET, and posts where that stream tells it to."""
    async with open_demo_gate(tmp_path) as gate, _key_holder(gate) as client:
        # Whatever its first POST was refused for, the address is not given up.
        refused = await client.post("/mcp/sse", content=b"{}", headers={"Content-Type": "text/plain"})
        assert 400 <= refused.status_code < 500
        accept = {"X-API-Key": gate.key, "Accept": "text/event-stream"}
        async with open_events(gate.url, "GET", "/mcp/sse", accept) as events:
            endpoint = (await events.next_event()).data
            assert gate.key not in endpoint
            for document in (CURSOR.handshake(), notification("notifications/initialized"), call("get_me")):
                assert 202 == (await client.post(endpoint, json=document)).status_code
            assert CURSOR.version == (await events.next_message())["result"]["protocolVersion"]
            check_result((await events.next_message())["result"])
        assert {"http_sse"} == {record["transport"] for record in gate.audit_records("tool_invocation")}


async def test_cursor_with_a_wrong_key_is_told_so_on_both_ways(tmp_path: Path) -> None:
    """The second way must not be a way around the first one's refusal."""
    async with open_demo_gate(tmp_path) as gate, stranger(gate) as client:
        headers = {**ACCEPT, "X-API-Key": "0" * 64}
        first = await client.post("/mcp", json=CURSOR.handshake(), headers=headers)
        second = await client.get("/mcp/sse", headers=headers)
        both = await client.post("/mcp", json=CURSOR.handshake(), headers={**headers, **gate.authorization})
    assert [401, 401] == [first.status_code, second.status_code]
    assert 400 <= both.status_code < 500


@pytest.mark.parametrize("version", sorted(VSCODE_CAPABILITIES))
async def test_vscode_declares_what_it_can_and_lists_everything(tmp_path: Path, version: str) -> None:
    """More than 128 tools, or a name that it does not take, and the editor leaves tools out without a word."""
    who = Newcomer(
        name="Visual Studio Code",
        version=version,
        user_agent="Visual Studio Code/1.127.0",
        capabilities=VSCODE_CAPABILITIES[version],
    )
    async with open_demo_gate(tmp_path) as gate, gate.client() as client:
        visit = await shake_hands(client, who)
        promised = visit.opened["capabilities"]
        tools = await visit.list_all("tools")
        check_tools(tools, most=TOOLS_OF_VSCODE, longest_name=64)
        assert [] == [tool["name"] for tool in tools if not NAME_IN_VSCODE.fullmatch(tool["name"])]
        assert tools == await visit.list_all("tools"), "an editor compares, and asks its user again"

        if "resources" in promised:
            listed = await visit.list_all("resources")
            assert len(listed) == len({resource["uri"] for resource in listed})
            for resource in listed[:3]:
                assert (await visit.result_of("resources/read", {"uri": resource["uri"]}))["contents"]
            assert all(one["uriTemplate"] for one in await visit.list_all("resources/templates"))
        if "prompts" in promised:
            prompts = await visit.list_all("prompts")
            assert len(prompts) == len({prompt["name"] for prompt in prompts})
        if "logging" in promised:
            assert {} == await visit.result_of("logging/setLevel", {"level": "debug"})
        if "completions" in promised:
            params = {"ref": {"type": "ref/prompt", "name": "none"}, "argument": {"name": "owner", "value": "t"}}
            assert -32602 == (await visit.ask("completion/complete", params))["error"]["code"]

        changed = await visit.send(notification("notifications/roots/list_changed"))
        assert (202, b"") == (changed.status_code, changed.content)
        with_progress = {**call("list_repositories")["params"], "_meta": {"progressToken": "t-1"}}
        check_result(await visit.result_of("tools/call", with_progress))
        assert {} == await visit.result_of("ping")
        unknown = await visit.ask("tasks/list")
        assert -32601 == unknown["error"]["code"]
        await visit.leave()


async def test_vscode_holds_several_windows_at_once(tmp_path: Path) -> None:
    """Each window has a session of its own; closing one must not close the others."""
    async with open_demo_gate(tmp_path) as gate, gate.client() as client:
        windows = [await shake_hands(client, CURSOR) for _ in range(5)]
        assert 5 == len({window.session_id for window in windows})
        await windows[0].leave()
        for window in windows[1:]:
            await window.use("get_me")
            assert (await window.ask("tools/call", request("x", {"name": "none"})["params"]))["error"]
