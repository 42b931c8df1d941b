"""What reading costs, counted in calls: the same in every run and on every machine, which microseconds are not.

`just bench` gives the same ratio in time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import pytest

from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.protocol.headers import read_routing_headers
from aegis_trio.protocol.json_reader import MAX_DEPTH, read_json
from aegis_trio.protocol.ladder import InSession, Refused, Route, Stateless, choose_route
from aegis_trio.protocol.refusals import Refusal

MAX_RATIO: Final = 12
META: Final[JsonObject] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
    "io.modelcontextprotocol/clientInfo": {"name": "client", "version": "1.0.0"},
}
MODERN: Final[JsonObject] = {"name": "get_file_contents", "arguments": {"repo": "r", "path": "a"}, "_meta": META}
MODERN_HEADERS: Final = (
    (b"host", b"gate.example"),
    (b"authorization", b"Bearer x"),
    (b"content-type", b"application/json"),
    (b"accept", b"application/json, text/event-stream"),
    (b"mcp-protocol-version", b"2026-07-28"),
    (b"mcp-method", b"tools/call"),
    (b"mcp-name", b"get_file_contents"),
)


def call(params: JsonValue, method: str = "tools/call") -> bytes:
    """Return one request as bytes."""
    return encode_json({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


def read(raw_document: bytes, raw_headers: tuple[tuple[bytes, bytes], ...] = ()) -> Route | Refusal:
    """Go the whole way of a message, from bytes to the rules that it follows."""
    document = read_json(raw_document)
    return document if isinstance(document, Refusal) else choose_route(document, read_routing_headers(raw_headers))


def count_calls(work: Callable[[], object]) -> int:
    """Return how many functions, of Python or of C, *work* calls."""
    calls = 0

    def count(_frame: FrameType, happened: str, _argument: Any) -> None:
        nonlocal calls
        calls += happened in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize(
    ("raw_document", "raw_headers", "route"),
    [
        (call(MODERN), MODERN_HEADERS, Stateless),
        (call({"name": "get_me", "arguments": {}}), ((b"mcp-session-id", b"s" * 32),), InSession),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"}', ((b"mcp-session-id", b"s" * 32),), InSession),
        (call({"_meta": META}, "tools/list"), MODERN_HEADERS, Refused),
    ],
    ids=["modern", "legacy", "ping", "refused"],
)
def test_a_small_message_costs_at_most_a_dozen_times_its_decoding(
    raw_document: bytes, raw_headers: tuple[tuple[bytes, bytes], ...], route: type
) -> None:
    """Every request pays this before anything is known of it; an attacker's too. Measured: 3 to 6 times."""
    assert isinstance(read(raw_document, raw_headers), route)

    decoding = count_calls(lambda: json.loads(raw_document))
    assert MAX_RATIO * decoding >= count_calls(lambda: read(raw_document, raw_headers))


SHAPES: Final[dict[str, Callable[[int], JsonValue]]] = {
    "integers": lambda size: [0] * size,
    "fractions": lambda size: [0.5] * size,
    "objects": lambda size: [{}] * size,
    "members": lambda size: {str(number): number for number in range(size)},
    "lists": lambda size: [[]] * size,
    "brackets in a text": lambda size: "[{" * size,
    "branches": lambda size: [json.loads("[" * (MAX_DEPTH - 6) + "]" * (MAX_DEPTH - 6))] * (size // 8),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_cost_grows_no_faster_than_the_document(shape: str) -> None:
    """Of 4 MB of anything, nothing may become a reason to walk the document once for each of its parts."""
    small, large = (call({"name": "x", "arguments": {"a": SHAPES[shape](size)}}) for size in (200, 1600))
    assert isinstance(read(large), InSession)

    assert 8.5 * count_calls(lambda: read(small)) >= count_calls(lambda: read(large))


def test_the_counter_counts() -> None:
    """Otherwise the two tests above would pass by counting nothing."""
    assert 3 <= count_calls(lambda: json.loads("[]"))
    assert count_calls(lambda: [len("") for _ in range(100)]) > count_calls(lambda: None) + 99
