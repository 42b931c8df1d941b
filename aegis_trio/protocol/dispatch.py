"""Dispatch: one message of a known revision in, what the transport must do out.

Laws:
    1. Decisions are pure values; the same for HTTP, server-sent events, WebSocket and stdio.
    2. A method is served when its revision has it *and* a row here knows it; anything else does not exist.
    3. The order is the specification's: the method exists, then its parameters are right.

Not here: eras and headers (ladder.py), sessions and tasks (transports), rights (gateway), what the steps are
(steps.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from aegis_trio.model.call import CallKind
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.peer import LogLevel
from aegis_trio.protocol.jsonrpc import (
    Message,
    Notification,
    Request,
    Response,
    is_request_id,
    refusal_reply,
    result_reply,
)
from aegis_trio.protocol.ladder import META_CAPABILITIES, META_CLIENT, META_LOG_LEVEL, client_name
from aegis_trio.protocol.refusals import METHOD_NOT_FOUND, Refusal, invalid_params
from aegis_trio.protocol.results import ServerCard, discover_result, empty_result, initialize_result
from aegis_trio.protocol.revisions import Era, Revision, negotiate
from aegis_trio.protocol.steps import (
    Accepted,
    Answer,
    Cancel,
    ClientAnswer,
    Feature,
    Listen,
    ListFeature,
    OpenSession,
    Perform,
    RequestMeta,
    SetLogLevel,
    Step,
    Subscribe,
    Unsubscribe,
    Wanted,
)
from aegis_trio.protocol.trace_context import read_trace_context
from aegis_trio.protocol.wire import check_request, is_valid_notification

MAX_URI_CHARS: Final = 8192  # a path of 4 KB, each byte percent-encoded, and some
MAX_WATCHED: Final = 64  # resources of one subscription; more are refused, never cut

_RequestRow: TypeAlias = Callable[[Request, Revision, ServerCard], Step]


def dispatch(message: Message, revision: Revision, card: ServerCard, *, is_line: bool = False) -> Step:
    """Decide what *message* asks of the server.

    Args:
        revision: the one that the session agreed on, or that the modern request names.
        card: what this server says about itself.
        is_line: whether the transport is one connection that carries every message (WebSocket, stdio), where a
            posted cancellation counts in every revision.
    """
    match message:
        case Request():
            return _dispatch_request(message, revision, card)
        case Notification():
            return _dispatch_notification(message, revision, is_line=is_line)
        case Response():
            return ClientAnswer(message)


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


def _dispatch_notification(notification: Notification, revision: Revision, *, is_line: bool) -> Step:
    # Source: MCP 2026-07-28 basic/transports/streamable-http#sending-messages, note: over HTTP closing the stream
    # cancels. Threat: ids are the client's choice, so without a session a stranger's id could be cancelled.
    if notification.method != "notifications/cancelled" or (revision.era is Era.MODERN and not is_line):
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


# ---- what a server says about itself --------------------------------------------------------------------------------


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
        capabilities=_object(request.params.get("capabilities")),
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


# ---- what is served at once -----------------------------------------------------------------------------------------


def _list(feature: Feature) -> _RequestRow:
    """Return the row of a list that stands on one page.

    Source: MCP 2026-07-28 server/utilities/pagination: an empty cursor is a cursor, and one that we never gave
    is invalid.
    """

    def row(request: Request, revision: Revision, _card: ServerCard) -> Step:
        if request.params.get("cursor") is not None:
            return _refuse(request, invalid_params("cursor: not one of this server's; leave it out"), revision)
        return ListFeature(request.id, feature)

    return row


def _set_level(request: Request, _revision: Revision, _card: ServerCard) -> Step:
    """Choose which log messages come.

    Source: MCP 2025-11-25 server/utilities/logging#setting-log-level.
    """
    return SetLogLevel(request.id, LogLevel(_text(request.params.get("level"))))


def _subscribe(request: Request, revision: Revision, _card: ServerCard) -> Step:
    """Be told when a resource changes.

    Source: MCP 2025-11-25 server/resources#subscriptions.
    """
    uri = _text(request.params.get("uri"))
    return _uri_refusal(request, revision, uri) or Subscribe(request.id, uri)


def _unsubscribe(request: Request, revision: Revision, _card: ServerCard) -> Step:
    """Be told no more."""
    uri = _text(request.params.get("uri"))
    return _uri_refusal(request, revision, uri) or Unsubscribe(request.id, uri)


def _listen(request: Request, revision: Revision, _card: ServerCard) -> Step:
    """Open one stream of changes.

    Source: MCP 2026-07-28 basic/patterns/subscriptions.
    """
    asked = _object(request.params.get("notifications"))
    raw_uris = asked.get("resourceSubscriptions")
    uris = tuple(dict.fromkeys(_text(uri) for uri in raw_uris)) if isinstance(raw_uris, list) else ()
    if len(uris) > MAX_WATCHED:
        rule = f"notifications.resourceSubscriptions: at most {MAX_WATCHED} URIs; open a second subscription"
        return _refuse(request, invalid_params(rule), revision)
    for uri in uris:
        refusal = _uri_refusal(request, revision, uri)
        if refusal is not None:
            return refusal
    return Listen(
        id=request.id,
        wanted=Wanted(
            tools=asked.get("toolsListChanged") is True,
            prompts=asked.get("promptsListChanged") is True,
            resources=asked.get("resourcesListChanged") is True,
            uris=uris,
        ),
        meta=_meta(request, revision),
    )


# ---- what runs ------------------------------------------------------------------------------------------------------


def _call_tool(request: Request, revision: Revision, _card: ServerCard) -> Step:
    """Call one tool.

    Source: MCP 2026-07-28 server/tools#calling-tools.
    """
    arguments = _object(request.params.get("arguments"))
    return _perform(request, revision, CallKind.TOOL, _text(request.params.get("name")), arguments)


def _get_prompt(request: Request, revision: Revision, _card: ServerCard) -> Step:
    """Make the messages of one prompt.

    Source: MCP 2026-07-28 server/prompts#getting-a-prompt.
    """
    arguments = _object(request.params.get("arguments"))
    return _perform(request, revision, CallKind.PROMPT, _text(request.params.get("name")), arguments)


def _read_resource(request: Request, revision: Revision, _card: ServerCard) -> Step:
    """Read one resource.

    Source: MCP 2026-07-28 server/resources#reading-resources.
    """
    uri = _text(request.params.get("uri"))
    refusal = _uri_refusal(request, revision, uri)
    return refusal or _perform(request, revision, CallKind.RESOURCE, uri, {"uri": uri})


def _list_resources(request: Request, revision: Revision, _card: ServerCard) -> Step:
    """List resources, a page at a time; the cursor is opened by the transport, which knows the caller.

    Source: MCP 2026-07-28 server/resources#listing-resources, server/utilities/pagination.
    """
    return _perform(request, revision, CallKind.RESOURCE_LIST, "resources/list", {})


def _complete(request: Request, revision: Revision, _card: ServerCard) -> Step:
    """Suggest values of one argument of a prompt or a resource template.

    Source: MCP 2026-07-28 server/utilities/completion.
    """
    argument = _object(request.params.get("argument"))
    chosen = _object(_object(request.params.get("context")).get("arguments"))
    arguments: JsonObject = {**chosen, "value": _text(argument.get("value"))}
    return _perform(request, revision, CallKind.COMPLETION, _text(argument.get("name")), arguments)


def _perform(request: Request, revision: Revision, kind: CallKind, subject: str, arguments: JsonObject) -> Perform:
    return Perform(
        id=request.id,
        method=request.method,
        kind=kind,
        subject=subject,
        arguments=arguments,
        params=request.params,
        meta=_meta(request, revision),
    )


def _meta(request: Request, revision: Revision) -> RequestMeta:
    meta = _object(request.params.get("_meta"))
    token = meta.get("progressToken")
    is_modern = revision.era is Era.MODERN
    level = meta.get(META_LOG_LEVEL) if is_modern else None
    return RequestMeta(
        progress_token=token if is_request_id(token) else None,
        client=client_name(meta.get(META_CLIENT)) if is_modern else None,
        capabilities=_object(meta.get(META_CAPABILITIES)) if is_modern else None,
        log_level=LogLevel(level) if isinstance(level, str) else None,
        trace=read_trace_context(meta),
    )


def _uri_refusal(request: Request, revision: Revision, uri: str) -> Answer | None:
    if 0 < len(uri) <= MAX_URI_CHARS:
        return None
    return _refuse(request, invalid_params(f"uri: must have 1 to {MAX_URI_CHARS} characters"), revision)


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


_REQUESTS: Final[Mapping[str, _RequestRow]] = {
    "initialize": _initialize,
    "ping": _ping,
    "server/discover": _discover,
    "tools/list": _list(Feature.TOOLS),
    "tools/call": _call_tool,
    "prompts/list": _list(Feature.PROMPTS),
    "prompts/get": _get_prompt,
    "resources/list": _list_resources,
    "resources/templates/list": _list(Feature.RESOURCE_TEMPLATES),
    "resources/read": _read_resource,
    "resources/subscribe": _subscribe,
    "resources/unsubscribe": _unsubscribe,
    "completion/complete": _complete,
    "logging/setLevel": _set_level,
    "subscriptions/listen": _listen,
}
