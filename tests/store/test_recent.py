"""Rows that are remembered: never older than promised, never more than there is room for."""

from __future__ import annotations

from pathlib import Path

import trio
from trio.testing import MockClock

from aegis_trio.model.clock import SetClock
from aegis_trio.store.interface import RECENT_S, Put, Row, Space
from aegis_trio.store.recent import MAX_BYTES, RecentRows
from aegis_trio.store.sqlite import LOOK_EVERY_S, SqliteStore, open_sqlite_store

CLOCK = SetClock(1_000 * 1_000_000_000)
ROW = Put(space=Space.GRANT, key="g", value=b"{}", indexes=("person:1",))


def _row(key: str, value: bytes = b"{}") -> Row:
    return Row(key=key, value=value, version=1, expires_at=None)


def test_what_was_not_looked_at_lately_is_not_given() -> None:
    """Law 1: a disk that hangs makes the gate ask it, not believe its memory."""
    recent = RecentRows()
    recent.keep(Space.GRANT, _row("g"))
    assert recent.find(Space.GRANT, "g", 0.0) is None
    recent.note_look(10.0)
    recent.note_look(9.0)  # one that was overtaken
    assert recent.find(Space.GRANT, "g", 9.99 + RECENT_S) is not None
    assert recent.find(Space.GRANT, "g", 10.01 + RECENT_S) is None
    assert recent.find(Space.ACCESS, "g", 10.0) is None


def test_memory_is_bounded_and_what_was_read_last_stays() -> None:
    """Law 3: the number of people has no bound."""
    recent = RecentRows()
    recent.note_look(0.0)
    large = bytes(MAX_BYTES // 4)
    for key in ("a", "b", "c", "a", "d"):
        recent.keep(Space.PERSON, _row(key, large))
    assert ["a", "c", "d"] == [key for key in "abcd" if recent.find(Space.PERSON, key, 0.0) is not None]
    recent.forget_all()
    for key in "efg":
        recent.keep(Space.PERSON, _row(key, large))
    assert recent.find(Space.PERSON, "e", 0.0) is not None


def test_looking_is_often_enough() -> None:
    """Rows would otherwise be read anew between two looks; and what has ended must end in a second."""
    assert LOOK_EVERY_S < RECENT_S < 1.0


async def test_what_another_process_ended_is_gone_at_the_next_look(tmp_path: Path) -> None:
    """The command line ends a grant, and the gate's memory of it with that."""
    path = tmp_path / "store.sqlite3"
    async with open_sqlite_store(path, clock=CLOCK) as serving, open_sqlite_store(path, clock=CLOCK) as command:
        await serving.put(ROW)
        assert await serving.get_recent(Space.GRANT, "g") is not None
        assert await command.delete(Space.GRANT, "g")
        await serving.publish("elsewhere", "a look comes with it")
        assert await serving.get_recent(Space.GRANT, "g") is None


async def test_what_another_process_ended_is_gone_when_nobody_looks(tmp_path: Path, mock_clock: MockClock) -> None:
    """A look that hangs, or was never begun, makes nothing live longer."""
    path = tmp_path / "store.sqlite3"
    serving, command = SqliteStore(path, CLOCK), SqliteStore(path, CLOCK)
    await serving.open()
    await command.open()
    await serving.put(ROW)
    assert await serving.get_recent(Space.GRANT, "g") is not None
    assert await command.delete(Space.GRANT, "g")
    mock_clock.jump(RECENT_S - 0.01)
    assert await serving.get_recent(Space.GRANT, "g") is not None, "nothing was remembered, so nothing was tried here"
    mock_clock.jump(0.02)
    assert await serving.get_recent(Space.GRANT, "g") is None
    await serving.close()
    await command.close()


async def test_what_this_process_ended_is_gone_at_once_whoever_reads_meanwhile(tmp_path: Path) -> None:
    """A call that is judged while a grant ends must not bring the memory of it back."""
    async with open_sqlite_store(tmp_path / "store.sqlite3", clock=CLOCK) as store:

        async def read_on(gone: trio.Event) -> None:
            while not gone.is_set():
                await store.get_recent(Space.GRANT, "g")
                await trio.lowlevel.checkpoint()

        for _ in range(20):
            await store.put(ROW)
            gone = trio.Event()
            async with trio.open_nursery() as nursery:
                for _ in range(4):
                    nursery.start_soon(read_on, gone)
                await store.delete(Space.GRANT, "g")
                assert await store.get_recent(Space.GRANT, "g") is None
                gone.set()
            assert await store.get_recent(Space.GRANT, "g") is None
