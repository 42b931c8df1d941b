"""Reading a file through the gate, beside the same request straight to the forge; and the gate at rest."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from load import CLIENTS, run_load
from messages import call, modern, modern_headers
from processes import Program
from report import Row, Section, compared, percentile
from wire import Line, get, post

TOOL: Final = "get_file_contents"
WARM_UP: Final = 20
_HOW: Final = (
    "One file is read {calls} times through the gate (`get_file_contents`, modern) and as often straight from the "
    "forge, in turns, over one keep-alive connection each; then by {clients} clients at once. `tools/list` and the "
    "bare server's answer of 400 bytes need no forge."
)


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
        document = modern("tools/call", call(TOOL, arguments))
        return post(self.gate.url, "/mcp", self.key, document, modern_headers("tools/call", TOOL))

    @property
    def tool_list(self) -> bytes:
        """A call that needs no forge."""
        return post(self.gate.url, "/mcp", self.key, modern("tools/list"), modern_headers("tools/list"))


async def measure_reading(target: Target, heading: str, calls: int) -> Section:
    """Run every measure, one after the other."""
    rows = [
        _idle(target),
        *await _latency(target, calls),
        await _throughput(target, calls),
        *await _without_forge(target, calls),
    ]
    return Section(heading, _HOW.format(calls=calls, clients=CLIENTS), rows)


def _idle(target: Target) -> Row:
    gate, bare = target.gate.rss_kb() / 1024, target.bare.rss_kb() / 1024
    return compared("idle memory", gate, bare, unit="MB", reference="bare server", digits=0)


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
        _times("reading a file, 99th percentile", percentile(through, 0.99), percentile(direct, 0.99)),
        Row("processor time of the gate per such call", f"{cpu_us:.0f} µs"),
    ]


async def _throughput(target: Target, calls: int) -> Row:
    gate = await run_load(target.gate, Line.open, target.call, calls)
    # The forge may be somebody else's process: its address is all that is known of it.
    direct = await run_load(Program(target.forge, target.bare.pid), Line.open, target.direct, calls)
    name = f"files read per second, {CLIENTS} clients"
    return compared(name, gate.per_second, direct.per_second, unit="/s", reference="direct", digits=0)


async def _without_forge(target: Target, calls: int) -> list[Row]:
    gate = await run_load(target.gate, Line.open, target.tool_list, calls * 10)
    bare = await run_load(target.bare, Line.open, post(target.bare.url, "/400", target.key, {}), calls * 10)
    reference = "bare answer"
    return [
        compared("tools/list per second", gate.per_second, bare.per_second, unit="/s", reference=reference, digits=0),
        compared("processor time per tools/list", gate.cpu_us, bare.cpu_us, unit="µs", reference=reference, digits=0),
    ]


def _times(name: str, gate_s: float, direct_s: float) -> Row:
    return compared(name, gate_s * 1e3, direct_s * 1e3, unit="ms", reference="direct", digits=2)
