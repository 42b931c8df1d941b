"""Streamable HTTP of 2026-07-28: each request stands alone, and owns its call."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.call import Failure, ToolOutcome, ToolRequest
from aegis_trio.model.errors import (
    AuditUnavailable,
    Bug,
    Fault,
    InvalidArgument,
    NotFound,
    NotReady,
    RateLimited,
    UnknownTool,
)
from aegis_trio.model.identity import Caller
from aegis_trio.protocol.ladder import META_CAPABILITIES, META_VERSION
from aegis_trio.protocol.refusals import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    UNSUPPORTED_VERSION,
)
from aegis_trio.protocol.sse import KEEP_ALIVE
from tests.transports.harness import V_MODERN, Gate, call, lasting, modern, modern_call, notification, request


def failing(fault: Fault) -> object:
    """Return a script that fails with *fault*."""

    async def script(caller: Caller, asked: ToolRequest) -> ToolOutcome:
        await trio.lowlevel.checkpoint()
        return Failure(asked.correlation_id, fault)

    return script


@pytest.mark.requirement("MCP-CHG-05", "MCP-DISC-01")
async def test_discovery_needs_no_handshake(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2026-07-28 server/discover: versions, capabilities, who answers; no session is minted."""
    answer = await gate.asked(*modern("server/discover"))

    assert 200 == answer.status
    assert [V_MODERN] == answer.json["result"]["supportedVersions"]
    assert "complete" == answer.json["result"]["resultType"]
    assert "aegis-trio" == answer.json["result"]["_meta"]["io.modelcontextprotocol/serverInfo"]["name"]
    assert "mcp-session-id" not in answer.headers
    assert 0 == gate.hub.statistics().sessions_open


@pytest.mark.requirement("MCP-CACHE-04", "MCP-TOOL-02")
async def test_tools_are_listed_as_the_caller_may_use_them(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2026-07-28 server/tools#listing-tools: may vary by authorization, so it is private."""
    answer = await gate.asked(*modern("tools/list"), key="bob")

    assert ["tool_of_bob"] == [tool["name"] for tool in answer.json["result"]["tools"]]
    assert "private" == answer.json["result"]["cacheScope"]


@pytest.mark.requirement("MCP-HTTP-03")
async def test_a_call_is_answered_with_its_modern_shape(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2026-07-28 server/tools#tool-result, basic/index#resulttype."""
    answer = await gate.asked(*modern_call("get_me", a=1))

    assert {"tool": "get_me", "arguments": {"a": 1}} == answer.json["result"]["structuredContent"]
    assert "complete" == answer.json["result"]["resultType"]


@pytest.mark.requirement("MCP-CHG-05", "MCP-CHG-06")
async def test_session_and_resumption_headers_are_ignored(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2026-07-28 streamable-http#earlier-streamable-http-revisions: neither echoed nor looked up."""
    answer = await gate.asked(*modern("tools/list"), ("mcp-session-id", "unknown"), ("last-event-id", "5"))

    assert 200 == answer.status
    assert "mcp-session-id" not in answer.headers


@pytest.mark.requirement("MCP-CHG-01", "MCP-ERR-04")
@pytest.mark.parametrize("method", ["initialize", "ping", "resources/subscribe", "logging/setLevel", "nonsense"])
async def test_a_method_that_does_not_exist_is_404(autojump_clock: MockClock, gate: Gate, method: str) -> None:
    """MCP 2026-07-28 streamable-http#protocol-version-header: with a JSON-RPC body, which tells it from a lost path."""
    answer = await gate.asked(*modern(method))

    assert (404, 1, METHOD_NOT_FOUND) == (answer.status, answer.json["id"], answer.json["error"]["code"])


@pytest.mark.requirement("MCP-ERR-15")
async def test_the_order_of_refusals_is_the_specifications(autojump_clock: MockClock, gate: Gate) -> None:
    """Form of `_meta`, agreement, version, method, parameters: each mended mistake shows the next."""
    version, method = ("mcp-protocol-version", "2099-01-01"), ("mcp-method", "nonsense")
    steps = [
        (request("nonsense"), (version,)),
        (request("nonsense", {"_meta": {META_VERSION: "2099-01-01", META_CAPABILITIES: {}}}), (version,)),
        (request("nonsense", {"_meta": {META_VERSION: "2099-01-01", META_CAPABILITIES: {}}}), (version, method)),
        (modern("nonsense")[0], modern("nonsense")[1:]),
        (modern("tools/call")[0], modern("tools/call")[1:]),
    ]
    answers = [await gate.asked(document, *headers) for document, headers in steps]

    assert [INVALID_PARAMS, HEADER_MISMATCH, UNSUPPORTED_VERSION, METHOD_NOT_FOUND, INVALID_PARAMS] == [
        answer.json["error"]["code"] for answer in answers
    ]
    assert [400, 400, 400, 404, 400] == [answer.status for answer in answers]


@pytest.mark.requirement("MCP-ERR-01")
async def test_a_call_whose_name_header_differs_is_not_run(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2026-07-28 streamable-http#server-validation: a proxy may have let `get_me` through."""
    document, version, method, _ = modern_call("delete_everything")
    answer = await gate.asked(document, version, method, ("mcp-name", "get_me"))

    assert (400, HEADER_MISMATCH) == (answer.status, answer.json["error"]["code"])
    assert [] == gate.door.requests


@pytest.mark.requirement("MCP-ERR-16")
async def test_a_doubled_header_is_refused(autojump_clock: MockClock, gate: Gate) -> None:
    """Two names are two readings of one request."""
    document, *headers = modern_call("get_me")
    answer = await gate.asked(document, *headers, ("mcp-name", "get_me"))

    assert (400, HEADER_MISMATCH) == (answer.status, answer.json["error"]["code"])


@pytest.mark.requirement("MCP-HTTP-04", "MCP-HTTP-17")
async def test_a_posted_cancellation_is_accepted_and_cancels_nothing(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2026-07-28 basic/patterns/cancellation: without sessions an id names anybody's call."""
    gate.door.scripts["slow"] = lasting(3)
    running = gate.post(*modern_call("slow"))
    await trio.sleep(1)
    cancel = await gate.asked(
        notification("notifications/cancelled", {"requestId": 1}), ("mcp-protocol-version", V_MODERN), key="bob"
    )
    await running.over.wait()

    assert (202, "") == (cancel.status, cancel.text)
    assert "result" in running.json


@pytest.mark.requirement("MCP-HTTP-01")
async def test_arrays_and_responses_are_no_modern_messages(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2026-07-28 streamable-http#sending-messages, item 4."""
    document, *headers = modern("tools/list")
    for body in ([document], {"jsonrpc": "2.0", "id": 1, "result": {}}):
        answer = await gate.asked(body, *headers)
        assert (400, INVALID_REQUEST) == (answer.status, answer.json["error"]["code"])


@pytest.mark.requirement("MCP-HTTP-16")
@pytest.mark.parametrize("wait_s", [1, 10, 60], ids=["before the answer began", "while it streams", "later"])
@pytest.mark.parametrize("accept", ["application/json, text/event-stream", "application/json", "text/event-stream"])
async def test_hanging_up_cancels_the_call_at_once(
    autojump_clock: MockClock, gate: Gate, wait_s: int, accept: str
) -> None:
    """MCP 2026-07-28 streamable-http#cancellation: MUST be treated as cancellation, in every form of answer."""
    gate.door.scripts["slow"] = lasting(1000)
    conversation = gate.post(*modern_call("slow"), ("accept", accept))
    await trio.sleep(wait_s)
    assert [] == gate.door.cancelled
    conversation.hang_up()
    with trio.fail_after(1):
        await conversation.over.wait()

    assert ["slow"] == gate.door.cancelled
    assert [] == conversation.messages
    assert conversation.error is None


@pytest.mark.requirement("MCP-HTTP-03", "MCP-HTTP-15")
async def test_a_long_call_becomes_a_stream_that_is_kept_alive(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2026-07-28 streamable-http#receiving-messages: the final response ends the stream."""
    gate.door.scripts["slow"] = lasting(30)
    answer = await gate.asked(*modern_call("slow"))

    assert "text/event-stream" == answer.headers["content-type"]
    assert [KEEP_ALIVE, KEEP_ALIVE] == answer.chunks[:2]
    assert ["complete"] == [message["result"]["resultType"] for message in answer.messages]
    assert answer.is_complete


@pytest.mark.requirement("MCP-ERR-07")
@pytest.mark.parametrize(
    ("fault", "code", "modern_status", "legacy_status"),
    [
        (UnknownTool("There is no such tool."), INVALID_PARAMS, 400, 200),
        (RateLimited("Too many calls.", retry_after_s=7), 429, 429, 429),
        (AuditUnavailable("The audit log cannot be written."), 503, 503, 503),
        (NotReady("Gitea cannot be asked."), 503, 503, 503),
        (Bug("incident"), -32603, 200, 200),
    ],
)
async def test_faults_of_the_gate_are_protocol_errors(
    autojump_clock: MockClock, gate: Gate, *, fault: Fault, code: int, modern_status: int, legacy_status: int
) -> None:
    """MCP 2026-07-28 server/tools#error-handling; a legacy client would take 404 for a lost session."""
    gate.door.scripts["t"] = failing(fault)  # type: ignore[assignment]  # the helper returns a script
    of_modern = await gate.asked(*modern_call("t"))
    of_legacy = await gate.asked(call("t"), await gate.session())

    assert (modern_status, legacy_status) == (of_modern.status, of_legacy.status)
    for answer, asked in zip((of_modern, of_legacy), gate.door.requests, strict=True):
        assert code == answer.json["error"]["code"]
        assert fault.code == answer.json["error"]["data"]["code"]
        assert asked.correlation_id == answer.json["error"]["data"]["correlation_id"]


@pytest.mark.requirement("MCP-ERR-17")
async def test_a_limited_client_is_told_when_to_come_back(autojump_clock: MockClock, gate: Gate) -> None:
    """RFC 6585 section 4; RFC 9110 section 10.2.3; and in the body for clients that never see headers."""
    gate.door.scripts["t"] = failing(RateLimited("Too many calls.", retry_after_s=7))  # type: ignore[assignment]  # as above
    answer = await gate.asked(*modern_call("t"))

    assert "7" == answer.headers["retry-after"]
    assert 7 == answer.json["error"]["data"]["retry_after_seconds"]


@pytest.mark.requirement("MCP-ERR-14")
@pytest.mark.parametrize(
    "fault", [NotFound("Gitea shows no such repository."), InvalidArgument("owner", "is empty", "Give a login.")]
)
async def test_faults_of_the_call_are_results_that_a_model_reads(
    autojump_clock: MockClock, gate: Gate, fault: Fault
) -> None:
    """MCP 2026-07-28 server/tools#error-handling: tool failures and wrong arguments are `isError`."""
    gate.door.scripts["t"] = failing(fault)  # type: ignore[assignment]  # as above
    answer = await gate.asked(*modern_call("t"))

    assert (200, True) == (answer.status, answer.json["result"]["isError"])
    assert fault.message in answer.json["result"]["content"][0]["text"]


@pytest.mark.requirement("MCP-ENV-03")
async def test_a_modern_clients_name_reaches_the_record(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2026-07-28 basic/index#meta: clientInfo stands in each request; it drives nothing but the record."""
    document, *headers = modern_call("get_me")
    document["params"]["_meta"]["io.modelcontextprotocol/clientInfo"] = {"name": "X", "version": "2"}  # type: ignore[call-overload, index]  # built as an object
    await gate.asked(document, *headers)

    assert "X/2" == gate.door.requests[0].client


@pytest.mark.requirement("MCP-CHG-04", "MCP-ERA-07")
async def test_chatgpts_probes_are_answered_as_it_expects(autojump_clock: MockClock, gate: Gate) -> None:
    """openai/tunnel-client#35, #63: GET must be 405; a discovery that fails must be 400; initialize then works."""
    assert 405 == (await gate.done("GET", "/mcp", ("accept", "text/event-stream"))).status
    probe = await gate.asked(request("server/discover"), ("mcp-protocol-version", V_MODERN))
    assert 400 == probe.status
    assert (await gate.session("2025-11-25"))[1]
