"""Results have the shape of their revision; the wire types of the schema are the judge."""

from __future__ import annotations

import pytest
from mcp_types.methods import serialize_server_result

from aegis_trio.model.call import CallKind
from aegis_trio.model.json import JsonObject
from aegis_trio.protocol.dispatch import dispatch
from aegis_trio.protocol.jsonrpc import Request
from aegis_trio.protocol.ladder import META_CAPABILITIES, META_VERSION
from aegis_trio.protocol.results import (
    MAX_INSTRUCTIONS_BYTES,
    META_SERVER,
    ServerCard,
    list_result,
    performed_result,
)
from aegis_trio.protocol.revisions import MODERN_VERSIONS, REVISIONS, Era, Revision
from aegis_trio.protocol.steps import Answer, OpenSession

CARD = ServerCard(name="aegis-trio", version="0.1.0", title="Aegis", instructions="Use get_me first.")
LEGACY = [revision for revision in REVISIONS if revision.era is Era.LEGACY]
MODERN = REVISIONS[-1]
SERVER_INFO: JsonObject = {"name": "aegis-trio", "title": "Aegis", "version": "0.1.0"}
DEFINITION: JsonObject = {
    "name": "get_me",
    "title": "Who am I",
    "description": "The account that this connection acts as.",
    "inputSchema": {"type": "object", "properties": {}, "additionalProperties": False},
    "annotations": {
        "title": "Who am I",
        "readOnlyHint": True,
        "destructiveHint": False,
        "idempotentHint": True,
        "openWorldHint": False,
    },
}
CALL: JsonObject = {
    "content": [{"type": "text", "text": '{"login":"ada"}'}],
    "structuredContent": {"login": "ada"},
    "isError": False,
}


def by_version(revision: Revision) -> str:
    """Name a case after its revision."""
    return revision.version


def is_kept_by_the_schema(method: str, revision: Revision, result: JsonObject) -> bool:
    """Return whether the wire types of *revision* accept *result* and keep every member of it."""
    return result == serialize_server_result(method, revision.version, result)


@pytest.mark.requirement("MCP-TOOL-01")
@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
def test_a_tool_list_follows_the_schema(revision: Revision) -> None:
    """MCP server/tools#listing-tools, in every revision."""
    assert is_kept_by_the_schema("tools/list", revision, list_result("tools", [DEFINITION], revision, CARD))


@pytest.mark.requirement("MCP-TOOL-12")
@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
def test_a_call_result_follows_the_schema(revision: Revision) -> None:
    """MCP server/tools#tool-result, in every revision."""
    assert is_kept_by_the_schema("tools/call", revision, performed_result(CallKind.TOOL, CALL, revision, CARD))


@pytest.mark.requirement("MCP-NEG-04")
@pytest.mark.parametrize("revision", LEGACY, ids=by_version)
def test_the_handshakes_result_follows_the_schema(revision: Revision) -> None:
    """MCP 2025-11-25 basic/lifecycle#initialization."""
    params: JsonObject = {
        "protocolVersion": revision.version,
        "capabilities": {},
        "clientInfo": {"name": "a", "version": "1"},
    }
    step = dispatch(Request(1, "initialize", params), revision, CARD)

    assert isinstance(step, OpenSession)
    result = step.reply.body["result"]
    assert isinstance(result, dict)
    assert SERVER_INFO == result["serverInfo"]
    assert "Use get_me first." == result["instructions"]
    assert is_kept_by_the_schema("initialize", revision, result)


@pytest.mark.requirement("MCP-DISC-01", "MCP-DISC-02")
def test_discovery_lists_what_the_modern_path_serves() -> None:
    """MCP 2026-07-28 server/discover; ChatGPT refuses a server whose list and behaviour differ."""
    params: JsonObject = {"_meta": {META_VERSION: MODERN.version, META_CAPABILITIES: {}}}
    step = dispatch(Request(1, "server/discover", params), MODERN, CARD)

    assert isinstance(step, Answer)
    result = step.reply.body["result"]
    assert isinstance(result, dict)
    assert list(MODERN_VERSIONS) == result["supportedVersions"]
    assert {META_SERVER: SERVER_INFO} == result["_meta"]
    assert is_kept_by_the_schema("server/discover", MODERN, result)


@pytest.mark.requirement("MCP-ENV-06", "MCP-ENV-07")
def test_a_modern_result_says_that_it_is_complete_and_who_answers() -> None:
    """MCP 2026-07-28 basic/index#resulttype, #meta; members that were there stay."""
    result = performed_result(CallKind.TOOL, {**CALL, "_meta": {"org.example/a": 1}}, MODERN, CARD)

    assert "complete" == result["resultType"]
    assert {"org.example/a": 1, META_SERVER: SERVER_INFO} == result["_meta"]


@pytest.mark.requirement("MCP-CACHE-01", "MCP-CACHE-04")
def test_a_tool_list_may_be_cached_by_its_reader_alone() -> None:
    """MCP 2026-07-28 server/utilities/caching: it varies by rights, so `public` would leak it."""
    result = list_result("tools", [], MODERN, CARD)

    assert "private" == result["cacheScope"]
    assert isinstance(result["ttlMs"], int)
    assert result["ttlMs"] > 0
    assert 0 == list_result("tools", [], MODERN, CARD, may_grow=True)["ttlMs"]


@pytest.mark.requirement("MCP-CACHE-05")
def test_a_call_result_is_never_cacheable() -> None:
    """The same section lists the cacheable results; calls are not among them."""
    assert not {"ttlMs", "cacheScope"} & set(performed_result(CallKind.TOOL, CALL, MODERN, CARD))


@pytest.mark.requirement("MCP-TOOL-17")
@pytest.mark.parametrize("revision", LEGACY, ids=by_version)
def test_a_legacy_result_carries_nothing_modern(revision: Revision) -> None:
    """The members do not exist there."""
    assert CALL == performed_result(CallKind.TOOL, CALL, revision, CARD)
    assert {"tools": [DEFINITION]} == list_result("tools", [DEFINITION], revision, CARD)


@pytest.mark.requirement("MCP-SHAPE-01")
@pytest.mark.parametrize(
    ("kind", "first"), [("text", "2024-11-05"), ("audio", "2025-03-26"), ("resource_link", "2025-06-18")]
)
@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
def test_a_block_that_a_revision_does_not_know_becomes_text(revision: Revision, kind: str, first: str) -> None:
    """MCP changelogs of 2025-03-26 and 2025-06-18: old clients fail on types that they do not know."""
    block: JsonObject = {"type": kind, "uri": "https://example.org", "data": "QUJD", "text": "t"}
    shaped = performed_result(CallKind.TOOL, {"content": [block]}, revision, CARD)["content"]

    assert isinstance(shaped, list)
    if revision.version >= first:
        assert [block] == shaped
    else:
        (text,) = shaped
        assert isinstance(text, dict)
        assert "text" == text["type"]
        assert "https://example.org" in str(text["text"])
        assert "QUJD" not in str(text["text"])


def test_instructions_are_bounded() -> None:
    """Clients put them into every conversation: 2 KB is what they cost at most."""
    with pytest.raises(ValueError, match="instructions"):
        ServerCard(name="a", version="1", title="A", instructions="x" * (MAX_INSTRUCTIONS_BYTES + 1))
