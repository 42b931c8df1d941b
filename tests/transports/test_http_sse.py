"""HTTP+SSE of 2024-11-05: the stream is the session."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.call import ToolOutcome, ToolRequest
from aegis_trio.model.identity import Caller, PrincipalId
from aegis_trio.protocol.ladder import META_CAPABILITIES, META_VERSION
from aegis_trio.protocol.refusals import INVALID_REQUEST
from aegis_trio.protocol.sse import FAREWELL, KEEP_ALIVE
from tests.transports.conftest import MakeGate
from tests.transports.harness import Conversation, Gate, call, initialize, lasting, modern, notification, request


def endpoint_of(stream: Conversation) -> str:
    """Return the query of the endpoint that the stream named."""
    found = re.search(r"event: endpoint\ndata: /mcp/messages\?(\S+)\n\n", stream.text)
    assert found is not None, stream.text
    return found[1]


async def opened(gate: Gate, key: str | None = "ada", query: str = "") -> tuple[Conversation, str]:
    """Open a stream; return it with the query for its posts."""
    stream = await gate.stream(path="/mcp/sse", key=key, query=query)
    await stream.wait_for(lambda: "event: endpoint" in stream.text)
    return stream, endpoint_of(stream)


async def told(gate: Gate, document: object, query: str, key: str | None = "ada", **more: object) -> Conversation:
    """Post one message to the session."""
    return await gate.asked(document, path="/mcp/messages", query=query, key=key, app=gate.sse, **more)  # type: ignore[arg-type]  # written as JSON


@pytest.mark.requirement("MCP-SSE-01")
async def test_the_stream_names_its_endpoint_at_once(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2024-11-05 basic/transports#http-with-sse: MUST send an endpoint event; proxies must not hold it."""
    began = trio.current_time()
    stream, query = await opened(gate)

    assert 200 == stream.status
    assert "text/event-stream" == stream.headers["content-type"]
    assert ("no", "no-store") == (stream.headers["x-accel-buffering"], stream.headers["cache-control"])
    assert began == stream.times[0]
    assert stream.chunks[0].startswith(b"event: endpoint\n")
    assert len(parse_qs(query)["sessionId"][0]) >= 43
    assert {"sessionId"} == set(parse_qs(query))


@pytest.mark.requirement("MCP-HTTP-15")
async def test_a_resting_stream_is_kept_alive(autojump_clock: MockClock, gate: Gate) -> None:
    """Proxies close a connection that is silent for 30 to 60 s."""
    stream, _ = await opened(gate)
    began = stream.times[0]
    await stream.wait_for(lambda: len(stream.chunks) == 5)

    assert [0, 0, 15, 30, 45] == [round(at - began) for at in stream.times]
    assert [KEEP_ALIVE] * 3 == stream.chunks[2:]


@pytest.mark.requirement("MCP-SSE-02")
async def test_a_whole_conversation(autojump_clock: MockClock, gate: Gate) -> None:
    """The same section: posts are accepted with 202, answers arrive as `message` events."""
    stream, query = await opened(gate)
    for document in (
        initialize("2024-11-05"),
        notification("notifications/initialized"),
        request("tools/list", request_id=2),
        call("get_me", 3, a=1),
        request("ping", request_id=4),
        request("nonsense", request_id=5),
    ):
        answer = await told(gate, document, query)
        assert (202, "") == (answer.status, answer.text)
    await stream.wait_for(lambda: len(stream.messages) == 5)

    by_id = {message["id"]: message for message in stream.messages}
    assert "2024-11-05" == by_id[1]["result"]["protocolVersion"]
    assert ["tool_of_ada"] == [tool["name"] for tool in by_id[2]["result"]["tools"]]
    assert {"a": 1} == by_id[3]["result"]["structuredContent"]["arguments"]
    assert {} == by_id[4]["result"]
    assert -32601 == by_id[5]["error"]["code"]
    assert ("http_sse", "Cursor/1") == (gate.door.requests[0].transport, gate.door.requests[0].client)


@pytest.mark.requirement("MCP-NEG-05")
async def test_a_session_is_initialized_once(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2024-11-05 basic/lifecycle."""
    stream, query = await opened(gate)
    await told(gate, initialize(request_id=1), query)
    await told(gate, initialize(request_id=2), query)
    await stream.wait_for(lambda: len(stream.messages) == 2)

    assert INVALID_REQUEST == stream.messages[1]["error"]["code"]


@pytest.mark.requirement("MCP-HTTP-20", "MCP-SSE-03")
async def test_both_paths_need_a_credential(autojump_clock: MockClock, gate: Gate) -> None:
    """The id in the address is not authentication: it stands in logs and histories."""
    stream = gate.start("GET", "/mcp/sse", ("accept", "text/event-stream"), key="mallory")
    await stream.over.wait()
    _, query = await opened(gate)
    posted = await told(gate, call("get_me"), query, key=None)

    assert "Invalid API key" in str(stream.error)
    assert "Invalid API key" in str(posted.error)
    assert [] == gate.door.requests


@pytest.mark.requirement("MCP-SSE-03")
async def test_a_strangers_session_and_an_unknown_one_are_the_same_bytes(autojump_clock: MockClock, gate: Gate) -> None:
    """Another principal must not learn that the session exists, nor speak in it."""
    stream, query = await opened(gate, key="ada")
    strange = await told(gate, call("get_me"), query, key="bob")
    unknown = await told(gate, call("get_me"), "sessionId=" + "x" * 43, key="bob")
    none = await told(gate, call("get_me"), "", key="bob")

    assert 404 == strange.status
    assert unknown.chunks == strange.chunks == none.chunks
    assert unknown.headers == strange.headers
    assert [] == gate.door.requests
    assert [] == stream.messages


async def test_a_session_is_found_by_its_own_transport_only(autojump_clock: MockClock, gate: Gate) -> None:
    """Answers of one would go to the other's reader, or to nobody."""
    _, session_id = await gate.session()
    _, query = await opened(gate)
    own = ("mcp-session-id", parse_qs(query)["sessionId"][0])

    assert 404 == (await told(gate, call("get_me"), f"sessionId={session_id}")).status
    assert 404 == (await gate.asked(call("get_me"), own)).status
    assert 404 == (await gate.done("DELETE", "/mcp", own)).status


async def test_a_batch_that_overflows_a_slow_reader_is_not_run_to_its_end(
    autojump_clock: MockClock, make_gate: MakeGate
) -> None:
    """The session is gone after the answer that did not fit; nothing may start in it any more."""
    gate = await make_gate(max_outbox_messages=2)
    stream, query = await opened(gate)
    await told(gate, initialize("2025-03-26"), query)
    await stream.wait_for(lambda: len(stream.messages) == 1)
    stream.stop_reading()
    pings: list[object] = [request("ping", request_id=request_id) for request_id in range(10)]
    answer = await told(gate, [*pings, call("get_me", 99)], query)

    assert (202, None) == (answer.status, answer.error)
    assert [] == gate.door.requests


# ---- tickets --------------------------------------------------------------------------------------------------------


async def test_a_client_that_came_with_a_key_in_its_address_gets_a_ticket(
    autojump_clock: MockClock, make_gate: MakeGate
) -> None:
    """The key is never written back; 256 random bits stand for it, in this session."""
    gate = await make_gate(allow_query_api_key=True)
    stream, query = await opened(gate, key=None, query="api_key=ada")
    answer = await told(gate, call("get_me"), query, key=None)
    await stream.wait_for(lambda: len(stream.messages) == 1)

    assert "ada" not in stream.text.split("event: message")[0]
    assert len(parse_qs(query)["ticket"][0]) >= 43
    assert 202 == answer.status
    assert "key:ada" == gate.door.callers[0].principal.id


async def test_a_ticket_opens_its_own_session_only(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """Neither another session of the same principal, nor anything after the session's end."""
    gate = await make_gate(allow_query_api_key=True)
    first, first_query = await opened(gate, key=None, query="api_key=ada")
    _, second_query = await opened(gate, key=None, query="api_key=ada")
    ticket = parse_qs(first_query)["ticket"][0]
    second_id = parse_qs(second_query)["sessionId"][0]
    elsewhere = await told(gate, call("get_me"), f"sessionId={second_id}&ticket={ticket}", key=None)
    first.hang_up()
    await first.over.wait()
    afterwards = await told(gate, call("get_me"), first_query, key=None)

    for refused in (elsewhere, afterwards):
        assert "Invalid API key" in str(refused.error)
    assert [] == gate.door.requests


async def test_a_client_with_a_header_gets_no_ticket_and_can_use_none(
    autojump_clock: MockClock, make_gate: MakeGate
) -> None:
    """A ticket is a second way in; nobody has one who does not need it."""
    gate = await make_gate(allow_query_api_key=True)
    _, query = await opened(gate, key="ada")
    answer = await told(gate, call("get_me"), f"{query}&ticket=", key=None)

    assert "Invalid API key" in str(answer.error)


async def test_a_key_in_the_address_never_counts_for_messages(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """`?api_key=` is for /mcp/sse, /mcp/tools and /mcp/tool/call and nowhere else."""
    gate = await make_gate(allow_query_api_key=True)
    _, query = await opened(gate)
    answer = await told(gate, call("get_me"), f"{query}&api_key=ada", key=None)

    assert "Invalid API key" in str(answer.error)


# ---- what is refused ------------------------------------------------------------------------------------------------


async def test_a_stream_needs_a_client_that_takes_streams(autojump_clock: MockClock, gate: Gate) -> None:
    """RFC 9110 section 15.5.7."""
    answer = await gate.done("GET", "/mcp/sse", ("accept", "application/json"))

    assert 406 == answer.status
    assert 0 == gate.hub.statistics().sessions_open


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"{}", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b" " * 2000, "application/json", 413),
    ],
)
async def test_a_body_that_is_no_message_is_refused(
    autojump_clock: MockClock, make_gate: MakeGate, body: bytes, content_type: str, status: int
) -> None:
    """The post itself says so, with a JSON-RPC error."""
    gate = await make_gate(max_body_bytes=1000)
    _, query = await opened(gate)
    answer = await gate.asked(body, ("content-type", content_type), path="/mcp/messages", query=query)

    assert status == answer.status
    assert "error" in answer.json


@pytest.mark.requirement("MCP-L2506-03")
async def test_a_batch_is_for_sessions_of_the_one_revision_that_has_them(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2025-03-26 basic/index#batching."""
    stream, query = await opened(gate)
    early = await told(gate, [request("ping", request_id=5)], query)
    await told(gate, initialize("2025-03-26"), query)
    batch = await told(gate, [request("ping", request_id=6), 5], query)
    await stream.wait_for(lambda: len(stream.messages) == 3)

    assert (400, 202) == (early.status, batch.status)
    assert [1, 6, None] == [message.get("id") for message in stream.messages]


@pytest.mark.requirement("MCP-SSE-05")
async def test_a_modern_request_is_answered_on_the_stream_so_that_its_client_shakes_hands(
    autojump_clock: MockClock, gate: Gate
) -> None:
    """The official client probes `server/discover` first, takes a 400 for a dead transport, and falls back after
    `Method not found`; a modern notification asks for nothing.

    MCP 2026-07-28 basic/versioning#backward-compatibility-with-initialization-based-versions.
    """
    stream, query = await opened(gate)
    document, *_ = modern("server/discover")
    unserved = {**request("tools/list", {"_meta": {META_VERSION: "2099-01-01", META_CAPABILITIES: {}}}), "id": 2}
    asked = await told(gate, document, query)
    refused = await told(gate, unserved, query)
    noted = await told(gate, {"jsonrpc": "2.0", "method": "notifications/x", "params": document["params"]}, query)
    shaken = await told(gate, initialize("2024-11-05", request_id=3), query)
    await stream.wait_for(lambda: len(stream.messages) == 3)

    assert [202] * 4 == [answer.status for answer in (asked, refused, noted, shaken)]
    assert [document["id"], 2, 3] == [message["id"] for message in stream.messages]
    assert [-32601, -32022] == [message["error"]["code"] for message in stream.messages[:2]]
    assert "2024-11-05" == stream.messages[2]["result"]["protocolVersion"]


async def test_a_refused_request_is_answered_on_the_stream(autojump_clock: MockClock, gate: Gate) -> None:
    """Who asked under an id waits for it on the stream, and for nothing else."""
    stream, query = await opened(gate)
    asked = await told(gate, {"jsonrpc": "1.0", "id": "a", "method": "ping"}, query)
    await stream.wait_for(lambda: len(stream.messages) == 1)

    assert 202 == asked.status
    assert ("a", INVALID_REQUEST) == (stream.messages[0]["id"], stream.messages[0]["error"]["code"])


async def test_other_methods_do_not_exist(autojump_clock: MockClock, gate: Gate) -> None:
    """The front routes two; if it ever routed more, they would be refused here."""
    assert 405 == (await gate.done("DELETE", "/mcp/sse")).status


async def test_a_client_that_leaves_before_its_body_gets_nothing(autojump_clock: MockClock, gate: Gate) -> None:
    """There is nobody to answer."""
    _, query = await opened(gate)
    left = gate.start("POST", "/mcp/messages", ("content-type", "application/json"), body=None, query=query)
    left.hang_up()
    await left.over.wait()

    assert (0, None) == (left.status, left.error)


# ---- life and end ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("MCP-SSE-04")
async def test_the_session_ends_with_its_stream(autojump_clock: MockClock, gate: Gate) -> None:
    """The request is the session's life: its calls end, and nobody finds it any more."""
    stream, query = await opened(gate)
    gate.door.scripts["slow"] = lasting(1000)
    await told(gate, call("slow"), query)
    await trio.sleep(1)
    stream.hang_up()
    with trio.fail_after(1):
        await stream.over.wait()

    assert ["slow"] == gate.door.cancelled
    assert 404 == (await told(gate, request("ping"), query)).status
    assert (0, 0) == (gate.hub.statistics().sessions_open, gate.hub.statistics().calls_running)


@pytest.mark.requirement("MCP-SESS-10")
async def test_a_cancelled_call_is_never_answered(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2024-11-05 basic/utilities/cancellation."""
    stream, query = await opened(gate)
    gate.door.scripts["slow"] = lasting(10)
    await told(gate, call("slow", 9), query)
    await trio.sleep(1)
    await told(gate, notification("notifications/cancelled", {"requestId": 9}), query)
    await trio.sleep(60)

    assert ["slow"] == gate.door.cancelled
    assert [] == stream.messages


@pytest.mark.requirement("MCP-SSE-06")
async def test_a_reader_that_is_too_slow_is_cut(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """What it asked for is not kept for it; nobody else notices."""
    gate = await make_gate(max_outbox_messages=5)
    stream, query = await opened(gate)
    bystander, _ = await opened(gate)
    stream.stop_reading()
    for request_id in range(20):
        if (await told(gate, request("ping", request_id=request_id), query)).status == 404:
            break
    with trio.fail_after(1):
        await stream.over.wait()

    assert [] == stream.messages
    assert not stream.is_complete
    assert 1 == gate.hub.statistics().streams_cut_total
    assert 404 == (await told(gate, request("ping"), query)).status
    assert not bystander.over.is_set()


@pytest.mark.requirement("MCP-SSE-06")
async def test_a_reader_is_cut_by_bytes_too(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """64 long answers would be megabytes; one that is longer than the bound still passes alone."""
    gate = await make_gate(max_outbox_bytes=3000)
    stream, query = await opened(gate)
    await told(gate, call("get_me", 1, text="x" * 5000), query)
    await stream.wait_for(lambda: len(stream.messages) == 1)
    stream.stop_reading()
    for request_id in range(2, 6):
        await told(gate, call("get_me", request_id, text="x" * 1000), query)
    with trio.fail_after(1):
        await stream.over.wait()

    assert 1 == gate.hub.statistics().streams_cut_total


async def test_all_outboxes_together_are_bounded(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """A thousand readers just below their own bound would be the process's memory; who reads is not touched."""
    gate = await make_gate(max_outboxes_bytes=5000)
    readers = [await opened(gate) for _ in range(3)]
    reading, reading_query = await opened(gate)
    for stream, _ in readers:
        stream.stop_reading()
    for request_id in range(4):
        for _, query in readers:
            await told(gate, call("get_me", request_id, text="x" * 300), query)
        await told(gate, call("get_me", request_id, text="x" * 300), reading_query)
        await reading.wait_for(lambda count=request_id + 1: len(reading.messages) == count)  # type: ignore[misc]  # a bound default

    assert gate.hub.statistics().streams_cut_total >= 1
    assert gate.hub.statistics().outbox_bytes <= 5000
    assert not reading.over.is_set()
    for stream, _ in readers:
        stream.hang_up()
        stream.read_on()
        await stream.over.wait()
    assert 0 == gate.hub.statistics().outbox_bytes


async def test_a_session_ends_at_its_greatest_age(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """However lively; its stream is ended in good order, not dropped."""
    gate = await make_gate(max_age_s=100)
    stream, query = await opened(gate)
    await trio.sleep(101)

    assert stream.over.is_set()
    assert stream.is_complete
    assert 404 == (await told(gate, request("ping"), query)).status


async def test_revocation_ends_a_session_at_once(autojump_clock: MockClock, gate: Gate) -> None:
    """Removing a key ends its access, open streams included."""
    stream, query = await opened(gate)
    gate.door.scripts["slow"] = lasting(1000)
    await told(gate, call("slow"), query)
    await trio.sleep(1)
    gate.hub.end_sessions_of(frozenset({PrincipalId("key:ada"), PrincipalId("key:nobody")}))
    with trio.fail_after(1):
        await stream.over.wait()

    assert ["slow"] == gate.door.cancelled
    assert stream.is_complete


@pytest.mark.requirement("MCP-ERR-11")
async def test_a_bug_in_a_call_is_that_calls_answer(autojump_clock: MockClock, gate: Gate) -> None:
    """The session goes on."""
    stream, query = await opened(gate)

    async def broken(caller: Caller, asked: ToolRequest) -> ToolOutcome:
        raise ValueError("secret")

    gate.door.scripts["broken"] = broken
    await told(gate, call("broken", 1), query)
    await told(gate, request("ping", request_id=2), query)
    await stream.wait_for(lambda: len(stream.messages) == 2)

    assert {-32603} == {message["error"]["code"] for message in stream.messages if message["id"] == 1}
    assert "secret" not in stream.text


async def test_a_session_that_breaks_ends_alone(autojump_clock: MockClock, gate: Gate) -> None:
    """Promise 5: a crash in one session ends that session alone, whatever broke."""
    stream, query = await opened(gate)
    bystander, bystanders_query = await opened(gate)

    stream.breaks_with = ValueError("the connection's state is confused")
    await told(gate, request("ping"), query)
    with trio.fail_after(1):
        await stream.over.wait()

    assert 404 == (await told(gate, request("ping"), query)).status
    assert 202 == (await told(gate, request("ping"), bystanders_query)).status
    await bystander.wait_for(lambda: len(bystander.messages) == 1)


async def test_no_room_is_told_before_the_stream_begins(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """The front renders it as 429 with Retry-After; nobody's open stream is taken."""
    gate = await make_gate(max_sessions_per_principal=1)
    first, _ = await opened(gate)
    second = await gate.done("GET", "/mcp/sse", ("accept", "text/event-stream"))

    assert "1 sessions open" in str(second.error)
    assert 0 == second.status
    assert not first.over.is_set()


async def test_a_drained_stream_gives_its_answer_then_its_farewell(autojump_clock: MockClock, gate: Gate) -> None:
    """Calls in flight have their grace; then the client is told to come back."""
    stream, query = await opened(gate)
    resting, _ = await opened(gate)
    gate.door.scripts["slow"] = lasting(3)
    await told(gate, call("slow", 4), query)
    gate.hub.begin_drain()
    with trio.fail_after(1):
        await resting.over.wait()
    assert not stream.over.is_set()
    with trio.fail_after(4):
        await stream.over.wait()

    assert [4] == [message["id"] for message in stream.messages]
    for conversation in (stream, resting):
        assert FAREWELL == conversation.chunks[-1]
        assert conversation.is_complete
