"""How a tool and its outcome look to a client: the tool list's entry, the MCP result, the plain JSON answer.

Laws:
    1. A success stands twice in an MCP result: as structured content and as the same JSON in one text block,
       because older clients read only text.
    2. A fault of the call is a result with `isError`, which the model reads and can mend; a fault of the gate
       or of the request's form is a JSON-RPC error, which the client handles.

Not here: what a revision adds to a result (protocol/results.py), and HTTP (web/errors.py).
"""

from __future__ import annotations

from typing import Final

from aegis_trio.model.call import MAX_REPLY_BYTES, Failure, Success, ToolOutcome, ToolReply
from aegis_trio.model.errors import (
    AuditUnavailable,
    Bug,
    Fault,
    Forbidden,
    InvalidArgument,
    NotReady,
    TooMany,
    UnknownTool,
)
from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.model.toolspec import ContextT, ToolSpec

ENVELOPE_BYTES: Final = 512  # JSON-RPC member names, id and the `_meta` of a modern result
_PROTOCOL_ERRORS: Final = (UnknownTool, TooMany, AuditUnavailable, NotReady, Bug)


def tool_definition(spec: ToolSpec[ContextT]) -> JsonObject:
    """Return the entry of *spec* in `tools/list`.

    Source: MCP 2026-07-28 server/tools#data-types. All four hints are explicit: their defaults
    (destructive, open world) are the wrong ones for a reader.
    """
    return {
        "name": spec.name,
        "title": spec.title,
        "description": spec.description,
        "inputSchema": spec.input_schema,
        "annotations": {
            "title": spec.title,
            "readOnlyHint": spec.read_only,
            "destructiveHint": spec.destructive,
            "idempotentHint": spec.idempotent,
            "openWorldHint": spec.open_world,
        },
    }


def is_protocol_error(fault: Fault) -> bool:
    """Return whether *fault* is a JSON-RPC error; everything else is a result with `isError`.

    Source: MCP 2026-07-28 server/tools#error-handling.
    """
    return isinstance(fault, _PROTOCOL_ERRORS)


def mcp_result(outcome: ToolOutcome) -> JsonObject:
    """Return the `CallToolResult` of *outcome*, without what a revision adds."""
    match outcome:
        case Success(reply=reply):
            return _success_result(reply.structured)
        case Failure(correlation_id=correlation_id, fault=fault):
            return {"content": [{"type": "text", "text": _failure_text(fault, correlation_id)}], "isError": True}


def fits(structured: JsonObject) -> bool:
    """Return whether *structured*, rendered as an MCP result, stays within `MAX_REPLY_BYTES`."""
    return rendered_bytes(structured) + ENVELOPE_BYTES <= MAX_REPLY_BYTES


def rendered_bytes(structured: JsonObject) -> int:
    """Return the size of *structured*, rendered as an MCP result."""
    return len(encode_json(_success_result(structured)))


def rest_body(outcome: ToolOutcome) -> JsonObject:
    """Return the body of `POST /mcp/tool/call`."""
    match outcome:
        case Success(correlation_id=correlation_id, reply=ToolReply(structured=structured)):
            return {"success": True, "result": structured, "correlation_id": correlation_id}
        case Failure(correlation_id=correlation_id, fault=fault):
            return {"success": False, "error": fault_body(fault), "correlation_id": correlation_id}


def fault_body(fault: Fault) -> JsonObject:
    """Return *fault* as JSON: its code, what may be said, and what to do next."""
    body: dict[str, JsonValue] = {"code": fault.code, "message": fault.message}
    if fault.remedy:
        body["remedy"] = fault.remedy
    match fault:
        case InvalidArgument():
            body["field"] = fault.field
            body["rule"] = fault.rule
            if fault.example is not None:
                body["example"] = fault.example
        case TooMany():
            body["retry_after_seconds"] = fault.retry_after_s
        case Forbidden():
            body["scopes"] = list(fault.scopes)
        case _:
            pass
    return body


def _success_result(structured: JsonObject) -> JsonObject:
    text = encode_json(structured).decode()
    return {"content": [{"type": "text", "text": text}], "structuredContent": structured, "isError": False}


def _failure_text(fault: Fault, correlation_id: str) -> str:
    parts = [f"{fault.code}: {fault.message}"]
    if fault.remedy:
        parts.append(fault.remedy)
    if isinstance(fault, InvalidArgument) and fault.example is not None:
        parts.append(f"Example: {encode_json(fault.example).decode()}")
    parts.append(f"(correlation id {correlation_id})")
    return " ".join(parts)
