"""Kept content: values by key within a bound of bytes; what was used longest ago goes first.

Law: the sum of the weights never exceeds `max_bytes`, not even while something is added.

Not here: who may have it (proofs.py), and what a key means (forge.py).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, final

ENTRY_BYTES: Final = 400
"""What an entry takes beside its value: key, place in the order; measured by a test."""
_LARGEST_SHARE: Final = 8  # one value takes at most this part of the memory, so that a few cannot displace all others


@final
@dataclass(slots=True, eq=False)
class _Entry:
    value: object
    weight: int


@final
class Kept:
    """Values within a bound of bytes."""

    def __init__(self, max_bytes: int) -> None:
        """Start empty.

        Args:
            max_bytes: the bound; 0 keeps nothing.
        """
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self.total_bytes = 0
        self.evicted = 0
        """Values that made room for others."""

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: Hashable) -> object | None:
        """Return the value under *key*, or None; it counts as used."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry.value

    def put(self, key: Hashable, value: object, value_bytes: int) -> None:
        """Keep *value*, unless it alone is too large a part of the memory.

        Args:
            value_bytes: what it takes, without the entry.
        """
        self._remove(key)
        weight = value_bytes + ENTRY_BYTES
        if weight > self._max_bytes // _LARGEST_SHARE:
            return
        while self.total_bytes + weight > self._max_bytes:
            _, oldest = self._entries.popitem(last=False)
            self.total_bytes -= oldest.weight
            self.evicted += 1
        self._entries[key] = _Entry(value, weight)
        self.total_bytes += weight

    def _remove(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.total_bytes -= entry.weight
