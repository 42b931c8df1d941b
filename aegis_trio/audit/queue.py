"""The records between those who hand them in and the one task that writes them: bounded in number and in bytes.

Laws:
    1. A record is taken whole or refused at once; nobody waits for room.
    2. Order is the order in which records were handed in.
    3. The last quarter of the room is for outcomes: what was begun finds room for its end, whatever else comes in.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
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
    """A memory channel with a bound in bytes beside the one in number, and a front for what has to be written again.

    First in, first out; the room that a record takes is given back when it is settled, not when it is taken out.
    """

    __slots__ = ("_bytes", "_ended", "_front", "_receive", "_records", "_send")

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[Waiting](MAX_RECORDS)
        self._front: deque[Waiting] = deque()
        self._records = 0
        self._bytes = 0
        self._ended = trio.Event()

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
        return self._ended.is_set()

    def offer(self, waiting: Waiting) -> bool:
        """Take a record, or return False when there is no room for it.

        Raises:
            RuntimeError: the queue is closed — our bug: somebody outlived the trail.
        """
        if self.closed:
            raise RuntimeError("the audit trail is closed")
        quarters = 4 if waiting.phase is Phase.OUTCOME else 3
        if self._records >= MAX_RECORDS * quarters // 4 or self._bytes >= MAX_BYTES * quarters // 4:
            return False
        # Invariant: the channel has room, because what stands in it counts among `_records`.
        self._send.send_nowait(waiting)
        self._records += 1
        self._bytes += len(waiting.draft)
        return True

    def put_back(self, batch: list[Waiting]) -> None:
        """Return records to the front, in their order; their room was never given back."""
        self._front.extendleft(reversed(batch))

    def settle(self, waiting: Waiting, seq: int | None) -> None:
        """Give the room of a record back and tell whoever waits for it."""
        self._records -= 1
        self._bytes -= len(waiting.draft)
        if waiting.ticket is not None:
            waiting.ticket.seq = seq
            waiting.ticket.settled.set()

    def take(self, max_bytes: int) -> list[Waiting]:
        """Return the records that come next, as many as fit into *max_bytes* of lines."""
        self._drain()
        batch: list[Waiting] = []
        size = 0
        while self._front:
            size += len(self._front[0].draft) + CHAIN_BYTES
            if size > max_bytes:
                break
            batch.append(self._front.popleft())
        return batch

    async def wait_news(self) -> bool:
        """Wait until there are records; return False when there are none and never will be.

        Records that nobody waits for linger a little: the next one that somebody waits for takes them along, so that
        a call's authentication and its intent cost one commit.
        """
        try:
            if not self._front:
                self._front.append(await self._receive.receive())
            self._drain()
            if not self._is_urgent():
                await self._linger()
        except trio.EndOfChannel:
            return bool(self._front)
        return True

    async def wait_closed(self) -> None:
        """Wait until nobody can hand in any more."""
        await self._ended.wait()

    def close(self) -> None:
        """Take nothing any more; what was taken is still written."""
        self._send.close()
        self._ended.set()

    def _drain(self) -> None:
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            while True:
                self._front.append(self._receive.receive_nowait())

    async def _linger(self) -> None:
        with trio.move_on_after(LINGER_S):
            while not self._is_urgent():
                self._front.append(await self._receive.receive())

    def _is_urgent(self) -> bool:
        many = len(self._front) >= MAX_LINGERING
        return many or any(waiting.ticket is not None for waiting in self._front)
