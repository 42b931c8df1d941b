"""Dispatch decides; these are the decisions for every revision."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.call import CallKind
from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.model.peer import LogLevel
from aegis_trio.protocol.dispatch import dispatch
from aegis_trio.protocol.jsonrpc import Notification, Request, Response
from aegis_trio.protocol.ladder import META_CAPABILITIES, META_CLIENT, META_VERSION
from aegis_trio.protocol.refusals import INVALID_PARAMS, METHOD_NOT_FOUND
from aegis_trio.protocol.results import ServerCard
from aegis_trio.protocol.revisions import REVISIONS, Era, Revision
from aegis_trio.protocol.steps import (
    Accepted,
    Answer,
    Cancel,
    ClientAnswer,
    Feature,
    Listen,
    ListFeature,
    OpenSession,
    Perform,
    RequestMeta,
    SetLogLevel,
    Step,
    Subscribe,
    Unsubscribe,
    Wanted,
)
from tests.protocol.strategies import JSON_VALUES

CARD = ServerCard(name="aegis-trio", version="0.1.0", title="Aegis", instructions="Use get_me first.")
LEGACY = [revision for revision in REVISIONS if revision.era is Era.LEGACY]
MODERN = REVISIONS[-1]
MEMBERS = [
    *("name", "arguments", "cursor", "_meta", "protocolVersion", "capabilities", "clientInfo"),
    *("uri", "level", "ref", "argument", "context", "notifications", "requestState", "inputResponses"),
]
INITIALIZE: JsonObject = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "Cursor", "version": "1"},
}


def by_version(revision: Revision) -> str:
    """Name a case after its revision."""
    return revision.version


def ask(revision: Revision, method: str, params: JsonObject | None = None) -> Step:
    """Dispatch one request of *revision*, with the `_meta` that it demands."""
    meta: JsonObject = {
        META_VERSION: revision.version,
        META_CAPABILITIES: {},
        META_CLIENT: {"name": "X", "version": "2"},
    }
    whole: JsonObject = dict(params or {})
    if revision.era is Era.MODERN:
        given = whole.get("_meta")
        whole["_meta"] = {**meta, **(given if isinstance(given, dict) else {})}
    return dispatch(Request(7, method, whole), revision, CARD)


def answered(step: Step) -> tuple[int, int]:
    """Return the error code and the status of an answer that must be an error."""
    assert isinstance(step, Answer)
    error = step.reply.body["error"]
    assert isinstance(error, dict)
    code = error["code"]
    assert isinstance(code, int)
    assert 7 == step.reply.body["id"]
    return code, step.reply.http_status


@pytest.mark.requirement("MCP-CHG-07", "MCP-ERR-04", "MCP-ERR-05")
@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
@pytest.mark.parametrize("method", ["tools/destroy", "", "roots/list", "sampling/createMessage", "tasks/list"])
def test_a_method_that_is_not_served_does_not_exist(revision: Revision, method: str) -> None:
    """MCP 2026-07-28 streamable-http#protocol-version-header: 404. In a session 404 would say that it is gone."""
    expected = (METHOD_NOT_FOUND, 404 if revision.era is Era.MODERN else 200)

    assert expected == answered(ask(revision, method))


@pytest.mark.requirement("MCP-CHG-01")
@pytest.mark.parametrize("method", ["initialize", "ping"])
def test_methods_of_the_handshake_era_do_not_exist_in_the_stateless_one(method: str) -> None:
    """MCP 2026-07-28 changelog: removed; they are unknown methods, not bad requests."""
    assert (METHOD_NOT_FOUND, 404) == answered(ask(MODERN, method, INITIALIZE))


@pytest.mark.requirement("MCP-DISC-03")
@pytest.mark.parametrize("revision", LEGACY, ids=by_version)
def test_discovery_does_not_exist_in_the_handshake_era(revision: Revision) -> None:
    """MCP 2026-07-28 server/discover: clients read this error as "speak the handshake"."""
    assert (METHOD_NOT_FOUND, 200) == answered(ask(revision, "server/discover"))


@pytest.mark.requirement("MCP-NEG-01")
@pytest.mark.parametrize("revision", LEGACY, ids=by_version)
def test_a_handshake_opens_a_session_of_the_agreed_revision(revision: Revision) -> None:
    """MCP 2025-11-25 basic/lifecycle#initialization: the agreed revision is the one asked for."""
    step = ask(LEGACY[-1], "initialize", {**INITIALIZE, "protocolVersion": revision.version})

    assert isinstance(step, OpenSession)
    assert (revision, "Cursor/1") == (step.revision, step.client)
    result = step.reply.body["result"]
    assert isinstance(result, dict)
    assert revision.version == result["protocolVersion"]


@pytest.mark.requirement("MCP-NEG-03")
@pytest.mark.parametrize("missing", ["protocolVersion", "capabilities", "clientInfo"])
def test_a_handshake_without_its_members_is_refused_by_name(missing: str) -> None:
    """The same section: all three are required."""
    step = ask(LEGACY[-1], "initialize", {key: value for key, value in INITIALIZE.items() if key != missing})

    assert (INVALID_PARAMS, 200) == answered(step)
    assert isinstance(step, Answer)
    assert missing in str(step.reply.body["error"])


@pytest.mark.requirement("MCP-NEG-06")
@pytest.mark.parametrize("revision", LEGACY, ids=by_version)
def test_a_ping_is_answered_with_an_empty_result(revision: Revision) -> None:
    """MCP 2025-11-25 basic/utilities/ping."""
    step = ask(revision, "ping")

    assert isinstance(step, Answer)
    assert {"jsonrpc": "2.0", "id": 7, "result": {}} == step.reply.body


@pytest.mark.requirement("MCP-PAGE-03")
@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
def test_tools_are_listed_on_one_page(revision: Revision) -> None:
    """MCP server/utilities/pagination: no cursor asks for the first page."""
    assert ListFeature(7, Feature.TOOLS) == ask(revision, "tools/list")


@pytest.mark.requirement("MCP-PAGE-01", "MCP-PAGE-02")
@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
@pytest.mark.parametrize("cursor", ["", "abc"])
def test_a_cursor_that_we_never_gave_is_invalid(revision: Revision, cursor: str) -> None:
    """MCP server/utilities/pagination: -32602; an empty cursor is a cursor."""
    expected = (INVALID_PARAMS, 400 if revision.era is Era.MODERN else 200)

    assert expected == answered(ask(revision, "tools/list", {"cursor": cursor}))


@pytest.mark.requirement("MCP-ENV-04")
@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
def test_a_call_carries_its_name_arguments_and_progress_token(revision: Revision) -> None:
    """MCP server/tools#calling-tools; basic/utilities/progress: a token is a string or an integer."""
    step = ask(revision, "tools/call", {"name": "get_me", "arguments": {"a": [1]}, "_meta": {"progressToken": "p"}})

    assert isinstance(step, Perform)
    assert (
        CallKind.TOOL,
        "get_me",
        {"a": [1]},
        RequestMeta(
            progress_token="p",
            client="X/2" if revision.era is Era.MODERN else None,
            capabilities={} if revision.era is Era.MODERN else None,
        ),
    ) == (step.kind, step.subject, step.arguments, step.meta)


@pytest.mark.requirement("MCP-TOOL-09")
@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
def test_a_call_without_arguments_has_none(revision: Revision) -> None:
    """MCP server/tools: arguments are optional."""
    step = ask(revision, "tools/call", {"name": "get_me"})

    assert isinstance(step, Perform)
    assert ({}, None) == (step.arguments, step.meta.progress_token)


@pytest.mark.requirement("MCP-ERR-06")
@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
@pytest.mark.parametrize(
    "params",
    [{}, {"name": 5}, {"name": "a", "arguments": []}, {"name": "a", "arguments": "x"}, {"name": None}],
    ids=repr,
)
def test_a_call_of_the_wrong_form_is_refused(revision: Revision, params: JsonObject) -> None:
    """MCP 2026-07-28 server/tools#error-handling: malformed requests are protocol errors, bad arguments are not."""
    expected = (INVALID_PARAMS, 400 if revision.era is Era.MODERN else 200)

    assert expected == answered(ask(revision, "tools/call", params))


@pytest.mark.requirement("MCP-ERR-06")
def test_a_refusal_names_the_member_and_not_its_value() -> None:
    """What a client sent is not repeated, whatever the validator would like to show."""
    step = ask(MODERN, "tools/call", {"name": ["<script>"]})

    assert isinstance(step, Answer)
    error = str(step.reply.body["error"])
    assert "name" in error
    assert "<script>" not in error


@pytest.mark.requirement("MCP-ERR-06")
def test_an_invented_member_name_cannot_flood_the_refusal() -> None:
    """Members of maps are the client's words, of any length."""
    step = ask(LEGACY[-1], "initialize", {**INITIALIZE, "capabilities": {"experimental": {"x" * 10_000: 5}}})

    assert isinstance(step, Answer)
    assert len(str(step.reply.body["error"])) < 1000


@pytest.mark.requirement("MCP-SESS-10")
@pytest.mark.parametrize("revision", LEGACY, ids=by_version)
@pytest.mark.parametrize("request_id", [5, "5"], ids=repr)
def test_a_cancellation_names_the_call_with_the_ids_type(revision: Revision, request_id: JsonValue) -> None:
    """MCP 2025-11-25 basic/utilities/cancellation."""
    notification = Notification("notifications/cancelled", {"requestId": request_id, "reason": "enough"})

    assert Cancel(request_id) == dispatch(notification, revision, CARD)  # type: ignore[arg-type]  # the parameter is drawn from ids


@pytest.mark.requirement("MCP-SESS-11")
@pytest.mark.parametrize(
    "params", [{}, {"requestId": None}, {"requestId": True}, {"requestId": 1, "reason": 5}], ids=repr
)
def test_a_malformed_cancellation_is_ignored(params: JsonObject) -> None:
    """MCP 2025-11-25 basic/utilities/cancellation#error-handling."""
    assert Accepted() == dispatch(Notification("notifications/cancelled", params), LEGACY[-1], CARD)


@pytest.mark.requirement("MCP-HTTP-17")
def test_over_modern_http_a_posted_cancellation_cancels_nothing() -> None:
    """MCP 2026-07-28 basic/patterns/cancellation: closing the stream does; ids of strangers are guessable."""
    notification = Notification("notifications/cancelled", {"requestId": 7})

    assert Accepted() == dispatch(notification, MODERN, CARD)


@pytest.mark.requirement("MCP-SESS-14")
@pytest.mark.parametrize("method", ["notifications/initialized", "notifications/progress", "notifications/unknown"])
def test_other_notifications_are_accepted(method: str) -> None:
    """MCP 2025-11-25 basic/transports#sending-messages-to-the-server, item 4."""
    assert Accepted() == dispatch(Notification(method, {}), LEGACY[-1], CARD)


@pytest.mark.requirement("MCP-SESS-14")
def test_a_clients_answer_goes_to_whoever_asked() -> None:
    """The same item; whether anybody asked is the session's knowledge."""
    response = Response(1, {}, None)

    assert ClientAnswer(response) == dispatch(response, LEGACY[-1], CARD)


@pytest.mark.requirement("MCP-SUB-06")
def test_on_a_line_a_posted_cancellation_cancels_in_every_revision() -> None:
    """MCP 2026-07-28 basic/patterns/cancellation: one connection carries all messages, so ids are its own."""
    notification = Notification("notifications/cancelled", {"requestId": 7})

    assert Cancel(7) == dispatch(notification, MODERN, CARD, is_line=True)


@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
def test_prompts_and_templates_are_listed_on_one_page(revision: Revision) -> None:
    """MCP server/prompts#listing-prompts, server/resources#resource-templates."""
    assert ListFeature(7, Feature.PROMPTS) == ask(revision, "prompts/list")
    assert ListFeature(7, Feature.RESOURCE_TEMPLATES) == ask(revision, "resources/templates/list")


@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
@pytest.mark.parametrize(
    ("method", "params", "performed"),
    [
        ("resources/read", {"uri": "gitea://m/a"}, (CallKind.RESOURCE, "gitea://m/a", {"uri": "gitea://m/a"})),
        ("resources/list", {}, (CallKind.RESOURCE_LIST, "resources/list", {})),
        ("prompts/get", {"name": "review", "arguments": {"a": "b"}}, (CallKind.PROMPT, "review", {"a": "b"})),
        (
            "completion/complete",
            {
                "ref": {"type": "ref/prompt", "name": "review"},
                "argument": {"name": "repo", "value": "ba"},
                "context": {"arguments": {"owner": "a"}},
            },
            (CallKind.COMPLETION, "repo", {"owner": "a", "value": "ba"}),
        ),
    ],
)
def test_what_runs_is_performed(
    revision: Revision, method: str, params: JsonObject, performed: tuple[CallKind, str, JsonObject]
) -> None:
    """Resources, prompts and completions take the way of a tool: kind, subject, arguments."""
    step = ask(revision, method, params)

    assert isinstance(step, Perform)
    assert performed == (step.kind, step.subject, step.arguments)


@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
@pytest.mark.parametrize("uri", ["", "x" * 9000])
def test_a_uri_that_is_empty_or_endless_is_refused(revision: Revision, uri: str) -> None:
    """It would be kept, compared and recorded."""
    expected = (INVALID_PARAMS, 400 if revision.era is Era.MODERN else 200)

    assert expected == answered(ask(revision, "resources/read", {"uri": uri}))


@pytest.mark.requirement("MCP-LOG-02", "MCP-LOG-04")
@pytest.mark.parametrize("revision", LEGACY, ids=by_version)
def test_a_session_subscribes_and_chooses_its_log_level(revision: Revision) -> None:
    """MCP 2025-11-25 server/resources#subscriptions, server/utilities/logging."""
    assert Subscribe(7, "a:b") == ask(revision, "resources/subscribe", {"uri": "a:b"})
    assert Unsubscribe(7, "a:b") == ask(revision, "resources/unsubscribe", {"uri": "a:b"})
    assert SetLogLevel(7, LogLevel.WARNING) == ask(revision, "logging/setLevel", {"level": "warning"})
    assert (INVALID_PARAMS, 200) == answered(ask(revision, "logging/setLevel", {"level": "loud"}))


@pytest.mark.requirement("MCP-SUB-02")
def test_a_subscription_says_what_it_wants() -> None:
    """MCP 2026-07-28 basic/patterns/subscriptions; a resource named twice is watched once."""
    wanted: JsonObject = {
        "toolsListChanged": True,
        "promptsListChanged": False,
        "resourceSubscriptions": ["a:b", "a:b"],
    }
    step = ask(MODERN, "subscriptions/listen", {"notifications": wanted})

    assert isinstance(step, Listen)
    assert Wanted(tools=True, uris=("a:b",)) == step.wanted


def test_a_subscription_to_more_than_can_be_watched_is_refused_not_cut() -> None:
    """Promise 6: nothing is cut silently."""
    uris: JsonObject = {"resourceSubscriptions": [f"a:{number}" for number in range(65)]}

    assert (INVALID_PARAMS, 400) == answered(ask(MODERN, "subscriptions/listen", {"notifications": uris}))


@pytest.mark.requirement("MCP-LOG-01", "MCP-LOG-02")
def test_a_modern_request_says_from_which_severity_it_wants_logs() -> None:
    """MCP 2026-07-28 basic/index#meta; an unknown level is -32602."""
    quiet = ask(MODERN, "tools/call", {"name": "a", "_meta": {"io.modelcontextprotocol/logLevel": "error"}})
    wrong = ask(MODERN, "tools/call", {"name": "a", "_meta": {"io.modelcontextprotocol/logLevel": "loud"}})

    assert isinstance(quiet, Perform)
    assert LogLevel.ERROR is quiet.meta.log_level
    assert (INVALID_PARAMS, 400) == answered(wrong)


@given(
    st.sampled_from(REVISIONS),
    st.sampled_from(sorted(REVISIONS[0].requests | MODERN.requests)) | st.text(),
    st.dictionaries(
        st.sampled_from(MEMBERS) | st.text(),
        JSON_VALUES,
    ),
)
def test_whatever_is_asked_there_is_a_decision_that_can_be_sent(
    revision: Revision, method: str, params: JsonObject
) -> None:
    """Property: no parameters make dispatch raise, and every answer of its own is one line of JSON."""
    step = ask(revision, method, params)

    assert not isinstance(step, Accepted | Cancel | ClientAnswer)
    if isinstance(step, Answer):
        assert b"\n" not in encode_json(step.reply.body)


@pytest.mark.requirement("MCP-ENV-11")
@given(st.sampled_from(REVISIONS), st.dictionaries(st.sampled_from(["requestId", "reason", "_meta"]), JSON_VALUES))
def test_whatever_is_notified_nothing_is_answered(revision: Revision, params: JsonObject) -> None:
    """Property: JSON-RPC 2.0 section 4.1: a notification has no answer, not even an error."""
    step = dispatch(Notification("notifications/cancelled", params), revision, CARD)

    assert isinstance(step, Accepted | Cancel)
