"""The announcer: tells everybody who listens that a list is another one than before, a few at a time.

Law: whoever comes while others are told lists anew anyway, and whoever has gone hears nothing.

Trade: the last one hears of it a little later, and no request waits for thousands of streams.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Final, final

import trio

from aegis_trio.transports.bell import Bell
from aegis_trio.transports.session import SessionBody
from aegis_trio.transports.subscriptions import ListName, Subscription, list_changed_notification

TOLD_AT_ONCE: Final = 50  # streams: some 5 ms of work, and then whoever else waits has a turn


@final
class Announcer:
    """Knows the subscriptions, and asks for the sessions when there is something to tell."""

    def __init__(self, sessions: Callable[[], Iterable[SessionBody]]) -> None:
        self._sessions = sessions
        self._subscriptions: set[Subscription] = set()
        self._untold: dict[ListName, None] = {}
        self._news = Bell()

    @contextmanager
    def subscribed(self, subscription: Subscription) -> Generator[None]:
        """Tell *subscription* of lists that change while it is open."""
        self._subscriptions.add(subscription)
        try:
            yield
        finally:
            self._subscriptions.discard(subscription)

    def announce(self, name: ListName) -> None:
        """Have everybody told, soon; lists that change meanwhile are told once."""
        self._untold[name] = None
        self._news.ring()

    async def run(self) -> None:
        """Tell what is to be told, until cancelled."""
        while True:
            await self._news.wait_rung()
            while self._untold:
                name = next(iter(self._untold))
                del self._untold[name]
                await self._tell(name)

    async def _tell(self, name: ListName) -> None:
        message = list_changed_notification(name)
        for told, listener in enumerate((*self._sessions(), *self._subscriptions), 1):
            match listener:
                case SessionBody():
                    listener.announce(message)
                case Subscription():
                    if listener in self._subscriptions:
                        listener.list_changed(name)
            if told % TOLD_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
