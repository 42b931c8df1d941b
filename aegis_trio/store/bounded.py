"""Rows that strangers cause, at most so many of a kind: a newer one takes the place of the oldest.

Laws:
    1. A flood cannot fill the disk, and does not keep anybody out: who came last is served, who waited longest goes.
    2. Only rows that were put with `word()` make room; whoever puts one without it keeps it.
    3. Counting is rare: once for all the rows that fit, and then once for each batch.

Threat: sign-ins begin, browsers are met and clients register without any credential, from as many addresses as an
attacker has.

Trade: in steps of time, not to the second; several processes on one store may each be a batch above the bound.
"""

from __future__ import annotations

from typing import Final, final

from aegis_trio.model.clock import WallClock, unix_seconds
from aegis_trio.store.interface import Delete, Space, Store

STEPS: Final = 16
"""Into how many steps of age the rows are sorted."""
BATCH: Final = 64


@final
class BoundedSpace:
    """How many more rows of one kind there may be."""

    def __init__(self, store: Store, space: Space, clock: WallClock, *, most: int, kept_s: int) -> None:
        """Bound *space*.

        Args:
            most: rows in it, at least 1; also those that make no room count.
            kept_s: how long a row that makes room lives, seconds.
        """
        self._store = store
        self._space = space
        self._clock = clock
        self._most = most
        self._step_s = max(1, -(-kept_s // STEPS))
        self._free = 0

    def word(self) -> str:
        """Return the index word of a row that is made now, and may go when others need its place."""
        return _word(unix_seconds(self._clock) // self._step_s)

    async def make_room(self) -> bool:
        """Make room for one more row; return whether there is."""
        if self._free < 1:
            self._free = self._most - await self._store.count(self._space)
        if self._free < 1:
            self._free += await self._remove_oldest(1 - self._free)
        if self._free < 1:
            return False
        self._free -= 1
        return True

    async def _remove_oldest(self, missing: int) -> int:
        wanted, removed = max(missing, min(BATCH, self._most)), 0
        now = unix_seconds(self._clock) // self._step_s
        for step in range(now - STEPS, now + 1):
            rows = await self._store.find(self._space, _word(step), limit=wanted - removed)
            if rows:
                await self._store.apply(tuple(Delete(space=self._space, key=row.key) for row in rows))
                removed += len(rows)
            if removed >= wanted:
                break
        return removed


def _word(step: int) -> str:
    return f"made:{step}"
