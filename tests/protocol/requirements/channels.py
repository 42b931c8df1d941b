"""Rows of the other transports: WebSocket, which is our own, and standard streams.

Source: MCP 2026-07-28 basic/transports/index#custom-transports, basic/transports/stdio.
"""

from __future__ import annotations

from typing import Final

from tests.protocol.requirements.requirement import ALL, Requirement, at

_PAGE: Final = "MCP 2026-07-28 basic/transports/stdio"

ROWS: Final = (
    Requirement(
        id="MCP-CHAN-01",
        text="Where there are no headers the body alone is judged, by the same rules in the same order.",
        source="MCP 2026-07-28 basic/transports#request-metadata",
        revisions=ALL,
        tests=at("protocol/test_ladder.py", "test_without_headers_the_body_alone_decides")
        + at("protocol/test_differential.py", "test_without_headers_both_ladders_name_the_same_first_mistake"),
    ),
    Requirement(
        id="MCP-WS-01",
        text="A WebSocket carries whole JSON-RPC messages with the metadata of each request.",
        source="MCP 2026-07-28 basic/transports#custom-transports",
        revisions=ALL,
        tests=at("transports/test_websocket.py", "test_both_eras_share_one_socket"),
    ),
    Requirement(
        id="MCP-WS-02",
        text="On a WebSocket `initialize` opens the handshake era; a message that names its version is served by that.",
        source="MCP 2026-07-28 basic/versioning#backward-compatibility-with-initialization-based-versions",
        revisions=ALL,
        tests=at("transports/test_websocket.py", "test_both_eras_share_one_socket", "test_a_line_shakes_hands_once"),
    ),
    Requirement(
        id="MCP-WS-03",
        text="On a WebSocket `notifications/cancelled` cancels the request that it names.",
        source="MCP 2026-07-28 basic/patterns/cancellation#transport-specific-cancellation",
        revisions=ALL,
        tests=at("transports/test_websocket.py", "test_a_cancelled_call_ends_and_is_never_answered"),
    ),
    Requirement(
        id="MCP-WS-04",
        text="Credential, Host and Origin are checked before a WebSocket is accepted.",
        source="MCP 2026-07-28 basic/transports/streamable-http",
        revisions=ALL,
        tests=at("transports/test_websocket.py", "test_nothing_is_upgraded_without_a_credential_in_a_header")
        + at("e2e/test_websocket.py", "test_strangers_get_no_socket"),
    ),
    Requirement(
        id="MCP-WS-05",
        text="What runs for a WebSocket ends with it.",
        source="MCP 2026-07-28 basic/transports#cancellation",
        revisions=ALL,
        tests=at("transports/test_websocket.py", "test_hanging_up_ends_every_call_at_once"),
    ),
    Requirement(
        id="MCP-STDIO-01",
        text="Messages are lines of UTF-8 without a line end inside.",
        source=_PAGE,
        revisions=ALL,
        tests=at("transports/test_stdio.py", "test_lines_are_cut_whatever_the_chunks")
        + at("e2e/test_stdio.py", "test_what_is_no_line_of_ours_is_refused_and_the_next_one_served"),
    ),
    Requirement(
        id="MCP-STDIO-02",
        text="Nothing but messages of the protocol is written to standard output.",
        source=_PAGE,
        revisions=ALL,
        tests=at("e2e/test_stdio.py", "test_nothing_but_messages_is_on_standard_output"),
    ),
    Requirement(
        id="MCP-STDIO-03",
        text="The program ends when its standard input does.",
        source=f"{_PAGE}#shutdown",
        revisions=ALL,
        tests=at("e2e/test_stdio.py", "test_it_ends_with_its_input_and_answers_first")
        + at("supervisor/test_stdio.py", "test_what_takes_longer_than_the_grace_is_cancelled_and_recorded"),
    ),
    Requirement(
        id="MCP-STDIO-04",
        text="Credentials come from the environment.",
        source="MCP 2026-07-28 basic/index#auth",
        revisions=ALL,
        tests=at("config/test_stdio.py", "test_a_url_and_a_token_are_enough"),
    ),
    Requirement(
        id="MCP-STDIO-05",
        text="`notifications/cancelled` cancels the request that it names, and nothing more is written for it.",
        source=f"{_PAGE}#cancellation",
        revisions=ALL,
        tests=at("supervisor/test_stdio.py", "test_a_cancelled_call_ends_and_is_never_answered"),
    ),
    Requirement(
        id="MCP-STDIO-06",
        text="`initialize` opens the handshake era of the process; a message that names its version is served by that.",
        source=f"{_PAGE}#backward-compatibility",
        revisions=ALL,
        tests=at("supervisor/test_stdio.py", "test_what_was_asked_before_the_end_is_answered")
        + at("e2e/test_stdio.py", "test_the_official_client_speaks_both_eras"),
    ),
)
