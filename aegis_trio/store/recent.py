"""Rows that one process has read and that nobody has changed since, as far as it has looked.

Laws:
    1. A row is given only for `RECENT_S` after the last look at what other processes have changed; when looking is
       slow or fails, nothing is given, and the store itself has to be read.
    2. What this process changes is forgotten before the change is done.
    3. Memory is bounded by `MAX_BYTES`; absent rows are not remembered, as strangers choose their keys.

Used by one thread at a time but for `find`, which the event loop may call meanwhile: it takes one step of a dictionary.

Not here: whether a row has expired, and when to look (sqlite.py).
"""

from __future__ import annotations

import math
from typing import Final, final

from aegis_trio.store.interface import RECENT_S, Row, Space

MAX_BYTES: Final = 16 * 1024 * 1024  # of values: some five thousand people's tokens and grants
_ROW_BYTES: Final = 512  # what a row takes beside its value


@final
class RecentRows:
    """The rows of one process."""

    __slots__ = ("_bytes", "_looked_s", "_rows", "_version")

    def __init__(self) -> None:
        self._rows: dict[tuple[Space, str], Row] = {}
        self._bytes = 0
        self._version: int | None = None
        self._looked_s = -math.inf

    def find(self, space: Space, key: str, now_s: float) -> Row | None:
        """Return a row that is known to be recent.

        Args:
            now_s: seconds of the clock of `note_look`.
        """
        return self._rows.get((space, key)) if now_s - self._looked_s <= RECENT_S else None

    def keep(self, space: Space, row: Row | None) -> Row | None:
        """Remember what was read just now; return it."""
        if row is None:
            return None
        self.forget(space, row.key)
        self._rows[space, row.key] = row
        self._bytes += _size_of(row)
        while self._bytes > MAX_BYTES:
            self.forget(*next(iter(self._rows)))  # the one read longest ago; who needs it reads it again
        return row

    def forget(self, space: Space, key: str) -> None:
        """Forget a row that is about to change."""
        row = self._rows.pop((space, key), None)
        if row is not None:
            self._bytes -= _size_of(row)

    def forget_all(self) -> None:
        """Forget every row."""
        self._rows.clear()
        self._bytes = 0

    def note_version(self, version: int) -> None:
        """Forget every row when *version*, which others' changes move, is another one than before."""
        if version != self._version:
            self._version = version
            self.forget_all()

    def note_look(self, begun_s: float) -> None:
        """Note that a look succeeded which began at *begun_s*, in seconds of a clock that does not run backwards."""
        self._looked_s = max(self._looked_s, begun_s)


def _size_of(row: Row) -> int:
    return _ROW_BYTES + len(row.value)
