"""Several clients that ask one thing at once, and what that takes of the program that answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Final

import trio
from processes import Program
from wire import Asker

CLIENTS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """What came of a load."""

    per_second: float
    cpu_us: float
    """Processor time of the program per call, microseconds; what its threads take counts."""

    @property
    def per_core_second(self) -> float:
        """Calls that one busy core answers in a second."""
        return 1e6 / self.cpu_us if self.cpu_us else 0.0


async def run_load(
    program: Program, open_line: Callable[[str], Awaitable[Asker]], request: bytes, calls: int, clients: int = CLIENTS
) -> Throughput:
    """Ask *request* *calls* times, by *clients* connections at once."""
    lines = [await open_line(program.url) for _ in range(clients)]
    for line in lines:
        await line.ask(request)
    remaining = calls

    async def client(line: Asker) -> None:
        nonlocal remaining
        while remaining > 0:
            remaining -= 1
            await line.ask(request)

    before, begun = program.cpu_s(), perf_counter()
    async with trio.open_nursery() as nursery:
        for line in lines:
            nursery.start_soon(client, line)
    elapsed_s, cpu_s = perf_counter() - begun, program.cpu_s() - before
    for line in lines:
        await line.aclose()
    return Throughput(per_second=calls / elapsed_s, cpu_us=cpu_s / calls * 1e6)
