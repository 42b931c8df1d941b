"""POSTs as Hypothesis draws them: right ones of both eras, and each kind of mistake, alone and together.

Not here: strings as cursors. Which cursors exist is decided by each server for itself (MCP 2026-07-28
server/utilities/pagination), so there is nothing to compare.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hypothesis import strategies as st
from mcp.shared.inbound import NAME_BEARING_METHODS, encode_header_value

from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.protocol.jsonrpc import MAX_ID_CHARS
from aegis_trio.protocol.ladder import META_CAPABILITIES, META_CLIENT, META_VERSION
from tests.protocol.exchanges import METHODS, Post, V, is_served, modern_meta
from tests.protocol.strategies import JSON_VALUES

LOG_LEVEL: Final = "io.modelcontextprotocol/logLevel"
NOTHING: Final = "\N{EMPTY SET}"  # stands for "leave this member out"
AGREES: Final = "\N{IDENTICAL TO}"  # stands for "what the body says"

VERSIONS: Final = st.sampled_from([V, V, V, "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "2099-01-01", ""])
NAMES: Final = st.sampled_from(["get_me", "größe", " padded ", "=?base64?Z2V0X21l?=", "a\nb", ""]) | st.text(max_size=5)
JUNK: Final[st.SearchStrategy[JsonValue]] = st.sampled_from([None, True, 5, 1.5, "x", [], ["a"], {}, {"a": 1}])
ODD_IDS: Final[tuple[JsonValue, ...]] = (
    *(0, -5, 2**53, "", "1", "ü", "a" * MAX_ID_CHARS, "a" * (MAX_ID_CHARS + 1), None, True, 1.0, 1.5, [], {}),
)
IDS: Final = st.sampled_from([1, *ODD_IDS])
FACES: Final[st.SearchStrategy[JsonValue]] = st.sampled_from([NOTHING, NOTHING, {}, None, {"code": 1, "message": "m"}])
UNKNOWN: Final = st.sampled_from(["x", "", "tools/destroy", "tasks/get", "notifications/initialized", "rpc.discover"])
NOTIFICATIONS: Final = st.sampled_from(
    ["notifications/initialized", "notifications/cancelled", "notifications/progress", "notifications/x", "tools/list"]
)


def _often(usual: JsonValue, others: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    """Draw *usual* three times in four, so that most messages have few mistakes."""
    return st.integers(0, 3).flatmap(lambda side: others if side == 3 else st.just(usual))


def _without_nothing(members: JsonObject) -> JsonObject:
    return {name: value for name, value in members.items() if value != NOTHING}


@st.composite
def _metas(draw: st.DrawFn, *, is_modern: bool, may_be_wrong: bool) -> JsonValue:
    """Draw what stands in `_meta`."""
    if may_be_wrong and draw(st.integers(0, 19)) == 0:
        return draw(JUNK)
    right: JsonObject = {"progressToken": draw(st.sampled_from([NOTHING, NOTHING, 5, "p"]))}
    wrong = JUNK if may_be_wrong else st.just(NOTHING)
    if not is_modern:
        right["progressToken"] = draw(_often(right["progressToken"], wrong))
        return _without_nothing(right)
    return _without_nothing(
        {
            **right,
            META_VERSION: draw(_often(V, VERSIONS | st.sampled_from([NOTHING, 20260728, None]))),
            META_CAPABILITIES: draw(_often({}, st.just(NOTHING) | wrong)),
            META_CLIENT: draw(_often({"name": "a", "version": "1"}, st.just(NOTHING) | wrong)),
            LOG_LEVEL: draw(_often(NOTHING, st.just("info") | wrong)),
        }
    )


@st.composite
def _params(draw: st.DrawFn, method: str, *, is_modern: bool) -> JsonValue:
    """Draw the parameters of *method*; right ones where neither side serves it, for there the SDK judges them first."""
    may_be_wrong = method not in METHODS or is_served(method)
    if may_be_wrong and draw(st.integers(0, 19)) == 0:
        return draw(st.sampled_from([NOTHING, None, [], "x", 5]))
    params: JsonObject = dict(METHODS.get(method, {}))
    if may_be_wrong:
        for name in draw(st.sets(st.sampled_from([*params, "extra"]), max_size=1)):
            params[name] = draw(JUNK | st.just(NOTHING))
        if method.endswith("/list"):
            params["cursor"] = draw(_often(NOTHING, st.sampled_from([None, 5, [], {}])))
        if method in NAME_BEARING_METHODS and NAME_BEARING_METHODS[method] == "name":
            params["name"] = draw(_often(params["name"], NAMES))
        if method == "initialize":
            params["protocolVersion"] = draw(_often(params["protocolVersion"], VERSIONS | JUNK))
    meta = draw(_metas(is_modern=is_modern, may_be_wrong=may_be_wrong))
    return _without_nothing({**params, "_meta": draw(_often(meta, st.just(NOTHING)))})


@st.composite
def _calls(draw: st.DrawFn, *, is_modern: bool) -> JsonObject:
    """Draw a request or notification, perhaps malformed."""
    is_request = draw(st.integers(0, 4)) > 0
    method = draw(_often_text(st.sampled_from(sorted(METHODS)) if is_request else NOTIFICATIONS, UNKNOWN))
    envelope: JsonObject = {
        "jsonrpc": draw(_often("2.0", st.sampled_from(["2.0", "2.0", "1.0", 2, NOTHING]))),
        "id": draw(_often(1, IDS)) if is_request else NOTHING,
        "method": draw(_often(method, st.sampled_from([method, method, method, 5, None, NOTHING]))),
        "params": draw(_params(method, is_modern=is_modern)),
    }
    for name in draw(st.sets(st.sampled_from(["result", "error", "extra"]), max_size=1)):
        envelope[name] = draw(_often(NOTHING, FACES))
    return _without_nothing(envelope)


def _often_text(usual: st.SearchStrategy[str], others: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.integers(0, 5).flatmap(lambda side: others if side == 5 else usual)


RESPONSES: Final = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0")},
    optional={
        "id": IDS,
        "result": st.sampled_from([{}, {"a": 1}, None, "x"]),
        "error": st.sampled_from([{"code": 1, "message": "m"}, {"code": "1"}, {}, None, "x"]),
    },
)
BROKEN: Final[st.SearchStrategy[Callable[[bytes], bytes]]] = st.sampled_from(
    [
        lambda raw: raw[:-1],
        lambda raw: raw + b"}",
        lambda raw: raw.replace(b'"id"', b'"id":9,"id"'),
        lambda raw: raw.replace(b'"params":{', b'"params":{"a":NaN,'),
        lambda raw: raw.replace(b'"params":{', b'"params":{"a":9223372036854775808,'),
        lambda raw: raw.replace(b'"params":{', b'"params":{"a":1e999,'),
        lambda raw: raw.replace(b'"params":{', b'"params":{"a":' + b"[" * 70 + b"]" * 70 + b","),
        lambda raw: b"\xef\xbb\xbf" + raw,
        lambda raw: raw.decode().encode("utf-16"),
        lambda raw: raw + b"\xff",
        lambda _raw: b"",
    ]
)


@st.composite
def named_posts(draw: st.DrawFn) -> Post:
    """Draw a right modern call of a tool under any name, with headers that agree or not."""
    name = draw(NAMES)
    said: JsonObject = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": name.encode(errors="ignore").decode(), "_meta": modern_meta()},
    }
    return Post(body=encode_json(said), headers=tuple(draw(_headers(said, is_modern=True))))


@st.composite
def posts(draw: st.DrawFn) -> Post:
    """Draw one POST."""
    is_modern = draw(st.booleans())
    calls = _calls(is_modern=is_modern)
    kind = draw(st.integers(0, 19))
    document: Any = draw(
        RESPONSES if kind == 0 else st.lists(calls, max_size=3) if kind == 1 else JSON_VALUES if kind == 2 else calls
    )
    body = encode_json(document)
    if kind == 3:
        body = draw(BROKEN)(body)
    said = document if isinstance(document, dict) else {}
    return Post(body=body, headers=tuple(draw(_headers(said, is_modern=is_modern))))


@st.composite
def _headers(draw: st.DrawFn, said: JsonObject, *, is_modern: bool) -> list[tuple[str, str]]:
    """Draw the routing headers of a message that says *said*."""
    params = said.get("params")
    params = params if isinstance(params, dict) else {}
    meta = params.get("_meta")
    version = meta.get(META_VERSION) if isinstance(meta, dict) else None
    method = said.get("method")
    name = params.get(NAME_BEARING_METHODS.get(str(method), ""))
    usual_version = version if is_modern and isinstance(version, str) else V if is_modern else "2025-11-25"
    drawn = {
        "mcp-protocol-version": draw(_often(usual_version, VERSIONS | st.just(NOTHING))),
        "mcp-method": draw(_often(method if is_modern else NOTHING, st.sampled_from([NOTHING, "tools/list", "x"]))),
        "mcp-name": draw(_often(name if is_modern else NOTHING, NAMES | st.just(NOTHING))),
        "mcp-session-id": draw(_often(NOTHING, st.just("abc"))),
    }
    lines = [
        (key, encode_header_value(value) if key == "mcp-name" else value)
        for key, value in drawn.items()
        if isinstance(value, str) and value != NOTHING and value.isascii() | (key == "mcp-name")
    ]
    if lines and draw(st.integers(0, 29)) == 0:
        lines.append(draw(st.sampled_from(lines)))
    return lines
