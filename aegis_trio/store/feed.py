"""The feed of one process: who hears which topic.

Law: a publisher never waits for a subscriber; one that is slow misses words and is told so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Final, NoReturn, final

import structlog
import trio

from aegis_trio.store.interface import FEED_SLOTS, RESYNC, StoreFailed

log: Final = structlog.get_logger(__name__)


@final
class Feed:
    """Subscribers by topic."""

    __slots__ = ("_missed", "_subscribers")

    def __init__(self) -> None:
        self._subscribers: dict[str, set[trio.MemorySendChannel[str]]] = {}
        self._missed: set[trio.MemorySendChannel[str]] = set()

    def tell(self, topic: str, word: str) -> None:
        """Tell *word* to everybody who hears *topic*."""
        for send in self._subscribers.get(topic, set()):
            try:
                # Whoever missed one has to look at everything again, before anything else.
                send.send_nowait(RESYNC if send in self._missed else word)
                self._missed.discard(send)
            except trio.WouldBlock:
                self._missed.add(send)

    def tell_all_to_look(self) -> None:
        """Tell every subscriber that it may have missed some."""
        for topic in tuple(self._subscribers):
            self.tell(topic, RESYNC)

    @contextmanager
    def subscribe(self, topic: str) -> Generator[trio.MemoryReceiveChannel[str]]:
        """Hear *topic* while the block lasts."""
        send, receive = trio.open_memory_channel[str](FEED_SLOTS)
        self._subscribers.setdefault(topic, set()).add(send)
        try:
            with send, receive:
                yield receive
        finally:
            self._missed.discard(send)
            self._subscribers[topic].discard(send)
            if not self._subscribers[topic]:
                del self._subscribers[topic]


async def keep_hearing(hear: Callable[[], Awaitable[None]], feed: Feed, every_s: float) -> NoReturn:
    """Hear what other processes say, every *every_s* seconds until cancelled; while that fails, it is tried again."""
    is_deaf = False
    while True:
        await trio.sleep(every_s)
        try:
            await hear()
        except StoreFailed as failed:
            if not is_deaf:
                log.warning("store_feed_not_read", detail=str(failed))
            is_deaf = True
            continue
        if is_deaf:
            feed.tell_all_to_look()
        is_deaf = False
