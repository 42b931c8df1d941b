"""A demo forge for tests: over real sockets, in the test's own nursery.

    async with open_forge() as forge:
        ...  # ask forge.url; look at forge.requests; order forge.faults

Tests that use it carry `@pytest.mark.sockets`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import final

import trio

from aegis_trio.demo_forge.demo_world import build_demo_world
from aegis_trio.demo_forge.faults import Faults
from aegis_trio.demo_forge.request_log import RequestLog, RequestRecord
from aegis_trio.demo_forge.server import serve_forge
from aegis_trio.demo_forge.world import World

LOOKS = frozenset({"/api/v1/version", "/api/v1/user", "/api/v1/settings/api"})
"""What the gate asks by itself every while: tests that count ask for something else."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RunningForge:
    """A forge that listens."""

    url: str  # without a slash at the end
    world: World

    @property
    def faults(self) -> Faults:
        """What goes wrong with the next requests."""
        return self.world.faults

    @property
    def requests(self) -> RequestLog:
        """What reached the forge."""
        return self.world.requests

    def asked(self) -> list[RequestRecord]:
        """Return what reached the forge, but for the gate's own look whether it is there, which has its own time."""
        return [record for record in self.world.requests if record.raw_path not in LOOKS]


@asynccontextmanager
async def open_forge(world: World | None = None) -> AsyncIterator[RunningForge]:
    """Serve *world* (the demo world, if none is given) until the block ends.

    Raises:
        AssertionError: a handler of the forge crashed meanwhile; a test must not pass over that.
    """
    served = world or build_demo_world()
    async with trio.open_nursery() as nursery:
        url = await nursery.start(serve_forge, served)
        yield RunningForge(url=url, world=served)
        nursery.cancel_scope.cancel()
    assert [] == served.crashes
