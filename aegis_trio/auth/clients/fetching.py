"""Who may make us fetch: strangers name the addresses, so their fetches are counted, shared and kept apart.

Laws:
    1. What several ask for at once is fetched once.
    2. One address of a network has `MAX_OF_ONE` fetches under way, and is refused more; nobody waits in its queue.
    3. Clients that were good before, and well-known ones, have places of their own: a flood of strangers' addresses
       does not keep them out.

Threat: an attacker whose servers answer slowly, or never, takes every place, and no assistant can sign in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias, final

import trio

from aegis_trio.auth.clients.guarded import NotFetched
from aegis_trio.limits.sources import source_of

MAX_FETCHING: Final = 32
"""Fetches of strangers at once; each has 3 seconds and some 40 KB."""
MAX_FAMILIAR: Final = 8
MAX_WAITING: Final = 256
MAX_OF_ONE: Final = 4

Fetch: TypeAlias = Callable[[str, str], Awaitable[tuple[bytes, str]]]
"""Fetches `https://host/target`: the body, and its Cache-Control; raises NotFetched."""


@final
@dataclass(slots=True)
class _Flight:
    landed: trio.Event = field(default_factory=trio.Event)
    found: tuple[bytes, str] | None = None
    missing: str = ""
    """Why there is nothing; both are empty where whoever fetched was cancelled."""


@final
class Fetching:
    """The places of fetches."""

    def __init__(self, fetch: Fetch) -> None:
        """Begin with all places free.

        Args:
            fetch: the guarded fetch.
        """
        self._fetch = fetch
        self._strangers = trio.CapacityLimiter(MAX_FETCHING)
        self._familiar = trio.CapacityLimiter(MAX_FAMILIAR)
        self._flights: dict[tuple[str, str], _Flight] = {}
        self._of_one: Counter[str] = Counter()

    async def fetch(self, host: str, target: str, *, asker: str | None, is_familiar: bool) -> tuple[bytes, str]:
        """Fetch `https://host/target`, or wait for whoever fetches it already.

        Args:
            asker: the address that caused it; None is not counted.
            is_familiar: whether it was good before.

        Raises:
            NotFetched: as the fetch, or there is no place.
        """
        place = (host, target)
        while (under_way := self._flights.get(place)) is not None:
            await under_way.landed.wait()
            if under_way.found is not None:
                return under_way.found
            if under_way.missing:
                raise NotFetched(under_way.missing)
        flight = self._flights[place] = _Flight()
        try:
            flight.found = await self._placed(host, target, asker=asker, is_familiar=is_familiar)
        except NotFetched as missing:
            flight.missing = str(missing)
            raise
        finally:
            del self._flights[place]
            flight.landed.set()
        return flight.found

    async def _placed(self, host: str, target: str, *, asker: str | None, is_familiar: bool) -> tuple[bytes, str]:
        if is_familiar:
            async with self._familiar:
                return await self._fetch(host, target)
        if self._strangers.statistics().tasks_waiting >= MAX_WAITING:
            raise NotFetched("too many documents are being fetched just now; try again in a minute")
        with self._counted(asker):
            async with self._strangers:
                return await self._fetch(host, target)

    @contextmanager
    def _counted(self, asker: str | None) -> Generator[None]:
        if asker is None:
            yield
            return
        source = source_of(asker)
        if self._of_one[source] >= MAX_OF_ONE:
            raise NotFetched("too many documents are being fetched for your address just now; try again in a minute")
        self._of_one[source] += 1
        try:
            yield
        finally:
            self._of_one[source] -= 1
            if not self._of_one[source]:
                del self._of_one[source]
