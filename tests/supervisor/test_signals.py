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
        watch = partial(
            watch_signals,
            note_end=lambda: happened.append("note"),
            begin_drain=lambda: happened.append("drain"),
            force_end=force,
            reload=reload,
        )
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

    assert ["reload", "note", "drain", "note", "force"] == happened


async def test_an_end_is_noted_while_the_event_loop_is_stuck() -> None:
    """The last resort is armed by the signal itself: a loop that never turns again could not do it."""
    noted: list[str] = []

    async def reload() -> None:
        await trio.lowlevel.checkpoint()

    before = signal.getsignal(signal.SIGTERM)
    async with trio.open_nursery() as nursery:
        watch = partial(
            watch_signals,
            note_end=lambda: noted.append("note"),
            begin_drain=lambda: noted.append("drain"),
            force_end=lambda: noted.append("force"),
            reload=reload,
        )
        await nursery.start(watch)
        os.kill(os.getpid(), signal.SIGTERM)
        assert ["note"] == noted  # no checkpoint lies between
        await trio.testing.wait_all_tasks_blocked()
        assert ["note", "drain"] == noted
        nursery.cancel_scope.cancel()
    assert before is signal.getsignal(signal.SIGTERM)
