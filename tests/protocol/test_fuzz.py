"""Whatever bytes come, from the reader to the decision every outcome is a value: nothing is raised, all can leave.

Valid messages are bent in two ways: their bytes (which mostly breaks the JSON) and their members (which mostly keeps
it, and so gets further).
"""

from __future__ import annotations

from typing import Final, assert_never, get_args

from hypothesis import event, given, settings
from hypothesis import strategies as st

from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.protocol.dispatch import Answer, OpenSession, Step, dispatch
from aegis_trio.protocol.headers import RoutingHeaders, read_routing_headers
from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.jsonrpc import Malformed, Message, Reply, refusal_reply
from aegis_trio.protocol.ladder import (
    META_CAPABILITIES,
    META_CLIENT,
    META_VERSION,
    Handshake,
    InSession,
    Refused,
    Stateless,
    choose_route,
)
from aegis_trio.protocol.refusals import Refusal
from aegis_trio.protocol.results import ServerCard
from aegis_trio.protocol.revisions import NEWEST_LEGACY, REVISIONS, Era, Revision
from tests.protocol.strategies import JSON_VALUES

CARD: Final = ServerCard(name="aegis-trio", version="0.1.0", title="Aegis", instructions="")
LEGACY: Final = tuple(revision for revision in REVISIONS if revision.era is Era.LEGACY)
META: Final[JsonObject] = {
    META_VERSION: "2026-07-28",
    META_CAPABILITIES: {"elicitation": {"form": {}}},
    META_CLIENT: {"name": "client", "version": "1"},
    "progressToken": 7,
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}


def calls(meta: JsonObject) -> list[JsonValue]:
    """Return a message for each thing that a client can ask for, with *meta*."""
    params: dict[str, JsonObject] = {
        "ping": {},
        "server/discover": {},
        "tools/list": {"cursor": "page 2"},
        "tools/call": {"name": "get_me", "arguments": {"a": [1, {"b": None}]}, "requestState": "s"},
        "resources/read": {"uri": "gitea://main/o/r"},
        "prompts/get": {"name": "review", "arguments": {"a": "b"}},
        "completion/complete": {"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "a", "value": "b"}},
        "logging/setLevel": {"level": "debug"},
        "subscriptions/listen": {"notifications": {"toolsListChanged": True}},
        "no/such": {},
    }
    return [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": {**members, "_meta": meta}}
        for number, (method, members) in enumerate(params.items())
    ]


MESSAGES: Final[list[JsonValue]] = [
    *calls(META),
    *calls({"progressToken": "t"}),
    {
        "jsonrpc": "2.0",
        "id": "i",
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {"roots": {"listChanged": True}},
            "clientInfo": {"name": "client", "version": "1"},
        },
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 3, "reason": "r", "_meta": META}},
    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "i"}},
    {"jsonrpc": "2.0", "id": 1, "result": {"action": "accept", "content": {}}},
    {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "m"}},
    [{"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"jsonrpc": "2.0", "method": "notifications/initialized"}],
]
WORDS: Final = sorted({word for revision in REVISIONS for word in (revision.version, *revision.requests)})
HOSTILE: Final[st.SearchStrategy[JsonValue]] = st.sampled_from(
    ["\ud800", "\0", "", "x" * 300, -(2**63), 2**63 - 1, 1e308, True, [], {}, {"_meta": META}, [[[[]]]], {"": {"": 1}}]
)
VALUES: Final[st.SearchStrategy[JsonValue]] = JSON_VALUES | HOSTILE | st.sampled_from(WORDS)
NAMES: Final = st.text(max_size=3) | st.sampled_from(
    ["jsonrpc", "id", "method", "params", "_meta", "result", "error", "name", "arguments", "cursor", META_VERSION]
)


@st.composite
def bent_values(draw: st.DrawFn) -> JsonValue:
    """Draw a valid message in which up to four members were changed, added or left out."""
    message = draw(st.sampled_from(MESSAGES))
    for _ in range(draw(st.integers(0, 4))):
        message = _bend(draw, message)
    return message


def _bend(draw: st.DrawFn, value: JsonValue) -> JsonValue:
    if isinstance(value, list) and value and draw(st.booleans()):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], _bend(draw, value[place]), *value[place + draw(st.integers(0, 1)) :]]
    if not isinstance(value, dict) or not draw(st.integers(0, 19)):
        return draw(VALUES)
    name = draw(NAMES | st.sampled_from(sorted(value))) if value else draw(NAMES)
    others = {key: member for key, member in value.items() if key != name}
    match draw(st.sampled_from(["within", "within", "within", "change", "drop"])):
        case "within" if name in value:
            return {**value, name: _bend(draw, value[name])}
        case "drop":
            return others
        case _:
            return {**value, name: draw(VALUES)}


@st.composite
def bent_bytes(draw: st.DrawFn) -> bytes:
    """Draw a valid document in which up to four stretches were replaced, repeated or cut out."""
    raw_document = encode_json(draw(st.sampled_from(MESSAGES)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(raw_document)))
        end = draw(st.integers(start, min(len(raw_document), start + 20)))
        stretch = raw_document[start:end]
        middle = draw(
            st.binary(max_size=4) | st.sampled_from([b'"', b"{", b"]", b",", b"\\u0000", b"NaN", stretch * 2])
        )
        raw_document = raw_document[:start] + middle + raw_document[end:]
    return raw_document


HEADER_VALUES: Final = st.sampled_from([*(word.encode() for word in WORDS), b"get_me", b"=?base64?Z2V0X21l?="])
HEADERS: Final = st.none() | st.lists(
    st.tuples(
        st.sampled_from([b"MCP-Protocol-Version", b"mcp-method", b"Mcp-Name", b"Mcp-Session-Id", b"x", b"\xff"]),
        HEADER_VALUES | st.binary(max_size=6),
    ),
    max_size=5,
).map(read_routing_headers)


def mirrored(value: JsonValue) -> RoutingHeaders:
    """Return the headers that say what *value* says, so that it gets past the ladder."""
    message = value if isinstance(value, dict) else {}
    params = message.get("params")
    said = params if isinstance(params, dict) else {}
    meta = said.get("_meta")
    name = said.get("uri") or said.get("name")
    method = message.get("method")
    return RoutingHeaders(
        protocol_version="2026-07-28" if isinstance(meta, dict) and META_VERSION in meta else None,
        method=method if isinstance(method, str) else None,
        name=name if isinstance(name, str) else None,
    )


def decide(raw_document: bytes, headers: RoutingHeaders | None) -> str:
    """Go the whole way of one POST, and return the kind of its outcome; every answer must be able to leave."""
    document = read_json(raw_document)
    if isinstance(document, Refusal):
        return sent(refusal_reply(None, document), "unreadable")
    route = choose_route(document, headers)
    match route:
        case Refused(id=message_id, refusal=refusal):
            return sent(refusal_reply(message_id, refusal), "refused")
        case Stateless(message=message, revision=revision):
            return stepped(message, revision)
        case Handshake(request=request):
            return stepped(request, NEWEST_LEGACY)
        case InSession(messages=messages):
            return "; ".join(sorted({stepped(message, revision) for message in messages for revision in LEGACY}))
        case _:
            assert_never(route)


def stepped(message: Message | Malformed, revision: Revision) -> str:
    """Dispatch *message*, or answer what it is not."""
    if isinstance(message, Malformed):
        return sent(refusal_reply(message.id, message.refusal), "malformed")
    step = dispatch(message, revision, CARD)
    assert isinstance(step, get_args(Step))
    if isinstance(step, Answer | OpenSession):
        return sent(step.reply, type(step).__name__)
    return type(step).__name__


def sent(reply: Reply, kind: str) -> str:
    """Write *reply* as a transport does, and read it as its client does."""
    assert reply.body == read_json(encode_json(reply.body))
    assert 200 <= reply.http_status < 500
    return kind


@settings(max_examples=300)
@given(st.binary(max_size=200) | bent_bytes(), HEADERS)
def test_any_bytes_are_decided(raw_document: bytes, headers: RoutingHeaders | None) -> None:
    """Property: bytes of any kind, with headers of any kind or none."""
    event(decide(raw_document, headers))


@settings(max_examples=300)
@given(bent_values(), HEADERS)
def test_any_bent_message_is_decided(value: JsonValue, headers: RoutingHeaders | None) -> None:
    """Property: JSON that is almost a message, with headers of any kind or none."""
    event(decide(encode_json(value), headers))


@settings(max_examples=300)
@given(bent_values())
def test_any_bent_message_with_headers_that_agree_is_decided(value: JsonValue) -> None:
    """Property: the same past the headers, as far as dispatch, whose every row is reached."""
    event(decide(encode_json(value), mirrored(value)))


def test_every_message_that_is_bent_is_one_that_is_decided_well() -> None:
    """Otherwise the tests above would bend what never gets further than the ladder."""
    kinds = {decide(encode_json(message), mirrored(message)) for message in MESSAGES}

    assert {"Answer", "OpenSession", "Accepted", "Perform", "Cancel"} <= {
        kind for joined in kinds for kind in joined.split("; ")
    }
