"""Rows of HTTP+SSE of 2024-11-05, and of results that older clients can read.

Source: MCP 2024-11-05 basic/transports#http-with-sse; the changelogs of 2025-03-26 and 2025-06-18.
"""

from __future__ import annotations

from typing import Final

from tests.protocol.requirements.requirement import ALL, LEGACY, Requirement, at

_EVENTS: Final = "MCP 2024-11-05 basic/transports#http-with-sse"
_SSE: Final = "transports/test_http_sse.py"

ROWS: Final = (
    Requirement(
        id="MCP-SSE-01",
        text="The first event of the stream is `endpoint`, with the address for the client's posts.",
        source=_EVENTS,
        revisions=ALL[:1],
        tests=at(_SSE, "test_the_stream_names_its_endpoint_at_once"),
    ),
    Requirement(
        id="MCP-SSE-02",
        text="Posts are answered 202, and answers arrive as `message` events.",
        source=_EVENTS,
        revisions=ALL[:1],
        tests=at(_SSE, "test_a_whole_conversation")
        + at("e2e/test_clients.py", "test_the_official_client_speaks_http_with_events"),
    ),
    Requirement(
        id="MCP-SSE-03",
        text="The id in the address is no credential: both paths need one, and it must be the same principal's.",
        source=_EVENTS,
        revisions=ALL[:1],
        tests=at(
            _SSE,
            "test_both_paths_need_a_credential",
            "test_a_strangers_session_and_an_unknown_one_are_the_same_bytes",
        ),
    ),
    Requirement(
        id="MCP-SSE-04",
        text="The session ends with its stream.",
        source=_EVENTS,
        revisions=ALL[:1],
        tests=at(_SSE, "test_the_session_ends_with_its_stream")
        + at("e2e/test_cancel.py", "test_the_stream_of_2024_is_the_life_of_its_calls"),
    ),
    Requirement(
        id="MCP-SSE-05",
        text="A modern probe is answered on the stream with -32601, so that its client shakes hands.",
        source="MCP 2026-07-28 basic/versioning#backward-compatibility-with-initialization-based-versions",
        revisions=ALL[:1],
        tests=at(_SSE, "test_a_modern_request_is_answered_on_the_stream_so_that_its_client_shakes_hands"),
    ),
    Requirement(
        id="MCP-SSE-06",
        text="A reader that is too slow is cut, and nobody else notices.",
        source=_EVENTS,
        revisions=ALL[:1],
        tests=at(_SSE, "test_a_reader_that_is_too_slow_is_cut", "test_a_reader_is_cut_by_bytes_too"),
    ),
    Requirement(
        id="MCP-SHAPE-01",
        text="Audio becomes text for clients before 2025-03-26, and links to resources before 2025-06-18.",
        source="MCP 2025-06-18 changelog#major-changes",
        revisions=ALL,
        tests=at("protocol/test_results.py", "test_a_block_that_a_revision_does_not_know_becomes_text"),
    ),
    Requirement(
        id="MCP-SHAPE-02",
        text="A success always has a text block.",
        source="MCP 2025-11-25 server/tools#structured-content",
        revisions=LEGACY,
        tests=at("gateway/test_render.py", "test_a_success_stands_twice_and_both_agree"),
    ),
)
