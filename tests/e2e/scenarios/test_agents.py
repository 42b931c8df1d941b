"""Copilot Studio, Codex, Gemini CLI and the Inspector: programs that work without a person at an editor.

Source: learn.microsoft.com/microsoft-copilot-studio/mcp-add-existing-server-to-agent;
github.com/openai/codex codex-rs/rmcp-client; github.com/google-gemini/gemini-cli packages/core/src/tools/mcp-client.ts;
github.com/modelcontextprotocol/inspector.
"""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.e2e.gates import open_gate, settings
from tests.e2e.messages import ACCEPT, LEGACY, MODERN, call, notification, request
from tests.e2e.scenarios.streams import open_events
from tests.e2e.scenarios.visits import Newcomer, check_tools, open_demo_gate, read_reply, shake_hands, stranger
from tests.forge import open_forge

pytestmark = pytest.mark.e2e

COPILOT_STUDIO = Newcomer(
    name="mcp-streamable-1.0", version="2024-11-05", user_agent="azure-logic-apps/1.0", names_version=False
)
CODEX = Newcomer(
    name="codex-mcp-client",
    version="2025-06-18",
    user_agent="codex_cli_rs/0.110.0 (Debian 12; x86_64)",
    capabilities={"elicitation": {}},
)
GEMINI = Newcomer(
    name="gemini-cli-mcp-client", version=LEGACY, user_agent="node", capabilities={"roots": {"listChanged": True}}
)
INSPECTOR = Newcomer(
    name="mcp-inspector",
    version=LEGACY,
    user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0",
    capabilities={"sampling": {}, "roots": {"listChanged": True}, "elicitation": {}},
)


async def test_copilot_studio_speaks_2024_at_the_address_of_2025(tmp_path: Path) -> None:
    """It shakes hands for the oldest revision over Streamable HTTP, names no version afterwards, and has a key."""
    async with open_demo_gate(tmp_path) as gate, stranger(gate) as client:
        client.headers.update({"x-api-key": gate.key, "x-ms-agentic-protocol": "mcp-streamable-1.0"})
        visit = await shake_hands(client, COPILOT_STUDIO)
        assert "MCP-Protocol-Version" not in visit.headers
        check_tools(await visit.list_all("tools"), most=128, longest_name=64)
        await visit.use("get_me")
        result = await visit.use("list_repositories", {"limit": 1})
        assert {"text"} == {block["type"] for block in result["content"]}
        # Fields of the modern era are no part of its revision.
        assert {"resultType", "ttlMs", "cacheScope"}.isdisjoint(result)
        modern_only = await visit.ask("server/discover")
        assert -32601 == modern_only["error"]["code"]
        # A later release that begins to name its version is served by the same session.
        visit.headers["MCP-Protocol-Version"] = COPILOT_STUDIO.version
        await visit.use("get_me")
        await visit.leave()
        records = gate.audit_records("tool_invocation")
    assert {"success"} == {record["result"] for record in records}


@pytest.mark.parametrize("who", [CODEX, GEMINI], ids=["Codex", "Gemini CLI"])
async def test_a_terminal_opens_its_stream_and_works(tmp_path: Path, who: Newcomer) -> None:
    """Both open the stream of GET at once after the handshake, and list before they call."""
    async with open_demo_gate(tmp_path) as gate, gate.client() as client:
        visit = await shake_hands(client, who)
        headers = {**gate.authorization, **visit.headers, "Accept": "text/event-stream"}
        async with open_events(gate.url, "GET", "/mcp", headers) as events:
            tools = await visit.list_all("tools")
            # Source: gemini-cli mcp-tool.ts, generateValidName: 63 characters, and it cuts out of the middle.
            check_tools(tools, most=128, longest_name=48)
            for feature in ("prompts", "resources", "resources/templates"):
                assert isinstance(await visit.list_all(feature), list)
            await visit.use("list_repositories")
            wrong = await visit.result_of("tools/call", call("get_file_tree", {"owner": "tidewater"})["params"])
            assert wrong["isError"] is True
            assert "repo" in wrong["content"][0]["text"]
            await visit.leave()
            assert [] == await events.rest()


async def test_a_terminal_whose_gate_was_restarted_finds_its_way_back(tmp_path: Path) -> None:
    """Sessions do not outlive the process: 404 is the word upon which a client shakes hands again."""
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path)
        async with open_gate(given) as gate, gate.client() as client:
            old = await shake_hands(client, CODEX)
        async with open_gate(given) as gate, gate.client() as client:
            lost = await client.post("/mcp", json=request("tools/list"), headers=old.headers)
            assert (404, -32600) == (lost.status_code, lost.json()["error"]["code"])
            listening = await client.get("/mcp", headers={**old.headers, "Accept": "text/event-stream"})
            assert 404 == listening.status_code
            await (await shake_hands(client, CODEX)).use("get_me")


async def test_the_inspector_in_a_browser_passes_the_browsers_own_checks(tmp_path: Path) -> None:
    """A page may use only what a preflight allows, and read only the headers that it is shown."""
    origin = {"Origin": "http://localhost:6274"}
    async with open_demo_gate(tmp_path) as gate, gate.client() as client, stranger(gate) as browser:
        asked = "authorization,content-type,mcp-protocol-version,mcp-session-id,last-event-id,mcp-method,mcp-name"
        for method in ("POST", "GET", "DELETE"):
            preflight = await browser.options(
                "/mcp",
                headers={
                    **origin,
                    "Access-Control-Request-Method": method,
                    "Access-Control-Request-Headers": asked,
                },
            )
            assert 204 == preflight.status_code
            allowed = _words(preflight, "access-control-allow-headers")
            assert set(asked.split(",")) <= allowed
            assert method.lower() in _words(preflight, "access-control-allow-methods")
            assert origin["Origin"] == preflight.headers["access-control-allow-origin"]

        client.headers.update(origin)
        visit = await shake_hands(client, INSPECTOR)
        shown = await visit.send(request("ping", request_id="p"))
        assert origin["Origin"] == shown.headers["access-control-allow-origin"]
        assert "mcp-session-id" in _words(shown, "access-control-expose-headers")
        check_tools(await visit.list_all("tools"), most=128, longest_name=64)
        for level in ("debug", "emergency"):
            assert {} == await visit.result_of("logging/setLevel", {"level": level})
        for feature in ("prompts", "resources", "resources/templates"):
            assert isinstance(await visit.list_all(feature), list)
        await visit.use("get_server_version")
        await visit.leave()

        # Without a key the page must be able to read that it is 401, and why.
        refused = await browser.post("/mcp", json=INSPECTOR.handshake(), headers={**ACCEPT, **origin})
        assert 401 == refused.status_code
        assert origin["Origin"] == refused.headers["access-control-allow-origin"]
        assert "www-authenticate" in _words(refused, "access-control-expose-headers")
        elsewhere = {**ACCEPT, "Origin": "https://elsewhere.example"}
        assert 403 == (await client.post("/mcp", json=INSPECTOR.handshake(), headers=elsewhere)).status_code


def _words(answer: httpx.Response, header: str) -> set[str]:
    return {word.strip().lower() for word in answer.headers[header].split(",")}


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", LEGACY, MODERN, "2099-01-01", "latest"])
async def test_a_handshake_agrees_on_what_was_asked_for_or_on_our_newest(tmp_path: Path, version: str) -> None:
    """A client of tomorrow that still shakes hands is answered with a revision that has handshakes, and may go on."""
    async with open_demo_gate(tmp_path) as gate, gate.client() as client:
        who = Newcomer(name="any", version=version, user_agent="any/1")
        opened = await client.post("/mcp", json=who.handshake(), headers=ACCEPT)
        agreed = read_reply(opened)["result"]["protocolVersion"]
        headers = {**ACCEPT, "Mcp-Session-Id": opened.headers["mcp-session-id"], "MCP-Protocol-Version": agreed}
        await client.post("/mcp", json=notification("notifications/initialized"), headers=headers)
        used = await client.post("/mcp", json=call("get_me"), headers=headers)
    assert min(version, LEGACY) == agreed
    assert "result" in read_reply(used)
