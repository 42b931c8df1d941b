"""Rows of subscriptions, cache hints and pages.

Source: MCP 2026-07-28 basic/patterns/subscriptions, server/utilities/caching, server/utilities/pagination.
"""

from __future__ import annotations

from typing import Final

from tests.protocol.requirements.requirement import ALL, LEGACY, MODERN, Requirement, at

_PAGE: Final = "MCP 2026-07-28 basic/patterns/subscriptions"
_CACHING: Final = "MCP 2026-07-28 server/utilities/caching"

ROWS: Final = (
    Requirement(
        id="MCP-SUB-01",
        text="The first message on a subscription is its acknowledgement, with what was accepted of the filter.",
        source=f"{_PAGE}#acknowledgment",
        revisions=MODERN,
        tests=at(
            "transports/test_subscriptions.py",
            "test_the_first_message_says_what_was_accepted",
            "test_what_changes_while_the_subscription_begins_is_told_behind_the_acknowledgement",
        ),
    ),
    Requirement(
        id="MCP-SUB-02",
        text="Only the kinds of notifications that the filter names are sent.",
        source=f"{_PAGE}#opening-a-stream",
        revisions=MODERN,
        tests=at(
            "transports/test_subscriptions.py",
            "test_nothing_is_accepted_that_was_not_asked_for",
            "test_only_the_lists_that_were_asked_for_are_told_of",
            "test_a_change_is_told_to_whoever_watches_that_resource",
        )
        + at("protocol/test_dispatch.py", "test_a_subscription_says_what_it_wants"),
    ),
    Requirement(
        id="MCP-SUB-03",
        text="Every message of a subscription carries the id of its request in `_meta`.",
        source=f"{_PAGE}#receiving-notifications",
        revisions=MODERN,
        tests=at("transports/test_subscriptions.py", "test_every_message_names_its_subscription")
        + at("transports/test_websocket.py", "test_a_subscription_tells_of_changes_until_it_is_cancelled"),
    ),
    Requirement(
        id="MCP-SUB-04",
        text="A subscription that we end is answered with a complete result before its stream closes.",
        source=f"{_PAGE}#graceful-closure",
        revisions=MODERN,
        tests=at(
            "transports/test_subscriptions.py",
            "test_every_message_names_its_subscription",
            "test_a_drain_ends_it_in_good_order",
        ),
    ),
    Requirement(
        id="MCP-SUB-05",
        text="A subscription carries neither progress nor log messages.",
        source="MCP 2026-07-28 basic/transports/streamable-http#receiving-messages",
        revisions=MODERN,
        tests=at("transports/test_subscriptions.py", "test_looks_and_calls_speak_on_no_subscription"),
    ),
    Requirement(
        id="MCP-SUB-06",
        text="A client ends its subscription by closing the stream, or by `notifications/cancelled` without one.",
        source=f"{_PAGE}#cancellation",
        revisions=MODERN,
        tests=at(
            "transports/test_subscriptions.py",
            "test_a_hang_up_leaves_nothing",
            "test_a_posted_cancellation_ends_no_stream_over_http",
        )
        + at("transports/test_websocket.py", "test_a_subscription_tells_of_changes_until_it_is_cancelled")
        + at("protocol/test_dispatch.py", "test_on_a_line_a_posted_cancellation_cancels_in_every_revision"),
    ),
    Requirement(
        id="MCP-SUB-07",
        text="A subscription ends at once when the credential that opened it is removed.",
        source=f"{_PAGE}#cancellation",
        revisions=MODERN,
        tests=at("transports/test_subscriptions.py", "test_a_removed_credential_ends_it")
        + at("transports/test_websocket.py", "test_the_end_of_a_credential_closes_its_sockets_at_once"),
    ),
    Requirement(
        id="MCP-SUB-08",
        text="In a session whoever listens hears of changed lists unasked, on one stream of the session.",
        source="MCP 2025-11-25 server/tools#list-changed-notification",
        revisions=LEGACY,
        tests=at("transports/test_resumption.py", "test_the_stream_of_a_session_is_resumed_as_well")
        + at("transports/test_websocket.py", "test_changed_lists_are_told_to_whoever_shook_hands"),
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
        id="MCP-CACHE-07",
        text="All pages of one list have the same scope.",
        source=f"{_CACHING}#choosing-a-cache-scope",
        revisions=MODERN,
        tests=at("transports/test_desk.py", "test_resources_are_listed_page_by_page"),
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
    Requirement(
        id="MCP-PAGE-04",
        text="Each page names the next one by a cursor, and the last page has none.",
        source="MCP 2026-07-28 server/utilities/pagination#response-format",
        revisions=ALL,
        tests=at("transports/test_desk.py", "test_resources_are_listed_page_by_page"),
    ),
    Requirement(
        id="MCP-PAGE-05",
        text="A cursor is opaque, and good for its principal and its list only.",
        source="MCP 2026-07-28 server/utilities/pagination#pagination-model",
        revisions=ALL,
        tests=at("transports/test_desk.py", "test_a_cursor_is_of_one_caller_one_list_and_one_hour"),
    ),
)
