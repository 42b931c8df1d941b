"""The tables of the embedded store, as the steps that made them.

Law: each step is applied once, in its order, and never changed; a file of a later version is refused, not guessed at.
"""

from __future__ import annotations

from typing import Final

MIGRATIONS: Final = (
    """
    CREATE TABLE row (
        space TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, version INTEGER NOT NULL, expires_at INTEGER,
        PRIMARY KEY (space, key)
    ) WITHOUT ROWID;
    CREATE INDEX row_expiry ON row (expires_at) WHERE expires_at IS NOT NULL;
    CREATE TABLE word (
        space TEXT NOT NULL, word TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (space, word, key)
    ) WITHOUT ROWID;
    CREATE INDEX word_key ON word (space, key);
    CREATE TABLE feed (
        id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, word TEXT NOT NULL, at INTEGER NOT NULL
    );
    """,
)
