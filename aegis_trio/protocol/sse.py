"""Server-sent events, as bytes.

Laws:
    1. Whatever the text, one call makes one event: line ends inside it become further `data:` lines.
    2. A comment carries no event, so it is what keep-alive and farewell are made of.

Source: HTML living standard, section 9.2 (server-sent events).
"""

from __future__ import annotations

import re
from typing import Final

from aegis_trio.model.json import JsonObject, encode_json

# First bytes at once, so that buffering proxies and clients see an open stream.
KEEP_ALIVE: Final = b": keep-alive\n\n"
FAREWELL_RETRY_MS: Final = 1000
FAREWELL: Final = b": the server is going away, connect again\nretry: %d\n\n" % FAREWELL_RETRY_MS

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


def encode_event(event: str, data: str) -> bytes:
    """Return one event.

    Args:
        event: its type, one line of ours.
        data: its text; any line end in it arrives as a line feed.
    """
    lines = "".join(f"data: {line}\n" for line in _LINE_END.split(data))
    return f"event: {event}\n{lines}\n".encode()


def encode_message(message: JsonObject) -> bytes:
    """Return one JSON-RPC message as an event of type `message`.

    Source: MCP 2024-11-05 basic/transports#http-with-sse; MCP 2025-11-25 and 2026-07-28 use the same form.
    """
    # Compact JSON holds no line end, so it is one `data:` line as it is.
    return b"event: message\ndata: " + encode_json(message) + b"\n\n"
