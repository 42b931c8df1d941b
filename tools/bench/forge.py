"""The demo forge as a process: `forge.py TOKEN_FILE` writes its bot's token there and prints its address."""

from __future__ import annotations

import sys
from pathlib import Path

import trio

from aegis_trio.demo_forge.demo_world import build_demo_world
from aegis_trio.demo_forge.server import serve_forge
from aegis_trio.demo_forge.world import World


async def main(world: World) -> None:
    """Serve *world* until ended from outside."""
    async with trio.open_nursery() as nursery:
        print(await nursery.start(serve_forge, world), flush=True)


WORLD = build_demo_world()
Path(sys.argv[1]).write_text(WORLD.bot_token)
trio.run(main, WORLD)
