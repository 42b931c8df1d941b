"""What is measured, each beside what it is compared with."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

import trio
from processes import Program
from wire import Line, get, post

MODERN = {"MCP-Protocol-Version": "2026-07-28"}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
}
WARM_UP = 20
CLIENTS = 8


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report."""

    name: str
    gate: str
    reference: str
    ratio: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whom to load, and what to ask for."""

    forge: str
    token: str
    gate: Program
    key: str
    bare: Program
    owner: str
    repo: str
    path: str

    @property
    def direct(self) -> bytes:
        """The request that a tool makes, straight to the forge."""
        return get(self.forge, f"/api/v1/repos/{self.owner}/{self.repo}/contents/{self.path}", self.token)

    @property
    def call(self) -> bytes:
        """The same through the gate."""
        arguments = {"owner": self.owner, "repo": self.repo, "path": self.path}
        params = {"name": "get_file_contents", "arguments": arguments, "_meta": META}
        headers = {**MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "get_file_contents"}
        return post(self.gate.url, "/mcp", self.key, _message("tools/call", params), headers)

    @property
    def tool_list(self) -> bytes:
        """A call that needs no forge."""
        headers = {**MODERN, "Mcp-Method": "tools/list"}
        return post(self.gate.url, "/mcp", self.key, _message("tools/list", {"_meta": META}), headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure."""

    calls: int
    streams: int


async def measure(target: Target, plan: Plan) -> list[Row]:
    """Run every measure, one after the other."""
    rows = [_idle(target)]
    rows += await _latency(target, plan.calls)
    rows.append(await _throughput(target, plan.calls))
    rows += await _without_forge(target, plan.calls)
    rows.append(await _streams(target, plan.streams))
    return rows


def _idle(target: Target) -> Row:
    gate, bare = target.gate.rss_kb(), target.bare.rss_kb()
    return Row("idle memory", f"{gate / 1024:.0f} MB", f"bare server {bare / 1024:.0f} MB", f"{gate / bare:.2f}")


async def _latency(target: Target, calls: int) -> list[Row]:
    gate, forge = await Line.open(target.gate.url), await Line.open(target.forge)
    through: list[float] = []
    direct: list[float] = []
    for number in range(WARM_UP + calls):  # alternating, so that both see the same weather
        pairs = [(gate, target.call, through), (forge, target.direct, direct)]
        for line, request, times in pairs if number % 2 else reversed(pairs):
            begun = perf_counter()
            await line.ask(request)
            if number >= WARM_UP:
                times.append(perf_counter() - begun)
    before = target.gate.cpu_s()
    for _ in range(calls):
        await gate.ask(target.call)
    cpu_us = (target.gate.cpu_s() - before) / calls * 1e6
    await gate.aclose()
    await forge.aclose()
    return [
        _times("reading a file, median", statistics.median(through), statistics.median(direct)),
        _times("reading a file, 99th percentile", _percentile(through, 0.99), _percentile(direct, 0.99)),
        Row("processor time of the gate per such call", f"{cpu_us:.0f} µs", "", ""),
    ]


async def _throughput(target: Target, calls: int) -> Row:
    gate = await _per_second(target.gate.url, target.call, calls)
    direct = await _per_second(target.forge, target.direct, calls)
    return Row(
        f"files read per second, {CLIENTS} clients", f"{gate:.0f}/s", f"direct {direct:.0f}/s", f"{gate / direct:.2f}"
    )


async def _without_forge(target: Target, calls: int) -> list[Row]:
    times = calls * 10
    before = target.gate.cpu_s()
    gate = await _per_second(target.gate.url, target.tool_list, times)
    cpu_us = (target.gate.cpu_s() - before) / times * 1e6
    bare = await _per_second(target.bare.url, post(target.bare.url, "/", target.key, {}), times)
    return [
        Row("tools/list per second", f"{gate:.0f}/s", f"bare answer {bare:.0f}/s", f"{gate / bare:.2f}"),
        Row("processor time of the gate per tools/list", f"{cpu_us:.0f} µs", "", ""),
    ]


async def _streams(target: Target, streams: int) -> Row:
    request = get(target.gate.url, "/mcp/sse", target.key).replace(b"application/json", b"text/event-stream")
    lines: list[Line] = []
    first = await Line.open(target.gate.url)
    await first.open_stream(request)
    before = target.gate.rss_kb()
    limiter = trio.CapacityLimiter(50)

    async def open_one() -> None:
        async with limiter:
            line = await Line.open(target.gate.url)
            await line.open_stream(request)
            lines.append(line)

    async with trio.open_nursery() as nursery:
        for _ in range(streams):
            nursery.start_soon(open_one)
    each = (target.gate.rss_kb() - before) / streams
    for line in [first, *lines]:
        await line.aclose()
    return Row(f"memory per idle SSE session, {streams} open", f"{each:.1f} KB", "bound 45 KB", f"{each / 45:.2f}")


async def _per_second(url: str, request: bytes, calls: int) -> float:
    lines = [await Line.open(url) for _ in range(CLIENTS)]
    for line in lines:
        await line.ask(request)
    remaining = calls

    async def client(line: Line) -> None:
        nonlocal remaining
        while remaining > 0:
            remaining -= 1
            await line.ask(request)

    begun = perf_counter()
    async with trio.open_nursery() as nursery:
        for line in lines:
            nursery.start_soon(client, line)
    elapsed = perf_counter() - begun
    for line in lines:
        await line.aclose()
    return calls / elapsed


def _times(name: str, gate_s: float, direct_s: float) -> Row:
    return Row(name, f"{gate_s * 1e3:.2f} ms", f"direct {direct_s * 1e3:.2f} ms", f"{gate_s / direct_s:.2f}")


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]


def _message(method: str, params: Mapping[str, object]) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
