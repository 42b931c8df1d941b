"""Streamable HTTP up to 2025-11-25: sessions, and calls that belong to them."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.call import ToolOutcome, ToolRequest
from aegis_trio.model.identity import Caller, PrincipalId
from aegis_trio.protocol.refusals import HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND
from aegis_trio.protocol.revisions import LEGACY_VERSIONS
from aegis_trio.protocol.sse import FAREWELL, KEEP_ALIVE, encode_priming
from aegis_trio.transports.outbox import RETRY_MS
from tests.transports.conftest import MakeGate
from tests.transports.harness import Gate, call, initialize, lasting, modern, notification, request


@pytest.mark.requirement("MCP-CACHE-06", "MCP-SESS-01")
@pytest.mark.parametrize("version", LEGACY_VERSIONS)
async def test_a_handshake_opens_a_session_of_the_version_asked_for(
    autojump_clock: MockClock, gate: Gate, version: str
) -> None:
    """MCP 2025-11-25 basic/lifecycle#version-negotiation, basic/transports#session-management."""
    answer = await gate.asked(initialize(version))

    assert 200 == answer.status
    assert "application/json" == answer.headers["content-type"]
    assert "no-store" == answer.headers["cache-control"]
    assert version == answer.json["result"]["protocolVersion"]
    assert len(answer.headers["mcp-session-id"]) >= 43
    assert answer.headers["mcp-session-id"].isascii()


@pytest.mark.requirement("MCP-SESS-01")
async def test_two_handshakes_open_two_sessions(autojump_clock: MockClock, gate: Gate) -> None:
    """The id is a secret of the client that opened it; it is never given twice."""
    assert await gate.session() != await gate.session()
    assert 2 == gate.hub.statistics().sessions_open


@pytest.mark.requirement("MCP-NEG-03")
async def test_a_refused_handshake_opens_no_session(autojump_clock: MockClock, gate: Gate) -> None:
    """A client without a version cannot be served, and must not cost a session."""
    answer = await gate.asked(request("initialize", {"capabilities": {}}))

    assert INVALID_PARAMS == answer.json["error"]["code"]
    assert "mcp-session-id" not in answer.headers
    assert 0 == gate.hub.statistics().sessions_open


@pytest.mark.requirement("MCP-NEG-05")
async def test_a_session_cannot_be_initialized_again(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2025-11-25 basic/lifecycle: initialization comes first, once."""
    session = await gate.session()
    answer = await gate.asked(initialize(), session)

    assert INVALID_REQUEST == answer.json["error"]["code"]
    assert 1 == gate.hub.statistics().sessions_open


@pytest.mark.requirement("MCP-TOOL-02")
async def test_tools_are_listed_as_the_caller_may_use_them(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2025-11-25 server/tools#listing-tools; the list is the caller's own."""
    session = await gate.session(key="bob")
    answer = await gate.asked(request("tools/list"), session, key="bob")

    assert ["tool_of_bob"] == [tool["name"] for tool in answer.json["result"]["tools"]]


@pytest.mark.requirement("MCP-L2506-02")
async def test_a_quick_call_is_answered_as_json(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2025-11-25 basic/transports#sending-messages-to-the-server, item 5; the client's name reaches the record."""
    session = await gate.session()
    answer = await gate.asked(call("get_me", "c-1", a=1), session)

    assert 200 == answer.status
    assert "c-1" == answer.json["id"]
    assert {"tool": "get_me", "arguments": {"a": 1}} == answer.json["result"]["structuredContent"]
    assert ("get_me", "Cursor/1") == (gate.door.requests[0].tool, gate.door.requests[0].client)
    assert "streamable_http" == gate.door.requests[0].transport


@pytest.mark.requirement("MCP-ERR-05")
async def test_a_method_that_is_not_served_is_no_lost_session(autojump_clock: MockClock, gate: Gate) -> None:
    """404 would make the client open a new session; JSON-RPC 2.0 section 5.1 says it with a code."""
    session = await gate.session()
    answer = await gate.asked(request("roots/list"), session)

    assert (200, METHOD_NOT_FOUND) == (answer.status, answer.json["error"]["code"])


@pytest.mark.requirement("MCP-HTTP-04", "MCP-SESS-14")
@pytest.mark.parametrize(
    "message",
    [
        notification("notifications/initialized"),
        notification("notifications/unknown"),
        {"jsonrpc": "2.0", "id": 9, "result": {}},
        {"jsonrpc": "2.0", "error": {"code": 1, "message": "m"}},
    ],
)
async def test_notifications_and_responses_are_accepted_without_a_body(
    autojump_clock: MockClock, gate: Gate, message: dict[str, object]
) -> None:
    """MCP 2025-11-25 basic/transports#sending-messages-to-the-server, item 4."""
    session = await gate.session()
    answer = await gate.asked(message, session)  # type: ignore[arg-type]  # written as JSON above

    assert (202, "") == (answer.status, answer.text)


@pytest.mark.requirement("MCP-SESS-02")
async def test_a_request_without_a_session_is_told_to_open_one(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2025-11-25 basic/transports#session-management, item 2: 400."""
    answer = await gate.asked(request("tools/list", request_id=4))

    assert (400, 4, INVALID_REQUEST) == (answer.status, answer.json["id"], answer.json["error"]["code"])


@pytest.mark.requirement("MCP-SESS-03")
async def test_a_strangers_session_and_an_unknown_one_are_the_same_bytes(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2025-11-25 basic/transports#session-management, item 3: 404; a stolen id must not even be confirmed."""
    session = await gate.session(key="ada")
    for document in (request("tools/list"), call("get_me"), notification("notifications/cancelled", {"requestId": 1})):
        strange = await gate.asked(document, session, key="bob")
        unknown = await gate.asked(document, ("mcp-session-id", "x" * 43), key="bob")

        assert 404 == strange.status
        assert (unknown.status, unknown.headers, unknown.chunks) == (strange.status, strange.headers, strange.chunks)
    assert [] == gate.door.requests
    assert 200 == (await gate.asked(request("ping"), session, key="ada")).status


@pytest.mark.requirement("MCP-SESS-03")
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_strangers_session_has_no_stream_and_no_end(autojump_clock: MockClock, gate: Gate, method: str) -> None:
    """The same rule for the other two methods."""
    session = await gate.session(key="ada")
    strange = await gate.done(method, "/mcp", session, key="bob")
    unknown = await gate.done(method, "/mcp", ("mcp-session-id", "x" * 43), key="bob")

    assert 404 == strange.status
    assert unknown.chunks == strange.chunks
    assert 1 == gate.hub.statistics().sessions_open


@pytest.mark.requirement("MCP-SESS-03", "MCP-SESS-04")
async def test_a_session_ends_when_its_client_deletes_it(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2025-11-25 basic/transports#session-management, items 3 and 5."""
    session = await gate.session()
    deleted = await gate.done("DELETE", "/mcp", session)

    assert (204, "") == (deleted.status, deleted.text)
    assert "content-length" not in deleted.headers
    assert 404 == (await gate.asked(request("ping"), session)).status
    assert 404 == (await gate.done("DELETE", "/mcp", session)).status


@pytest.mark.requirement("MCP-HTTP-20", "MCP-ERA-07")
async def test_every_request_is_authenticated_before_its_body_is_read(autojump_clock: MockClock, gate: Gate) -> None:
    """A stranger must not make the gate read, parse or remember anything."""
    for method in ("POST", "GET", "DELETE"):
        conversation = gate.start(method, "/mcp", body=None, key="mallory")
        await conversation.over.wait()

        assert "Invalid API key" in str(conversation.error)
        assert 0 == conversation.status


async def test_a_key_in_the_address_does_not_count_on_the_mcp_endpoint(
    autojump_clock: MockClock, make_gate: MakeGate
) -> None:
    """`?api_key=` is for /mcp/sse, /mcp/tools and /mcp/tool/call and nowhere else."""
    gate = await make_gate(allow_query_api_key=True)
    on_mcp = gate.post(initialize(), key=None, query="api_key=ada")
    on_sse = gate.post(initialize(), key=None, query="api_key=ada", path="/mcp/sse")
    await on_mcp.over.wait()
    await on_sse.over.wait()

    assert "Invalid API key" in str(on_mcp.error)
    assert 200 == on_sse.status


async def test_a_key_in_the_address_counts_nowhere_unless_it_is_allowed(autojump_clock: MockClock, gate: Gate) -> None:
    """ALLOW_QUERY_API_KEY is off by default."""
    answer = await gate.asked(initialize(), key=None, query="api_key=ada", path="/mcp/sse")

    assert "Invalid API key" in str(answer.error)


@pytest.mark.requirement("MCP-ERR-16")
async def test_a_doubled_routing_header_is_refused_on_every_method(autojump_clock: MockClock, gate: Gate) -> None:
    """Two session ids are two readings of one request."""
    session = await gate.session()
    for method in ("GET", "DELETE"):
        answer = await gate.done(method, "/mcp", session, session)
        assert (400, HEADER_MISMATCH) == (answer.status, answer.json["error"]["code"])
    answer = await gate.asked(request("ping"), session, session)
    assert (400, HEADER_MISMATCH) == (answer.status, answer.json["error"]["code"])


@pytest.mark.requirement("MCP-CHG-04", "MCP-SESS-05")
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_without_a_session_only_post_is_served(autojump_clock: MockClock, gate: Gate, method: str) -> None:
    """MCP 2026-07-28 streamable-http#earlier-streamable-http-revisions: 405 with Allow; clients probe so."""
    bare = await gate.done(method, "/mcp", ("accept", "text/event-stream"))
    session = await gate.session()
    of_modern_version = await gate.done(method, "/mcp", session, ("mcp-protocol-version", "2026-07-28"))

    assert (405, "POST") == (bare.status, bare.headers["allow"])
    assert (405, "POST") == (of_modern_version.status, of_modern_version.headers["allow"])


async def test_other_methods_do_not_exist(autojump_clock: MockClock, gate: Gate) -> None:
    """The front routes three; if it ever routed more, they would be refused here."""
    assert 405 == (await gate.done("PUT", "/mcp")).status


@pytest.mark.requirement("MCP-ERR-08")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff", 400),
        (b"[]", 400),
        (b"1", 400),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', 400),
        (b" " * 2000, 413),
    ],
)
async def test_a_body_that_is_no_message_is_refused(
    autojump_clock: MockClock, make_gate: MakeGate, body: bytes, status: int
) -> None:
    """JSON-RPC 2.0 section 5.1; the answer is a JSON-RPC error without an id."""
    gate = await make_gate(max_body_bytes=1000)
    answer = await gate.asked(body)

    assert status == answer.status
    assert "2.0" == answer.json["jsonrpc"]
    assert "id" not in answer.json


@pytest.mark.requirement("MCP-HTTP-19")
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/json; charset=latin-1", "application/jsonp", "", "application/json, a/b"],
)
async def test_only_json_is_a_body(autojump_clock: MockClock, gate: Gate, content_type: str) -> None:
    """A page may post text/plain without a preflight; it must not be able to call tools."""
    answer = await gate.asked(initialize(), ("content-type", content_type))

    assert 415 == answer.status


@pytest.mark.requirement("MCP-HTTP-02")
@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/*"])
async def test_a_client_that_takes_neither_form_is_refused(autojump_clock: MockClock, gate: Gate, accept: str) -> None:
    """MCP 2025-11-25 basic/transports#sending-messages-to-the-server, item 2; RFC 9110 section 15.5.7."""
    assert 406 == (await gate.asked(initialize(), ("accept", accept))).status


@pytest.mark.requirement("MCP-SESS-05")
async def test_a_stream_needs_a_client_that_takes_streams(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2025-11-25 basic/transports#listening-for-messages-from-the-server, item 2."""
    session = await gate.session()

    assert 406 == (await gate.done("GET", "/mcp", session, ("accept", "application/json"))).status


async def test_a_body_that_drips_is_given_up(autojump_clock: MockClock, gate: Gate) -> None:
    """A byte a minute would hold a place for as long as the client likes."""
    slow = gate.start("POST", "/mcp", ("content-type", "application/json"), body=None)
    with trio.fail_after(11):
        await slow.over.wait()

    assert 408 == slow.status


async def test_a_client_that_leaves_before_its_body_gets_nothing(autojump_clock: MockClock, gate: Gate) -> None:
    """There is nobody to answer."""
    left = gate.start("POST", "/mcp", ("content-type", "application/json"), body=None)
    left.hang_up()
    await left.over.wait()

    assert (0, None) == (left.status, left.error)


# ---- long calls, hang-ups, cancellation -----------------------------------------------------------------------------


@pytest.mark.requirement("MCP-HTTP-15", "MCP-CACHE-06")
async def test_a_long_call_becomes_a_stream_that_is_kept_alive(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2025-11-25 basic/transports item 5: either form; proxies close a connection that is silent for 30 s."""
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(47)
    began = trio.current_time()
    answer = await gate.asked(call("slow"), session)

    assert "text/event-stream" == answer.headers["content-type"]
    assert "no" == answer.headers["x-accel-buffering"]
    assert "no-store" == answer.headers["cache-control"]
    assert [0, 15, 30, 45, 47] == [round(at - began) for at in answer.times]
    assert [encode_priming("1-0", RETRY_MS), *[KEEP_ALIVE] * 3] == answer.chunks[:4]
    (message,) = answer.messages
    assert "slow" == message["result"]["structuredContent"]["tool"]
    assert answer.is_complete


async def test_a_client_that_takes_json_only_waits_for_json(autojump_clock: MockClock, gate: Gate) -> None:
    """RFC 9110 section 12.5.1: what it did not list is not sent."""
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(40)
    answer = await gate.asked(call("slow"), session, ("accept", "application/json"))

    assert "application/json" == answer.headers["content-type"]
    assert "slow" == answer.json["result"]["structuredContent"]["tool"]


async def test_a_client_that_takes_streams_only_gets_one_at_once(autojump_clock: MockClock, gate: Gate) -> None:
    """The same; its first bytes do not wait for the call."""
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(3)
    began = trio.current_time()
    answer = await gate.asked(call("slow"), session, ("accept", "text/event-stream"))
    ping = await gate.asked(request("ping"), session, ("accept", "text/event-stream"))

    assert [0, 3] == [round(at - began) for at in answer.times]
    assert [{"jsonrpc": "2.0", "id": 1, "result": {}}] == ping.messages


@pytest.mark.requirement("MCP-SESS-09")
async def test_hanging_up_leaves_the_call_running(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2025-11-25 basic/transports item 6: a disconnect is not a cancel; the work is finished."""
    session = await gate.session()
    finished = trio.Event()

    async def script(caller: Caller, asked: ToolRequest) -> ToolOutcome:
        outcome = await lasting(60)(caller, asked)
        finished.set()
        return outcome

    gate.door.scripts["slow"] = script
    for wait_s in (0.1, 10):
        conversation = gate.post(call("slow", f"after {wait_s}"), session)
        await trio.sleep(wait_s)
        conversation.hang_up()
        await conversation.over.wait()
        await finished.wait()
        finished = trio.Event()

        assert [] == gate.door.cancelled
        assert conversation.messages == []
    assert 0 == gate.hub.statistics().calls_running


@pytest.mark.requirement("MCP-SESS-10")
@pytest.mark.parametrize("wait_s", [0.1, 10], ids=["before the answer began", "while it streams"])
async def test_a_cancelled_call_is_never_answered(autojump_clock: MockClock, gate: Gate, wait_s: float) -> None:
    """MCP 2025-11-25 basic/utilities/cancellation: stop, free, send no response."""
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(1000)
    conversation = gate.post(call("slow", "c"), session)
    await trio.sleep(wait_s)
    cancel = await gate.asked(notification("notifications/cancelled", {"requestId": "c"}), session)
    with trio.fail_after(1):
        await conversation.over.wait()

    assert 202 == cancel.status
    assert ["slow"] == gate.door.cancelled
    assert [] == conversation.messages
    assert conversation.is_complete
    assert (202 if wait_s < 0.2 else 200) == conversation.status
    assert 0 == gate.hub.statistics().calls_running


@pytest.mark.requirement("MCP-SESS-10")
async def test_a_cancellation_names_its_call_by_type_and_session(autojump_clock: MockClock, gate: Gate) -> None:
    """`1` and `"1"` are two ids, and ids of another session are not this one's."""
    session, other = await gate.session(), await gate.session()
    gate.door.scripts["slow"] = lasting(3)
    conversation = gate.post(call("slow", 1), session)
    await trio.sleep(1)
    await gate.asked(notification("notifications/cancelled", {"requestId": "1"}), session)
    await gate.asked(notification("notifications/cancelled", {"requestId": 1}), other)
    await conversation.over.wait()

    assert 1 == conversation.json["id"]


@pytest.mark.requirement("MCP-SESS-13")
async def test_an_id_that_is_in_use_is_refused(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2025-11-25 basic/index#requests: ids are unique; two calls of one id could not be told apart."""
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(3)
    first = gate.post(call("slow", 1), session)
    await trio.sleep(1)
    second = await gate.asked(call("get_me", 1), session)
    await first.over.wait()
    third = await gate.asked(call("get_me", 1), session)

    assert INVALID_REQUEST == second.json["error"]["code"]
    assert "result" in first.json
    assert "result" in third.json


@pytest.mark.requirement("MCP-SESS-04")
@pytest.mark.parametrize("wait_s", [0.1, 10], ids=["before the answer began", "while it streams"])
async def test_deleting_a_session_ends_its_calls(autojump_clock: MockClock, gate: Gate, wait_s: float) -> None:
    """Promise 5: everything that works for a session ends with it, within a second."""
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(1000)
    conversation = gate.post(call("slow", 8), session)
    await trio.sleep(wait_s)
    await gate.done("DELETE", "/mcp", session)
    with trio.fail_after(1):
        await conversation.over.wait()

    assert ["slow"] == gate.door.cancelled
    assert conversation.is_complete
    if wait_s < 0.2:
        assert (404, 8) == (conversation.status, conversation.json["id"])
    else:
        assert [] == conversation.messages


@pytest.mark.requirement("MCP-ERR-11")
async def test_a_bug_in_a_call_is_that_calls_answer(autojump_clock: MockClock, gate: Gate) -> None:
    """A crash in one call ends that call alone, and shows nothing of itself."""
    session = await gate.session()

    async def broken(caller: Caller, asked: ToolRequest) -> ToolOutcome:
        raise ValueError("token=hunter2")

    gate.door.scripts["broken"] = broken
    answer = await gate.asked(call("broken", 5), session)

    assert (5, -32603) == (answer.json["id"], answer.json["error"]["code"])
    assert "hunter2" not in answer.text
    assert 200 == (await gate.asked(request("ping"), session)).status


# ---- batches --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("MCP-L2503-01")
async def test_a_batch_is_received_where_the_revision_has_them(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2025-03-26 basic/index#batching; JSON-RPC 2.0 section 6: one answer each, none for notifications."""
    session = await gate.session("2025-03-26")
    answer = await gate.asked(
        [
            request("ping", request_id=1),
            notification("notifications/initialized"),
            call("get_me", 2),
            5,
            initialize(request_id=3),
        ],
        session,
    )

    assert 200 == answer.status
    by_id = {message.get("id"): message for message in answer.json}
    assert {1, 2, 3, None} == set(by_id)
    assert 4 == len(answer.json)
    assert {} == by_id[1]["result"]
    assert "get_me" == by_id[2]["result"]["structuredContent"]["tool"]
    assert INVALID_REQUEST == by_id[3]["error"]["code"]
    assert INVALID_REQUEST == by_id[None]["error"]["code"]


@pytest.mark.requirement("MCP-L2503-01")
async def test_a_batch_without_requests_is_accepted(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2025-03-26 basic/transports#sending-messages-to-the-server, item 4."""
    session = await gate.session("2025-03-26")
    answer = await gate.asked(
        [notification("notifications/initialized"), {"jsonrpc": "2.0", "id": 1, "result": {}}], session
    )

    assert (202, "") == (answer.status, answer.text)


@pytest.mark.requirement("MCP-L2503-01")
async def test_a_batch_with_a_long_call_streams_what_it_has(autojump_clock: MockClock, gate: Gate) -> None:
    """The same section, item 6: one response for each request, as it comes."""
    session = await gate.session("2025-03-26")
    gate.door.scripts["slow"] = lasting(20)
    answer = await gate.asked([call("slow", 1), call("get_me", 2), request("ping", request_id=3)], session)

    assert [3, 2, 1] == [message["id"] for message in answer.messages]


@pytest.mark.requirement("MCP-L2503-01")
async def test_a_batch_for_a_stream_reader_is_streamed(autojump_clock: MockClock, gate: Gate) -> None:
    """The client did not list JSON."""
    session = await gate.session("2025-03-26")
    answer = await gate.asked(
        [request("ping", request_id=1), request("ping", request_id=2)], session, ("accept", "text/event-stream")
    )

    assert [1, 2] == [message["id"] for message in answer.messages]


@pytest.mark.requirement("MCP-L2506-03")
@pytest.mark.parametrize("version", ["2024-11-05", "2025-06-18", "2025-11-25"])
async def test_a_batch_is_refused_where_the_revision_has_none(
    autojump_clock: MockClock, gate: Gate, version: str
) -> None:
    """MCP 2025-06-18 changelog: removed; nothing of it is run."""
    session = await gate.session(version)
    answer = await gate.asked([call("get_me")], session)

    assert (400, INVALID_REQUEST) == (answer.status, answer.json["error"]["code"])
    assert [] == gate.door.requests


# ---- the stream of a session ----------------------------------------------------------------------------------------


@pytest.mark.requirement("MCP-HTTP-15", "MCP-SESS-05")
async def test_a_stream_speaks_at_once_and_every_fifteen_seconds(autojump_clock: MockClock, gate: Gate) -> None:
    """Buffering proxies and clients see the first byte; silent connections are closed by proxies."""
    session = await gate.session()
    began = trio.current_time()
    stream = await gate.stream(session)
    await stream.wait_for(lambda: len(stream.chunks) == 4)

    assert "text/event-stream" == stream.headers["content-type"]
    assert "no" == stream.headers["x-accel-buffering"]
    assert [0, 15, 30, 45] == [round(at - began) for at in stream.times]
    assert [encode_priming("1-0", RETRY_MS), *[KEEP_ALIVE] * 3] == stream.chunks


async def test_a_stream_ends_when_its_client_leaves(autojump_clock: MockClock, gate: Gate) -> None:
    """Nothing of it may stay behind; the session lives on."""
    session = await gate.session()
    stream = await gate.stream(session)
    stream.hang_up()
    with trio.fail_after(1):
        await stream.over.wait()

    assert 0 == gate.hub.statistics().streams_open["listen"]
    assert 200 == (await gate.asked(request("ping"), session)).status


async def test_a_session_has_a_bounded_number_of_streams(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """A client that reconnects leaves streams behind; the oldest makes room, so that it is never locked out."""
    gate = await make_gate(max_streams_per_session=2)
    session = await gate.session()
    streams = [await gate.stream(session) for _ in range(3)]
    await streams[0].over.wait()

    assert FAREWELL == streams[0].chunks[-1]
    assert 2 == gate.hub.statistics().streams_open["listen"]


@pytest.mark.requirement("MCP-SESS-04")
async def test_a_stream_ends_with_its_session(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2025-11-25 basic/transports: the server may close it; the client learns so at once."""
    session = await gate.session()
    stream = await gate.stream(session)
    await gate.done("DELETE", "/mcp", session)
    with trio.fail_after(1):
        await stream.over.wait()

    assert stream.is_complete
    assert FAREWELL == stream.chunks[-1]


# ---- limits and ends ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("MCP-SESS-15")
async def test_an_idle_session_is_reaped(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """Clients that never say goodbye must not fill the gate; one that has a stream or is used is not idle."""
    gate = await make_gate(idle_s=100)
    idle, used, streaming = [await gate.session() for _ in range(3)]
    stream = await gate.stream(streaming)
    for _ in range(3):
        await trio.sleep(60)
        assert 200 == (await gate.asked(request("ping"), used)).status

    assert 404 == (await gate.asked(request("ping"), idle)).status
    assert 200 == (await gate.asked(request("ping"), streaming)).status
    assert 1 == gate.hub.statistics().sessions_reaped_total
    assert not stream.over.is_set()


@pytest.mark.requirement("MCP-SESS-15")
async def test_a_session_ends_at_its_greatest_age(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """However busy it is."""
    gate = await make_gate(max_age_s=100)
    session = await gate.session()
    stream = await gate.stream(session)
    await trio.sleep(99)
    assert 200 == (await gate.asked(request("ping"), session)).status
    await trio.sleep(2)

    assert 404 == (await gate.asked(request("ping"), session)).status
    assert stream.over.is_set()


@pytest.mark.requirement("MCP-SESS-15")
async def test_a_full_principal_loses_its_longest_rested_session(
    autojump_clock: MockClock, make_gate: MakeGate
) -> None:
    """A client that forgets its sessions would lock itself out; nobody else loses one."""
    gate = await make_gate(max_sessions_per_principal=2)
    first, second, bobs = await gate.session(), await gate.session(), await gate.session(key="bob")
    await gate.asked(request("ping"), first)
    third = await gate.session()

    assert 404 == (await gate.asked(request("ping"), second)).status
    for session in (first, third):
        assert 200 == (await gate.asked(request("ping"), session)).status
    assert 200 == (await gate.asked(request("ping"), bobs, key="bob")).status
    assert 1 == gate.hub.statistics().sessions_evicted_total


async def test_a_principal_whose_sessions_are_all_in_use_is_told_what_to_do(
    autojump_clock: MockClock, make_gate: MakeGate
) -> None:
    """429 with Retry-After, and a JSON-RPC error that a client can show."""
    gate = await make_gate(max_sessions_per_principal=1)
    await gate.stream(await gate.session())
    answer = await gate.asked(initialize(request_id=7))

    assert (429, "60", 7) == (answer.status, answer.headers["retry-after"], answer.json["id"])
    assert 60 == answer.json["error"]["data"]["retry_after_seconds"]
    assert "DELETE" in answer.json["error"]["message"]
    assert 1 == gate.hub.statistics().sessions_refused_total


async def test_at_the_bound_in_all_a_stranger_loses_nothing(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """The newcomer is refused with 503, or loses a resting session of its own."""
    gate = await make_gate(max_sessions=2)
    adas, bobs = await gate.session(key="ada"), await gate.session(key="bob")
    await gate.stream(adas)
    refused = await gate.asked(initialize())
    renewed = await gate.session(key="bob")

    assert 503 == refused.status
    assert "retry-after" in refused.headers
    assert 200 == (await gate.asked(request("ping"), adas)).status
    assert 404 == (await gate.asked(request("ping"), bobs, key="bob")).status
    assert 200 == (await gate.asked(request("ping"), renewed, key="bob")).status


@pytest.mark.requirement("MCP-SESS-15")
async def test_revocation_ends_sessions_streams_and_calls_at_once(autojump_clock: MockClock, gate: Gate) -> None:
    """Removing a key ends its access at once, open streams included; others notice nothing."""
    session, bobs = await gate.session(key="ada"), await gate.session(key="bob")
    gate.door.scripts["slow"] = lasting(1000)
    stream, bobs_stream = await gate.stream(session), await gate.stream(bobs, key="bob")
    running = gate.post(call("slow"), session)
    modern_running = gate.post(*modern_slow_call())
    await trio.sleep(1)
    gate.hub.end_sessions_of(frozenset({PrincipalId("key:ada")}))
    with trio.fail_after(1):
        for conversation in (stream, running, modern_running):
            await conversation.over.wait()

    assert ["slow", "slow"] == gate.door.cancelled
    assert "Invalid API key" in str(modern_running.error)
    assert 404 == (await gate.asked(request("ping"), session)).status
    assert not bobs_stream.over.is_set()
    assert 1 == gate.hub.statistics().sessions_open


def modern_slow_call() -> tuple[dict[str, object], *tuple[tuple[str, str], ...]]:
    """Return a modern call of `slow`."""
    document, *headers = modern("tools/call", {"name": "slow"})
    return (document, *headers, ("mcp-name", "slow"))  # type: ignore[return-value]  # JSON is a dict of objects
