"""Requests and WebSockets that are under way, by the address that they came from, so that a block can end them.

Law: what is ended is cancelled in the task that serves it, with everything that this task waits for; whoever holds the
scope sees `cancelled_caught` and says why.

Not here: which addresses are blocked (limits/), and the end of a credential's access (transports/hub.py).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import final

import trio


@final
class Ongoing:
    """Scopes by address; as many as there are requests, which the listener bounds."""

    __slots__ = ("_scopes",)

    def __init__(self) -> None:
        self._scopes: dict[str, set[trio.CancelScope]] = {}

    @contextmanager
    def under_way(self, address: str) -> Generator[trio.CancelScope]:
        """Hold what *address* asked for while it is served."""
        scopes = self._scopes.setdefault(address, set())
        with trio.CancelScope() as scope:
            scopes.add(scope)
            try:
                yield scope
            finally:
                scopes.discard(scope)
                if not scopes:
                    self._scopes.pop(address, None)

    def end(self, is_blocked: Callable[[str], bool]) -> int:
        """End everything of the addresses that *is_blocked* names; return how many that were."""
        ended = [scope for address, scopes in self._scopes.items() if is_blocked(address) for scope in scopes]
        for scope in ended:
            scope.cancel()
        return len(ended)
