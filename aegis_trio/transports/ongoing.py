"""What is under way, by whose it is, so that it can be ended: by the address that it came from, or by its owner.

Law: what is ended is cancelled in the task that serves it, with everything that this task waits for; whoever holds the
scope sees `cancelled_caught` and says why.

Not here: which addresses are blocked (limits/), and who ends an owner's access (transports/hub.py).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from typing import Generic, TypeVar, final

import trio

KeyT = TypeVar("KeyT", bound=Hashable)


@final
class Ongoing(Generic[KeyT]):
    """Cancel scopes by key; as many as there are requests, which the listener bounds."""

    __slots__ = ("_scopes",)

    def __init__(self) -> None:
        self._scopes: dict[KeyT, set[trio.CancelScope]] = {}

    def __len__(self) -> int:
        """How many keys have something under way."""
        return len(self._scopes)

    @contextmanager
    def under_way(self, key: KeyT) -> Generator[trio.CancelScope]:
        """Hold what *key* asked for while it is served."""
        scopes = self._scopes.setdefault(key, set())
        with trio.CancelScope() as scope:
            scopes.add(scope)
            try:
                yield scope
            finally:
                scopes.discard(scope)
                if not scopes:
                    self._scopes.pop(key, None)

    def keys(self) -> frozenset[KeyT]:
        """Return everybody who has something under way."""
        return frozenset(self._scopes)

    def end(self, is_meant: Callable[[KeyT], bool]) -> int:
        """End everything of the keys that *is_meant* names; return how many scopes that were."""
        ended = [scope for key, scopes in self._scopes.items() if is_meant(key) for scope in scopes]
        for scope in ended:
            scope.cancel()
        return len(ended)
