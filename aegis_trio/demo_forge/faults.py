"""Faults: what a real forge does on a bad day, ordered by a test for the next requests.

Laws:
    1. A fault says everything about one answer: when it may leave, what it says, and how it breaks.
    2. Without a fault in the queue nothing here is asked.

Not here: how a fault is played on the socket (wire.py).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import final

import trio

from aegis_trio.demo_forge.answers import Headers


class Cut(StrEnum):
    """Where the connection breaks."""

    BEFORE_ANSWER = "before answer"
    AFTER_HEADERS = "after headers"
    IN_BODY = "in body"  # after half of it


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One misbehaviour; what is not set stays as the forge would have answered.

    Attributes:
        hold: the answer waits for this event; meanwhile the client's leaving is noticed and recorded.
        status: another status, with `body` (or no body) in place of the right answer.
        body: another body.
        content_type: another media type.
        headers: more headers, such as `Retry-After`.
        slow_s: the body leaves in small pieces, with so many seconds before each.
        endless: the body never ends: chunk upon chunk until the client leaves.
        cut: the connection breaks there.
    """

    hold: trio.Event | None = None
    status: int | None = None
    body: bytes | None = None
    content_type: str | None = None
    headers: Headers = ()
    slow_s: float | None = None
    endless: bool = False
    cut: Cut | None = None


@final
class Faults:
    """The faults that wait for their requests, first ordered first served."""

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: deque[tuple[str, Fault]] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def order(self, fault: Fault, *, times: int = 1, path: str = "") -> None:
        """Order *fault* for the next requests whose raw path contains *path*.

        Args:
            times: for how many of them, 1 or more.
        """
        if times < 1:
            raise ValueError(f"times: {times} orders nothing; give 1 or more")
        self._queue.extend([(path, fault)] * times)

    def clear(self) -> None:
        """Drop what was ordered and has not struck yet."""
        self._queue.clear()

    def take(self, raw_path: str) -> Fault | None:
        """Return the fault for a request, and strike it from the queue."""
        if not self._queue:
            return None
        for position, (path, fault) in enumerate(self._queue):
            if path in raw_path:
                del self._queue[position]
                return fault
        return None
