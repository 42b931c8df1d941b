"""What a store does: expiring rows, compare-and-set, single use, counters, and a feed of revocations.

Laws:
    1. A row that has expired is absent, whether or not it was swept.
    2. What `put`, `take`, `delete`, `add` or `apply` returned is durable.
    3. `take` gives a row to one caller only; `apply` does all of its changes or none.
    4. `get_recent` may miss what another process did in the last `RECENT_S` seconds, and nothing that this one did.
    5. Keys and index words are text of ours or digests; hostile text is hashed by its owner first.

Not here: what rows mean. Only primitives stand here that a hash, a sorted set and a script of Redis can serve.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeAlias, final

import trio

MAX_VALUE_BYTES: Final = 64 * 1024  # the largest row is a client's document of 5 KB
MAX_KEY_CHARS: Final = 512
MAX_INDEXES: Final = 4
RECENT_S: Final = 0.9
"""How old a row may be that another process has changed since; promises say that what has ended ends in a second."""
FEED_SLOTS: Final = 256
"""Revocations that wait for one subscriber; a slower one is told to look at everything again."""
RESYNC: Final = "*"
"""The word by which a subscriber learns that it missed some."""


class Space(StrEnum):
    """Kinds of rows; each has its own keys."""

    CLIENT = "client"
    DOCUMENT = "document"  # metadata documents of clients
    LOGIN = "login"  # requests to sign in that are not answered yet
    CODE = "code"
    ACCESS = "access"
    REFRESH = "refresh"
    GRANT = "grant"
    PERSON = "person"
    BROWSER = "browser"
    NOTICE = "notice"  # what a command ended and the audit log does not hold yet
    COUNTER = "counter"
    CHECK = "check"  # what a start is checked by
    BLOCK = "block"  # blocked addresses and networks
    BLOCK_ORDER = "block_order"  # what the operator wants done about them


@final
class StoreFailed(Exception):
    """The store cannot be read or written; the text is for the operator."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row as it stands."""

    key: str
    value: bytes
    version: int
    """1 when it is made, one more with each change; a row that is made again begins anew."""
    expires_at: int | None
    """UTC seconds; None never."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Write one row."""

    space: Space
    key: str
    value: bytes
    expires_at: int | None = None
    indexes: tuple[str, ...] = ()
    """Words by which `find` gives it, at most `MAX_INDEXES`."""
    if_version: int | None = None
    """None: whatever is there. 0: only if nothing is. n: only if version n is."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Remove one row, if it is there."""

    space: Space
    key: str
    if_version: int | None = None
    """None: whatever is there. n: only if version n is, and otherwise nothing of the whole `apply`."""


Change: TypeAlias = Put | Delete


class Store(Protocol):
    """Durable state; every method raises StoreFailed when it cannot be read or written."""

    async def get(self, space: Space, key: str) -> Row | None:
        """Return a row, or None when it is absent."""
        ...

    async def get_recent(self, space: Space, key: str) -> Row | None:
        """Return a row as `get` does, or as it was at most `RECENT_S` ago if another process has changed it since.

        For what every call asks and nobody writes back; whoever changes what was read reads it with `get`.
        """
        ...

    async def put(self, change: Put) -> int | None:
        """Write a row; return its new version, or None when `if_version` did not hold."""
        ...

    async def take(self, space: Space, key: str) -> Row | None:
        """Return a row and remove it; whoever comes second gets None."""
        ...

    async def delete(self, space: Space, key: str) -> bool:
        """Remove a row; return whether it was there."""
        ...

    async def find(self, space: Space, index: str, *, limit: int = 1000) -> tuple[Row, ...]:
        """Return the rows that were put with the word *index*, in the order of their keys, at most *limit*."""
        ...

    async def rows(self, space: Space, *, after: str = "", limit: int = 100) -> tuple[Row, ...]:
        """Return rows with keys behind *after*, in the order of their keys, at most *limit*."""
        ...

    async def count(self, space: Space) -> int:
        """Return how many rows a space has."""
        ...

    async def add(self, space: Space, key: str, amount: int, *, expires_at: int) -> int:
        """Add to a counter, which begins at 0; return its new value. Its expiry is set when it begins."""
        ...

    async def apply(self, changes: tuple[Change, ...]) -> bool:
        """Do all *changes* or none; return whether they were done: every `if_version` held."""
        ...

    async def sweep(self) -> int:
        """Remove what has expired; return how many rows that were."""
        ...

    async def publish(self, topic: str, word: str) -> None:
        """Tell every subscriber of *topic*; also those of other processes on the same store."""
        ...

    def subscribe(self, topic: str) -> AbstractContextManager[trio.MemoryReceiveChannel[str]]:
        """Hear what is published while the block lasts; `RESYNC` stands for what was missed."""
        ...


def check_put(change: Put) -> None:
    """Refuse a row that no store takes.

    Raises:
        ValueError: too large, or a key or index that is empty or too long — our caller's bug.
    """
    if len(change.value) > MAX_VALUE_BYTES:
        raise ValueError(f"a value has at most {MAX_VALUE_BYTES} bytes")
    if len(change.indexes) > MAX_INDEXES:
        raise ValueError(f"a row has at most {MAX_INDEXES} index words")
    for word in (change.key, *change.indexes):
        if not 0 < len(word) <= MAX_KEY_CHARS:
            raise ValueError(f"keys and index words have 1 to {MAX_KEY_CHARS} characters")
