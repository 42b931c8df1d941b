"""A store that forgets when the process ends: for tests, and for the demo.

Law: the same as every store's; one conformance suite runs over all of them.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import final

import trio

from aegis_trio.model.clock import WallClock, unix_seconds
from aegis_trio.store.feed import Feed
from aegis_trio.store.interface import Change, Delete, Put, Row, Space, check_put


@dataclass(slots=True)
class _Kept:
    value: bytes
    version: int
    expires_at: int | None
    indexes: tuple[str, ...]


@final
class MemoryStore:
    """Rows in dictionaries; a `Store`."""

    def __init__(self, clock: WallClock) -> None:
        """Begin empty.

        Args:
            clock: tells what has expired.
        """
        self._clock = clock
        self._spaces: dict[Space, dict[str, _Kept]] = {space: {} for space in Space}
        self._feed = Feed()

    async def get(self, space: Space, key: str) -> Row | None:
        """Return a row, or None when it is absent."""
        await trio.lowlevel.checkpoint()
        kept = self._live(space, key)
        return None if kept is None else _row(key, kept)

    async def get_recent(self, space: Space, key: str) -> Row | None:
        """Return a row, or None when it is absent: no other process can have changed it."""
        return await self.get(space, key)

    async def put(self, change: Put) -> int | None:
        """Write a row; return its new version, or None when `if_version` did not hold."""
        check_put(change)
        await trio.lowlevel.checkpoint()
        return self._put(change) if self._holds(change) else None

    async def take(self, space: Space, key: str) -> Row | None:
        """Return a row and remove it."""
        await trio.lowlevel.checkpoint()
        kept = self._live(space, key)
        if kept is None:
            return None
        del self._spaces[space][key]
        return _row(key, kept)

    async def delete(self, space: Space, key: str) -> bool:
        """Remove a row; return whether it was there."""
        return await self.take(space, key) is not None

    async def find(self, space: Space, index: str, *, limit: int = 1000) -> tuple[Row, ...]:
        """Return the rows that were put with the word *index*."""
        await trio.lowlevel.checkpoint()
        live = ((key, self._live(space, key)) for key in sorted(self._spaces[space]))
        return tuple(_row(key, kept) for key, kept in live if kept is not None and index in kept.indexes)[:limit]

    async def rows(self, space: Space, *, after: str = "", limit: int = 100) -> tuple[Row, ...]:
        """Return rows with keys behind *after*."""
        await trio.lowlevel.checkpoint()
        live = ((key, self._live(space, key)) for key in sorted(self._spaces[space]) if key > after)
        return tuple(_row(key, kept) for key, kept in live if kept is not None)[:limit]

    async def count(self, space: Space) -> int:
        """Return how many rows a space has."""
        await trio.lowlevel.checkpoint()
        return sum(1 for key in self._spaces[space] if self._live(space, key) is not None)

    async def add(self, space: Space, key: str, amount: int, *, expires_at: int) -> int:
        """Add to a counter; return its new value."""
        await trio.lowlevel.checkpoint()
        kept = self._live(space, key)
        value = amount if kept is None else int(kept.value) + amount
        until = expires_at if kept is None else kept.expires_at
        self._put(Put(space=space, key=key, value=str(value).encode(), expires_at=until))
        return value

    async def apply(self, changes: tuple[Change, ...]) -> bool:
        """Do all *changes* or none."""
        for change in changes:
            if isinstance(change, Put):
                check_put(change)
        await trio.lowlevel.checkpoint()
        if not all(self._holds(change) for change in changes):
            return False
        for change in changes:
            match change:
                case Put():
                    self._put(change)
                case Delete(space=space, key=key):
                    self._spaces[space].pop(key, None)
        return True

    async def sweep(self) -> int:
        """Remove what has expired."""
        await trio.lowlevel.checkpoint()
        gone = [(space, key) for space, kept in self._spaces.items() for key in kept if self._live(space, key) is None]
        for space, key in gone:
            del self._spaces[space][key]
        return len(gone)

    async def publish(self, topic: str, word: str) -> None:
        """Tell every subscriber of *topic*."""
        await trio.lowlevel.checkpoint()
        self._feed.tell(topic, word)

    def subscribe(self, topic: str) -> AbstractContextManager[trio.MemoryReceiveChannel[str]]:
        """Hear what is published while the block lasts."""
        return self._feed.subscribe(topic)

    def _live(self, space: Space, key: str) -> _Kept | None:
        kept = self._spaces[space].get(key)
        if kept is None or (kept.expires_at is not None and kept.expires_at <= unix_seconds(self._clock)):
            return None
        return kept

    def _holds(self, change: Change) -> bool:
        if change.if_version is None:
            return True
        kept = self._live(change.space, change.key)
        return change.if_version == (0 if kept is None else kept.version)

    def _put(self, change: Put) -> int:
        kept = self._live(change.space, change.key)
        version = 1 if kept is None else kept.version + 1
        self._spaces[change.space][change.key] = _Kept(change.value, version, change.expires_at, change.indexes)
        return version


def _row(key: str, kept: _Kept) -> Row:
    return Row(key=key, value=kept.value, version=kept.version, expires_at=kept.expires_at)
