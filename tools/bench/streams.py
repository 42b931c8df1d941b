"""Streams that rest, and one event that wakes them all."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from time import perf_counter
from typing import Final

import trio
from messages import call, modern, modern_headers
from processes import Holder, Program, open_holder
from report import Row, Section, compared
from wire import Line, post

IDLE_HEADING: Final = "Streams that rest"
_IDLE_HOW: Final = (
    "{streams} streams are opened one after the other and rest; what the resident memory of the process grew by, "
    "divided by their number. The first {warm_up} are not counted. A fresh gate for each kind; beside it the bare "
    "server with as many streams of an application that does nothing else. What the kernel holds for a connection is "
    "not in it."
)
FAN_OUT_HEADING: Final = "One event to many streams"
_FAN_OUT_HOW: Final = (
    "{streams} streams rest; a call announces that the list of tools is another one (`announce_list`), {events} times. "
    "The time runs from the sending of that call until another process, which reads with plain system calls, has the "
    "event on the last stream; the median. Meanwhile one more connection asks `server/discover` without pause: its "
    "longest wait of all events, beside its median while nothing happens. The bare server wakes as many streams, all "
    "at once, and answers as small a request."
)
BOUND_KB: Final = 45
WARM_UP: Final = 20
PROBES_AT_REST: Final = 200
KINDS: Final = {
    "sse": "HTTP+SSE session (`GET /mcp/sse`)",
    "session": "session with its stream (`GET /mcp`)",
    "listen": "`subscriptions/listen`",
}
ANNOUNCED: Final = ("session", "listen")

OpenProgram = Callable[[], AbstractAsyncContextManager[Program]]


async def measure_idle(open_gate: OpenProgram, bare: Program, key: str, streams: int) -> Section:
    """Measure the memory of streams that rest, of each kind."""
    theirs = await _kb_each(bare, "bare", key, streams)
    rows: list[Row] = []
    for kind, name in KINDS.items():
        async with open_gate() as gate:
            ours = await _kb_each(gate, kind, key, streams)
        rows.append(compared(f"{name}, bound {BOUND_KB} KB", ours, theirs, unit="KB", reference="bare stream"))
    return Section(IDLE_HEADING, _IDLE_HOW.format(streams=streams, warm_up=WARM_UP), rows)


async def _kb_each(program: Program, kind: str, key: str, streams: int) -> float:
    async with open_holder(program.url, kind, WARM_UP, key):
        before = program.rss_kb()
        async with open_holder(program.url, kind, streams, key):
            return (program.rss_kb() - before) / streams
    raise RuntimeError("a holder of streams was cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """What came of the events, milliseconds."""

    last_ms: float
    """Until the last stream had the event; the median of all events."""
    rest_ms: float
    """An answer to somebody else while nothing happens; the median."""
    stall_ms: float
    """The longest such answer while events were told."""


async def measure_fan_out(open_gate: OpenProgram, bare: Program, key: str, streams: int, events: int) -> Section:
    """Measure one event to many streams, of each kind that hears of lists."""
    announce, probe = post(bare.url, "/announce", key, {}), post(bare.url, "/400", key, {})
    async with open_holder(bare.url, "bare", streams, key) as holder:
        theirs = await _fan_out(bare.url, holder, _Requests(announce, probe), events)
    rows: list[Row] = []
    for kind in ANNOUNCED:
        async with open_gate() as gate, open_holder(gate.url, kind, streams, key) as holder:
            ours = await _fan_out(gate.url, holder, _requests(gate, key), events)
        rows += _compare(KINDS[kind], ours, theirs, streams)
    return Section(FAN_OUT_HEADING, _FAN_OUT_HOW.format(streams=streams, events=events), rows)


def _compare(name: str, ours: FanOut, theirs: FanOut, streams: int) -> list[Row]:
    figures = (
        ("until the last has it", ours.last_ms, theirs.last_ms, "ms"),
        ("each stream's part", ours.last_ms / streams * 1e3, theirs.last_ms / streams * 1e3, "µs"),
        ("longest stall of another", ours.stall_ms, theirs.stall_ms, "ms"),
        ("another's answer at rest", ours.rest_ms, theirs.rest_ms, "ms"),
    )
    return [
        compared(f"{name}: {what}", gate, bare, unit=unit, reference="bare server")
        for what, gate, bare, unit in figures
    ]


@dataclass(frozen=True, slots=True)
class _Requests:
    """What makes the event, and what somebody else asks meanwhile."""

    announce: bytes
    probe: bytes


def _requests(gate: Program, key: str) -> _Requests:
    document = modern("tools/call", call("announce"))
    announce = post(gate.url, "/mcp", key, document, modern_headers("tools/call", "announce"))
    probe = post(gate.url, "/mcp", key, modern("server/discover"), modern_headers("server/discover"))
    return _Requests(announce, probe)


async def _fan_out(url: str, holder: Holder, requests: _Requests, events: int) -> FanOut:
    announcer, prober = await Line.open(url), await Line.open(url)
    rest = [await _timed(prober, requests.probe) for _ in range(PROBES_AT_REST)]
    last: list[float] = []
    stalls: list[float] = []

    async def ask_on() -> None:
        already = len(last)
        while len(last) == already:
            stalls.append(await _timed(prober, requests.probe))

    for _ in range(events):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask_on)
            begun = perf_counter()
            await announcer.ask(requests.announce)
            last.append(await holder.wait_event() - begun)
    await announcer.aclose()
    await prober.aclose()
    return FanOut(
        last_ms=statistics.median(last) * 1e3, rest_ms=statistics.median(rest) * 1e3, stall_ms=max(stalls) * 1e3
    )


async def _timed(line: Line, request: bytes) -> float:
    begun = perf_counter()
    await line.ask(request)
    return perf_counter() - begun
