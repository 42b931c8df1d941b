"""ChatGPT: it probes for the modern era, compares what was promised with what is served, and asks one thing at a time.

Source: developers.openai.com/plugins/build/mcp-server; openai/tunnel-client issues 35 (GET must be 405), 63 and 71
(an inconsistent `server/discover` is refused with 424).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.gates import GateProcess
from tests.e2e.messages import ACCEPT, LEGACY, MODERN, call, modern, request
from tests.e2e.scenarios.streams import open_events
from tests.e2e.scenarios.visits import Newcomer, check_result, check_tools, open_demo_gate, shake_hands, stranger

pytestmark = pytest.mark.e2e

USER_AGENT = "openai-mcp/1.0.0"
PROBE_ID = "openai-mcp-discover"
RECOGNISED = {-32020, -32021, -32022}
"""Codes by which a client knows a modern server. Source: MCP 2026-07-28 basic/versioning#backward-compatibility."""
INSTRUCTIONS_READ = 512
"""Characters of the instructions that surely reach the model."""
HINTS = {
    "openai/locale": "de-DE",
    "openai/userAgent": "ChatGPT/1.2026",
    "openai/subject": "v1/abcdef",
    "openai/session": "v1/fedcba",
    "openai/userLocation": {"city": "Kiel", "latitude": "54.3", "longitude": "10.1"},
}
CHATGPT = Newcomer(name="openai-mcp", version=LEGACY, user_agent=USER_AGENT)


async def _ask(
    client: httpx.AsyncClient, document: dict[str, Any], path: str = "/mcp", version: str = MODERN, **meta: Any
) -> httpx.Response:
    body, headers = modern(document)
    body["params"]["_meta"] |= {**HINTS, "io.modelcontextprotocol/protocolVersion": version, **meta}
    if "uri" in body["params"]:
        headers["Mcp-Name"] = body["params"]["uri"]
    headers |= {"MCP-Protocol-Version": version, "User-Agent": USER_AGENT}
    return await client.post(path, json=body, headers=headers)


async def _result(client: httpx.AsyncClient, method: str, path: str, params: dict[str, Any]) -> dict[str, Any]:
    answer = await _ask(client, request(method, params), path)
    assert 200 == answer.status_code, answer.text
    result: dict[str, Any] = answer.json()["result"]
    assert "complete" == result["resultType"]
    return result


@pytest.mark.parametrize("path", ["/mcp", "/mcp/sse"])
async def test_everything_that_its_probe_is_told_of_is_served(tmp_path: Path, path: str) -> None:
    """What is advertised and not served ends the connection with 424, before a person sees a single tool."""
    async with open_demo_gate(tmp_path) as gate, gate.client() as client:
        probed = await _ask(client, request("server/discover", request_id=PROBE_ID), path)
        assert (200, PROBE_ID) == (probed.status_code, probed.json()["id"]), probed.text
        assert "application/json" == probed.headers["content-type"]
        assert "mcp-session-id" not in probed.headers
        card = probed.json()["result"]
        assert {"complete", "private"} == {card["resultType"], card["cacheScope"]}
        assert card["ttlMs"] >= 0
        assert {"name", "version"} <= card["_meta"]["io.modelcontextprotocol/serverInfo"].keys()

        assert card["supportedVersions"]
        for version in card["supportedVersions"]:
            served = await _ask(client, request("tools/list"), path, version)
            assert 200 == served.status_code, served.text
        for version in ("2024-11-05", LEGACY, "2027-01-01"):
            refused = await _ask(client, request("tools/list"), path, version)
            error = refused.json()["error"]
            assert (400, -32022) == (refused.status_code, error["code"]), refused.text
            assert {"supported": card["supportedVersions"], "requested": version} == error["data"]

        for capability, promise in card["capabilities"].items():
            await CHECKS[capability](client, path, promise)
        wanted: dict[str, Any] = {
            f"{feature}ListChanged": True
            for feature in ("tools", "prompts", "resources")
            if card["capabilities"].get(feature, {}).get("listChanged")
        }
        await _check_listening(gate, path, wanted)

        tools = (await _result(client, "tools/list", path, {}))["tools"]
        assert any(tool["name"] in card["instructions"][:INSTRUCTIONS_READ] for tool in tools)


async def _check_tools(client: httpx.AsyncClient, path: str, promise: dict[str, Any]) -> None:
    assert {"listChanged": True} == promise
    listed = await _result(client, "tools/list", path, {})
    assert "private" == listed["cacheScope"]
    check_tools(listed["tools"], most=128, longest_name=64)
    check_result(await _result(client, "tools/call", path, call("get_me")["params"]))


async def _check_prompts(client: httpx.AsyncClient, path: str, promise: dict[str, Any]) -> None:
    assert {"listChanged": True} == promise
    listed = await _result(client, "prompts/list", path, {})
    assert all(prompt["name"] for prompt in listed["prompts"])
    unknown = await _ask(client, request("prompts/get", {"name": "no_such_prompt"}), path)
    assert -32602 == unknown.json()["error"]["code"]


async def _check_resources(client: httpx.AsyncClient, path: str, promise: dict[str, Any]) -> None:
    assert {"listChanged", "subscribe"} >= promise.keys()
    listed = await _result(client, "resources/list", path, {})
    for resource in listed["resources"][:3]:
        assert (await _result(client, "resources/read", path, {"uri": resource["uri"]}))["contents"]
    templates = await _result(client, "resources/templates/list", path, {})
    assert all(template["uriTemplate"] for template in templates["resourceTemplates"])
    unknown = await _ask(client, request("resources/read", {"uri": "gitea://no/such/thing"}), path)
    assert -32602 == unknown.json()["error"]["code"]


async def _check_completions(client: httpx.AsyncClient, path: str, promise: dict[str, Any]) -> None:
    assert {} == promise
    params = {"ref": {"type": "ref/prompt", "name": "no_such_prompt"}, "argument": {"name": "owner", "value": "t"}}
    unknown = await _ask(client, request("completion/complete", params), path)
    assert (400, -32602) == (unknown.status_code, unknown.json()["error"]["code"])


async def _check_logging(client: httpx.AsyncClient, path: str, promise: dict[str, Any]) -> None:
    assert {} == promise
    level = {"io.modelcontextprotocol/logLevel": "debug"}
    assert 200 == (await _ask(client, call("get_me"), path, **level)).status_code
    loud = await _ask(client, call("get_me"), path, **{"io.modelcontextprotocol/logLevel": "loud"})
    assert -32602 == loud.json()["error"]["code"]


CHECKS = {
    "tools": _check_tools,
    "prompts": _check_prompts,
    "resources": _check_resources,
    "completions": _check_completions,
    "logging": _check_logging,
}
"""By capability; one that is not here must not be advertised before it is checked here."""


async def _check_listening(gate: GateProcess, path: str, wanted: dict[str, Any]) -> None:
    """Be sure that every change of a list that was promised can be heard of."""
    body, headers = modern(request("subscriptions/listen", {"notifications": wanted}, "listen"))
    async with open_events(gate.url, "POST", path, {**gate.authorization, **headers}, body) as events:
        first = await events.next_message()
    assert "notifications/subscriptions/acknowledged" == first["method"]
    assert wanted == first["params"]["notifications"]


@pytest.mark.parametrize("why", ["version", "header", "method"])
async def test_it_falls_back_to_the_handshake_after_a_refusal_that_it_recognises(tmp_path: Path, why: str) -> None:
    """A probe that fails without a code of the modern era is taken for a broken server, and nothing is tried again."""
    probe, headers = modern(request("server/discover", request_id=PROBE_ID))
    match why:
        case "version":
            probe["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2027-01-01"
            headers["MCP-Protocol-Version"] = "2027-01-01"
        case "header":
            del headers["MCP-Protocol-Version"]
        case _:
            headers["Mcp-Method"] = "tools/list"
    async with open_demo_gate(tmp_path) as gate, gate.client() as client:
        refused = await client.post("/mcp", json=probe, headers={**headers, "User-Agent": USER_AGENT})
        assert 400 == refused.status_code
        assert PROBE_ID == refused.json()["id"]
        assert refused.json()["error"]["code"] in RECOGNISED

        visit = await shake_hands(client, CHATGPT)
        check_tools(await visit.list_all("tools"), most=128, longest_name=64)
        await visit.use("list_repositories", {"limit": 1})
        await visit.leave()


async def test_its_probe_by_get_is_refused_by_method_and_not_by_address(tmp_path: Path) -> None:
    """404 would say that there is no server here; without a key it is 401, whatever else is wrong."""
    async with open_demo_gate(tmp_path) as gate, gate.client() as client, stranger(gate) as nobody:
        agent = {"User-Agent": USER_AGENT}
        for accept in ({}, ACCEPT, {"Accept": "text/event-stream"}):
            for method in ("GET", "DELETE"):
                unknown = await nobody.request(method, "/mcp", headers={**agent, **accept})
                assert 401 == unknown.status_code
                assert "bearer" == unknown.headers["www-authenticate"].split()[0].lower()
                known = await client.request(method, "/mcp", headers={**agent, **accept})
                assert (405, "POST") == (known.status_code, known.headers["allow"])
        probe, headers = modern(request("server/discover", request_id=PROBE_ID))
        unknown = await nobody.post("/mcp", json=probe, headers={**headers, **agent})
        assert (401, "application/json") == (unknown.status_code, unknown.headers["content-type"])
        head = await client.head("/mcp", headers=agent)
        assert (405, b"") == (head.status_code, head.content)


@pytest.mark.parametrize("path", ["/mcp", "/mcp/sse"])
async def test_it_asks_one_thing_after_another_in_either_era(tmp_path: Path, path: str) -> None:
    """A conversation is many calls, one at a time, each with hints of OpenAI's that mean nothing to us."""
    who = Newcomer(name="openai-mcp", version=LEGACY, user_agent=USER_AGENT, path=path)
    steps = [
        call("get_me"),
        call("list_repositories", {"limit": 2}),
        call("get_file_tree", {"owner": "tidewater", "repo": "harbor"}),
        call("get_file_contents", {"owner": "tidewater", "repo": "harbor", "path": "README.md"}),
    ]
    async with open_demo_gate(tmp_path) as gate, gate.client() as client:
        visit = await shake_hands(client, who)
        for _ in range(3):
            for step in steps:
                modern_result = (await _ask(client, step, path)).json()["result"]
                check_result(modern_result)
                legacy_result = await visit.result_of("tools/call", {**step["params"], "_meta": HINTS})
                check_result(legacy_result)
                assert modern_result["structuredContent"] == legacy_result["structuredContent"]
        await visit.leave()
        records = gate.audit_records("tool_invocation")
    assert 3 * 2 * len(steps) == len(records)
    assert {"success"} == {record["result"] for record in records}
    assert "v1/abcdef" not in gate.audit_path.read_text()


async def test_what_hangs_at_the_end_of_its_requests_does_no_harm(tmp_path: Path) -> None:
    """A line end behind the JSON is nothing; a slash behind the address is another address, and says which is right."""
    async with open_demo_gate(tmp_path) as gate, gate.client() as client:
        body, headers = modern(call("get_me"))
        raw = httpx.Request("POST", gate.url, json=body).content
        json_type = {"Content-Type": "application/json; charset=utf-8"}
        ended = await client.post("/mcp", content=raw + b"\r\n\r\n", headers={**headers, **json_type})
        check_result(ended.json()["result"])
        doubled = await client.post("/mcp", content=raw + raw, headers={**headers, **json_type})
        assert (400, -32700) == (doubled.status_code, doubled.json()["error"]["code"])
        slashed = await client.post("/mcp/", json=body, headers=headers)
        assert 404 == slashed.status_code
        assert "/mcp" in slashed.json()["message"]
        queried = await client.post("/mcp?utm_source=chatgpt.com", json=body, headers=headers)
        check_result(queried.json()["result"])
