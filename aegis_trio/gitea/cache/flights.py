"""Flights: identical questions of one caller that are asked at the same time become one.

Laws:
    1. Who asks first asks for all who come while it is under way; they get its answer or its fault.
    2. When the first is cancelled, or breaks, one of the others asks anew; nobody is cancelled with somebody else.
    3. No task of its own: a question ends with the call that asks it, down to the request to Gitea.
    4. Nobody joins a question older than `join_s`: its answer may be as old as that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar, final

import trio

from aegis_trio.model.errors import Fault

ResultT = TypeVar("ResultT")


@dataclass(slots=True, eq=False)
class _Flight(Generic[ResultT]):
    since_s: float
    landed: trio.Event = field(default_factory=trio.Event)
    results: tuple[ResultT, ...] = ()
    fault: Fault | None = None


@final
class Flights(Generic[ResultT]):
    """Questions under way, by what is asked."""

    def __init__(self, join_s: float, clock_s: Callable[[], float]) -> None:
        """Start with none.

        Args:
            join_s: how old a question may be that others join, seconds.
        """
        self._join_s = join_s
        self._clock_s = clock_s
        self._flights: dict[Hashable, _Flight[ResultT]] = {}
        self.joined = 0
        """Questions that were not asked, because the same one was under way."""

    def __len__(self) -> int:
        return len(self._flights)

    def is_under_way(self, key: Hashable) -> bool:
        """Return whether somebody asks *key* whom others may join."""
        flight = self._flights.get(key)
        return flight is not None and self._is_young(flight)

    async def share(self, key: Hashable, ask: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Return what *ask* returns, or what the same question does that is under way under *key*.

        Raises:
            Fault: as *ask* does.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        while True:
            flight = self._flights.get(key)
            if flight is None or not self._is_young(flight):
                return await self._lead(key, ask)
            await flight.landed.wait()
            if flight.fault is not None:
                self.joined += 1
                raise flight.fault.with_traceback(None)
            for result in flight.results:
                self.joined += 1
                return result

    def _is_young(self, flight: _Flight[ResultT]) -> bool:
        return self._clock_s() - flight.since_s <= self._join_s

    async def _lead(self, key: Hashable, ask: Callable[[], Awaitable[ResultT]]) -> ResultT:
        flight = self._flights[key] = _Flight[ResultT](self._clock_s())
        try:
            result = await ask()
        except Fault as fault:
            flight.fault = fault
            raise
        else:
            flight.results = (result,)
            return result
        finally:
            if self._flights.get(key) is flight:  # not a younger one of the same question
                del self._flights[key]
            flight.landed.set()
