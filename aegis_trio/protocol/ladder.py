"""The era ladder: which rules one POST follows, decided from its body and its headers.

Laws:
    1. The order of the checks is the order of the specification; the first failure wins.
    2. A modern request is recognised by its body *or* its headers, so that a client that forgets one is told so.
    3. Era is decided once, here; a message of one era never reaches the rules of the other.

Not here: sessions (transports/hub.py), methods and their parameters (dispatch.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, final

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.headers import RoutingHeaders, check_agreement
from aegis_trio.protocol.jsonrpc import Malformed, Message, Notification, Request, RequestId, Response, classify
from aegis_trio.protocol.refusals import (
    UNSUPPORTED_VERSION,
    Refusal,
    header_mismatch,
    invalid_params,
    invalid_request,
)
from aegis_trio.protocol.revisions import LEGACY_VERSIONS, MODERN_VERSIONS, Era, Revision, find_revision

META_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
META_CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"
META_CLIENT: Final = "io.modelcontextprotocol/clientInfo"
META_LOG_LEVEL: Final = "io.modelcontextprotocol/logLevel"

MAX_BATCH: Final = 32  # as many as one principal may call at once; no known client sends more than a few


@final
@dataclass(frozen=True, slots=True)
class Refused:
    """The POST is answered with an error; `id` where the request could be read."""

    id: RequestId | None
    refusal: Refusal


@final
@dataclass(frozen=True, slots=True)
class Stateless:
    """A modern message: everything that its rules need stands in it."""

    message: Request | Notification
    revision: Revision


@final
@dataclass(frozen=True, slots=True)
class Handshake:
    """An `initialize` that may open a session."""

    request: Request


@final
@dataclass(frozen=True, slots=True)
class InSession:
    """Legacy messages, for the session that the headers name; whether a batch may be is the session's revision's."""

    messages: tuple[Message | Malformed, ...]
    is_batch: bool


Route: TypeAlias = Refused | Stateless | Handshake | InSession


def choose_route(document: JsonValue, headers: RoutingHeaders | None) -> Route:
    """Decide by which rules one POST to the MCP endpoint, or one message of another transport, is served.

    Args:
        headers: the routing headers of Streamable HTTP; None for a transport that has none.

    Source: MCP 2026-07-28 basic/versioning#backward-compatibility-with-initialization-based-versions,
    basic/transports/streamable-http#server-validation.
    """
    if headers is not None and headers.duplicated is not None:
        message = classify(document)
        message_id = None if isinstance(message, Notification) else message.id
        return Refused(message_id, header_mismatch(f"the header {headers.duplicated} stands more than once."))
    version = headers.protocol_version if headers is not None else None
    if _has_modern_meta(document) or (version is not None and version not in LEGACY_VERSIONS):
        return _choose_modern(classify(document), headers)
    if isinstance(document, list):
        return _choose_batch(document)
    message = classify(document)
    match message:
        case Malformed(id=message_id, refusal=refusal):
            return Refused(message_id, refusal)
        case Request(method="initialize") if headers is None or headers.session_id is None:
            return Handshake(message)
        case _:
            return InSession((message,), is_batch=False)


def client_name(info: JsonValue) -> str | None:
    """Return `name/version` of a client as it calls itself, at most 128 printable characters; untrusted."""
    if not isinstance(info, dict) or not isinstance(name := info.get("name"), str):
        return None
    version = info.get("version")
    text = f"{name}/{version}" if isinstance(version, str) else name
    return "".join(character for character in text[:128] if character.isprintable()) or None


def _has_modern_meta(document: JsonValue) -> bool:
    messages = document if isinstance(document, list) else [document]
    return any(META_VERSION in _meta_of(message) for message in messages[: MAX_BATCH + 1])


def _meta_of(message: JsonValue) -> JsonObject:
    params = message.get("params") if isinstance(message, dict) else None
    meta = params.get("_meta") if isinstance(params, dict) else None
    return meta if isinstance(meta, dict) else {}


def _choose_modern(message: Message | Malformed, headers: RoutingHeaders | None) -> Route:
    match message:
        case Malformed(id=message_id, refusal=refusal):
            return Refused(message_id, refusal)
        case Response(id=message_id):
            # Source: MCP 2026-07-28 basic/transports/streamable-http#sending-messages, item 4.
            return Refused(message_id, invalid_request("this revision has no requests from server to client"))
        case Notification():
            return _choose_modern_notification(message, headers)
        case Request():
            return _choose_modern_request(message, headers)


def _choose_modern_notification(notification: Notification, headers: RoutingHeaders | None) -> Route:
    """Take a notification of a served version.

    Source: MCP 2026-07-28 basic/transports/streamable-http#sending-messages, item 5 and its note: the revision
    defines none over HTTP and no header rules for them; we look at whatever names a version.
    """
    revision: Revision | None = None
    named = headers.protocol_version if headers is not None else None
    for version in (named, _meta_version(notification.params)):
        if isinstance(version, str):
            revision = find_revision(version, Era.MODERN)
            if revision is None:
                return Refused(None, unsupported_version(version))
    if revision is None:
        return Refused(None, invalid_params("the protocol version must be a string"))
    return Stateless(notification, revision)


def _meta_version(params: JsonObject) -> JsonValue:
    meta = params.get("_meta")
    return meta.get(META_VERSION) if isinstance(meta, dict) else None


def _choose_modern_request(request: Request, headers: RoutingHeaders | None) -> Route:
    # 1. The form of `_meta`. Source: MCP 2026-07-28 basic/index#meta.
    meta = request.params.get("_meta")
    if not isinstance(meta, dict):
        return Refused(request.id, invalid_params(f"params._meta must be an object with {META_VERSION}"))
    for key in (META_VERSION, META_CAPABILITIES):
        if key not in meta:
            return Refused(request.id, invalid_params(f"params._meta must have {key}"))
    version = meta[META_VERSION]
    # 2. Headers and body agree. Source: basic/transports/streamable-http#server-validation.
    mismatch = check_agreement(headers, request, version) if headers is not None else None
    if mismatch is not None:
        return Refused(request.id, mismatch)
    # 3. The version is served. Source: basic/transports/streamable-http#protocol-version-header.
    if not isinstance(version, str):
        return Refused(request.id, invalid_params(f"{META_VERSION} must be a string"))
    revision = find_revision(version, Era.MODERN)
    if revision is None:
        return Refused(request.id, unsupported_version(version))
    # 4. The method exists, 5. its parameters are right: dispatch.py.
    return Stateless(request, revision)


def unsupported_version(requested: str) -> Refusal:
    """Return the refusal of a version that the modern path does not serve, naming those that it does.

    Source: MCP 2026-07-28 schema#unsupportedprotocolversionerror.
    """
    return Refusal(
        code=UNSUPPORTED_VERSION,
        message="Unsupported protocol version",
        data={"supported": list(MODERN_VERSIONS), "requested": requested[:64]},
    )


def _choose_batch(document: list[JsonValue]) -> Route:
    # Source: JSON-RPC 2.0 section 6: an empty array is an invalid request.
    if not document:
        return Refused(None, invalid_request("a batch is not empty"))
    # Threat: 4 MB of pings in one body would be 100,000 answers.
    if len(document) > MAX_BATCH:
        return Refused(None, invalid_request(f"a batch holds at most {MAX_BATCH} messages"))
    return InSession(tuple(classify(item) for item in document), is_batch=True)
