"""Rows of subscriptions, cache hints and pages.

Source: MCP 2026-07-28 basic/patterns/subscriptions, server/utilities/caching, server/utilities/pagination.
"""

from __future__ import annotations

from typing import Final

from tests.protocol.requirements.requirement import ALL, MODERN, Requirement, at

_SUBSCRIPTIONS: Final = "subscriptions are not built yet"
_PAGE: Final = "MCP 2026-07-28 basic/patterns/subscriptions"
_CACHING: Final = "MCP 2026-07-28 server/utilities/caching"

ROWS: Final = (
    Requirement(
        id="MCP-SUB-01",
        text="The first message on a subscription is its acknowledgement, with what was accepted of the filter.",
        source=f"{_PAGE}#acknowledgment",
        revisions=MODERN,
        pending=_SUBSCRIPTIONS,
    ),
    Requirement(
        id="MCP-SUB-02",
        text="Only the kinds of notifications that the filter names are sent.",
        source=f"{_PAGE}#opening-a-stream",
        revisions=MODERN,
        pending=_SUBSCRIPTIONS,
    ),
    Requirement(
        id="MCP-SUB-03",
        text="Every message of a subscription carries the id of its request in `_meta`.",
        source=f"{_PAGE}#receiving-notifications",
        revisions=MODERN,
        pending=_SUBSCRIPTIONS,
    ),
    Requirement(
        id="MCP-SUB-04",
        text="A subscription that we end is answered with a complete result before its stream closes.",
        source=f"{_PAGE}#graceful-closure",
        revisions=MODERN,
        pending=_SUBSCRIPTIONS,
    ),
    Requirement(
        id="MCP-SUB-05",
        text="A subscription carries neither progress nor log messages.",
        source="MCP 2026-07-28 basic/transports/streamable-http#receiving-messages",
        revisions=MODERN,
        pending=_SUBSCRIPTIONS,
    ),
    Requirement(
        id="MCP-SUB-06",
        text="A client ends its subscription by closing the stream, or by `notifications/cancelled` without one.",
        source=f"{_PAGE}#cancellation",
        revisions=MODERN,
        pending=_SUBSCRIPTIONS,
    ),
    Requirement(
        id="MCP-SUB-07",
        text="A subscription ends at once when the credential that opened it is removed.",
        source=f"{_PAGE}#cancellation",
        revisions=MODERN,
        pending=_SUBSCRIPTIONS,
    ),
    Requirement(
        id="MCP-CACHE-01",
        text="`server/discover` and `tools/list` say how long and for whom they hold.",
        source=f"{_CACHING}#cacheable-results",
        revisions=MODERN,
        tests=at("protocol/test_results.py", "test_a_tool_list_may_be_cached_by_its_reader_alone")
        + at("protocol/test_envelope.py", "test_what_discovery_says_may_be_cached_by_its_reader_alone"),
    ),
    Requirement(
        id="MCP-CACHE-02",
        text="`resources/list`, `resources/templates/list` and `resources/read` say how long and for whom they hold.",
        source=f"{_CACHING}#cacheable-results",
        revisions=MODERN,
        tests=at(
            "transports/test_features_follow_the_schema.py",
            "test_lists_of_resources_follow_the_schema",
            "test_text_and_bytes_follow_the_schema",
        ),
    ),
    Requirement(
        id="MCP-CACHE-03",
        text="`prompts/list` says how long and for whom it holds.",
        source=f"{_CACHING}#cacheable-results",
        revisions=MODERN,
        tests=at("transports/test_features_follow_the_schema.py", "test_prompts_follow_the_schema"),
    ),
    Requirement(
        id="MCP-CACHE-04",
        text="What varies by rights is `private`; nothing of ours is `public`.",
        source=f"{_CACHING}#choosing-a-cache-scope",
        revisions=MODERN,
        tests=at("protocol/test_results.py", "test_a_tool_list_may_be_cached_by_its_reader_alone")
        + at("transports/test_streamable_http_stateless.py", "test_tools_are_listed_as_the_caller_may_use_them"),
    ),
    Requirement(
        id="MCP-CACHE-05",
        text="A result of a call has no cache hints.",
        source=f"{_CACHING}#cacheable-results",
        revisions=MODERN,
        tests=at("protocol/test_results.py", "test_a_call_result_is_never_cacheable"),
    ),
    Requirement(
        id="MCP-CACHE-06",
        text="No answer may be stored by a cache of HTTP.",
        source="RFC 9111 section 5.2.2.5",
        revisions=ALL,
        tests=at(
            "transports/test_streamable_http_sessions.py",
            "test_a_handshake_opens_a_session_of_the_version_asked_for",
            "test_a_long_call_becomes_a_stream_that_is_kept_alive",
        ),
    ),
    Requirement(
        id="MCP-PAGE-01",
        text="A cursor that this server never gave is refused with -32602.",
        source="MCP 2026-07-28 server/utilities/pagination#error-handling",
        revisions=ALL,
        tests=at("protocol/test_dispatch.py", "test_a_cursor_that_we_never_gave_is_invalid"),
    ),
    Requirement(
        id="MCP-PAGE-02",
        text="An empty cursor is a cursor and not the end.",
        source="MCP 2026-07-28 server/utilities/pagination#implementation-guidelines",
        revisions=ALL,
        tests=at("protocol/test_dispatch.py", "test_a_cursor_that_we_never_gave_is_invalid"),
    ),
    Requirement(
        id="MCP-PAGE-03",
        text="Without a cursor the first page is listed, and all tools stand on it.",
        source="MCP 2026-07-28 server/utilities/pagination#pagination-flow",
        revisions=ALL,
        tests=at("protocol/test_dispatch.py", "test_tools_are_listed_on_one_page"),
    ),
)
