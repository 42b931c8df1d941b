"""The embedded store: on disk before it is acknowledged, its owner's alone, and shared with the command line."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest
import trio

from aegis_trio.model.clock import SetClock
from aegis_trio.store.interface import Put, Space, StoreFailed
from aegis_trio.store.sqlite import LOOK_EVERY_S, open_sqlite_store

CLOCK = SetClock(1_000 * 1_000_000_000)
ROW = Put(space=Space.GRANT, key="g", value=b"{}", indexes=("person:1",))


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    """Nobody signs in again because the process began again."""
    path = tmp_path / "store.sqlite3"
    async with open_sqlite_store(path, clock=CLOCK) as store:
        await store.put(ROW)
    async with open_sqlite_store(path, clock=CLOCK) as store:
        assert ["g"] == [found.key for found in await store.find(Space.GRANT, "person:1")]


async def test_the_file_and_its_folder_are_their_owners_alone(tmp_path: Path) -> None:
    """Sealed or not, tokens are nobody else's to read; SQLite gives its side files the mode of the file."""
    path = tmp_path / "state" / "store.sqlite3"
    async with open_sqlite_store(path, clock=CLOCK) as store:
        await store.put(ROW)
        modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()}
    assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)
    assert {0o600} == set(modes.values())
    assert path.name in modes


async def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """It says what to do, and touches nothing."""
    path = tmp_path / "store.sqlite3"
    path.touch(mode=0o600)
    path.chmod(0o640)
    with pytest.raises(StoreFailed, match="chmod 600"):
        async with open_sqlite_store(path, clock=CLOCK):
            pass
    assert b"" == path.read_bytes()


async def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    """Guessing at what it means would lose grants."""
    path = tmp_path / "store.sqlite3"
    async with open_sqlite_store(path, clock=CLOCK):
        pass
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreFailed, match="later version"):
        async with open_sqlite_store(path, clock=CLOCK):
            pass


async def test_a_file_that_is_no_store_is_refused_by_name(tmp_path: Path) -> None:
    """The operator reads which setting is wrong."""
    path = tmp_path / "store.sqlite3"
    path.write_bytes(b"no database" * 100)
    path.chmod(0o600)
    with pytest.raises(StoreFailed, match="STORE_PATH"):
        async with open_sqlite_store(path, clock=CLOCK):
            pass


async def test_a_folder_that_cannot_be_made_is_refused_by_name(tmp_path: Path) -> None:
    """The same."""
    (tmp_path / "taken").touch()
    with pytest.raises(StoreFailed, match="STORE_PATH"):
        async with open_sqlite_store(tmp_path / "taken" / "store.sqlite3", clock=CLOCK):
            pass


async def test_two_processes_see_each_others_rows_and_words(tmp_path: Path) -> None:
    """`aegis-trio oauth revoke` ends what the serving process runs, within a second."""
    path = tmp_path / "store.sqlite3"
    async with open_sqlite_store(path, clock=CLOCK) as serving, open_sqlite_store(path, clock=CLOCK) as command:
        with serving.subscribe("revoked") as revoked:
            await serving.put(ROW)
            assert await command.delete(Space.GRANT, "g")
            await command.publish("revoked", "g")
            with trio.fail_after(LOOK_EVERY_S * 20):
                assert "g" == await revoked.receive()
            assert await serving.get(Space.GRANT, "g") is None


async def test_a_word_is_heard_once(tmp_path: Path) -> None:
    """By the publisher's own process at once, and not again at its next look."""
    path = tmp_path / "store.sqlite3"
    async with open_sqlite_store(path, clock=CLOCK) as store:
        with store.subscribe("revoked") as revoked:
            await store.publish("revoked", "g")
            await store.publish("revoked", "h")
            await trio.to_thread.run_sync(os.sync)
            heard = [await revoked.receive(), await revoked.receive()]
            with pytest.raises(trio.WouldBlock):
                revoked.receive_nowait()
    assert ["g", "h"] == heard


async def test_a_bug_in_a_transaction_leaves_nothing_of_it(tmp_path: Path) -> None:
    """A counter whose value is no number is our bug; the store goes on."""
    async with open_sqlite_store(tmp_path / "store.sqlite3", clock=CLOCK) as store:
        await store.put(Put(space=Space.COUNTER, key="n", value=b"no number"))
        with pytest.raises(ValueError, match="invalid literal"):
            await store.add(Space.COUNTER, "n", 1, expires_at=2_000)

        assert 1 == await store.put(ROW)


async def test_a_store_that_is_closed_says_so(tmp_path: Path) -> None:
    """Nothing is lost without a word."""
    async with open_sqlite_store(tmp_path / "store.sqlite3", clock=CLOCK) as store:
        pass
    with pytest.raises(StoreFailed, match="not open"):
        await store.put(ROW)


async def test_a_fresh_file_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    """The gate's first start and a command of the operator's; whoever comes second finds the tables made."""
    path = tmp_path / "new" / "store.sqlite3"
    opened: list[int] = []

    async def open_and_write(number: int) -> None:
        async with open_sqlite_store(path, clock=CLOCK) as store:
            await store.put(Put(space=Space.GRANT, key=str(number), value=b"{}"))
            opened.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(8):
            nursery.start_soon(open_and_write, number)
    async with open_sqlite_store(path, clock=CLOCK) as store:
        assert 8 == await store.count(Space.GRANT)
    assert list(range(8)) == sorted(opened)
