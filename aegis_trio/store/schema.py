"""The tables of the embedded store: how a file comes to have them, and how rows are found in them.

Laws:
    1. Steps are only ever added, behind the others; each is applied once, in its order.
    2. A file of a later version is left as it is, never guessed at.
    3. Several processes may find the same fresh file at once.

Source: sqlite.org/pragma.html#pragma_user_version, sqlite.org/wal.html.
"""

from __future__ import annotations

import sqlite3
import time
from itertools import chain
from typing import Final

_WAL_TRIES: Final = 100
_MIGRATIONS: Final = (
    (
        """
        CREATE TABLE row (
            space TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, version INTEGER NOT NULL, expires_at INTEGER,
            PRIMARY KEY (space, key)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX row_expiry ON row (expires_at) WHERE expires_at IS NOT NULL",
        """
        CREATE TABLE word (
            space TEXT NOT NULL, word TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (space, word, key)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX word_key ON word (space, key)",
        """
        CREATE TABLE feed (
            id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, word TEXT NOT NULL, at INTEGER NOT NULL
        )
        """,
    ),
)
GET: Final = """
    SELECT key, value, version, expires_at FROM row
    WHERE space = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)
"""
FIND: Final = """
    SELECT key, value, version, expires_at FROM row JOIN word USING (space, key)
    WHERE space = ? AND word = ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY key LIMIT ?
"""
ROWS: Final = """
    SELECT key, value, version, expires_at FROM row
    WHERE space = ? AND key > ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY key LIMIT ?
"""
COUNT: Final = "SELECT COUNT(*) FROM row WHERE space = ? AND (expires_at IS NULL OR expires_at > ?)"
FORGET_WORDS: Final = "DELETE FROM word WHERE (space, key) IN (SELECT space, key FROM row WHERE expires_at <= ?)"


def use_wal(connection: sqlite3.Connection, busy_s: float) -> None:
    """Write ahead; blocks its thread, for *busy_s* seconds at most.

    SQLite does not wait for another process that changes the mode in the same moment: it says "locked" at once.

    Raises:
        sqlite3.OperationalError: the file stayed locked, or cannot be written.
        sqlite3.DatabaseError: it is no database.
    """
    # Invariant: this loop alone waits. Where SQLite waits too (for whoever holds the file alone), it would at each try.
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        for left in reversed(range(_WAL_TRIES)):
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                if not left:
                    raise
                time.sleep(busy_s / _WAL_TRIES)
            else:
                return
    finally:
        connection.execute(f"PRAGMA busy_timeout = {int(busy_s * 1000)}")


def migrate(connection: sqlite3.Connection) -> bool:
    """Bring a file up to date, in the caller's transaction; return whether it is of this version or an earlier one."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(_MIGRATIONS):
        return False
    for statement in chain.from_iterable(_MIGRATIONS[version:]):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")
    return True
