"""What it costs to read one message: bytes to the rules that it follows, beside the decoding that anyone would do.

Here no server is involved: the two are functions, called in turns in this process, and the fastest turn of each
counts, because everything else that a machine does only adds to a time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from time import perf_counter_ns

from measures import META, Row

from aegis_trio.protocol.headers import read_routing_headers
from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.ladder import choose_route
from aegis_trio.protocol.refusals import Refusal

BOUND = 12  # tests/protocol/test_reader_cost.py holds it, counted in calls
TURNS = 60
CALLS_PER_TURN = 200

_ARGUMENTS = {"owner": "tidewater", "repo": "harbor", "path": "README.md"}
_SMALL: dict[str, object] = {"name": "get_file_contents", "arguments": _ARGUMENTS, "_meta": META}
_EMPTY: dict[str, object] = {}
_MANY_OBJECTS: dict[str, object] = {"name": "get_file_contents", "arguments": {"path": [_EMPTY] * 300}, "_meta": META}
_HEADERS = (
    (b"host", b"127.0.0.1"),
    (b"authorization", b"Bearer x"),
    (b"content-type", b"application/json"),
    (b"accept", b"application/json, text/event-stream"),
    (b"mcp-protocol-version", b"2026-07-28"),
    (b"mcp-method", b"tools/call"),
    (b"mcp-name", b"get_file_contents"),
)


def measure_reading() -> list[Row]:
    """Measure a small message, and the small message that costs most."""
    return [_reading("a small message", _SMALL), _reading("a message of 300 objects", _MANY_OBJECTS)]


def _reading(name: str, params: dict[str, object]) -> Row:
    raw_document = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()

    def read() -> None:
        document = read_json(raw_document)
        assert not isinstance(document, Refusal)  # noqa: S101  # a refused document would be measured as a fast one
        choose_route(document, read_routing_headers(_HEADERS))

    ours, decoding = _fastest_ns(read, lambda: json.loads(raw_document))
    return Row(
        f"reading {name}",
        f"{ours / 1e3:.1f} µs",
        f"json.loads {decoding / 1e3:.1f} µs, bound {BOUND}",
        f"{ours / decoding:.2f}",
    )


def _fastest_ns(left: Callable[[], object], right: Callable[[], object]) -> tuple[float, float]:
    fastest = [float("inf"), float("inf")]
    for _ in range(TURNS):  # in turns, so that both see the same weather
        for index, work in enumerate((left, right)):
            begun = perf_counter_ns()
            for _ in range(CALLS_PER_TURN):
                work()
            fastest[index] = min(fastest[index], perf_counter_ns() - begun)
    return fastest[0] / CALLS_PER_TURN, fastest[1] / CALLS_PER_TURN
