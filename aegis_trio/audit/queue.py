"""The records between those who hand them in and the one task that writes them: bounded in number and in bytes.

Laws:
    1. A record is taken whole or refused at once; nobody waits for room.
    2. Order is the order in which records were handed in.
    3. The last quarter of the room is for outcomes: what was begun finds room for its end, whatever else comes in.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final, final

import trio

from aegis_trio.audit.canonical import CHAIN_BYTES
from aegis_trio.audit.entry import Phase

MAX_RECORDS: Final = 4096
"""About a third of a second of work at the 13,000 durable records a second that 64 callers reach on a common disk:
when more are waiting, the disk does not keep up, and a refusal is more honest than a queue."""

MAX_BYTES: Final = 16 * 1024 * 1024
"""Of record text: 4096 records of 4 KB, where common ones have 0.7 KB and no record more than 64 KB."""

LINGER_S: Final = 0.02
"""Seconds that records may wait for company when nobody waits for them; a kill in this time loses none that was
acknowledged, because these never are."""

MAX_LINGERING: Final = 64
"""Records that are written at once, whoever waits."""


@final
@dataclass(slots=True, eq=False)
class Ticket:
    """Somebody waits for this record; `seq` is set when it is durable, and stays None when it was refused."""

    settled: trio.Event = field(default_factory=trio.Event)
    seq: int | None = None
    abandoned: bool = False
    """The one who waited went away: the record is written all the same."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """One record in the queue: canonical text without the fields of the chain."""

    draft: str
    phase: Phase
    ticket: Ticket | None


@final
class RecordQueue:
    """First in, first out; the room that a record takes is given back when it is settled, not when it is taken out."""

    __slots__ = ("_bytes", "_closed", "_news", "_records", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._records = 0
        self._bytes = 0
        self._closed = False
        self._news = trio.Event()

    @property
    def records(self) -> int:
        """Records that were taken and are not settled."""
        return self._records

    @property
    def bytes(self) -> int:
        """Bytes of their text."""
        return self._bytes

    @property
    def closed(self) -> bool:
        """Whether nobody can hand in any more."""
        return self._closed

    def offer(self, waiting: Waiting) -> bool:
        """Take a record, or return False when there is no room for it.

        Raises:
            RuntimeError: the queue is closed — our bug: somebody outlived the trail.
        """
        if self._closed:
            raise RuntimeError("the audit trail is closed")
        quarters = 4 if waiting.phase is Phase.OUTCOME else 3
        if self._records >= MAX_RECORDS * quarters // 4 or self._bytes >= MAX_BYTES * quarters // 4:
            return False
        self._waiting.append(waiting)
        self._records += 1
        self._bytes += len(waiting.draft)
        self._news.set()
        return True

    def put_back(self, batch: list[Waiting]) -> None:
        """Return records to the front, in their order; their room was never given back."""
        self._waiting.extendleft(reversed(batch))

    def settle(self, waiting: Waiting, seq: int | None) -> None:
        """Give the room of a record back and tell whoever waits for it."""
        self._records -= 1
        self._bytes -= len(waiting.draft)
        if waiting.ticket is not None:
            waiting.ticket.seq = seq
            waiting.ticket.settled.set()

    def take(self, max_bytes: int) -> list[Waiting]:
        """Return the records that come next, as many as fit into *max_bytes* of lines."""
        batch: list[Waiting] = []
        size = 0
        while self._waiting:
            size += len(self._waiting[0].draft) + CHAIN_BYTES
            if size > max_bytes:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def wait_news(self) -> bool:
        """Wait until there are records; return False when there are none and never will be.

        Records that nobody waits for linger a little: the next one that somebody waits for takes them along, so that
        a call's authentication and its intent cost one commit.
        """
        while not self._waiting:
            if self._closed:
                return False
            self._news = trio.Event()
            await self._news.wait()
        with trio.move_on_after(LINGER_S):
            while not self._is_urgent():
                self._news = trio.Event()
                await self._news.wait()
        return True

    def _is_urgent(self) -> bool:
        many = len(self._waiting) >= MAX_LINGERING
        return self._closed or many or any(waiting.ticket is not None for waiting in self._waiting)

    async def wait_closed(self) -> None:
        """Wait until nobody can hand in any more."""
        while not self._closed:
            self._news = trio.Event()
            await self._news.wait()

    def close(self) -> None:
        """Take nothing any more; what was taken is still written."""
        self._closed = True
        self._news.set()
