"""The embedded store: one SQLite file, one thread, every write on disk before it is acknowledged.

Laws:
    1. One connection, used by one thread at a time, so that no statement waits for another of ours.
    2. A transaction takes the write lock at its beginning: what it read still stands when it writes.
    3. The file is its owner's alone (0600, in a folder 0700), and is refused where others can read it.
    4. Another process (the command line) may use the file at the same time; its revocations are heard, and its changes
       known of, within `LOOK_EVERY_S`.

Whom it trusts: the file. Whoever can write to it can let anybody in.

Source: sqlite.org/wal.html, sqlite.org/pragma.html#pragma_synchronous (FULL in WAL syncs every commit) and
#pragma_data_version (another number once another connection has committed, never for our own commits).
"""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar, final

import trio

from aegis_trio.model.clock import WallClock, unix_seconds
from aegis_trio.store.feed import Feed, keep_hearing
from aegis_trio.store.interface import Change, Delete, Put, Row, Space, StoreFailed, check_put
from aegis_trio.store.recent import RecentRows
from aegis_trio.store.schema import COUNT, FIND, FORGET_WORDS, GET, ROWS, migrate, use_wal

BUSY_S: Final = 5.0  # how long a transaction of another process is waited for
LOOK_EVERY_S: Final = 0.5  # revocations of another process; promises say within a second
FEED_KEPT_S: Final = 3600
ResultT = TypeVar("ResultT")


@asynccontextmanager
async def open_sqlite_store(path: Path, *, clock: WallClock) -> AsyncGenerator[SqliteStore]:
    """Open the store at *path*, made with its folder when it is not there.

    Raises:
        StoreFailed: it cannot be opened, others can read it, or a later version of the gate made it.
    """
    store = SqliteStore(path, clock)
    try:
        await store.open()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.look_for_words)
            try:
                yield store
            finally:
                nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):  # closing a file takes as long as the disk does
            await store.close()


@asynccontextmanager
async def open_for_a_moment(path: Path, *, clock: WallClock) -> AsyncGenerator[SqliteStore]:
    """Open the store at *path* without hearing its feed; what goes wrong inside comes out as it is, in no group.

    Raises:
        StoreFailed: as `open_sqlite_store`.
    """
    store = SqliteStore(path, clock)
    try:
        await store.open()
        yield store
    finally:
        with trio.CancelScope(shield=True):  # as above
            await store.close()


@final
class SqliteStore:
    """Rows in one file; a `Store`."""

    def __init__(self, path: Path, clock: WallClock) -> None:
        """Know where the file is; `open` must follow."""
        self._path = path
        self._clock = clock
        self._feed = Feed()
        self._one_at_a_time = trio.CapacityLimiter(1)
        self._connection: sqlite3.Connection | None = None
        self._heard = 0
        self._recent = RecentRows()

    async def open(self) -> None:
        """Open the file and bring it up to date.

        Raises:
            StoreFailed: as `open_sqlite_store`.
        """
        begun_s = trio.current_time()
        await self._in_thread(self._open)
        self._recent.note_look(begun_s)

    async def close(self) -> None:
        """Close the file."""
        await self._in_thread(self._close)

    # ---- rows -------------------------------------------------------------------------------------------------------

    async def get(self, space: Space, key: str) -> Row | None:
        """Return a row, or None when it is absent."""
        return await self._in_thread(lambda: self._get(space, key))

    async def get_recent(self, space: Space, key: str) -> Row | None:
        """Return a row as it was at most `RECENT_S` ago, or None when it is absent."""
        await trio.lowlevel.checkpoint_if_cancelled()
        row = self._recent.find(space, key, trio.current_time())
        if row is not None and (row.expires_at is None or row.expires_at > self._now_s()):
            return row
        return await self._in_thread(lambda: self._recent.keep(space, self._get(space, key)))

    async def put(self, change: Put) -> int | None:
        """Write a row; return its new version, or None when `if_version` did not hold."""
        check_put(change)
        return await self._transaction(lambda: self._put(change) if self._holds(change) else None)

    async def take(self, space: Space, key: str) -> Row | None:
        """Return a row and remove it."""

        def work() -> Row | None:
            row = self._get(space, key)
            self._delete(space, key)
            return row

        return await self._transaction(work)

    async def delete(self, space: Space, key: str) -> bool:
        """Remove a row; return whether it was there."""
        return await self.take(space, key) is not None

    async def find(self, space: Space, index: str, *, limit: int = 1000) -> tuple[Row, ...]:
        """Return the rows that were put with the word *index*."""
        return await self._in_thread(lambda: self._select(FIND, (space.value, index, self._now_s(), limit)))

    async def rows(self, space: Space, *, after: str = "", limit: int = 100) -> tuple[Row, ...]:
        """Return rows with keys behind *after*."""
        return await self._in_thread(lambda: self._select(ROWS, (space.value, after, self._now_s(), limit)))

    async def count(self, space: Space) -> int:
        """Return how many rows a space has."""
        return await self._in_thread(lambda: int(self._run(COUNT, (space.value, self._now_s())).fetchone()[0]))

    async def add(self, space: Space, key: str, amount: int, *, expires_at: int) -> int:
        """Add to a counter; return its new value."""

        def work() -> int:
            row = self._get(space, key)
            value = amount if row is None else int(row.value) + amount
            until = expires_at if row is None else row.expires_at
            self._put(Put(space=space, key=key, value=str(value).encode(), expires_at=until))
            return value

        return await self._transaction(work)

    async def apply(self, changes: tuple[Change, ...]) -> bool:
        """Do all *changes* or none."""
        for change in changes:
            if isinstance(change, Put):
                check_put(change)

        def work() -> bool:
            if not all(self._holds(change) for change in changes):
                return False
            for change in changes:
                match change:
                    case Put():
                        self._put(change)
                    case Delete(space=space, key=key):
                        self._delete(space, key)
            return True

        return await self._transaction(work)

    async def sweep(self) -> int:
        """Remove what has expired."""

        def work() -> int:
            now_s = self._now_s()
            self._recent.forget_all()
            self._run(FORGET_WORDS, (now_s,))
            self._run("DELETE FROM feed WHERE at <= ?", (now_s - FEED_KEPT_S,))
            return self._run("DELETE FROM row WHERE expires_at <= ?", (now_s,)).rowcount

        return await self._transaction(work)

    # ---- the feed ---------------------------------------------------------------------------------------------------

    async def publish(self, topic: str, word: str) -> None:
        """Tell every subscriber of *topic*; those of other processes hear it at their next look."""
        insert = "INSERT INTO feed (topic, word, at) VALUES (?, ?, ?)"
        await self._transaction(lambda: self._run(insert, (topic, word, self._now_s())))
        await self._hear()

    def subscribe(self, topic: str) -> AbstractContextManager[trio.MemoryReceiveChannel[str]]:
        """Hear what is published while the block lasts."""
        return self._feed.subscribe(topic)

    async def look_for_words(self) -> None:
        """Hear what other processes publish, until cancelled; while the file cannot be read, tried again."""
        await keep_hearing(self._hear, self._feed, LOOK_EVERY_S)

    async def _hear(self) -> None:
        begun_s = trio.current_time()
        words = await self._in_thread(self._look)
        self._recent.note_look(begun_s)
        for number, topic, word in words:
            if number > self._heard:
                self._heard = int(number)
                self._feed.tell(str(topic), str(word))

    # ---- in the thread ----------------------------------------------------------------------------------------------

    async def _in_thread(self, work: Callable[[], ResultT]) -> ResultT:
        try:
            return await trio.to_thread.run_sync(work, limiter=self._one_at_a_time)
        except (sqlite3.Error, OSError) as error:
            raise StoreFailed(f"STORE_PATH {self._path}: {error}") from error

    async def _transaction(self, work: Callable[[], ResultT]) -> ResultT:
        return await self._in_thread(lambda: self._at_once(work))

    def _at_once(self, work: Callable[[], ResultT]) -> ResultT:
        self._run("BEGIN IMMEDIATE", ())
        try:
            result = work()
            self._run("COMMIT", ())
        finally:
            # Whatever went wrong before the commit, nothing of it stays.
            if self._open_connection().in_transaction:
                self._run("ROLLBACK", ())
        return result

    def _open(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.touch(mode=0o600, exist_ok=True)
        if stat.S_IMODE(self._path.stat().st_mode) & 0o077:
            raise StoreFailed(f"STORE_PATH {self._path}: others can read it; run `chmod 600` on it.")
        # One thread at a time, though not always the same one: the limiter sees to it.
        self._connection = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        use_wal(self._connection, BUSY_S)
        for pragma in ("synchronous = FULL", "foreign_keys = ON", "trusted_schema = OFF"):
            self._run(f"PRAGMA {pragma}", ())
        # Invariant: the version is read under the lock under which it is raised, for the gate and a command may both
        # find a file that nobody has made up yet.
        if not self._at_once(lambda: migrate(self._open_connection())):
            raise StoreFailed(f"STORE_PATH {self._path}: a later version of the gate made it; use that one.")
        self._note_version()
        self._heard = int(self._run("SELECT COALESCE(MAX(id), 0) FROM feed", ()).fetchone()[0])

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreFailed(f"STORE_PATH {self._path}: it is not open.")
        return self._connection

    def _run(self, statement: str, values: tuple[str | bytes | int | None, ...]) -> sqlite3.Cursor:
        return self._open_connection().execute(statement, values)

    def _select(self, query: str, values: tuple[str | int, ...]) -> tuple[Row, ...]:
        found = self._run(query, values).fetchall()
        return tuple(
            Row(key=str(key), value=bytes(value), version=int(version), expires_at=expires_at)
            for key, value, version, expires_at in found
        )

    def _get(self, space: Space, key: str) -> Row | None:
        found = self._select(GET, (space.value, key, self._now_s()))
        return found[0] if found else None

    def _look(self) -> list[tuple[int, str, str]]:
        # Rows first: whoever hears that something has ended must not find it alive.
        self._note_version()
        return self._run("SELECT id, topic, word FROM feed WHERE id > ? ORDER BY id", (self._heard,)).fetchall()

    def _note_version(self) -> None:
        self._recent.note_version(int(self._run("PRAGMA data_version", ()).fetchone()[0]))

    def _holds(self, change: Change) -> bool:
        if change.if_version is None:
            return True
        row = self._get(change.space, change.key)
        return change.if_version == (0 if row is None else row.version)

    def _put(self, change: Put) -> int:
        row = self._get(change.space, change.key)
        version = 1 if row is None else row.version + 1
        space, key = change.space.value, change.key
        self._recent.forget(change.space, key)
        self._run("DELETE FROM word WHERE space = ? AND key = ?", (space, key))
        self._run(
            "INSERT OR REPLACE INTO row (space, key, value, version, expires_at) VALUES (?, ?, ?, ?, ?)",
            (space, key, change.value, version, change.expires_at),
        )
        for word in dict.fromkeys(change.indexes):
            self._run("INSERT INTO word (space, word, key) VALUES (?, ?, ?)", (space, word, key))
        return version

    def _delete(self, space: Space, key: str) -> None:
        self._recent.forget(space, key)
        self._run("DELETE FROM row WHERE space = ? AND key = ?", (space.value, key))
        self._run("DELETE FROM word WHERE space = ? AND key = ?", (space.value, key))

    def _now_s(self) -> int:
        return unix_seconds(self._clock)
