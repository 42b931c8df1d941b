"""Server-sent events, as bytes.

Laws:
    1. Whatever the text, one call makes one event: line ends inside it become further `data:` lines.
    2. A comment carries no event, so it is what keep-alive and farewell are made of.
    3. An id is one word of visible ASCII, so it comes back in `Last-Event-ID` as it was given.

Not here: which events are kept for a client that comes back, and who may have them (transports).

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
_EVENT_ID: Final = re.compile(r"[\x21-\x7E]+")


def encode_event(event: str, data: str) -> bytes:
    """Return one event.

    Args:
        event: its type, one line of ours.
        data: its text; any line end in it arrives as a line feed.
    """
    lines = "".join(f"data: {line}\n" for line in _LINE_END.split(data))
    return f"event: {event}\n{lines}\n".encode()


def encode_message(message: JsonObject, event_id: str | None = None) -> bytes:
    """Return one JSON-RPC message as an event of type `message`.

    Args:
        event_id: by which a client that lost the stream asks for what came after; None for an event that is not kept.

    Raises:
        ValueError: an id that is no word of visible ASCII — our caller's bug: ids are ours.

    Source: MCP 2024-11-05 basic/transports#http-with-sse; MCP 2025-11-25 and 2026-07-28 use the same form.
    """
    return encode_body(encode_json(message), event_id)


def encode_body(body: bytes, event_id: str | None = None) -> bytes:
    """Return one JSON-RPC message, encoded already, as an event of type `message`.

    Args:
        body: compact JSON.
        event_id: as for `encode_message`.

    Raises:
        ValueError: as `encode_message`.
    """
    # Compact JSON holds no line end, so it is one `data:` line as it is.
    event = b"event: message\ndata: " + body + b"\n\n"
    return event if event_id is None else _id_line(event_id) + event


def encode_priming(event_id: str, retry_ms: int) -> bytes:
    """Return the first event of a stream to which a client may come back: an id, no message, and when to come.

    Only for revisions that know it: to an older client, data that is empty is a message that is not JSON.

    Args:
        retry_ms: how long the client waits before it connects again, at least 0.

    Raises:
        ValueError: as `encode_message`, or a negative time.

    Source: MCP 2025-11-25 basic/transports#sending-messages-to-the-server, item 6 (SEP-1699).
    """
    if retry_ms < 0:
        raise ValueError(f"retry_ms: at least 0, not {retry_ms}")
    return _id_line(event_id) + b"retry: %d\ndata:\n\n" % retry_ms


def _id_line(event_id: str) -> bytes:
    # A line end would begin another field, and a NUL makes readers ignore the id.
    if not _EVENT_ID.fullmatch(event_id):
        raise ValueError("event_id: visible ASCII without blanks, at least one character")
    return b"id: " + event_id.encode() + b"\n"
