"""People who sign in while streams are open, and what somebody who just calls a tool notices of it."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from time import perf_counter
from typing import Final

import trio
from messages import call, modern, modern_headers
from people import Person, register_client
from processes import Program, open_holder
from report import Row, Section, compared, percentile
from wire import Line, post

HEADING: Final = "People who sign in"
_HOW: Final = (
    "{signins} times somebody signs in with a browser that has been nowhere before, {at_once} at once, over real "
    "sockets: the client's authorize request, the consent page and its form, the demo forge's login page, login and "
    "consent, the callback, in which the gate asks the forge for tokens, introspection and the account, and the token "
    "endpoint. Browsers, forge and gate share this machine, so the number per minute is that of all three together. "
    "Then as often while {streams} sessions with their streams rest at the gate; and once more while a bystander calls "
    "a tool that answers at once, every {pause_ms:.0f} ms, beside the same calls while nobody signs in."
)
TOOL: Final = "touch_nothing"
AT_ONCE: Final = 4
PAUSE_S: Final = 0.02
CALLS_AT_REST: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """What came of people who signed in."""

    per_minute: float
    cpu_ms: float
    """Processor time of the gate for one of them."""


async def measure_signins(
    opened: AbstractAsyncContextManager[Program], people: tuple[Person, ...], key: str, signins: int, streams: int
) -> Section:
    """Measure sign-ins without and with streams, and the latency of a bystander."""
    async with opened as gate:
        crowd = _People(gate, itertools.cycle(people), await register_client(gate.url))
        await crowd.sign_in(AT_ONCE)  # whatever is done once is done
        alone = await crowd.sign_in(signins)
        async with open_holder(gate.url, "session", streams, key):
            beside = await crowd.sign_in(signins)
            bystander = _Bystander(await Line.open(gate.url), gate.url, key)
            rest = [await bystander.call() for _ in range(CALLS_AT_REST)]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(bystander.call_on)
                await crowd.sign_in(signins)
                nursery.cancel_scope.cancel()
            await bystander.line.aclose()
    rows = [
        compared(
            f"sign-ins per minute, {streams} streams open",
            beside.per_minute,
            alone.per_minute,
            unit="/min",
            reference="no stream open",
            digits=0,
        ),
        compared(
            f"processor time of one, {streams} streams open",
            beside.cpu_ms,
            alone.cpu_ms,
            unit="ms",
            reference="no stream open",
        ),
        _waits("a bystander's call, median", statistics.median(bystander.times), statistics.median(rest)),
        _waits("a bystander's call, 99th percentile", percentile(bystander.times, 0.99), percentile(rest, 0.99)),
        _waits("a bystander's call, longest", max(bystander.times), max(rest)),
    ]
    how = _HOW.format(signins=signins, at_once=AT_ONCE, streams=streams, pause_ms=PAUSE_S * 1e3)
    return Section(HEADING, how, rows)


def _waits(name: str, busy_s: float, rest_s: float) -> Row:
    return compared(name, busy_s * 1e3, rest_s * 1e3, unit="ms", reference="nobody signs in", digits=2)


@dataclass(frozen=True, slots=True)
class _People:
    gate: Program
    people: Iterator[Person]
    client_id: str

    async def sign_in(self, count: int) -> Crowd:
        """Let *count* people sign in, `AT_ONCE` of them at a time."""
        remaining = count

        async def one_after_the_other() -> None:
            nonlocal remaining
            while remaining > 0:
                remaining -= 1
                await next(self.people).sign_in(self.gate.url, self.client_id)

        before, begun = self.gate.cpu_s(), perf_counter()
        async with trio.open_nursery() as nursery:
            for _ in range(AT_ONCE):
                nursery.start_soon(one_after_the_other)
        elapsed_s, cpu_s = perf_counter() - begun, self.gate.cpu_s() - before
        return Crowd(per_minute=count / elapsed_s * 60, cpu_ms=cpu_s / count * 1e3)


class _Bystander:
    def __init__(self, line: Line, url: str, key: str) -> None:
        self.line = line
        self.times: list[float] = []
        self._request = post(url, "/mcp", key, modern("tools/call", call(TOOL)), modern_headers("tools/call", TOOL))

    async def call(self) -> float:
        """Call, and pause; return how long the answer took, seconds."""
        begun = perf_counter()
        await self.line.ask(self._request)
        elapsed_s = perf_counter() - begun
        await trio.sleep(PAUSE_S)
        return elapsed_s

    async def call_on(self) -> None:
        """Call until cancelled."""
        while True:
            self.times.append(await self.call())
