"""Replies as HTTP: one JSON document, an empty answer, or a stream of events.

Laws:
    1. Nothing that is sent here may be cached or buffered on its way.
    2. A fault of a call keeps its words, its code and its remedy; a legacy answer is never 404, which there means
       that the session is gone.

Not here: faults of requests that are no messages (web/errors.py), what a tool's result says (gateway/render.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aegis_trio.gateway.render import RETRY_SOON_S, failed_result, fault_body, is_protocol_error
from aegis_trio.model.asgi import Send
from aegis_trio.model.call import CallKind, CorrelationId, Failure
from aegis_trio.model.errors import (
    AuditUnavailable,
    Fault,
    InsufficientScope,
    MissingCapability,
    NotReady,
    ResourceMissing,
    TooMany,
    UpstreamPaused,
)
from aegis_trio.model.fault_rows import row_of
from aegis_trio.model.json import JsonObject, encode_json
from aegis_trio.protocol.jsonrpc import Reply, RequestId, error_reply, result_reply
from aegis_trio.protocol.refusals import INVALID_PARAMS, MISSING_CAPABILITY, RESOURCE_NOT_FOUND
from aegis_trio.protocol.results import ServerCard, performed_result
from aegis_trio.protocol.revisions import Era, Revision

HeaderLines = Sequence[tuple[bytes, bytes]]

_REFUSED_PARAMS: Final = frozenset({INVALID_PARAMS, MISSING_CAPABILITY})
_NO_STORE: Final = (b"cache-control", b"no-store")
# Source: MCP 2026-07-28 basic/transports/streamable-http#receiving-messages (X-Accel-Buffering).
STREAM_HEADERS: Final = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


def failure_reply(
    request_id: RequestId, failure: Failure, kind: CallKind, revision: Revision, card: ServerCard
) -> Reply:
    """Return what ended a call as the answer of its request: a tool's result, or a JSON-RPC error."""
    fault = failure.fault
    # Source: MCP 2026-07-28 basic/index#error-codes: -32021 is of that revision; before, the model reads why.
    is_untold = isinstance(fault, MissingCapability) and revision.era is Era.LEGACY
    if is_protocol_error(fault, kind) and not (is_untold and kind is CallKind.TOOL):
        return fault_reply(request_id, fault, revision, failure.correlation_id)
    result = failed_result(fault, failure.correlation_id)
    return result_reply(request_id, performed_result(kind, result, revision, card))


def fault_reply(
    request_id: RequestId | None, fault: Fault, revision: Revision, correlation_id: CorrelationId | None = None
) -> Reply:
    """Return *fault* as a JSON-RPC error.

    Source: MCP 2026-07-28 basic/index#error-codes; RFC 9110 section 10.2.3, RFC 6585 section 4 (429), RFC 6750
    section 3.1 (403).
    """
    data: JsonObject = fault_body(fault)
    if correlation_id is not None:
        data["correlation_id"] = correlation_id
    row = row_of(fault)
    code = row.jsonrpc_code
    if isinstance(fault, ResourceMissing) and revision.era is Era.LEGACY:
        # Source: MCP 2025-11-25 server/resources#error-handling; from 2026-07-28 on it is invalid params.
        code = RESOURCE_NOT_FOUND
    elif isinstance(fault, MissingCapability) and revision.era is Era.LEGACY:
        code = INVALID_PARAMS
    retry_after_s: int | None = None
    http_status = 400 if revision.era is Era.MODERN and code in _REFUSED_PARAMS else 200
    if isinstance(fault, TooMany | UpstreamPaused):
        http_status, retry_after_s = row.http_status, fault.retry_after_s
    elif isinstance(fault, NotReady | AuditUnavailable):
        http_status, retry_after_s = row.http_status, RETRY_SOON_S
    elif isinstance(fault, InsufficientScope):
        http_status = row.http_status
    return error_reply(
        request_id,
        code,
        f"{fault.message} {fault.remedy}".strip(),
        data=data,
        http_status=http_status,
        retry_after_s=retry_after_s,
    )


async def send_reply(send: Send, reply: Reply, extra: HeaderLines = ()) -> None:
    """Answer with one JSON-RPC message."""
    if reply.retry_after_s is not None:
        extra = (*extra, (b"retry-after", str(reply.retry_after_s).encode()))
    await _send_json(send, reply.http_status, encode_json(reply.body), extra)


async def send_batch(send: Send, replies: Sequence[Reply], extra: HeaderLines = ()) -> None:
    """Answer a batch with one JSON array.

    Source: MCP 2025-03-26 basic/transports#sending-messages-to-the-server, item 5; JSON-RPC 2.0 section 6.
    """
    await _send_json(send, 200, encode_json([reply.body for reply in replies]), extra)


async def send_empty(send: Send, http_status: int, extra: HeaderLines = ()) -> None:
    """Answer without a body."""
    headers = [_NO_STORE, *extra] if http_status == 204 else [_NO_STORE, (b"content-length", b"0"), *extra]
    await send({"type": "http.response.start", "status": http_status, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def start_stream(send: Send, extra: HeaderLines = ()) -> None:
    """Begin a stream of server-sent events; the first event should follow at once."""
    await send({"type": "http.response.start", "status": 200, "headers": [*STREAM_HEADERS, *extra]})


async def send_events(send: Send, events: bytes) -> None:
    """Send encoded events on a stream that has begun."""
    await send({"type": "http.response.body", "body": events, "more_body": True})


async def end_stream(send: Send) -> None:
    """End a stream in good order."""
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_json(send: Send, http_status: int, body: bytes, extra: HeaderLines) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        _NO_STORE,
        *extra,
    ]
    await send({"type": "http.response.start", "status": http_status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
