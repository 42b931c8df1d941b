"""The real gate, from listener to audit log, with a catalogue that asks nothing of the forge.

    touch_nothing    answers at once
    announce         tells every stream that the list of tools is another one than before

Only the catalogue is another one than the product's; settings come from the environment, as an operator gives them.
With `--unrecorded` the trail is another one, too: it drops every record, which no setting of the product can do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from unittest.mock import patch

import trio

from aegis_trio.audit.entry import AuditEntry
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.trail import AuditTrail, open_audit_trail
from aegis_trio.config.load import load_settings
from aegis_trio.model.call import ToolReply
from aegis_trio.model.clock import SystemClock, WallClock
from aegis_trio.model.features import Catalogue
from aegis_trio.model.json import JsonObject
from aegis_trio.model.toolspec import CostClass, PreparedCall, Risk, Toolset, ToolSpec
from aegis_trio.supervisor import tree
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


class _Unrecorded:
    """A trail that takes every record and drops it; all else is the real one's."""

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    def __getattr__(self, name: str) -> object:
        return getattr(self._trail, name)

    async def append(self, _entry: AuditEntry) -> int:
        """Drop a record."""
        await trio.lowlevel.checkpoint()
        return 0

    def append_nowait(self, entry: AuditEntry) -> None:
        """Drop *entry*."""


@asynccontextmanager
async def _open_unrecorded(settings: AuditSettings, *, clock: WallClock) -> AsyncGenerator[_Unrecorded]:
    async with open_audit_trail(settings, clock=clock) as trail:
        yield _Unrecorded(trail)


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
    if "--unrecorded" in sys.argv:
        with patch.object(tree, "open_audit_trail", _open_unrecorded):
            trio.run(main)
    else:
        trio.run(main)
