"""One POST and what came of it, in words that our core and the oracle share; and how our core is asked.

Laws:
    1. An outcome holds what the specification decides: kind, code, id, status, and what a version was answered with.
       Words, results of handlers and forms of streams are not compared.
    2. `ask_ours` is the only place that knows our core's interface: bytes, route, step, reply.
    3. A method that dispatch does not know yet is unserved on both sides; nobody keeps a second list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.protocol.dispatch import dispatch
from aegis_trio.protocol.headers import read_routing_headers
from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.jsonrpc import Malformed, Reply, Request, refusal_reply
from aegis_trio.protocol.ladder import (
    META_CAPABILITIES,
    META_VERSION,
    Handshake,
    InSession,
    Refused,
    Stateless,
    choose_route,
)
from aegis_trio.protocol.refusals import METHOD_NOT_FOUND, UNSUPPORTED_VERSION, Refusal
from aegis_trio.protocol.results import ServerCard
from aegis_trio.protocol.revisions import NEWEST_LEGACY, REVISIONS, Era, find_revision

V: Final = "2026-07-28"
CARD: Final = ServerCard(name="aegis-trio", version="0.1.0", title="Aegis", instructions="Use get_me first.")
# Source: MCP 2025-06-18 basic/transports#protocol-version-header: what a session speaks that no header names.
ASSUMED: Final = "2025-03-26"

METHODS: Final[dict[str, JsonObject]] = {
    "completion/complete": {"ref": {"type": "ref/prompt", "name": "a"}, "argument": {"name": "a", "value": "b"}},
    "initialize": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}},
    "logging/setLevel": {"level": "info"},
    "ping": {},
    "prompts/get": {"name": "a"},
    "prompts/list": {},
    "resources/list": {},
    "resources/read": {"uri": "gitea://main/a"},
    "resources/subscribe": {"uri": "gitea://main/a"},
    "resources/templates/list": {},
    "resources/unsubscribe": {"uri": "gitea://main/a"},
    "server/discover": {},
    "subscriptions/listen": {"notifications": {"toolsListChanged": True}},
    "tools/call": {"name": "get_me", "arguments": {}},
    "tools/list": {},
}
"""Every method that a client may ask for in any revision, with parameters that are right."""


@dataclass(frozen=True, kw_only=True)
class Post:
    """One POST to the MCP endpoint: its bytes and its routing headers, as they stand on the wire."""

    body: bytes
    headers: tuple[tuple[str, str], ...] = ()

    def lines(self) -> list[tuple[bytes, bytes]]:
        """Return the headers as ASGI gives them."""
        return [(name.encode(), value.encode("latin-1")) for name, value in self.headers]

    def header(self, name: str) -> str | None:
        """Return the first value of one header."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one POST was answered with."""

    status: int
    kind: Literal["result", "error", "nothing", "batch"]
    id: JsonValue = None
    code: JsonValue = None
    versions: JsonValue = field(default=None)
    """What a handshake, a discovery or a refused version was answered with."""


def post(document: JsonValue, *headers: tuple[str, str]) -> Post:
    """Return *document* as a POST."""
    return Post(body=encode_json(document), headers=headers)


def modern_meta(version: JsonValue = V) -> JsonObject:
    """Return the `_meta` that every modern request has."""
    return {META_VERSION: version, META_CAPABILITIES: {}}


def read_outcome(status: int, body: JsonValue) -> Outcome:
    """Return what *status* and a JSON-RPC response say."""
    assert isinstance(body, dict)
    error, result = body.get("error"), body.get("result")
    if isinstance(error, dict):
        versions = error.get("data") if error["code"] == UNSUPPORTED_VERSION else None
        return Outcome(status=status, kind="error", id=body.get("id"), code=error["code"], versions=versions)
    assert isinstance(result, dict)
    versions = result.get("protocolVersion") or result.get("supportedVersions")
    return Outcome(status=status, kind="result", id=body.get("id"), versions=versions)


def is_served(method: str) -> bool:
    """Return whether our core serves *method* in any revision."""
    return any(
        read_step(dispatch(Request(1, method, {**METHODS[method], "_meta": modern_meta()}), revision, CARD)).code
        != METHOD_NOT_FOUND
        for revision in REVISIONS
    )


def read_step(step: object) -> Outcome:
    """Return what the client gets by one of dispatch's steps; those that run a handler are taken to succeed."""
    reply = getattr(step, "reply", None)
    if isinstance(reply, Reply):
        return read_outcome(reply.http_status, reply.body)
    request_id = getattr(step, "id", None)
    if request_id is None:
        return Outcome(status=202, kind="nothing")
    return Outcome(status=200, kind="result", id=request_id)


def ask_ours(asked: Post) -> Outcome:
    """Return what our core makes of *asked*: bytes, document, route, step, reply."""
    document = read_json(asked.body)
    if isinstance(document, Refusal):
        return _refused(None, document)
    headers = read_routing_headers(asked.lines())
    match choose_route(document, headers):
        case Refused(id=request_id, refusal=refusal):
            return _refused(request_id, refusal)
        case Stateless(message=message, revision=revision):
            return read_step(dispatch(message, revision, CARD))
        case Handshake(request=request):
            return read_step(dispatch(request, NEWEST_LEGACY, CARD))
        case InSession(is_batch=True):
            return Outcome(status=200, kind="batch")  # whether it may be is the session's revision's to say
        case InSession(messages=(message,)):
            assert not isinstance(message, Malformed), "the ladder refuses what is no message"
            spoken = find_revision(headers.protocol_version or ASSUMED, Era.LEGACY)
            assert spoken is not None, "the ladder takes every other header for modern"
            return read_step(dispatch(message, spoken, CARD))
        case route:
            raise AssertionError(route)


def _refused(request_id: str | int | None, refusal: Refusal) -> Outcome:
    reply = refusal_reply(request_id, refusal)
    return read_outcome(reply.http_status, reply.body)
