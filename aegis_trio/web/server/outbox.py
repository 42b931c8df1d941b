"""The outbox of one HTTP/2 connection: what its streams have ready, until the one writer takes it.

Laws:
    1. Putting never waits and never splits a frame; waiting for room is a step of its own, which may be cancelled.
    2. What is ready together leaves together, as one write.
"""

from __future__ import annotations

from typing import Final, final

import trio

ROOM_BYTES: Final = 64 * 1024  # one write; above it every stream waits


@final
class Outbox:
    """Bytes for a peer, in the order in which they must arrive."""

    __slots__ = ("_closed", "_news", "_ready", "_room")

    def __init__(self) -> None:
        self._ready = bytearray()
        self._news: trio.Event | None = None
        self._room: trio.Event | None = None
        self._closed = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is ready."""
        return not self._ready

    def put(self, data: bytes) -> None:
        """Add bytes; after `close` they are dropped."""
        if data and not self._closed:
            self._ready += data
            self.wake()

    def wake(self) -> None:
        """Let `take` return, with what there is."""
        if self._news is not None:
            self._news.set()
            self._news = None

    async def wait_for_room(self) -> None:
        """Wait while more than one write is ready."""
        while len(self._ready) >= ROOM_BYTES:
            if self._room is None:
                self._room = trio.Event()
            await self._room.wait()

    async def take(self) -> bytes:
        """Take everything; wait when there is nothing, and return nothing only when woken."""
        if not self._ready:
            self._news = trio.Event()
            await self._news.wait()
        data = bytes(self._ready)
        self._ready.clear()
        self._make_room()
        return data

    def close(self) -> None:
        """Drop everything, and let nobody wait."""
        self._closed = True
        self._ready.clear()
        self.wake()
        self._make_room()

    def _make_room(self) -> None:
        if self._room is not None:
            self._room.set()
            self._room = None
