"""Signals: the first asks, the second forces, HUP reloads."""

from __future__ import annotations

import os
import signal
from functools import partial

import trio
import trio.testing

from aegis_trio.supervisor.signals import watch_signals


async def test_signals_are_acted_on_in_order() -> None:
    """TERM begins the drain, any later TERM or INT forces the end; HUP reloads at any time."""
    happened: list[str] = []
    reloaded = trio.Event()
    forced = trio.Event()

    async def reload() -> None:
        happened.append("reload")
        reloaded.set()

    def force() -> None:
        happened.append("force")
        forced.set()

    async with trio.open_nursery() as nursery:
        watch = partial(watch_signals, begin_drain=lambda: happened.append("drain"), force_end=force, reload=reload)
        await nursery.start(watch)
        os.kill(os.getpid(), signal.SIGHUP)
        with trio.fail_after(30):
            await reloaded.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await trio.testing.wait_all_tasks_blocked()
        os.kill(os.getpid(), signal.SIGINT)
        with trio.fail_after(30):
            await forced.wait()
        nursery.cancel_scope.cancel()

    assert ["reload", "drain", "force"] == happened
