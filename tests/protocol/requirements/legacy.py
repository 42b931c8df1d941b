"""Rows of the handshake era: negotiation, what each revision asks of a server, and results that its clients can read.

Source: MCP 2024-11-05, 2025-03-26, 2025-06-18 and 2025-11-25: basic/lifecycle, basic/transports.
"""

from __future__ import annotations

from typing import Final

from tests.protocol.requirements.requirement import ALL, LEGACY, SESSIONS, Requirement, at

_TRANSPORTS: Final = "MCP 2025-11-25 basic/transports"
_SESSIONS: Final = "transports/test_streamable_http_sessions.py"
_SSE: Final = "transports/test_http_sse.py"

ROWS: Final = (
    Requirement(
        id="MCP-NEG-01",
        text="A version that is served is echoed; any other is answered with our newest that has a handshake.",
        source="MCP 2025-11-25 basic/lifecycle#version-negotiation",
        revisions=LEGACY,
        tests=at(
            "protocol/test_revisions.py",
            "test_a_supported_version_is_echoed",
            "test_any_other_version_is_answered_with_our_newest_handshake_revision",
        )
        + at("protocol/test_dispatch.py", "test_a_handshake_opens_a_session_of_the_agreed_revision"),
    ),
    Requirement(
        id="MCP-NEG-02",
        text="No handshake is answered with a revision that has none.",
        source="MCP 2026-07-28 changelog#major-changes",
        revisions=LEGACY,
        tests=at(
            "protocol/test_revisions.py",
            "test_any_other_version_is_answered_with_our_newest_handshake_revision",
            "test_a_revision_is_found_in_its_own_era_only",
        ),
    ),
    Requirement(
        id="MCP-NEG-03",
        text="A handshake without version, capabilities or client info is refused by name and opens nothing.",
        source="MCP 2025-11-25 basic/lifecycle#initialization",
        revisions=LEGACY,
        tests=at("protocol/test_dispatch.py", "test_a_handshake_without_its_members_is_refused_by_name")
        + at(_SESSIONS, "test_a_refused_handshake_opens_no_session"),
    ),
    Requirement(
        id="MCP-NEG-04",
        text="A handshake is answered with version, capabilities, server info and instructions.",
        source="MCP 2025-11-25 basic/lifecycle#initialization",
        revisions=LEGACY,
        tests=at("protocol/test_results.py", "test_the_handshakes_result_follows_the_schema"),
    ),
    Requirement(
        id="MCP-NEG-05",
        text="A session is initialized once.",
        source="MCP 2025-11-25 basic/lifecycle#initialization",
        revisions=LEGACY,
        tests=at(_SESSIONS, "test_a_session_cannot_be_initialized_again")
        + at(_SSE, "test_a_session_is_initialized_once")
        + at("protocol/test_ladder.py", "test_initialize_inside_a_session_belongs_to_the_session"),
    ),
    Requirement(
        id="MCP-NEG-06",
        text="`ping` is answered with an empty result.",
        source="MCP 2025-11-25 basic/utilities/ping#behavior-requirements",
        revisions=LEGACY,
        tests=at("protocol/test_dispatch.py", "test_a_ping_is_answered_with_an_empty_result"),
    ),
    Requirement(
        id="MCP-SESS-01",
        text="The answer to a handshake carries a session id: visible ASCII, from 256 random bits, never given twice.",
        source=f"{_TRANSPORTS}#session-management",
        revisions=SESSIONS,
        tests=at(
            _SESSIONS,
            "test_a_handshake_opens_a_session_of_the_version_asked_for",
            "test_two_handshakes_open_two_sessions",
        ),
    ),
    Requirement(
        id="MCP-SESS-02",
        text="A request without a session id is answered 400.",
        source=f"{_TRANSPORTS}#session-management",
        revisions=SESSIONS,
        tests=at(_SESSIONS, "test_a_request_without_a_session_is_told_to_open_one"),
    ),
    Requirement(
        id="MCP-SESS-03",
        text="An unknown, ended or foreign session is answered 404, with the same bytes.",
        source=f"{_TRANSPORTS}#session-management",
        revisions=SESSIONS,
        tests=at(
            _SESSIONS,
            "test_a_strangers_session_and_an_unknown_one_are_the_same_bytes",
            "test_a_strangers_session_has_no_stream_and_no_end",
            "test_a_session_ends_when_its_client_deletes_it",
        ),
    ),
    Requirement(
        id="MCP-SESS-04",
        text="DELETE ends the session, its calls and its streams.",
        source=f"{_TRANSPORTS}#session-management",
        revisions=SESSIONS,
        tests=at(
            _SESSIONS,
            "test_a_session_ends_when_its_client_deletes_it",
            "test_deleting_a_session_ends_its_calls",
            "test_a_stream_ends_with_its_session",
        )
        + at("e2e/test_cancel.py", "test_deleting_the_session_ends_its_calls_and_streams"),
    ),
    Requirement(
        id="MCP-SESS-05",
        text="GET with a session opens a stream; without one it is answered 405.",
        source=f"{_TRANSPORTS}#listening-for-messages-from-the-server",
        revisions=SESSIONS,
        tests=at(
            _SESSIONS,
            "test_a_stream_speaks_at_once_and_every_fifteen_seconds",
            "test_a_stream_needs_a_client_that_takes_streams",
            "test_without_a_session_only_post_is_served",
        ),
    ),
    Requirement(
        id="MCP-SESS-06",
        text="Each message is sent on one stream only, and an answer on that of its request.",
        source=f"{_TRANSPORTS}#multiple-connections",
        revisions=SESSIONS,
        tests=at("transports/test_modern_wire.py", "test_an_answer_is_sent_on_one_stream_only"),
    ),
    Requirement(
        id="MCP-SESS-07",
        text="A stream that broke goes on from the event that its client names, without events of other streams.",
        source=f"{_TRANSPORTS}#resumability-and-redelivery",
        revisions=SESSIONS,
        pending="resumption is not built yet",
    ),
    Requirement(
        id="MCP-SESS-08",
        text="A resumable stream of 2025-11-25 begins with an event that has an id and no data.",
        source=f"{_TRANSPORTS}#sending-messages-to-the-server",
        revisions=ALL[3:4],
        pending="resumption is not built yet",
    ),
    Requirement(
        id="MCP-SESS-09",
        text="A disconnect is no cancel: the call runs to its end.",
        source=f"{_TRANSPORTS}#sending-messages-to-the-server",
        revisions=SESSIONS,
        tests=at(_SESSIONS, "test_hanging_up_leaves_the_call_running")
        + at("protocol/test_revisions.py", "test_hanging_up_cancels_exactly_where_the_revision_says_so")
        + at("e2e/test_cancel.py", "test_up_to_2025_hanging_up_cancels_nothing"),
    ),
    Requirement(
        id="MCP-SESS-10",
        text="`notifications/cancelled` ends the call of its own session that it names by id and type, unanswered.",
        source="MCP 2025-11-25 basic/utilities/cancellation#behavior-requirements",
        revisions=LEGACY,
        tests=at("protocol/test_dispatch.py", "test_a_cancellation_names_the_call_with_the_ids_type")
        + at(
            _SESSIONS,
            "test_a_cancelled_call_is_never_answered",
            "test_a_cancellation_names_its_call_by_type_and_session",
        )
        + at(_SSE, "test_a_cancelled_call_is_never_answered")
        + at(
            "e2e/test_cancel.py",
            "test_a_cancelled_notification_cancels_the_call_of_its_session",
            "test_another_keys_notification_cancels_nothing",
        ),
    ),
    Requirement(
        id="MCP-SESS-11",
        text="A cancellation that is malformed or names nothing is ignored.",
        source="MCP 2025-11-25 basic/utilities/cancellation#error-handling",
        revisions=LEGACY,
        tests=at("protocol/test_dispatch.py", "test_a_malformed_cancellation_is_ignored"),
    ),
    Requirement(
        id="MCP-SESS-12",
        text="Questions to the client are requests on the streams of its session, and its responses are posted.",
        source=f"{_TRANSPORTS}#sending-messages-to-the-server",
        revisions=ALL[2:4],
        pending="elicitation is not built yet",
    ),
    Requirement(
        id="MCP-SESS-13",
        text="An id that is in use is refused.",
        source="MCP 2025-11-25 basic/index#requests",
        revisions=LEGACY,
        tests=at(_SESSIONS, "test_an_id_that_is_in_use_is_refused"),
    ),
    Requirement(
        id="MCP-SESS-14",
        text="Posted notifications and responses are answered 202 without a body.",
        source=f"{_TRANSPORTS}#sending-messages-to-the-server",
        revisions=SESSIONS,
        tests=at(_SESSIONS, "test_notifications_and_responses_are_accepted_without_a_body")
        + at(
            "protocol/test_dispatch.py",
            "test_other_notifications_are_accepted",
            "test_a_clients_answer_goes_to_whoever_asked",
        ),
    ),
    Requirement(
        id="MCP-SESS-15",
        text="Sessions are bounded in number, rest and age, and removing a key ends them at once.",
        source=f"{_TRANSPORTS}#session-management",
        revisions=SESSIONS,
        tests=at(
            _SESSIONS,
            "test_an_idle_session_is_reaped",
            "test_a_session_ends_at_its_greatest_age",
            "test_a_full_principal_loses_its_longest_rested_session",
            "test_revocation_ends_sessions_streams_and_calls_at_once",
        ),
    ),
    Requirement(
        id="MCP-L2511-01",
        text="A resource that the caller does not see is refused with -32002.",
        source="MCP 2025-11-25 server/resources#error-handling",
        revisions=LEGACY,
        tests=at("transports/test_features_follow_the_schema.py", "test_what_cannot_be_read_is_an_error_with_its_uri"),
    ),
    Requirement(
        id="MCP-L2506-01",
        text="A version header of no handshake revision is answered 400.",
        source="MCP 2025-06-18 basic/transports#protocol-version-header",
        revisions=ALL[2:4],
        tests=at("protocol/test_ladder.py", "test_a_header_that_is_no_legacy_version_demands_modern_meta"),
    ),
    Requirement(
        id="MCP-L2506-02",
        text="Without a version header the session's own revision counts, and a handshake is served.",
        source="MCP 2025-06-18 basic/transports#protocol-version-header",
        revisions=LEGACY,
        tests=at(
            "protocol/test_ladder.py",
            "test_initialize_without_a_session_is_a_handshake",
            "test_every_other_legacy_message_belongs_to_a_session",
        )
        + at(_SESSIONS, "test_a_quick_call_is_answered_as_json"),
    ),
    Requirement(
        id="MCP-L2506-03",
        text="A batch is refused with 400 in revisions that have none, and nothing of it is run.",
        source="MCP 2025-06-18 changelog#major-changes",
        revisions=("2024-11-05", "2025-06-18", "2025-11-25"),
        tests=at(_SESSIONS, "test_a_batch_is_refused_where_the_revision_has_none")
        + at(_SSE, "test_a_batch_is_for_sessions_of_the_one_revision_that_has_them"),
    ),
    Requirement(
        id="MCP-L2503-01",
        text="A batch is received: one answer for each request and each malformed member, none for notifications.",
        source="MCP 2025-03-26 basic/index#batching",
        revisions=ALL[1:2],
        tests=at(
            _SESSIONS,
            "test_a_batch_is_received_where_the_revision_has_them",
            "test_a_batch_without_requests_is_accepted",
            "test_a_batch_with_a_long_call_streams_what_it_has",
            "test_a_batch_for_a_stream_reader_is_streamed",
        )
        + at("protocol/test_ladder.py", "test_a_batch_keeps_its_malformed_members")
        + at("protocol/test_revisions.py", "test_only_one_revision_has_batches"),
    ),
    Requirement(
        id="MCP-L2503-02",
        text="A batch is bounded, and an empty one is refused.",
        source="JSON-RPC 2.0 section 6",
        revisions=ALL[1:2],
        tests=at("protocol/test_ladder.py", "test_an_empty_or_endless_batch_is_refused"),
    ),
)
