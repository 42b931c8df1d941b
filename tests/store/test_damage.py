"""A store that is damaged, full or locked says so, keeps nothing by halves, and goes on when it can."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.clock import SetClock
from aegis_trio.store import sqlite as room
from aegis_trio.store.interface import RESYNC, Delete, Put, Space, StoreFailed
from aegis_trio.store.sqlite import LOOK_EVERY_S, SqliteStore, open_sqlite_store

CLOCK = SetClock(1_000 * 1_000_000_000)
BIG = b"x" * 60_000


def put(key: str, value: bytes = b"{}") -> Put:
    """Return the change that writes a grant."""
    return Put(space=Space.GRANT, key=key, value=value, indexes=("person:1",))


async def pragma(store: SqliteStore, words: str) -> object:
    """Return what SQLite says to a pragma on the store's own connection."""
    return await store._in_thread(lambda: store._run(f"PRAGMA {words}", ()).fetchone()[0])


@contextmanager
def other_process(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as another process does."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    try:
        yield connection
    finally:
        connection.close()


async def test_every_commit_is_synced_before_it_is_acknowledged(tmp_path: Path) -> None:
    """A gate, or its machine, that ends right after an answer has kept what the answer gave."""
    async with open_sqlite_store(tmp_path / "store.sqlite3", clock=CLOCK) as store:
        assert ("wal", 2) == (await pragma(store, "journal_mode"), await pragma(store, "synchronous"))
        await store.put(put("g"))
        # Another process sees it at once: it is in the file, not in this process.
        with other_process(tmp_path / "store.sqlite3") as connection:
            assert 1 == connection.execute("SELECT COUNT(*) FROM row").fetchone()[0]


async def test_a_full_disk_is_said_and_nothing_stays_of_what_did_not_fit(tmp_path: Path) -> None:
    """Old tokens go on working; a change of several rows is there whole or not at all."""
    async with open_sqlite_store(tmp_path / "store.sqlite3", clock=CLOCK) as store:
        await store.put(put("kept"))
        await pragma(store, f"max_page_count = {await pragma(store, 'page_count')}")
        with pytest.raises(StoreFailed, match="full"):
            await store.put(put("big", BIG))
        with pytest.raises(StoreFailed, match="full"):
            await store.apply((Delete(space=Space.GRANT, key="kept"), put("small"), put("big", BIG)))
        assert ["kept"] == [row.key for row in await store.rows(Space.GRANT)]

        await pragma(store, "max_page_count = 100000")
        assert await store.apply((Delete(space=Space.GRANT, key="kept"), put("small"), put("big", BIG)))
        assert ["big", "small"] == [row.key for row in await store.rows(Space.GRANT)]


async def test_a_store_that_another_process_writes_to_for_too_long_is_said(tmp_path: Path) -> None:
    """Reading goes on; writing does when the other one has finished."""
    path = tmp_path / "store.sqlite3"
    async with open_sqlite_store(path, clock=CLOCK) as store:
        await store.put(put("g"))
        await pragma(store, "busy_timeout = 1")
        with other_process(path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreFailed, match="locked"):
                await store.take(Space.GRANT, "g")
            assert await store.get(Space.GRANT, "g") is not None
            connection.execute("ROLLBACK")
            assert await store.take(Space.GRANT, "g") is not None


async def test_a_store_that_another_process_holds_alone_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused by its name; afterwards it opens."""
    path = tmp_path / "store.sqlite3"
    monkeypatch.setattr(room, "BUSY_S", 0.001)
    async with open_sqlite_store(path, clock=CLOCK) as store:
        await store.put(put("g"))
    with other_process(path) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreFailed, match=r"STORE_PATH .*store\.sqlite3: database is locked"):
            async with open_sqlite_store(path, clock=CLOCK):
                pass
    async with open_sqlite_store(path, clock=CLOCK) as store:
        assert await store.get(Space.GRANT, "g") is not None


async def test_a_file_that_was_damaged_gives_a_fault_and_no_wrong_rows(tmp_path: Path) -> None:
    """Somebody restored half a backup: no call is served from what is left of it."""
    path = tmp_path / "store.sqlite3"
    async with open_sqlite_store(path, clock=CLOCK) as store:
        for number in range(40):
            await store.put(put(f"g{number}", BIG))
    whole = bytearray(path.read_bytes())
    for start in range(8 * 4096, len(whole), 4096):
        whole[start : start + 64] = b"\xa5" * 64
    path.write_bytes(bytes(whole))
    read = 0
    with pytest.RaisesGroup(pytest.RaisesExc(StoreFailed, match="STORE_PATH")):
        async with open_sqlite_store(path, clock=CLOCK) as store:
            for row in await store.rows(Space.GRANT):
                assert BIG == row.value
                read += 1
    assert 40 > read


async def test_a_feed_that_cannot_be_read_for_a_while_ends_nothing_and_is_made_up_for(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    """Law of the gate: a fault of the store is tried again; then everybody looks at what was missed."""
    path = tmp_path / "store.sqlite3"
    async with open_sqlite_store(path, clock=CLOCK) as store:
        with store.subscribe("revoked") as revoked, other_process(path) as connection:
            connection.execute("ALTER TABLE feed RENAME TO hidden")
            for _ in range(3):
                mock_clock.jump(LOOK_EVERY_S)
                await store.put(put("g"))  # one turn of the thread, so that the look has been
                await trio.testing.wait_all_tasks_blocked()
                await store.put(put("g"))
            connection.execute("ALTER TABLE hidden RENAME TO feed")
            mock_clock.jump(LOOK_EVERY_S)
            assert RESYNC == await revoked.receive()
