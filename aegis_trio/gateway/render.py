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

from aegis_trio.model.call import (
    MAX_REPLY_BYTES,
    MAX_RESOURCE_BYTES,
    CallKind,
    Failure,
    Pending,
    Success,
    ToolOutcome,
    ToolReply,
)
from aegis_trio.model.errors import (
    AuditUnavailable,
    Bug,
    Fault,
    InsufficientScope,
    InvalidArgument,
    MissingCapability,
    NotAnswered,
    NotReady,
    RateLimited,
    ResourceMissing,
    TooMany,
    UnknownPrompt,
    UnknownTool,
    UpstreamBusy,
    UpstreamPaused,
)
from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.model.toolspec import ContextT, ToolSpec

RETRY_SOON_S: Final = 5  # what nobody can foretell: readiness, disk and Gitea are looked at more often than this
ENVELOPE_BYTES: Final = 512  # JSON-RPC member names, id and the `_meta` of a modern result
_PROTOCOL_ERRORS: Final = (
    UnknownTool,
    UnknownPrompt,
    MissingCapability,
    TooMany,
    UpstreamPaused,
    AuditUnavailable,
    NotReady,
    Bug,
)


def tool_definition(spec: ToolSpec[ContextT]) -> JsonObject:
    """Return the entry of *spec* in `tools/list`.

    Source: MCP 2026-07-28 server/tools#data-types. All four hints are explicit: their defaults
    (destructive, open world) are the wrong ones for a reader.
    """
    definition: JsonObject = {
        "name": spec.name,
        "title": spec.title,
        "description": spec.description,
        "inputSchema": spec.input_schema,
    }
    if spec.output_schema is not None:
        definition["outputSchema"] = spec.output_schema
    definition["annotations"] = {
        "title": spec.title,
        "readOnlyHint": spec.read_only,
        "destructiveHint": spec.destructive,
        "idempotentHint": spec.idempotent,
        "openWorldHint": spec.open_world,
    }
    return definition


def is_protocol_error(fault: Fault, kind: CallKind = CallKind.TOOL) -> bool:
    """Return whether *fault* is a JSON-RPC error; everything else is a result with `isError`, which only tools have.

    Source: MCP 2026-07-28 server/tools#error-handling.
    """
    return kind is not CallKind.TOOL or isinstance(fault, _PROTOCOL_ERRORS)


def performed(reply: ToolReply, kind: CallKind) -> JsonObject:
    """Return the result of a call that succeeded, without what a revision adds."""
    match kind:
        case CallKind.TOOL:
            return _tool_result(reply)
        case CallKind.RESOURCE:
            return {"contents": list(reply.content)}
        case CallKind.PROMPT | CallKind.RESOURCE_LIST:
            return reply.structured or {}
        case CallKind.COMPLETION:
            return {"completion": reply.structured or {"values": []}}


def failed_result(fault: Fault, correlation_id: str) -> JsonObject:
    """Return the `CallToolResult` of a tool that failed, in words that a model can act on."""
    return {"content": [{"type": "text", "text": _failure_text(fault, correlation_id)}], "isError": True}


def fits(structured: JsonObject) -> bool:
    """Return whether *structured*, rendered as an MCP result, stays within `MAX_REPLY_BYTES`."""
    return rendered_bytes(ToolReply(structured), CallKind.TOOL) + ENVELOPE_BYTES <= MAX_REPLY_BYTES


def rendered_bytes(reply: ToolReply, kind: CallKind) -> int:
    """Return the size of *reply*, rendered as the result of a call of *kind*."""
    return len(encode_json(performed(reply, kind)))


def max_bytes_of(kind: CallKind) -> int:
    """Return the bound of a result of *kind*, in bytes of JSON."""
    return MAX_RESOURCE_BYTES if kind is CallKind.RESOURCE else MAX_REPLY_BYTES


def rest_body(outcome: ToolOutcome) -> JsonObject:
    """Return the body of `POST /mcp/tool/call`."""
    match outcome:
        case Success(correlation_id=correlation_id, reply=reply):
            result: JsonValue = list(reply.content) if reply.structured is None else reply.structured
            return {"success": not reply.is_error, "result": result, "correlation_id": correlation_id}
        case Pending(correlation_id=correlation_id):
            fault = NotAnswered("This way in cannot ask anybody anything.", "Use an MCP client that can be asked.")
            return {"success": False, "error": fault_body(fault), "correlation_id": correlation_id}
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
            if fault.schema is not None:
                body["schema"] = fault.schema
            if fault.example is not None:
                body["example"] = fault.example
        case TooMany():
            body["retry_after_seconds"] = fault.retry_after_s
            if isinstance(fault, RateLimited) and fault.limit is not None:
                body["limit"] = fault.limit
        case UpstreamPaused():
            body["retry_after_seconds"] = fault.retry_after_s
        case NotReady() | AuditUnavailable() | UpstreamBusy():
            body["retry_after_seconds"] = RETRY_SOON_S
        case InsufficientScope():
            body["scopes"] = list(fault.scopes)
        case MissingCapability():
            body["requiredCapabilities"] = fault.required
        case ResourceMissing():
            body["uri"] = fault.uri
        case _:
            pass
    return body


def _tool_result(reply: ToolReply) -> JsonObject:
    content: list[JsonValue] = list(reply.content)
    result: JsonObject = {"content": content, "isError": reply.is_error}
    if reply.structured is not None:
        # Source: MCP 2026-07-28 server/tools#structured-content (the same JSON stands in a text block).
        content.insert(0, {"type": "text", "text": encode_json(reply.structured).decode()})
        result["structuredContent"] = reply.structured
    return result


def _failure_text(fault: Fault, correlation_id: str) -> str:
    parts = [f"{fault.code}: {fault.message}"]
    if fault.remedy:
        parts.append(fault.remedy)
    if isinstance(fault, InvalidArgument):
        if fault.schema is not None:
            parts.append(f"Schema: {encode_json(fault.schema).decode()}")
        if fault.example is not None:
            parts.append(f"Example: {encode_json(fault.example).decode()}")
    parts.append(f"(correlation id {correlation_id})")
    return " ".join(parts)
