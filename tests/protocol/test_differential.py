"""The official SDK as an oracle: whatever is posted, both answer alike, or the table of differences says why not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from mcp.shared.inbound import InboundModernRoute, classify_inbound_request

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.ladder import META_CAPABILITIES, META_VERSION, Refused, Stateless, choose_route
from aegis_trio.protocol.revisions import LEGACY_VERSIONS
from tests.protocol.differences import DIFFERENCES, Difference
from tests.protocol.exchanges import METHODS, Outcome, Post, V, ask_ours, is_served, modern_meta, post
from tests.protocol.oracle import ask_sdk
from tests.protocol.posts import ODD_IDS, VERSIONS, named_posts, posts

PING: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"_meta": modern_meta()}}
ODD_PARAMS: tuple[JsonValue, ...] = (None, [], "x", 5, {"_meta": None}, {"_meta": []})
ODD_RESULTS: tuple[JsonValue, ...] = ({}, None, [])
ODD_DOCUMENTS: list[Any] = [
    *(None, True, 5, "text", [], {}, [PING], [[]]),
    *({**PING, "id": raw_id} for raw_id in ODD_IDS),
    *({"jsonrpc": "2.0", "id": raw_id, "method": "ping"} for raw_id in ODD_IDS),
    *({name: value for name, value in PING.items() if name != absent} for absent in PING),
    *({**PING, "jsonrpc": wrong} for wrong in ("1.0", 2, None)),
    *({**PING, "method": wrong} for wrong in (5, None, "", "notifications/initialized")),
    *({**PING, "params": wrong} for wrong in ODD_PARAMS),
    *({"jsonrpc": "2.0", "id": 1, "result": result} for result in ODD_RESULTS),
    *({"jsonrpc": "2.0", "id": 1, "error": error} for error in ({"code": 1, "message": "m"}, {}, None)),
    {"jsonrpc": "2.0", "error": {"code": 1, "message": "m"}},
]
NAMED = {"tools/call": "get_me", "prompts/get": "a", "resources/read": "gitea://main/a"}


def explanations(asked: Post, ours: Outcome, theirs: Outcome) -> list[str]:
    """Return the entries of the table that explain the outcomes."""
    return [difference.name for difference in DIFFERENCES if difference.explains(asked, ours, theirs)]


@pytest.mark.requirement("MCP-ERR-01", "MCP-ERR-03", "MCP-ERR-06", "MCP-ERR-15", "MCP-ERA-10")
@settings(max_examples=300)
@given(posts())
@example(post({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"_meta": {"progressToken": "p"}}}))
@example(post([], ("mcp-protocol-version", V)))
def test_whatever_is_posted_both_answer_alike_or_the_table_says_why(asked: Post) -> None:
    """Kind, code, id and status of the answer, and the versions that it names, as the specification's authors read it.

    Sources: MCP 2026-07-28 streamable-http#server-validation, MCP 2025-11-25 basic/transports, JSON-RPC 2.0.
    """
    ours, theirs = ask_ours(asked), ask_sdk(asked)
    event(f"{theirs.kind} {theirs.code or ''} {'alike' if ours == theirs else 'differs'}")

    assert ours == theirs or explanations(asked, ours, theirs), f"ours {ours}, theirs {theirs}"


@given(named_posts())
def test_whatever_a_tool_is_called_its_header_is_read_alike(asked: Post) -> None:
    """MCP 2026-07-28 streamable-http#value-encoding: names that no header can carry as they are, and false ones."""
    ours, theirs = ask_ours(asked), ask_sdk(asked)

    assert ours == theirs or explanations(asked, ours, theirs), f"ours {ours}, theirs {theirs}"


@pytest.mark.parametrize("version", [None, "2025-11-25", V])
def test_an_odd_envelope_is_answered_alike_or_the_table_says_why(version: str | None) -> None:
    """Each of them every time, whatever Hypothesis draws."""
    for document in ODD_DOCUMENTS:
        asked = post(document, *([("mcp-protocol-version", version)] if version else []))
        ours, theirs = ask_ours(asked), ask_sdk(asked)

        assert ours == theirs or explanations(asked, ours, theirs), f"{document}: ours {ours}, theirs {theirs}"


@pytest.mark.requirement("MCP-ERA-10")
@pytest.mark.parametrize("version", [None, *LEGACY_VERSIONS])
@pytest.mark.parametrize("method", METHODS)
def test_a_right_request_of_the_handshake_era_is_answered_alike(method: str, version: str | None) -> None:
    """No table excuses a mistake with a message that is right."""
    asked = post(
        {"jsonrpc": "2.0", "id": "a", "method": method, "params": METHODS[method]},
        *([("mcp-protocol-version", version)] if version else []),
    )

    assert ask_sdk(asked) == ask_ours(asked)


@pytest.mark.requirement("MCP-ERA-10")
@pytest.mark.parametrize("method", METHODS)
def test_a_right_modern_request_is_answered_alike(method: str) -> None:
    """The same for the stateless era."""
    name = [("mcp-name", NAMED[method])] if method in NAMED else []
    asked = post(
        {"jsonrpc": "2.0", "id": "a", "method": method, "params": {**METHODS[method], "_meta": modern_meta()}},
        ("mcp-protocol-version", V),
        ("mcp-method", method),
        *name,
    )

    assert ask_sdk(asked) == ask_ours(asked)


def test_there_is_something_to_compare() -> None:
    """Were every method unknown to both, all would be alike."""
    assert {"initialize", "ping", "server/discover", "tools/call", "tools/list"} <= set(filter(is_served, METHODS))


@pytest.mark.requirement("MCP-ERA-10")
@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.name)
def test_every_difference_is_still_one(difference: Difference) -> None:
    """An entry that nothing needs any more would excuse the next mistake."""
    ours, theirs = ask_ours(difference.example), ask_sdk(difference.example)

    assert ours != theirs
    assert [difference.name] == explanations(difference.example, ours, theirs)


@pytest.mark.requirement("MCP-CHAN-01")
@given(
    meta=st.fixed_dictionaries(
        {}, optional={META_VERSION: VERSIONS | st.sampled_from([20260728, None]), META_CAPABILITIES: st.just({})}
    ),
    method=st.sampled_from([*METHODS, "x"]),
)
def test_without_headers_both_ladders_name_the_same_first_mistake(meta: JsonObject, method: str) -> None:
    """MCP 2026-07-28 basic/transports#request-metadata: on other transports the body alone is judged."""
    named: JsonValue = {META_VERSION: V, **meta} if META_VERSION not in meta else meta
    body: JsonObject = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": named}}
    ours, theirs = choose_route(body, None), classify_inbound_request(body)

    if isinstance(theirs, InboundModernRoute):
        assert isinstance(ours, Stateless)
        assert theirs.protocol_version == ours.revision.version
    else:
        assert isinstance(ours, Refused)
        assert (theirs.code, theirs.data) == (ours.refusal.code, ours.refusal.data)
