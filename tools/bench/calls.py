"""A call that touches nothing: what the gate itself takes, from the socket to the audit log and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from load import CLIENTS, Throughput, run_load
from messages import call, modern, modern_headers
from processes import Program
from report import Row, Section, compared
from wire import Line, Multiplexed, post, post_http2

TOOL: Final = "touch_nothing"
HEADING: Final = "A call that touches nothing"
_HOW: Final = (
    "`tools/call` of a tool that answers at once, through the real gate: listener, screen, authentication, protocol, "
    "gateway, the durable record of the intent, the record of the outcome, the log. {clients} clients on keep-alive "
    "connections ask {calls} times, one request at a time each; beside it the same number of requests, of the same "
    "size and for answers of the same size, to the bare server, whose application reads the body and answers. A core "
    "is the processor time of the process (user and system, its threads too): requests per busy second of one core."
)


async def measure_calls(gate: Program, bare: Program, key: str, calls: int) -> Section:
    """Measure both ways of HTTP."""
    rows = [row async for row in _rows(gate, bare, key, calls)]
    return Section(HEADING, _HOW.format(clients=CLIENTS, calls=calls), rows)


async def _rows(gate: Program, bare: Program, key: str, calls: int) -> AsyncIterator[Row]:
    document = modern("tools/call", call(TOOL))
    headers = modern_headers("tools/call", TOOL)
    first = await Line.open(gate.url)
    size = len(await first.ask(post(gate.url, "/mcp", key, document, headers)))
    await first.aclose()
    for name, make, open_line in (("HTTP/1.1", post, Line.open), ("HTTP/2", post_http2, Multiplexed.open)):
        ours = await run_load(gate, open_line, make(gate.url, "/mcp", key, document, headers), calls)
        theirs = await run_load(bare, open_line, make(bare.url, f"/{size}", key, document, headers), calls)
        for row in _compare(f"{name}, {size} bytes of answer", ours, theirs):
            yield row


def _compare(name: str, ours: Throughput, theirs: Throughput) -> list[Row]:
    bare = "bare server"
    return [
        compared(f"{name}: per second", ours.per_second, theirs.per_second, unit="/s", reference=bare, digits=0),
        compared(
            f"{name}: per second and core",
            ours.per_core_second,
            theirs.per_core_second,
            unit="/s",
            reference=bare,
            digits=0,
        ),
        compared(f"{name}: processor time of one", ours.cpu_us, theirs.cpu_us, unit="µs", reference=bare, digits=0),
    ]
