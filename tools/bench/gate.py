"""The real gate, from listener to audit log, with a catalogue that asks nothing of the forge.

    touch_nothing    answers at once
    announce         tells every stream that the list of tools is another one than before

Only the catalogue is another one than the product's; settings come from the environment, as an operator gives them.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from aegis_trio.config.load import load_settings
from aegis_trio.model.call import ToolReply
from aegis_trio.model.clock import SystemClock
from aegis_trio.model.features import Catalogue
from aegis_trio.model.json import JsonObject
from aegis_trio.model.toolspec import CostClass, PreparedCall, Risk, Toolset, ToolSpec
from aegis_trio.supervisor.garbage import tune_garbage_collector
from aegis_trio.supervisor.tree import Running, run_gate
from aegis_trio.telemetry.logs import configure_logging
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.transports.subscriptions import ListName

REPLY = ToolReply({"done": True})


def tool(name: str, run: Callable[[ToolContext], Awaitable[ToolReply]]) -> ToolSpec[ToolContext]:
    """Return a tool without arguments."""

    def prepare(_raw_arguments: JsonObject) -> PreparedCall[ToolContext]:
        return PreparedCall({}, run)

    return ToolSpec(
        name=name,
        title=name,
        description="Part of a measurement.",
        toolset=Toolset.SERVER,
        risk=Risk.READ,
        cost=CostClass.CHEAP,
        timeout_s=30.0,
        scopes=frozenset(),
        gitea_scopes=frozenset(),
        input_schema={"type": "object", "properties": {}},
        example={},
        prepare=prepare,
        idempotent=True,
        open_world=False,
    )


async def main() -> None:
    """Serve until ended from outside."""
    running: list[Running] = []

    async def touch_nothing(_context: ToolContext) -> ToolReply:
        await trio.lowlevel.checkpoint()
        return REPLY

    async def announce(_context: ToolContext) -> ToolReply:
        await trio.lowlevel.checkpoint()
        running[0].announce_list(ListName.TOOLS)
        return REPLY

    settings = load_settings(os.environ, None)
    clock = SystemClock()
    configure_logging(settings.telemetry, clock)
    tune_garbage_collector()
    catalogue = Catalogue(tools=(tool("touch_nothing", touch_nothing), tool("announce", announce)))
    async with trio.open_nursery() as nursery:
        running.append(await nursery.start(partial(run_gate, settings, clock=clock, catalogue=catalogue)))
        print(running[0].url, flush=True)


if __name__ == "__main__":
    trio.run(main)
