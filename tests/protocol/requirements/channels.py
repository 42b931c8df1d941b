"""Rows of the other transports: WebSocket, which is our own, and standard streams.

Source: MCP 2026-07-28 basic/transports/index#custom-transports, basic/transports/stdio.
"""

from __future__ import annotations

from typing import Final

from tests.protocol.requirements.requirement import ALL, Requirement, at

_WEBSOCKET: Final = "WebSocket is not built yet"
_STDIO: Final = "standard streams are not built yet"
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
        pending=_WEBSOCKET,
    ),
    Requirement(
        id="MCP-WS-02",
        text="The first message of a WebSocket decides the era of the connection.",
        source="MCP 2026-07-28 basic/versioning#backward-compatibility-with-initialization-based-versions",
        revisions=ALL,
        pending=_WEBSOCKET,
    ),
    Requirement(
        id="MCP-WS-03",
        text="On a WebSocket `notifications/cancelled` cancels the request that it names.",
        source="MCP 2026-07-28 basic/patterns/cancellation#transport-specific-cancellation",
        revisions=ALL,
        pending=_WEBSOCKET,
    ),
    Requirement(
        id="MCP-WS-04",
        text="Credential, Host and Origin are checked before a WebSocket is accepted.",
        source="MCP 2026-07-28 basic/transports/streamable-http",
        revisions=ALL,
        pending=_WEBSOCKET,
    ),
    Requirement(
        id="MCP-WS-05",
        text="What runs for a WebSocket ends with it.",
        source="MCP 2026-07-28 basic/transports#cancellation",
        revisions=ALL,
        pending=_WEBSOCKET,
    ),
    Requirement(
        id="MCP-STDIO-01",
        text="Messages are lines of UTF-8 without a line end inside.",
        source=_PAGE,
        revisions=ALL,
        pending=_STDIO,
    ),
    Requirement(
        id="MCP-STDIO-02",
        text="Nothing but messages of the protocol is written to standard output.",
        source=_PAGE,
        revisions=ALL,
        pending=_STDIO,
    ),
    Requirement(
        id="MCP-STDIO-03",
        text="The program ends when its standard input does.",
        source=f"{_PAGE}#shutdown",
        revisions=ALL,
        pending=_STDIO,
    ),
    Requirement(
        id="MCP-STDIO-04",
        text="Credentials come from the environment.",
        source="MCP 2026-07-28 basic/index#auth",
        revisions=ALL,
        pending=_STDIO,
    ),
    Requirement(
        id="MCP-STDIO-05",
        text="`notifications/cancelled` cancels the request that it names, and nothing more is written for it.",
        source=f"{_PAGE}#cancellation",
        revisions=ALL,
        pending=_STDIO,
    ),
    Requirement(
        id="MCP-STDIO-06",
        text="The first message decides the era of the process.",
        source=f"{_PAGE}#backward-compatibility",
        revisions=ALL,
        pending=_STDIO,
    ),
)
