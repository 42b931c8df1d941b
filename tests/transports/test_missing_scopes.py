"""A scope that is missing is a 403 with a challenge, before anything of the answer, on every path that has a status."""

from __future__ import annotations

import re

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.call import Failure, ToolOutcome, ToolRequest
from aegis_trio.model.errors import AuditUnavailable, Fault, InsufficientScope
from aegis_trio.model.identity import Caller
from aegis_trio.model.json import JsonObject
from aegis_trio.protocol.revisions import LEGACY_VERSIONS
from tests.transports.harness import Conversation, Gate, call, initialize, modern, modern_call, notification, request
from tests.transports.lines import connect, shake_hands

LACKING = InsufficientScope(
    "far needs the scope read:issue.", "Sign in again.", scopes=("read:issue",), wanted=("read:issue", "read:user")
)
URI = "far://away"
ASKS: dict[str, JsonObject] = {
    "tools/call": {"name": "far", "arguments": {}},
    "prompts/get": {"name": "far"},
    "resources/read": {"uri": URI},
    "resources/subscribe": {"uri": URI},
    "completion/complete": {"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "far", "value": ""}},
}


@pytest.fixture
def lacking(gate: Gate) -> Gate:
    """Give a gate with something that the caller's scopes do not reach."""
    gate.door.lacking = {"far": LACKING, URI: LACKING}
    return gate


def assert_refused(answer: Conversation, path: str, request_id: int | None = 1, fault: Fault = LACKING) -> None:
    """Check status, challenge and body of a refusal."""
    assert 403 == answer.status
    assert "application/json" == answer.headers["content-type"]
    assert f"{fault.code} at {path}" == answer.headers["www-authenticate"]
    body = answer.json
    assert request_id == body.get("id")
    assert (403, "far needs the scope read:issue. Sign in again.") == (body["error"]["code"], body["error"]["message"])
    assert ("insufficient_scope", ["read:issue"]) == (body["error"]["data"]["code"], body["error"]["data"]["scopes"])
    assert re.fullmatch(r"[0-9a-f-]{36}", body["error"]["data"]["correlation_id"])


@pytest.mark.parametrize("accept", ["application/json, text/event-stream", "text/event-stream"])
@pytest.mark.parametrize("path", ["/mcp", "/mcp/sse"])
@pytest.mark.parametrize("method", [method for method in ASKS if method != "resources/subscribe"])
async def test_a_modern_request_is_refused_before_it_begins(
    autojump_clock: MockClock, lacking: Gate, method: str, path: str, accept: str
) -> None:
    """RFC 6750 section 3.1; a stream that has begun with 200 could not say it any more."""
    params = ASKS[method]
    document, *headers = modern(method, params)
    named = [("mcp-name", str(params.get("name", params.get("uri"))))] if "ref" not in params else []
    answer = await lacking.asked(document, *headers, *named, ("accept", accept), path=path)

    assert_refused(answer, path)
    assert [] == lacking.door.requests


@pytest.mark.parametrize("path", ["/mcp", "/mcp/sse"])
@pytest.mark.parametrize("version", LEGACY_VERSIONS)
@pytest.mark.parametrize("method", ASKS)
async def test_a_request_in_a_session_is_refused_before_it_begins(
    autojump_clock: MockClock, lacking: Gate, method: str, version: str, path: str
) -> None:
    """The same in every revision with a handshake; the session goes on."""
    header = await lacking.session(version)
    answer = await lacking.asked(request(method, ASKS[method]), header, path=path)

    assert_refused(answer, path)
    assert (0, []) == (lacking.door.watched, lacking.door.requests)
    assert 200 == (await lacking.asked(call("near"), header)).status


@pytest.mark.parametrize("forms", [("accept", "application/json"), ("accept", "text/event-stream")])
async def test_a_batch_is_refused_as_a_whole(autojump_clock: MockClock, lacking: Gate, forms: tuple[str, str]) -> None:
    """An answer has one status: nothing of the batch runs, so that the client can send it again as it is."""
    header = await lacking.session("2025-03-26")
    batch = [call("near", 1), call("far", 2), notification("notifications/initialized"), request("ping", {}, 3)]
    answer = await lacking.asked(batch, header, forms)

    assert_refused(answer, "/mcp", None)
    assert [] == lacking.door.requests
    whole = await lacking.asked([call("near", 1), call("near", 2)], header, ("accept", "application/json"))
    assert (200, [1, 2]) == (whole.status, sorted(reply["id"] for reply in whole.json))


async def test_a_message_beside_an_event_stream_is_refused_where_it_was_posted(
    autojump_clock: MockClock, lacking: Gate
) -> None:
    """HTTP+SSE: the stream has begun long ago, but the POST has a status of its own; the stream hears nothing of it."""
    stream = await lacking.stream(path="/mcp/sse")
    await stream.wait_for(lambda: "event: endpoint" in stream.text)
    query = stream.text.partition("/mcp/messages?")[2].split()[0]

    async def told(document: JsonObject) -> Conversation:
        return await lacking.asked(document, path="/mcp/messages", query=query, app=lacking.sse)

    assert 202 == (await told(initialize("2024-11-05"))).status
    assert_refused(await told(call("far", 7)), "/mcp/messages", 7)
    assert 202 == (await told(call("near", 8))).status
    assert await stream.brings(2)
    assert [1, 8] == [message["id"] for message in stream.messages]
    assert ["near"] == [asked.tool for asked in lacking.door.requests]


async def test_a_refusal_that_cannot_be_recorded_is_no_challenge_for_scopes(
    autojump_clock: MockClock, gate: Gate
) -> None:
    """The gate refuses everything then, and says when to come back."""
    gate.door.lacking = {"far": AuditUnavailable("No disk.")}
    document, *headers = modern_call("far")
    answer = await gate.asked(document, *headers)

    assert (503, "5") == (answer.status, answer.headers["retry-after"])
    assert [] == gate.door.requests


async def test_lists_are_never_refused_for_scopes(autojump_clock: MockClock, gate: Gate) -> None:
    """They show what is reached; a client that lists on connecting must not send its person anywhere."""
    gate.door.lacking = {"resources/list": LACKING}
    header = await gate.session()
    assert 200 == (await gate.asked(request("resources/list"), header)).status
    for method in ("tools/list", "prompts/list", "resources/templates/list"):
        assert 200 == (await gate.asked(request(method), header)).status


@pytest.mark.parametrize("narrow", [True, False])
async def test_a_list_that_a_step_up_makes_longer_is_not_kept(
    autojump_clock: MockClock, gate: Gate, *, narrow: bool
) -> None:
    """MCP 2026-07-28 server/utilities/caching: the official client keeps lists, whatever token it has by then."""
    gate.door.narrow = narrow
    for method in ("tools/list", "prompts/list", "resources/templates/list"):
        document, *headers = modern(method)
        answer = await gate.asked(document, *headers)
        assert narrow == (0 == answer.json["result"]["ttlMs"])


async def test_on_a_line_the_failed_call_says_what_to_do(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery
) -> None:
    """There is no status on a WebSocket; the model, and the person who reads along, learn it from the text."""

    async def refuse(caller: Caller, asked: ToolRequest) -> ToolOutcome:
        await trio.lowlevel.checkpoint()
        return Failure(asked.correlation_id, LACKING)

    gate.door.lacking, gate.door.scripts = {"far": LACKING}, {"far": refuse}
    socket = connect(gate, nursery)
    await shake_hands(socket)
    socket.say(call("far", 2))
    await socket.wait_for(lambda: socket.has_answer_to(2))

    result = socket.answer_to(2)["result"]
    assert result["isError"]
    assert result["content"][0]["text"].startswith(
        "insufficient_scope: far needs the scope read:issue. Sign in again. (correlation id "
    )
