"""Refusals: JSON-RPC errors that the protocol itself gives, as values.

Laws:
    1. Hostile input never raises here: it becomes a `Refusal`, which the transport sends as it is.
    2. A message never repeats what the client sent.
    3. No code of -32000…-32019, and of -32020…-32099 only those that the specification defines.

Not here: faults of calls (model/errors.py) and how they are shown (gateway/render.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.model.json import JsonValue

# Source: JSON-RPC 2.0 section 5.1.
PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
# Source: MCP 2026-07-28 basic/index#error-codes.
HEADER_MISMATCH: Final = -32020
MISSING_CAPABILITY: Final = -32021
UNSUPPORTED_VERSION: Final = -32022
RESOURCE_NOT_FOUND: Final = -32002  # up to 2025-11-25; never sent to a modern client


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One JSON-RPC error and the HTTP status that it has when it is the whole answer."""

    code: int
    message: str
    http_status: int = 400
    data: JsonValue = None


def unparsable(rule: str) -> Refusal:
    """Return the refusal of bytes that are not the JSON we read; *rule* names what they break."""
    return Refusal(code=PARSE_ERROR, message=f"Parse error: {rule}")


def invalid_request(rule: str, http_status: int = 400) -> Refusal:
    """Return the refusal of JSON that is no message this server takes."""
    return Refusal(code=INVALID_REQUEST, message=f"Invalid request: {rule}", http_status=http_status)


def invalid_params(rule: str, http_status: int = 400) -> Refusal:
    """Return the refusal of a request whose parameters have the wrong form."""
    return Refusal(code=INVALID_PARAMS, message=f"Invalid params: {rule}", http_status=http_status)


def header_mismatch(rule: str) -> Refusal:
    """Return the refusal of a request whose headers do not say what its body says.

    Source: MCP 2026-07-28 basic/transports/streamable-http#server-validation.
    """
    return Refusal(code=HEADER_MISMATCH, message=f"Header mismatch: {rule}")
