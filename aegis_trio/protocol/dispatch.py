"""Dispatch: one message of a known revision in, what the transport must do out.

Laws:
    1. Decisions are pure values; the same for HTTP, server-sent events, and every later transport.
    2. A method is served when its revision has it *and* a row here knows it; anything else does not exist.
    3. The order is the specification's: the method exists, then its parameters are right.

Not here: eras and headers (ladder.py), sessions and tasks (transports), rights (gateway).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.jsonrpc import (
    Message,
    Notification,
    Reply,
    Request,
    RequestId,
    Response,
    is_request_id,
    refusal_reply,
    result_reply,
)
from aegis_trio.protocol.ladder import META_CLIENT, client_name
from aegis_trio.protocol.refusals import METHOD_NOT_FOUND, Refusal, invalid_params
from aegis_trio.protocol.results import ServerCard, discover_result, empty_result, initialize_result
from aegis_trio.protocol.revisions import Era, Revision, negotiate
from aegis_trio.protocol.wire import check_request, is_valid_notification

ProgressToken: TypeAlias = str | int


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """Send this; nothing else is to be done."""

    reply: Reply


@final
@dataclass(frozen=True, slots=True)
class Accepted:
    """Nothing is owed, nothing is to be done."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """A client shakes hands: open a session of `revision` and send `reply`, or refuse."""

    id: RequestId
    revision: Revision
    client: str | None
    reply: Reply


@final
@dataclass(frozen=True, slots=True)
class ListTools:
    """Answer with the tools that the caller may use."""

    id: RequestId


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CallTool:
    """Run one tool; the arguments are JSON, not yet validated."""

    id: RequestId
    name: str
    arguments: JsonObject
    progress_token: ProgressToken | None
    client: str | None
    """What a modern client calls itself in this request; a legacy one said so in its handshake."""


@final
@dataclass(frozen=True, slots=True)
class Cancel:
    """End the call of this id, if it still runs, and send nothing more for it."""

    request_id: RequestId


Step: TypeAlias = Answer | Accepted | OpenSession | ListTools | CallTool | Cancel
_RequestRow: TypeAlias = Callable[[Request, Revision, ServerCard], Step]


def dispatch(message: Message, revision: Revision, card: ServerCard) -> Step:
    """Decide what *message* asks of the server.

    Args:
        revision: the one that the session agreed on, or that the modern request names.
        card: what this server says about itself.
    """
    match message:
        case Request():
            return _dispatch_request(message, revision, card)
        case Notification():
            return _dispatch_notification(message, revision)
        case Response():
            # The gate sends no requests yet, so there is none that this could answer.
            return Accepted()


def _dispatch_request(request: Request, revision: Revision, card: ServerCard) -> Step:
    row = _REQUESTS.get(request.method) if request.method in revision.requests else None
    if row is None:
        # Source: MCP 2026-07-28 basic/transports/streamable-http#protocol-version-header: 404 with this body.
        # A legacy 404 means that the session is gone, so there the error travels with 200.
        status = 404 if revision.era is Era.MODERN else 200
        refusal = Refusal(code=METHOD_NOT_FOUND, message="Method not found", http_status=status)
        return Answer(refusal_reply(request.id, refusal))
    refusal_of_params = check_request(request, revision)
    if refusal_of_params is not None:
        return _refuse(request, refusal_of_params, revision)
    return row(request, revision, card)


def _dispatch_notification(notification: Notification, revision: Revision) -> Step:
    # Source: MCP 2026-07-28 basic/transports/streamable-http#sending-messages, note: over HTTP closing the stream
    # cancels. Threat: ids are the client's choice, so without a session a stranger's id could be cancelled.
    if notification.method != "notifications/cancelled" or revision.era is Era.MODERN:
        return Accepted()
    request_id = notification.params.get("requestId")
    if not is_request_id(request_id) or not is_valid_notification(notification, revision):
        return Accepted()
    return Cancel(request_id)


def _refuse(request: Request, refusal: Refusal, revision: Revision) -> Answer:
    """Answer with *refusal*, under the status that a refused request of *revision* has."""
    status = refusal.http_status if revision.era is Era.MODERN else 200
    shown = Refusal(code=refusal.code, message=refusal.message, http_status=status, data=refusal.data)
    return Answer(refusal_reply(request.id, shown))


def _initialize(request: Request, _revision: Revision, card: ServerCard) -> Step:
    """Agree on a revision.

    Source: MCP 2025-11-25 basic/lifecycle#initialization.
    """
    requested = request.params.get("protocolVersion")
    agreed = negotiate(requested if isinstance(requested, str) else "")
    return OpenSession(
        id=request.id,
        revision=agreed,
        client=client_name(request.params.get("clientInfo")),
        reply=result_reply(request.id, initialize_result(agreed, card)),
    )


def _ping(request: Request, revision: Revision, card: ServerCard) -> Step:
    """Answer promptly with an empty result.

    Source: MCP 2025-11-25 basic/utilities/ping.
    """
    return Answer(result_reply(request.id, empty_result(revision, card)))


def _discover(request: Request, revision: Revision, card: ServerCard) -> Step:
    """Say what this server serves.

    Source: MCP 2026-07-28 server/discover.
    """
    return Answer(result_reply(request.id, discover_result(revision, card)))


def _list_tools(request: Request, revision: Revision, _card: ServerCard) -> Step:
    """List all tools on one page.

    Source: MCP 2026-07-28 server/utilities/pagination: an empty cursor is a cursor, and one that we never gave
    is invalid.
    """
    if request.params.get("cursor") is not None:
        return _refuse(request, invalid_params("cursor: not one of this server's; leave it out"), revision)
    return ListTools(request.id)


def _call_tool(request: Request, revision: Revision, _card: ServerCard) -> Step:
    """Call one tool.

    Source: MCP 2026-07-28 server/tools#calling-tools, basic/patterns/progress.
    """
    name = request.params.get("name")
    arguments = request.params.get("arguments")
    meta = request.params.get("_meta")
    token = meta.get("progressToken") if isinstance(meta, dict) else None
    return CallTool(
        id=request.id,
        name=name if isinstance(name, str) else "",
        arguments=arguments if isinstance(arguments, dict) else {},
        progress_token=token if is_request_id(token) else None,
        client=_modern_client(meta) if revision.era is Era.MODERN else None,
    )


def _modern_client(meta: JsonValue) -> str | None:
    return client_name(meta.get(META_CLIENT)) if isinstance(meta, dict) else None


_REQUESTS: Final[Mapping[str, _RequestRow]] = {
    "initialize": _initialize,
    "ping": _ping,
    "server/discover": _discover,
    "tools/list": _list_tools,
    "tools/call": _call_tool,
}
