"""How many bytes all outboxes may hold together, and which of them make room.

Law: what is only kept for a client that lost it goes before anything that a reader waits for, oldest first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol, final


class Kept(Protocol):
    """Something that gives its bytes back when it is closed; `outbox.Outbox` is it."""

    def close(self) -> None:
        """Keep nothing any more."""
        ...


@final
class OutboxBudget:
    """How many bytes wait, or are kept, in all outboxes together; what is only kept makes room, oldest first."""

    __slots__ = ("_kept", "limit_bytes", "used_bytes")

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self._kept: OrderedDict[Kept, None] = OrderedDict()

    def keep(self, outbox: Kept) -> None:
        """Note that *outbox* is read by nobody, and is only kept for a client that lost it."""
        self._kept[outbox] = None

    def drop(self, outbox: Kept) -> None:
        """Note that *outbox* is read again, or keeps nothing any more."""
        self._kept.pop(outbox, None)

    def make_room_for(self, size: int) -> bool:
        """Return whether *size* bytes more may wait, after dropping what is only kept."""
        while self.used_bytes + size > self.limit_bytes and self._kept:
            next(iter(self._kept)).close()
        return self.used_bytes + size <= self.limit_bytes
