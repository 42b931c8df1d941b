"""A decoded value is one kind of message, or malformed; answers carry the id they owe."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.jsonrpc import (
    MAX_ID_CHARS,
    Malformed,
    Notification,
    Request,
    Response,
    classify,
    error_reply,
    refusal_reply,
    result_reply,
)
from aegis_trio.protocol.refusals import INVALID_REQUEST, invalid_request
from tests.protocol.strategies import JSON_VALUES


@pytest.mark.requirement("MCP-ENV-08")
@pytest.mark.parametrize("request_id", [0, 1, -5, 2**53, "", "1", "a" * MAX_ID_CHARS], ids=repr)
def test_an_id_is_a_string_or_an_integer(request_id: str | int) -> None:
    """MCP 2025-11-25 basic/index#requests."""
    message = classify({"jsonrpc": "2.0", "id": request_id, "method": "ping"})

    assert Request(request_id, "ping", {}) == message


@pytest.mark.requirement("MCP-ENV-08")
@pytest.mark.parametrize("raw_id", [None, True, 1.0, [], {}, "a" * (MAX_ID_CHARS + 1)])
def test_any_other_id_is_refused_and_not_taken_for_a_notification(raw_id: JsonValue) -> None:
    """MCP 2025-11-25 basic/index#requests: null is no id; a request with a bad id is owed an error, not a 202."""
    message = classify({"jsonrpc": "2.0", "id": raw_id, "method": "ping"})

    assert isinstance(message, Malformed)
    assert message.id is None
    assert INVALID_REQUEST == message.refusal.code


@pytest.mark.requirement("MCP-ENV-11")
def test_without_an_id_it_is_a_notification() -> None:
    """JSON-RPC 2.0 section 4.1."""
    assert Notification("notifications/initialized", {}) == classify(
        {"jsonrpc": "2.0", "method": "notifications/initialized"}
    )


@pytest.mark.requirement("MCP-ERR-08")
@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        [],
        {},
        {"jsonrpc": "1.0", "id": 1, "method": "ping"},
        {"id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1},
        {"jsonrpc": "2.0", "id": 1, "method": 5},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": None},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "result": {}},
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "error": {}},
        {"jsonrpc": "2.0", "id": 1, "result": {}, "error": {}},
        {"jsonrpc": "2.0", "id": 1, "result": []},
        {"jsonrpc": "2.0", "result": {}},
        {"jsonrpc": "2.0", "id": True, "error": {}},
        {"jsonrpc": "2.0", "id": 1, "error": "text"},
    ],
)
def test_what_is_no_message_is_an_invalid_request(value: JsonValue) -> None:
    """JSON-RPC 2.0 sections 4 and 5; a value that two readers could take for different messages is none."""
    message = classify(value)

    assert isinstance(message, Malformed)
    assert INVALID_REQUEST == message.refusal.code


@pytest.mark.requirement("MCP-ERR-10")
def test_a_readable_id_is_kept_for_the_refusal() -> None:
    """JSON-RPC 2.0 section 5: the error carries the id wherever it could be read."""
    message = classify({"jsonrpc": "2.0", "id": "a", "method": 7})

    assert isinstance(message, Malformed)
    assert "a" == message.id


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"jsonrpc": "2.0", "id": 3, "result": {"a": 1}}, Response(3, {"a": 1}, None)),
        ({"jsonrpc": "2.0", "id": "x", "error": {"code": 1}}, Response("x", None, {"code": 1})),
        ({"jsonrpc": "2.0", "id": None, "error": {"code": 1}}, Response(None, None, {"code": 1})),
        ({"jsonrpc": "2.0", "error": {"code": 1}}, Response(None, None, {"code": 1})),
    ],
)
def test_a_clients_answer_is_a_response(value: JsonObject, expected: Response) -> None:
    """MCP 2025-11-25 basic/index#responses; the error of an unreadable request has no id, or null."""
    assert expected == classify(value)


@given(st.dictionaries(st.sampled_from(["jsonrpc", "id", "method", "params", "result", "error"]), JSON_VALUES))
def test_every_value_is_classified(value: JsonObject) -> None:
    """Property: nothing is raised, and only version 2.0 gets through."""
    message = classify(value)

    assert isinstance(message, Malformed) or "2.0" == value["jsonrpc"]


@pytest.mark.requirement("MCP-ENV-08")
def test_an_answer_carries_the_id_with_its_type() -> None:
    """JSON-RPC 2.0 section 5: `1` and `"1"` are two requests."""
    assert {"jsonrpc": "2.0", "id": "1", "result": {}} == result_reply("1", {}).body
    assert {"jsonrpc": "2.0", "id": 1, "result": {}} == result_reply(1, {}).body


@pytest.mark.requirement("MCP-ERR-10")
def test_an_error_without_a_readable_id_has_none() -> None:
    """MCP 2026-07-28 basic/index#error-responses: left out, which every schema of MCP reads."""
    reply = refusal_reply(None, invalid_request("no"))

    assert "id" not in reply.body
    assert 400 == reply.http_status


def test_data_stands_in_an_error_only_when_there_is_some() -> None:
    """JSON-RPC 2.0 section 5.1: `data` may be omitted, and clients' schemas dislike null."""
    assert {"code": 1, "message": "m"} == error_reply(1, 1, "m").body["error"]
    assert {"code": 1, "message": "m", "data": {"a": 1}} == error_reply(1, 1, "m", data={"a": 1}).body["error"]
