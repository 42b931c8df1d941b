"""Rows of the choice between the eras at one endpoint.

Source: MCP 2026-07-28 basic/versioning#backward-compatibility-with-initialization-based-versions.
"""

from __future__ import annotations

from typing import Final

from tests.protocol.requirements.requirement import ALL, LEGACY, MODERN, Requirement, at

_PAGE: Final = "MCP 2026-07-28 basic/versioning#backward-compatibility-with-initialization-based-versions"
_LADDER: Final = "protocol/test_ladder.py"

ROWS: Final = (
    Requirement(
        id="MCP-ERA-01",
        text="A request whose `_meta` names a protocol version is modern, whatever its method and its headers.",
        source=_PAGE,
        revisions=MODERN,
        tests=at(
            _LADDER,
            "test_a_conforming_modern_request_is_served_without_a_session",
            "test_a_legacy_method_with_modern_meta_stays_modern",
            "test_a_modern_body_under_a_legacy_header_is_a_mismatch",
        ),
    ),
    Requirement(
        id="MCP-ERA-02",
        text="A request under a version header of no handshake revision is modern, whatever its body.",
        source=_PAGE,
        revisions=MODERN,
        tests=at(_LADDER, "test_a_header_that_is_no_legacy_version_demands_modern_meta"),
    ),
    Requirement(
        id="MCP-ERA-03",
        text="Any other `initialize` without a session opens one.",
        source=_PAGE,
        revisions=LEGACY,
        tests=at(_LADDER, "test_initialize_without_a_session_is_a_handshake"),
    ),
    Requirement(
        id="MCP-ERA-04",
        text="Any other message belongs to the session that its header names.",
        source=_PAGE,
        revisions=LEGACY,
        tests=at(_LADDER, "test_every_other_legacy_message_belongs_to_a_session"),
    ),
    Requirement(
        id="MCP-ERA-05",
        text="Every document and every header has a route, and none raises.",
        source=_PAGE,
        revisions=ALL,
        tests=at(_LADDER, "test_every_document_has_a_route"),
    ),
    Requirement(
        id="MCP-ERA-06",
        text="Errors of the modern way are JSON-RPC bodies, by which a client tells them from an older server's.",
        source="MCP 2026-07-28 basic/transports/streamable-http#backward-compatibility",
        revisions=MODERN,
        tests=at("transports/test_modern_wire.py", "test_every_modern_refusal_is_a_json_rpc_body"),
    ),
    Requirement(
        id="MCP-ERA-07",
        text="A GET of the endpoint is answered 401 without a credential, then 405, and never 404.",
        source="openai/tunnel-client#35",
        revisions=ALL,
        tests=at("transports/test_streamable_http_stateless.py", "test_chatgpts_probes_are_answered_as_it_expects")
        + at(
            "transports/test_streamable_http_sessions.py",
            "test_every_request_is_authenticated_before_its_body_is_read",
        ),
    ),
    Requirement(
        id="MCP-ERA-08",
        text="The official client of either era lists and calls tools at one address.",
        source=_PAGE,
        revisions=ALL,
        tests=at("e2e/test_clients.py", "test_the_official_client_speaks_both_eras"),
    ),
    Requirement(
        id="MCP-ERA-09",
        text="Each revision has the methods and notifications of its own schema.",
        source="MCP 2026-07-28 schema",
        revisions=ALL,
        tests=at(
            "protocol/test_revisions.py",
            "test_methods_are_those_of_the_schema",
            "test_the_table_has_a_row_for_each_released_revision",
        ),
    ),
    Requirement(
        id="MCP-ERA-10",
        text="What is right is answered as the official SDK answers it, and each difference has its reason.",
        source=_PAGE,
        revisions=ALL,
        tests=at(
            "protocol/test_differential.py",
            "test_whatever_is_posted_both_answer_alike_or_the_table_says_why",
            "test_a_right_request_of_the_handshake_era_is_answered_alike",
            "test_a_right_modern_request_is_answered_alike",
            "test_every_difference_is_still_one",
        ),
    ),
)
