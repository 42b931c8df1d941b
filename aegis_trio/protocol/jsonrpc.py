"""JSON-RPC 2.0 as MCP narrows it: what a decoded value is, and how answers are written.

Laws:
    1. `classify` returns a value for every JSON value; nothing is raised.
    2. An id is a string or an integer; it is echoed with its type, and `1` and `"1"` are two ids.
    3. An error whose request cannot be named carries no id.

Not here: which methods exist (revisions.py), batches (ladder.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, TypeGuard, final

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.refusals import Refusal, invalid_request

RequestId: TypeAlias = str | int

MAX_ID_CHARS: Final = 256  # ids are kept while a call runs; UUIDs and counters are far below


@final
@dataclass(frozen=True, slots=True)
class Request:
    """A message that is owed an answer."""

    id: RequestId
    method: str
    params: JsonObject


@final
@dataclass(frozen=True, slots=True)
class Notification:
    """A message that must not be answered."""

    method: str
    params: JsonObject


@final
@dataclass(frozen=True, slots=True)
class Response:
    """A client's answer to a request of this server; `id` is None where the client could not read ours."""

    id: RequestId | None
    result: JsonObject | None
    error: JsonObject | None


@final
@dataclass(frozen=True, slots=True)
class Malformed:
    """A value that is no message; `id` is what could be read of it."""

    id: RequestId | None
    refusal: Refusal


Message: TypeAlias = Request | Notification | Response


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One JSON-RPC response, and the HTTP status it has when it is the whole answer of a POST."""

    body: JsonObject
    http_status: int = 200
    retry_after_s: int | None = None


def classify(value: JsonValue) -> Message | Malformed:
    """Tell what message *value* is.

    Source: JSON-RPC 2.0 sections 4 and 5; MCP 2025-11-25 basic/index#messages (ids, object params);
    the same rules stand in every revision.
    """
    if not isinstance(value, dict):
        return Malformed(None, invalid_request("a message is one JSON object"))
    raw_id = value.get("id")
    message_id = raw_id if is_request_id(raw_id) else None
    if value.get("jsonrpc") != "2.0":
        return Malformed(message_id, invalid_request('member "jsonrpc" must be "2.0"'))
    if "method" in value:
        return _classify_call(value, message_id)
    if ("result" in value) == ("error" in value):
        return Malformed(message_id, invalid_request('a message has "method", or else one of "result" and "error"'))
    return _classify_response(value, message_id)


def is_request_id(value: JsonValue) -> TypeGuard[RequestId]:
    """Return whether *value* may name a request: a string of at most `MAX_ID_CHARS`, or an integer.

    Source: MCP 2026-07-28 basic/index#requests ("string or integer … MUST NOT be null").
    """
    if isinstance(value, str):
        return len(value) <= MAX_ID_CHARS
    return isinstance(value, int) and not isinstance(value, bool)


def result_reply(request_id: RequestId, result: JsonObject) -> Reply:
    """Return the answer of a request that succeeded."""
    return Reply(body={"jsonrpc": "2.0", "id": request_id, "result": result})


def error_reply(
    request_id: RequestId | None,
    code: int,
    message: str,
    *,
    data: JsonValue = None,
    http_status: int = 200,
    retry_after_s: int | None = None,
) -> Reply:
    """Return the answer of a request that failed.

    Source: MCP 2026-07-28 basic/index#error-responses: the id is left out where it could not be read.
    """
    error: JsonObject = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    body: JsonObject = {"jsonrpc": "2.0"}
    if request_id is not None:
        body["id"] = request_id
    body["error"] = error
    return Reply(body=body, http_status=http_status, retry_after_s=retry_after_s)


def refusal_reply(request_id: RequestId | None, refusal: Refusal) -> Reply:
    """Return *refusal* as the answer of the request that it refuses."""
    return error_reply(request_id, refusal.code, refusal.message, data=refusal.data, http_status=refusal.http_status)


def _classify_call(value: JsonObject, message_id: RequestId | None) -> Message | Malformed:
    method = value["method"]
    params = value.get("params", {})
    if "id" in value and message_id is None:
        return Malformed(None, invalid_request(f'"id" must be an integer or a string up to {MAX_ID_CHARS} characters'))
    if not isinstance(method, str):
        return Malformed(message_id, invalid_request('"method" must be a string'))
    # Threat: a message that is a call to one reader and an answer to another is checked as one and run as the other.
    if "result" in value or "error" in value:
        return Malformed(message_id, invalid_request('a message with "method" has neither "result" nor "error"'))
    if not isinstance(params, dict):
        return Malformed(message_id, invalid_request('"params" must be an object'))
    if message_id is None:
        return Notification(method, params)
    return Request(message_id, method, params)


def _classify_response(value: JsonObject, message_id: RequestId | None) -> Message | Malformed:
    result = value.get("result")
    error = value.get("error")
    if isinstance(result, dict) and message_id is not None:
        return Response(message_id, result, None)
    # Source: JSON-RPC 2.0 section 5: the id of an error is null where the request could not be read.
    if isinstance(error, dict) and (message_id is not None or value.get("id") is None):
        return Response(message_id, None, error)
    return Malformed(message_id, invalid_request("a response has an id, and an object as its result or error"))
