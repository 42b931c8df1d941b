"""What every request may carry, and what every answer says of itself."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given

from aegis_trio.model.call import CallKind
from aegis_trio.model.fault_rows import FAULT_ROWS
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.dispatch import dispatch
from aegis_trio.protocol.jsonrpc import Notification, Request
from aegis_trio.protocol.ladder import META_CAPABILITIES, META_VERSION, Stateless, choose_route
from aegis_trio.protocol.refusals import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    UNSUPPORTED_VERSION,
)
from aegis_trio.protocol.results import META_SERVER, empty_result, list_result, performed_result
from aegis_trio.protocol.revisions import NEWEST_LEGACY, REVISIONS, Era, Revision
from aegis_trio.protocol.steps import Accepted, Answer, OpenSession, Perform, Step
from tests.protocol.exchanges import CARD, METHODS, Post, ask_ours, is_served, modern_meta, read_step
from tests.protocol.posts import posts

MODERN: Final = REVISIONS[-1]
STANDARD: Final = {PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR}
MISSING_CAPABILITY: Final = -32021
DEFINED: Final = {HEADER_MISMATCH, MISSING_CAPABILITY, UNSUPPORTED_VERSION}
# Source: MCP 2026-07-28 basic/index#_meta: what it defines itself, and the prefix of this project.
KNOWN_META: Final = {META_SERVER, "io.modelcontextprotocol/subscriptionId", "progressToken"}
OWN_PREFIX: Final = "aegis_trio/"


def by_version(revision: Revision) -> str:
    """Name a case after its revision."""
    return revision.version


def ask(revision: Revision, method: str, params: JsonObject, meta: JsonObject | None = None) -> Step:
    """Dispatch one request of *revision*; *meta* stands beside what the revision demands."""
    whole = {**(modern_meta() if revision.era is Era.MODERN else {}), **(meta or {})}
    return dispatch(Request(1, method, {**params, "_meta": whole} if whole else params), revision, CARD)


def results_of(revision: Revision) -> list[JsonObject]:
    """Return the results that the core writes for *revision*."""
    steps = [ask(revision, method, params) for method, params in METHODS.items() if is_served(method)]
    answered = [step.reply.body.get("result") for step in steps if isinstance(step, Answer | OpenSession)]
    return [
        *(result for result in answered if isinstance(result, dict)),
        empty_result(revision, CARD),
        list_result("tools", [], revision, CARD),
        performed_result(CallKind.TOOL, {"content": []}, revision, CARD),
    ]


@pytest.mark.requirement("MCP-CHG-02")
@pytest.mark.parametrize(
    "method",
    ["notifications/initialized", "notifications/roots/list_changed", "notifications/elicitation/complete"],
)
def test_removed_notifications_have_no_effect(method: str) -> None:
    """MCP 2026-07-28 changelog: gone; a notification is never answered, so there is nothing to say about it."""
    assert Accepted() == dispatch(Notification(method, {"_meta": modern_meta()}), MODERN, CARD)


@pytest.mark.requirement("MCP-ENV-02")
def test_a_request_needs_no_client_info() -> None:
    """MCP 2026-07-28 basic/index#meta: clients SHOULD send it; the schema and we must not demand it."""
    document: JsonValue = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "a", "_meta": {META_VERSION: MODERN.version, META_CAPABILITIES: {}}},
    }
    route = choose_route(document, None)

    assert isinstance(route, Stateless)
    step = dispatch(route.message, route.revision, CARD)
    assert isinstance(step, Perform)
    assert step.meta.client is None


@pytest.mark.requirement("MCP-ENV-04")
@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
@pytest.mark.parametrize("token", [7, "p", ""], ids=repr)
def test_a_progress_token_is_a_string_or_an_integer(revision: Revision, token: JsonValue) -> None:
    """MCP 2026-07-28 basic/patterns/progress: it comes back with its type; nothing else ever does."""
    step = ask(revision, "tools/call", {"name": "a"}, {"progressToken": token})

    assert isinstance(step, Perform)
    assert token == step.meta.progress_token
    wrong: JsonValue
    for wrong in (1.5, [], {}):
        assert INVALID_PARAMS == read_step(ask(revision, "tools/call", {"name": "a"}, {"progressToken": wrong})).code
    for taken_for_absent in (None, True, 1.0):  # the models of the wire types let these pass
        step = ask(revision, "tools/call", {"name": "a"}, {"progressToken": taken_for_absent})
        assert isinstance(step, Perform)
        assert step.meta.progress_token is None


@pytest.mark.requirement("MCP-ENV-05")
@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
def test_trace_context_changes_nothing_but_what_is_logged(revision: Revision) -> None:
    """SEP-414: W3C trace context travels without a prefix; it is noted, and the call is the same."""
    trace: JsonObject = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "tracestate": "a=b", "baggage": "c=d"}

    untraced, traced = (ask(revision, "tools/call", {"name": "a"}, meta) for meta in ({}, trace))

    assert isinstance(untraced, Perform)
    assert isinstance(traced, Perform)
    assert (untraced.kind, untraced.subject, untraced.arguments) == (traced.kind, traced.subject, traced.arguments)
    assert untraced.meta.trace is None
    assert traced.meta.trace is not None
    assert "a" * 32 == traced.meta.trace.trace_id


@pytest.mark.requirement("MCP-ENV-06", "MCP-ENV-07")
def test_every_modern_result_says_what_it_is_and_who_answers() -> None:
    """MCP 2026-07-28 basic/index#resulttype (MUST), #meta (SHOULD): also a result that nobody thought of."""
    results = results_of(MODERN)

    assert len(results) > 3
    assert {"complete"} == {result.get("resultType") for result in results}
    for result in results:
        meta = result["_meta"]
        assert isinstance(meta, dict)
        assert CARD.implementation() == meta[META_SERVER]


@pytest.mark.requirement("MCP-ENV-10")
@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
def test_members_of_meta_are_the_specifications_or_our_own(revision: Revision) -> None:
    """MCP 2026-07-28 basic/index#meta: names without a prefix and prefixes of `mcp` are reserved."""
    metas = [result.get("_meta", {}) for result in results_of(revision)]

    written = {name for meta in metas if isinstance(meta, dict) for name in meta}
    assert set() == {name for name in written - KNOWN_META if not name.startswith(OWN_PREFIX)}


@pytest.mark.requirement("MCP-CACHE-01")
def test_what_discovery_says_may_be_cached_by_its_reader_alone() -> None:
    """MCP 2026-07-28 server/utilities/caching: hints are a MUST here, and what varies by rights is private."""
    step = ask(MODERN, "server/discover", {})

    assert isinstance(step, Answer)
    result = step.reply.body["result"]
    assert isinstance(result, dict)
    assert "private" == result["cacheScope"]
    assert isinstance(result["ttlMs"], int)
    assert result["ttlMs"] >= 0


@pytest.mark.requirement("MCP-CHG-07")
def test_what_is_not_served_is_not_advertised() -> None:
    """A client plans by capabilities: each names methods that exist, and tasks are not among them."""
    methods_of = {
        "completions": "completion/complete",
        "logging": "logging/setLevel",
        "prompts": "prompts/list",
        "resources": "resources/list",
        "tools": "tools/list",
    }
    handshake = ask(NEWEST_LEGACY, "initialize", METHODS["initialize"])
    discovery = ask(MODERN, "server/discover", {})
    assert isinstance(handshake, OpenSession)
    assert isinstance(discovery, Answer)
    for body in (handshake.reply.body, discovery.reply.body):
        result = body["result"]
        assert isinstance(result, dict)
        capabilities = result["capabilities"]
        assert isinstance(capabilities, dict)
        assert {name for name, method in methods_of.items() if is_served(method)} >= set(capabilities)
        assert "tools" in capabilities


@pytest.mark.requirement("MCP-ERR-12")
@given(posts())
def test_the_core_gives_codes_of_the_specification_only(asked: Post) -> None:
    """MCP 2026-07-28 basic/index#error-codes: no -32002, no -32042, none of -32000…-32019, no undefined one."""
    ours = ask_ours(asked)

    assert ours.code is None or ours.code in STANDARD | DEFINED


@pytest.mark.requirement("MCP-ERR-13")
def test_our_own_codes_lie_outside_the_reserved_range() -> None:
    """The same section: JSON-RPC reserves -32768…-32000, and new meanings stay out of it."""
    codes = {row.jsonrpc_code for row in FAULT_ROWS.values()}

    assert {-32603, 404} <= codes
    assert set() == {code for code in codes - STANDARD - DEFINED if -32768 <= code <= -32000}
