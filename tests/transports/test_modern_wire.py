"""What does not stand on the wire: the small print of Streamable HTTP, seen from the client."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.ladder import META_CAPABILITIES, META_VERSION
from aegis_trio.protocol.refusals import HEADER_MISMATCH
from tests.transports.harness import V_MODERN, Gate, call, lasting, make_spec, modern, modern_call, request


@pytest.mark.requirement("MCP-CHG-03", "MCP-CHG-06", "MCP-HTTP-03")
async def test_a_stream_holds_nothing_but_comments_and_its_answer(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2026-07-28 streamable-http#receiving-messages: no event ids, no requests, the response comes last."""
    gate.door.scripts["slow"] = lasting(30)
    answer = await gate.asked(*modern_call("slow"))
    lines = [line for line in answer.text.split("\n") if line and not line.startswith(":")]

    assert "event: message" == lines[0]
    assert lines[1].startswith("data: ")
    assert 2 == len(lines)
    assert {"jsonrpc", "id", "result"} == set(json.loads(lines[1].removeprefix("data: ")))
    assert answer.text.endswith(f"{lines[1]}\n\n")


@pytest.mark.requirement("MCP-HTTP-12")
async def test_headers_that_no_tool_declares_are_ignored(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2026-07-28 streamable-http#server-behavior-for-custom-headers: only recognised ones are compared."""
    answer = await gate.asked(*modern_call("get_me", region="eu"), ("mcp-param-region", "us"), ("mcp-param-x", "\x01"))

    assert 200 == answer.status
    assert {"region": "eu"} == gate.door.requests[0].raw_arguments


@pytest.mark.requirement("MCP-HTTP-21")
async def test_a_header_that_a_tool_declares_is_compared(autojump_clock: MockClock, gate: Gate) -> None:
    """The same section: whoever routes by the header must not be told another place than the tool is."""
    region: JsonValue = {"type": "string", "x-mcp-header": "Region"}
    schema: JsonObject = {"type": "object", "properties": {"region": region}}
    gate.door.tools = (replace(make_spec("look"), input_schema=schema),)
    asked = modern_call("look", region="eu")
    refused = [await gate.asked(*asked, *headers) for headers in ((("mcp-param-region", "us"),), ())]
    ran_of_those = len(gate.door.requests)
    answer = await gate.asked(*asked, ("mcp-param-region", "eu"))

    assert [(400, HEADER_MISMATCH)] * 2 == [(one.status, one.json["error"]["code"]) for one in refused]
    assert (0, 200) == (ran_of_those, answer.status)


@pytest.mark.requirement("MCP-ERA-06")
@pytest.mark.parametrize(
    ("document", "headers", "status"),
    [
        (b"{", (), 400),
        ([], (), 400),
        (request("tools/list"), (), 400),
        (request("tools/list", {"_meta": {META_VERSION: "2099-01-01", META_CAPABILITIES: {}}}), (), 400),
        (modern("tools/list")[0], (("mcp-method", "tools/call"),), 400),
        (modern("nonsense")[0], (("mcp-method", "nonsense"),), 404),
        (modern("initialize")[0], (("mcp-method", "initialize"),), 404),
        (modern("tools/call")[0], (("mcp-method", "tools/call"),), 400),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, (), 400),
    ],
    ids=["bytes", "array", "no meta", "version", "mismatch", "method", "handshake", "params", "response"],
)
async def test_every_modern_refusal_is_a_json_rpc_body(
    autojump_clock: MockClock,
    gate: Gate,
    *,
    document: JsonValue | bytes,
    headers: tuple[tuple[str, str], ...],
    status: int,
) -> None:
    """MCP 2026-07-28 streamable-http#backward-compatibility: by it a client tells this server from an older one."""
    answer = await gate.asked(document, ("mcp-protocol-version", V_MODERN), *headers)

    assert status == answer.status
    assert "application/json" == answer.headers["content-type"]
    assert "2.0" == answer.json["jsonrpc"]
    assert isinstance(answer.json["error"]["code"], int)
    assert answer.json["error"]["message"]


@pytest.mark.requirement("MCP-TOOL-02")
async def test_the_list_of_tools_is_the_same_on_every_connection(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2026-07-28 server/tools#capabilities: MUST NOT vary per connection; it is the caller's alone."""
    sessions = [await gate.session(), await gate.session("2025-03-26")]
    answers = [await gate.asked(request("tools/list"), session) for session in sessions]
    answers.append(await gate.asked(*modern("tools/list")))
    answers.append(await gate.asked(*modern("tools/list")))

    listed = [answer.json["result"]["tools"] for answer in answers]
    assert listed[0]
    assert [listed[0]] * 4 == listed


@pytest.mark.requirement("MCP-SESS-06")
async def test_an_answer_is_sent_on_one_stream_only(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2025-11-25 basic/transports#multiple-connections: MUST NOT broadcast; a client would answer twice."""
    session = await gate.session()
    listening = [await gate.stream(session) for _ in range(2)]
    gate.door.scripts["slow"] = lasting(20)
    slow = gate.post(call("slow", 1), session)
    quick = await gate.asked(call("get_me", 2), session)
    await slow.over.wait()
    await trio.sleep(60)

    assert [1] == [message["id"] for message in slow.messages]
    assert 2 == quick.json["id"]
    assert [[], []] == [stream.messages for stream in listening]
