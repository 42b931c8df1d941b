"""Threads: a few at once for one kind of work, counted in each run of Trio."""

from __future__ import annotations

from typing import final

import trio


@final
class Threads:
    """At most so many threads of one kind of work."""

    __slots__ = ("_limiters", "_most")

    def __init__(self, name: str, most: int) -> None:
        """Start none yet; *name* is that of the module whose work it is."""
        self._limiters = trio.lowlevel.RunVar[trio.CapacityLimiter](name)
        self._most = most

    def limiter(self) -> trio.CapacityLimiter:
        """Return the limiter of this run."""
        try:
            return self._limiters.get()
        except LookupError:
            limiter = trio.CapacityLimiter(self._most)
            self._limiters.set(limiter)
            return limiter
