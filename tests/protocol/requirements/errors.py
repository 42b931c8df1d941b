"""Rows of error codes, their HTTP status, and the order in which mistakes are named.

Source: MCP 2026-07-28 basic/index#error-codes, basic/transports/streamable-http#server-validation.
"""

from __future__ import annotations

from typing import Final

from tests.protocol.requirements.requirement import ALL, LEGACY, MODERN, Requirement, at

_DIFFERENTIAL: Final = at(
    "protocol/test_differential.py", "test_whatever_is_posted_both_answer_alike_or_the_table_says_why"
)

ROWS: Final = (
    Requirement(
        id="MCP-ERR-01",
        text="Headers that are missing, malformed or different from the body are refused with -32020 and 400.",
        source="MCP 2026-07-28 basic/transports/streamable-http#server-validation",
        revisions=MODERN,
        tests=at("protocol/test_headers.py", "test_headers_that_say_something_else_are_a_mismatch")
        + at("transports/test_streamable_http_stateless.py", "test_a_call_whose_name_header_differs_is_not_run")
        + _DIFFERENTIAL,
    ),
    Requirement(
        id="MCP-ERR-02",
        text="A call that needs a capability which its request does not declare is refused with -32021 that names it.",
        source="MCP 2026-07-28 schema#missingrequiredclientcapabilityerror",
        revisions=MODERN,
        tests=at(
            "transports/test_rounds.py",
            "test_a_client_is_asked_only_what_this_request_declares",
            "test_all_that_is_missing_is_named_at_once",
        )
        + at("transports/test_desk.py", "test_a_failure_has_its_code_and_its_status"),
    ),
    Requirement(
        id="MCP-ERR-03",
        text="A version that is not served is refused with -32022 and 400, naming what is served and what was asked.",
        source="MCP 2026-07-28 schema#unsupportedprotocolversionerror",
        revisions=MODERN,
        tests=at("protocol/test_ladder.py", "test_an_unsupported_version_names_those_that_are_served") + _DIFFERENTIAL,
    ),
    Requirement(
        id="MCP-ERR-04",
        text="An unknown method is answered 404 with -32601 in a JSON-RPC body.",
        source="MCP 2026-07-28 basic/transports/streamable-http#protocol-version-header",
        revisions=MODERN,
        tests=at("protocol/test_dispatch.py", "test_a_method_that_is_not_served_does_not_exist")
        + at("transports/test_streamable_http_stateless.py", "test_a_method_that_does_not_exist_is_404"),
    ),
    Requirement(
        id="MCP-ERR-05",
        text="In a session an unknown method is answered 200 with -32601, because 404 says that the session is gone.",
        source="MCP 2025-11-25 basic/transports#session-management",
        revisions=LEGACY,
        tests=at("protocol/test_dispatch.py", "test_a_method_that_is_not_served_does_not_exist")
        + at("transports/test_streamable_http_sessions.py", "test_a_method_that_is_not_served_is_no_lost_session"),
    ),
    Requirement(
        id="MCP-ERR-06",
        text="Parameters of the wrong form are refused with -32602, naming the member and never repeating its value.",
        source="MCP 2026-07-28 server/tools#error-handling",
        revisions=ALL,
        tests=at(
            "protocol/test_dispatch.py",
            "test_a_call_of_the_wrong_form_is_refused",
            "test_a_refusal_names_the_member_and_not_its_value",
            "test_an_invented_member_name_cannot_flood_the_refusal",
        )
        + _DIFFERENTIAL,
    ),
    Requirement(
        id="MCP-ERR-07",
        text="An unknown tool is the protocol error -32602.",
        source="MCP 2026-07-28 server/tools#error-handling",
        revisions=ALL,
        tests=at("gateway/test_render.py", "test_faults_of_gate_and_form_are_protocol_errors")
        + at("transports/test_streamable_http_stateless.py", "test_faults_of_the_gate_are_protocol_errors"),
    ),
    Requirement(
        id="MCP-ERR-08",
        text="JSON that is no message is refused with -32600 and 400.",
        source="JSON-RPC 2.0 section 5.1",
        revisions=ALL,
        tests=at("protocol/test_jsonrpc.py", "test_what_is_no_message_is_an_invalid_request")
        + at("transports/test_streamable_http_sessions.py", "test_a_body_that_is_no_message_is_refused"),
    ),
    Requirement(
        id="MCP-ERR-09",
        text="Bytes that are not the one JSON text every parser reads alike are refused with -32700 and 400.",
        source="JSON-RPC 2.0 section 5.1",
        revisions=ALL,
        tests=at(
            "protocol/test_json_reader.py",
            "test_bytes_that_two_parsers_could_read_differently_are_a_parse_error",
            "test_any_bytes_are_read_or_refused",
        ),
    ),
    Requirement(
        id="MCP-ERR-10",
        text="An error carries the id of its request wherever that could be read, and none where it could not.",
        source="MCP 2026-07-28 basic/index#error-responses",
        revisions=ALL,
        tests=at(
            "protocol/test_jsonrpc.py",
            "test_a_readable_id_is_kept_for_the_refusal",
            "test_an_error_without_a_readable_id_has_none",
        ),
    ),
    Requirement(
        id="MCP-ERR-11",
        text="A bug of ours is -32603, and shows nothing of the inside.",
        source="JSON-RPC 2.0 section 5.1",
        revisions=ALL,
        tests=at("gateway/test_gateway.py", "test_a_bug_in_a_tool_shows_an_incident_only")
        + at("transports/test_http_sse.py", "test_a_bug_in_a_call_is_that_calls_answer")
        + at("transports/test_streamable_http_sessions.py", "test_a_bug_in_a_call_is_that_calls_answer"),
    ),
    Requirement(
        id="MCP-ERR-12",
        text="No modern answer has -32002, -32042, a code of -32000 to -32019, or an undefined one up to -32099.",
        source="MCP 2026-07-28 basic/index#error-codes",
        revisions=MODERN,
        tests=at("protocol/test_envelope.py", "test_the_core_gives_codes_of_the_specification_only"),
    ),
    Requirement(
        id="MCP-ERR-13",
        text="Codes of our own lie outside the range that JSON-RPC reserves.",
        source="MCP 2026-07-28 basic/index#error-codes",
        revisions=ALL,
        tests=at("protocol/test_envelope.py", "test_our_own_codes_lie_outside_the_reserved_range"),
    ),
    Requirement(
        id="MCP-ERR-14",
        text="Failures of a tool and wrong arguments are results with `isError`, which a model reads.",
        source="MCP 2026-07-28 server/tools#error-handling",
        revisions=ALL,
        tests=at("gateway/test_render.py", "test_faults_of_the_call_are_results")
        + at("transports/test_streamable_http_stateless.py", "test_faults_of_the_call_are_results_that_a_model_reads"),
    ),
    Requirement(
        id="MCP-ERR-15",
        text="Mistakes are named in the order `_meta`, headers, version, method, parameters.",
        source="MCP 2026-07-28 basic/transports/streamable-http#server-validation",
        revisions=MODERN,
        tests=at(
            "protocol/test_ladder.py",
            "test_meta_without_its_required_members_is_refused_first",
            "test_disagreement_is_told_before_an_unsupported_version",
        )
        + at("transports/test_streamable_http_stateless.py", "test_the_order_of_refusals_is_the_specifications")
        + _DIFFERENTIAL,
    ),
    Requirement(
        id="MCP-ERR-16",
        text="A routing header that stands twice is refused, in both eras and for every kind of message.",
        source="MCP 2026-07-28 basic/transports/streamable-http#server-validation",
        revisions=ALL[1:],
        tests=at("protocol/test_headers.py", "test_a_routing_header_that_stands_twice_is_noticed")
        + at("protocol/test_ladder.py", "test_a_routing_header_that_stands_twice_is_refused_in_both_eras")
        + at("transports/test_streamable_http_stateless.py", "test_a_doubled_header_is_refused")
        + at(
            "transports/test_streamable_http_sessions.py",
            "test_a_doubled_routing_header_is_refused_on_every_method",
        ),
    ),
    Requirement(
        id="MCP-ERR-17",
        text="A request that came too often is answered 429 with Retry-After, in headers and body.",
        source="RFC 6585 section 4",
        revisions=ALL,
        tests=at("transports/test_streamable_http_stateless.py", "test_a_limited_client_is_told_when_to_come_back"),
    ),
)
