"""From a client's hang-up to the end of its request at the forge, which promises a second."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from time import perf_counter
from typing import Final, Protocol

import trio
from messages import call, modern, modern_headers
from processes import Program
from report import Section, compared, spread
from wire import Line, get, post

from aegis_trio.demo_forge.demo_world import build_demo_world
from aegis_trio.demo_forge.faults import Fault
from aegis_trio.demo_forge.server import serve_forge
from aegis_trio.demo_forge.world import World

HEADING: Final = "Hanging up"
_HOW: Final = (
    "The demo forge holds back its answer; once the request has reached it, the client closes its connection "
    "(2026-07-28, where that is the cancel). The time runs until the forge has seen its own client leave: the gate's, "
    "and beside it, in turns, a client's that asks the forge directly. {rounds} rounds each."
)
TOOL: Final = "list_repositories"
HELD: Final = "/user/repos"
DEADLINE_S: Final = 30.0


class OpenGate(Protocol):
    """Starts the gate before the forge at an address, with the token of its bot."""

    def __call__(self, forge_url: str, token: str) -> AbstractAsyncContextManager[Program]:
        """Start it."""
        ...


async def measure_hangups(open_gate: OpenGate, key: str, rounds: int) -> Section:
    """Hang up *rounds* times, on the gate and on the forge itself."""
    world = build_demo_world()
    through: list[float] = []
    direct: list[float] = []
    async with trio.open_nursery() as nursery:
        forge_url: str = await nursery.start(serve_forge, world)
        async with open_gate(forge_url, world.bot_token) as gate:
            headers = modern_headers("tools/call", TOOL)
            ours = gate.url, post(gate.url, "/mcp", key, modern("tools/call", call(TOOL)), headers)
            theirs = forge_url, get(forge_url, f"/api/v1{HELD}", world.bot_token)
            for _ in range(rounds):
                through.append(await _hang_up(world, *ours))
                direct.append(await _hang_up(world, *theirs))
        nursery.cancel_scope.cancel()
    (ours_ms, ours_max), (theirs_ms, theirs_max) = (spread([s * 1e3 for s in found]) for found in (through, direct))
    rows = [
        compared("until the forge sees it, median", ours_ms, theirs_ms, unit="ms", reference="direct", digits=2),
        compared("the longest", ours_max, theirs_max, unit="ms", reference="direct", digits=2),
        compared(
            "the longest, of the second that is promised", ours_max, 1000.0, unit="ms", reference="promise", digits=0
        ),
    ]
    return Section(HEADING, _HOW.format(rounds=rounds), rows)


async def _hang_up(world: World, url: str, request: bytes) -> float:
    """Return the seconds from closing the connection to its end at the forge.

    Raises:
        RuntimeError: the forge's answer was out before its client left.
    """
    world.requests.clear()
    world.faults.order(Fault(hold=trio.Event()), path=HELD)
    line = await Line.open(url)
    await line.send(request)
    with trio.fail_after(DEADLINE_S):
        record = await world.requests.wait_for(lambda record: record.raw_path.endswith(HELD))
        begun = perf_counter()
        await line.aclose()
        await record.done.wait()
        elapsed_s = perf_counter() - begun
    if not record.client_left:
        raise RuntimeError("the request at the forge ended, but not by its client")
    return elapsed_s
