"""Rows of Streamable HTTP in its modern form: bodies, forms of answers, headers, cancellation.

Source: MCP 2026-07-28 basic/transports/streamable-http.
"""

from __future__ import annotations

from typing import Final

from tests.protocol.requirements.requirement import ALL, MODERN, Requirement, at

_PAGE: Final = "MCP 2026-07-28 basic/transports/streamable-http"
_STATELESS: Final = "transports/test_streamable_http_stateless.py"
_SESSIONS: Final = "transports/test_streamable_http_sessions.py"

ROWS: Final = (
    Requirement(
        id="MCP-HTTP-01",
        text="A body is one request or notification; arrays and responses are refused with -32600.",
        source=f"{_PAGE}#sending-messages",
        revisions=MODERN,
        tests=at(_STATELESS, "test_arrays_and_responses_are_no_modern_messages")
        + at("protocol/test_ladder.py", "test_a_modern_post_is_one_message", "test_a_modern_client_sends_no_responses"),
    ),
    Requirement(
        id="MCP-HTTP-02",
        text="A client that takes neither JSON nor event streams is answered 406.",
        source=f"{_PAGE}#sending-messages",
        revisions=ALL[1:],
        tests=at(_SESSIONS, "test_a_client_that_takes_neither_form_is_refused")
        + at("transports/test_negotiation.py", "test_accept_is_read_as_http_says"),
    ),
    Requirement(
        id="MCP-HTTP-03",
        text="A request is answered with one JSON object or with a stream that its response ends.",
        source=f"{_PAGE}#receiving-messages",
        revisions=MODERN,
        tests=at(
            _STATELESS,
            "test_a_call_is_answered_with_its_modern_shape",
            "test_a_long_call_becomes_a_stream_that_is_kept_alive",
        )
        + at("transports/test_modern_wire.py", "test_a_stream_holds_nothing_but_comments_and_its_answer"),
    ),
    Requirement(
        id="MCP-HTTP-04",
        text="An accepted notification is answered 202 without a body.",
        source=f"{_PAGE}#sending-messages",
        revisions=ALL[1:],
        tests=at(_STATELESS, "test_a_posted_cancellation_is_accepted_and_cancels_nothing")
        + at(_SESSIONS, "test_notifications_and_responses_are_accepted_without_a_body"),
    ),
    Requirement(
        id="MCP-HTTP-05",
        text="A notification that cannot be accepted is answered with an error status and no id.",
        source=f"{_PAGE}#sending-messages",
        revisions=MODERN,
        tests=at("protocol/test_ladder.py", "test_a_notification_of_an_unserved_version_is_refused"),
    ),
    Requirement(
        id="MCP-HTTP-06",
        text="Header rules of requests do not hold for notifications.",
        source=f"{_PAGE}#sending-messages",
        revisions=MODERN,
        tests=at("protocol/test_ladder.py", "test_a_modern_notification_needs_no_other_header"),
    ),
    Requirement(
        id="MCP-HTTP-07",
        text="`MCP-Protocol-Version` must be sent and equal the version in `_meta`.",
        source=f"{_PAGE}#protocol-version-header",
        revisions=MODERN,
        tests=at(
            "protocol/test_ladder.py",
            "test_a_modern_body_without_the_version_header_is_told_so",
            "test_a_modern_body_under_a_legacy_header_is_a_mismatch",
            "test_a_version_that_is_no_text_disagrees_with_every_header",
        ),
    ),
    Requirement(
        id="MCP-HTTP-08",
        text="`Mcp-Method` must equal the method; `Mcp-Name` the name or URI of calls, prompts and resources.",
        source=f"{_PAGE}#standard-request-headers",
        revisions=MODERN,
        tests=at(
            "protocol/test_headers.py",
            "test_headers_that_say_what_the_body_says_agree",
            "test_headers_that_say_something_else_are_a_mismatch",
        ),
    ),
    Requirement(
        id="MCP-HTTP-09",
        text="Names of headers are compared without regard to case, values with it and after trimming blanks.",
        source=f"{_PAGE}#case-sensitivity",
        revisions=ALL[1:],
        tests=at(
            "protocol/test_headers.py",
            "test_names_are_read_without_regard_to_case_and_values_are_trimmed",
            "test_headers_that_say_something_else_are_a_mismatch",
        ),
    ),
    Requirement(
        id="MCP-HTTP-10",
        text="The Base64 form of a header value is decoded before it is compared, and only its exact markers count.",
        source=f"{_PAGE}#value-encoding",
        revisions=MODERN,
        tests=at(
            "protocol/test_headers.py",
            "test_every_text_survives_the_sentinel",
            "test_only_the_exact_markers_are_a_sentinel",
        ),
    ),
    Requirement(
        id="MCP-HTTP-11",
        text="A header value with invalid characters, or broken Base64, agrees with nothing.",
        source=f"{_PAGE}#server-validation",
        revisions=MODERN,
        tests=at(
            "protocol/test_headers.py",
            "test_a_value_that_is_not_well_formed_stands_for_nothing",
            "test_a_name_in_latin_1_is_not_the_name_in_the_body",
        ),
    ),
    Requirement(
        id="MCP-HTTP-12",
        text="No tool declares `x-mcp-header`, so no `Mcp-Param-*` header is expected and any is ignored.",
        source=f"{_PAGE}#server-behavior-for-custom-headers",
        revisions=MODERN,
        tests=at("protocol/test_promises.py", "test_no_tool_mirrors_arguments_into_headers")
        + at("transports/test_modern_wire.py", "test_headers_that_no_tool_declares_are_ignored"),
    ),
    Requirement(
        id="MCP-HTTP-13",
        text="An `Origin` that is not allowed is answered 403, whatever is asked.",
        source=_PAGE,
        revisions=ALL,
        tests=at(
            "web/test_screen.py",
            "test_a_local_gate_answers_pages_of_this_machine_only",
            "test_a_public_gate_answers_allowed_origins_only",
        ),
    ),
    Requirement(
        id="MCP-HTTP-14",
        text="Without configuration the gate listens on loopback only.",
        source=_PAGE,
        revisions=ALL,
        tests=at("protocol/test_promises.py", "test_the_gate_listens_on_loopback_unless_told_otherwise"),
    ),
    Requirement(
        id="MCP-HTTP-15",
        text="A stream says `X-Accel-Buffering: no`, and a comment keeps it alive while nothing is said.",
        source=f"{_PAGE}#receiving-messages",
        revisions=ALL,
        tests=at(
            _SESSIONS,
            "test_a_long_call_becomes_a_stream_that_is_kept_alive",
            "test_a_stream_speaks_at_once_and_every_fifteen_seconds",
        )
        + at(_STATELESS, "test_a_long_call_becomes_a_stream_that_is_kept_alive")
        + at("transports/test_http_sse.py", "test_a_resting_stream_is_kept_alive")
        + at("protocol/test_sse.py", "test_comments_carry_no_event"),
    ),
    Requirement(
        id="MCP-HTTP-16",
        text="A client that closes the response cancels the call at once, and nothing more is sent for its id.",
        source=f"{_PAGE}#cancellation",
        revisions=MODERN,
        tests=at(_STATELESS, "test_hanging_up_cancels_the_call_at_once")
        + at("protocol/test_revisions.py", "test_hanging_up_cancels_exactly_where_the_revision_says_so")
        + at(
            "e2e/test_cancel.py",
            "test_from_2026_on_hanging_up_cancels_the_call",
            "test_resetting_a_stream_of_http_2_cancels_its_call_and_no_other",
        ),
    ),
    Requirement(
        id="MCP-HTTP-17",
        text="A posted `notifications/cancelled` cancels nothing: ids of strangers can be guessed.",
        source="MCP 2026-07-28 basic/patterns/cancellation#transport-specific-cancellation",
        revisions=MODERN,
        tests=at("protocol/test_dispatch.py", "test_over_modern_http_a_posted_cancellation_cancels_nothing")
        + at(_STATELESS, "test_a_posted_cancellation_is_accepted_and_cancels_nothing"),
    ),
    Requirement(
        id="MCP-HTTP-18",
        text="One message is one event of a stream, whatever line ends its texts hold.",
        source=f"{_PAGE}#receiving-messages",
        revisions=ALL,
        tests=at("protocol/test_sse.py", "test_any_message_is_one_event", "test_any_text_is_one_event"),
    ),
    Requirement(
        id="MCP-HTTP-19",
        text="A body must be declared as JSON; anything else is answered 415.",
        source=f"{_PAGE}#sending-messages",
        revisions=ALL,
        tests=at(_SESSIONS, "test_only_json_is_a_body")
        + at("transports/test_negotiation.py", "test_json_is_json", "test_anything_else_is_not"),
    ),
    Requirement(
        id="MCP-HTTP-20",
        text="Credentials are checked on every request and before anything is told about sessions or methods.",
        source=_PAGE,
        revisions=ALL,
        tests=at(_SESSIONS, "test_every_request_is_authenticated_before_its_body_is_read")
        + at("transports/test_http_sse.py", "test_both_paths_need_a_credential"),
    ),
    Requirement(
        id="MCP-HTTP-21",
        text="Where a tool declares that an argument is mirrored, a header that disagrees is refused with -32020.",
        source=f"{_PAGE}#server-behavior-for-custom-headers",
        revisions=MODERN,
        tests=at(
            "protocol/test_param_headers.py",
            "test_headers_that_mirror_the_arguments_agree",
            "test_headers_that_say_something_else_are_a_mismatch",
            "test_every_text_arrives_by_the_sentinel",
        )
        + at("transports/test_modern_wire.py", "test_a_header_that_a_tool_declares_is_compared"),
    ),
    Requirement(
        id="MCP-HTTP-22",
        text="A declaration of such a header that clients must reject is never acted upon.",
        source="MCP 2026-07-28 server/tools#x-mcp-header",
        revisions=MODERN,
        tests=at(
            "protocol/test_param_headers.py",
            "test_what_is_no_keyword_is_no_declaration",
            "test_a_declaration_that_clients_must_reject_is_our_bug",
        ),
    ),
)
