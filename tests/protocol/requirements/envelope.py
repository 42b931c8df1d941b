"""Rows of the modern envelope: what 2026-07-28 removed, what every request and every result carries.

Source: MCP 2026-07-28 changelog, basic/index, server/discover.
"""

from __future__ import annotations

from typing import Final

from tests.protocol.requirements.requirement import ALL, MODERN, Requirement, at

ROWS: Final = (
    Requirement(
        id="MCP-CHG-01",
        text="`initialize`, `ping`, `logging/setLevel` and `resources/subscribe` are unknown methods, answered 404.",
        source="MCP 2026-07-28 changelog#major-changes",
        revisions=MODERN,
        tests=at("protocol/test_dispatch.py", "test_methods_of_the_handshake_era_do_not_exist_in_the_stateless_one")
        + at("protocol/test_revisions.py", "test_methods_are_those_of_the_schema")
        + at("transports/test_streamable_http_stateless.py", "test_a_method_that_does_not_exist_is_404"),
    ),
    Requirement(
        id="MCP-CHG-02",
        text="Notifications that the revision removed are accepted and have no effect.",
        source="MCP 2026-07-28 changelog#major-changes",
        revisions=MODERN,
        tests=at("protocol/test_envelope.py", "test_removed_notifications_have_no_effect"),
    ),
    Requirement(
        id="MCP-CHG-03",
        text="No stream carries a request of ours, and a posted response is refused with -32600.",
        source="MCP 2026-07-28 basic/transports/streamable-http#sending-messages",
        revisions=MODERN,
        tests=at("protocol/test_ladder.py", "test_a_modern_client_sends_no_responses")
        + at("transports/test_modern_wire.py", "test_a_stream_holds_nothing_but_comments_and_its_answer"),
    ),
    Requirement(
        id="MCP-CHG-04",
        text="GET and DELETE of the MCP endpoint are answered 405 with Allow.",
        source="MCP 2026-07-28 basic/transports/streamable-http#earlier-streamable-http-revisions",
        revisions=MODERN,
        tests=at("transports/test_streamable_http_sessions.py", "test_without_a_session_only_post_is_served")
        + at("transports/test_streamable_http_stateless.py", "test_chatgpts_probes_are_answered_as_it_expects"),
    ),
    Requirement(
        id="MCP-CHG-05",
        text="No session id is minted or echoed, and one that is sent is ignored.",
        source="MCP 2026-07-28 basic/transports/streamable-http#earlier-streamable-http-revisions",
        revisions=MODERN,
        tests=at("protocol/test_ladder.py", "test_a_session_header_on_a_modern_request_is_ignored")
        + at(
            "transports/test_streamable_http_stateless.py",
            "test_discovery_needs_no_handshake",
            "test_session_and_resumption_headers_are_ignored",
        ),
    ),
    Requirement(
        id="MCP-CHG-06",
        text="Streams carry no event ids, and `Last-Event-ID` is ignored.",
        source="MCP 2026-07-28 basic/transports/streamable-http#earlier-streamable-http-revisions",
        revisions=MODERN,
        tests=at("transports/test_modern_wire.py", "test_a_stream_holds_nothing_but_comments_and_its_answer")
        + at("transports/test_streamable_http_stateless.py", "test_session_and_resumption_headers_are_ignored"),
    ),
    Requirement(
        id="MCP-CHG-07",
        text="Tasks are neither served nor advertised: they are an extension that a client must ask for.",
        source="SEP-2663",
        revisions=ALL,
        tests=at("protocol/test_dispatch.py", "test_a_method_that_is_not_served_does_not_exist")
        + at("protocol/test_envelope.py", "test_what_is_not_served_is_not_advertised"),
    ),
    Requirement(
        id="MCP-ENV-01",
        text="A request whose `_meta` lacks protocol version or client capabilities is refused with -32602 and 400.",
        source="MCP 2026-07-28 basic/index#meta",
        revisions=MODERN,
        tests=at(
            "protocol/test_ladder.py",
            "test_meta_without_its_required_members_is_refused_first",
            "test_a_header_that_is_no_legacy_version_demands_modern_meta",
        ),
    ),
    Requirement(
        id="MCP-ENV-02",
        text="A request without `clientInfo` is served.",
        source="MCP 2026-07-28 basic/index#meta",
        revisions=MODERN,
        tests=at("protocol/test_envelope.py", "test_a_request_needs_no_client_info"),
    ),
    Requirement(
        id="MCP-ENV-03",
        text="What a client calls itself drives nothing but the record, where it is short and printable.",
        source="MCP 2026-07-28 basic/index#meta",
        revisions=ALL,
        tests=at("protocol/test_ladder.py", "test_a_clients_name_is_short_and_printable")
        + at("transports/test_streamable_http_stateless.py", "test_a_modern_clients_name_reaches_the_record"),
    ),
    Requirement(
        id="MCP-ENV-04",
        text="A progress token is a string or an integer, and nothing else is used as one.",
        source="MCP 2026-07-28 basic/patterns/progress#progress-flow",
        revisions=ALL,
        tests=at("protocol/test_dispatch.py", "test_a_call_carries_its_name_arguments_and_progress_token")
        + at("protocol/test_envelope.py", "test_a_progress_token_is_a_string_or_an_integer"),
    ),
    Requirement(
        id="MCP-ENV-05",
        text="W3C trace context in `_meta` is accepted and changes nothing.",
        source="SEP-414",
        revisions=ALL,
        tests=at("protocol/test_envelope.py", "test_trace_context_changes_nothing_but_what_is_logged"),
    ),
    Requirement(
        id="MCP-ENV-06",
        text="Every result says in `_meta` which server answers.",
        source="MCP 2026-07-28 basic/index#meta",
        revisions=MODERN,
        tests=at("protocol/test_envelope.py", "test_every_modern_result_says_what_it_is_and_who_answers")
        + at("protocol/test_results.py", "test_a_modern_result_says_that_it_is_complete_and_who_answers"),
    ),
    Requirement(
        id="MCP-ENV-07",
        text="Every result has a `resultType`.",
        source="MCP 2026-07-28 basic/index#resulttype",
        revisions=MODERN,
        tests=at("protocol/test_envelope.py", "test_every_modern_result_says_what_it_is_and_who_answers")
        + at("protocol/test_results.py", "test_a_modern_result_says_that_it_is_complete_and_who_answers"),
    ),
    Requirement(
        id="MCP-ENV-08",
        text="An id is a string or an integer, never null, and is echoed with its type.",
        source="MCP 2026-07-28 basic/index#requests",
        revisions=ALL,
        tests=at(
            "protocol/test_jsonrpc.py",
            "test_an_id_is_a_string_or_an_integer",
            "test_any_other_id_is_refused_and_not_taken_for_a_notification",
            "test_an_answer_carries_the_id_with_its_type",
        ),
    ),
    Requirement(
        id="MCP-ENV-09",
        text="Capabilities that this request does not declare are not relied upon, whatever an earlier one declared.",
        source="MCP 2026-07-28 basic/index#statelessness",
        revisions=MODERN,
        tests=at("transports/test_rounds.py", "test_what_an_earlier_request_declared_counts_for_nothing")
        + at("transports/test_websocket.py", "test_what_the_handshake_declared_counts_for_no_modern_call"),
    ),
    Requirement(
        id="MCP-ENV-10",
        text="Members of `_meta` that we write are the specification's, or carry a prefix of our own.",
        source="MCP 2026-07-28 basic/index#meta",
        revisions=ALL,
        tests=at("protocol/test_envelope.py", "test_members_of_meta_are_the_specifications_or_our_own"),
    ),
    Requirement(
        id="MCP-ENV-11",
        text="A notification is never answered, not even with an error of JSON-RPC.",
        source="JSON-RPC 2.0 section 4.1",
        revisions=ALL,
        tests=at("protocol/test_dispatch.py", "test_whatever_is_notified_nothing_is_answered")
        + at("protocol/test_jsonrpc.py", "test_without_an_id_it_is_a_notification"),
    ),
    Requirement(
        id="MCP-DISC-01",
        text="`server/discover` is answered with versions, capabilities, instructions and cache hints.",
        source="MCP 2026-07-28 server/discover#response",
        revisions=MODERN,
        tests=at("protocol/test_results.py", "test_discovery_lists_what_the_modern_path_serves")
        + at("transports/test_streamable_http_stateless.py", "test_discovery_needs_no_handshake"),
    ),
    Requirement(
        id="MCP-DISC-02",
        text="Versions that discovery lists are those that the modern path serves, and no others.",
        source="openai/tunnel-client#63",
        revisions=MODERN,
        tests=at("protocol/test_ladder.py", "test_a_legacy_version_in_modern_meta_is_unsupported_there")
        + at("protocol/test_results.py", "test_discovery_lists_what_the_modern_path_serves"),
    ),
    Requirement(
        id="MCP-DISC-03",
        text="In the handshake era `server/discover` is an unknown method, by which clients fall back.",
        source="MCP 2026-07-28 basic/transports/stdio#backward-compatibility",
        revisions=ALL[:4],
        tests=at("protocol/test_dispatch.py", "test_discovery_does_not_exist_in_the_handshake_era"),
    ),
)
