"""The routing headers of Streamable HTTP, and whether they say what the body says.

Laws:
    1. A header that stands twice is a mismatch: one reader would take the first, another the last.
    2. Names are compared without regard to case, values with it, after trimming blanks.
    3. A value that is not plain ASCII text, or a broken Base64 form, agrees with nothing.

Not here: `Mcp-Param-*` headers, which tools declare (param_headers.py).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.model.json import JsonValue
from aegis_trio.protocol.jsonrpc import Request
from aegis_trio.protocol.refusals import Refusal, header_mismatch

PROTOCOL_VERSION: Final = "mcp-protocol-version"
METHOD: Final = "mcp-method"
NAME: Final = "mcp-name"
SESSION_ID: Final = "mcp-session-id"
LAST_EVENT_ID: Final = "last-event-id"
_ROUTING: Final = frozenset({PROTOCOL_VERSION, METHOD, NAME, SESSION_ID, LAST_EVENT_ID})

# Source: MCP 2026-07-28 basic/transports/streamable-http#standard-request-headers.
_NAME_SOURCE: Final[Mapping[str, str]] = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
# Source: the same, #value-encoding; RFC 9110 section 5.5.
_PLAIN: Final = re.compile(r"[\x20-\x7E\t]*")
_SENTINEL: Final = re.compile(r"=\?base64\?(?P<payload>.*)\?=", re.DOTALL)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingHeaders:
    """The values of the routing headers, trimmed; None where a header is absent."""

    protocol_version: str | None = None
    method: str | None = None
    name: str | None = None
    session_id: str | None = None
    last_event_id: str | None = None
    duplicated: str | None = None
    """The name of a routing header that stands more than once."""


def read_routing_headers(raw_headers: Iterable[tuple[bytes, bytes]]) -> RoutingHeaders:
    """Pick the routing headers out of a request's header lines.

    Args:
        raw_headers: name and value of each line, as ASGI gives them.
    """
    found: dict[str, str] = {}
    duplicated: str | None = None
    for raw_name, raw_value in raw_headers:
        name = raw_name.decode("latin-1").lower()
        if name in _ROUTING:
            duplicated = name if name in found else duplicated
            found[name] = raw_value.decode("latin-1").strip(" \t")
    return RoutingHeaders(
        protocol_version=found.get(PROTOCOL_VERSION),
        method=found.get(METHOD),
        name=found.get(NAME),
        session_id=found.get(SESSION_ID),
        last_event_id=found.get(LAST_EVENT_ID),
        duplicated=duplicated,
    )


def decode_value(raw_value: str) -> str | None:
    """Return what a header value stands for, or None when it is not well formed.

    Source: MCP 2026-07-28 basic/transports/streamable-http#value-encoding.
    """
    if not _PLAIN.fullmatch(raw_value):
        return None
    sentinel = _SENTINEL.fullmatch(raw_value)
    if sentinel is None:
        return raw_value
    payload = sentinel["payload"]
    try:
        decoded = base64.b64decode(payload, validate=True)
        # Threat: Base64 with stray bits has many spellings of one value; a proxy that compares text is walked around.
        return decoded.decode() if base64.b64encode(decoded).decode() == payload else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def check_agreement(headers: RoutingHeaders, request: Request, version: JsonValue) -> Refusal | None:
    """Tell how the headers of a modern request contradict its body, or None when they agree.

    Args:
        version: the protocol version that the body's `_meta` names.

    Source: MCP 2026-07-28 basic/transports/streamable-http#server-validation.
    """
    if headers.protocol_version is None or headers.protocol_version != version:
        return header_mismatch("MCP-Protocol-Version must be sent and equal the version in params._meta.")
    if headers.method != request.method:
        return header_mismatch("Mcp-Method must be sent and equal the body's method.")
    source = _NAME_SOURCE.get(request.method)
    expected = request.params.get(source) if source is not None else None
    if expected is not None and (headers.name is None or decode_value(headers.name) != expected):
        return header_mismatch(f"Mcp-Name must be sent and equal the body's params.{source}.")
    return None
