"""The bulkhead: how many requests of calls are at Gitea at once, and whose is next when all places are taken.

Laws:
    1. At most `places` requests are inside; a place is held exactly as long as the block runs, however it ends.
    2. A place that comes free goes to a waiting principal that holds the fewest; among those, to the one whose last
       turn is longest ago; of one principal's own, first come, first served.
    3. So every other principal passes one that holds nothing at most once: it waits for no more places to come free
       than there are principals inside or waiting when it comes, whatever any of them asks for.
    4. At most `max_waiting` wait. When one more comes, the newest of the principal that has most waiting is refused:
       whoever floods the queue refuses itself.
    5. Who is cancelled while waiting leaves nothing behind.

Not here: requests that find out who calls (auth/); they never wait behind calls, because places are fewer than the
connections to Gitea.

Trade: places are shared, not seconds: of two principals with one place each, the one with slow requests is at Gitea
longer. Its further requests wait all the same.

Source: max-min fairness with round robin among equals (Nagle, RFC 970); dropping from the longest queue, RFC 7806
section 2.2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, final

import trio

from aegis_trio.model.errors import RateLimited
from aegis_trio.model.identity import PrincipalId

MAX_WAITING: Final = 1024  # about 1 MB; at 30 ms a request and 28 places, about a second's work
RETRY_S: Final = 1  # the queue is a second long at most when Gitea is well
LIMIT: Final = "gitea_queue"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BulkheadStatistics:
    """How the bulkhead stands; totals since start."""

    places: int
    inside: int
    waiting: int
    principals: int
    """That are inside or wait."""
    admitted_total: int
    waited_total: int
    """Of those admitted, how many had to wait."""
    waited_seconds_total: float
    waited_seconds_max: float
    refused_total: int


@dataclass(slots=True, eq=False)
class _Waiter:
    told: trio.Event
    since_s: float
    admitted: bool = False


@dataclass(slots=True, eq=False)
class _Flow:
    """What one principal has inside and waiting."""

    turn: int
    """When it was let in last, or came: counted in places given."""
    served: bool = False
    inside: int = 0
    waiters: deque[_Waiter] = field(default_factory=deque[_Waiter])


@final
class Bulkhead:
    """Places at Gitea, shared fairly."""

    def __init__(
        self, places: int, *, max_waiting: int = MAX_WAITING, clock_s: Callable[[], float] = trio.current_time
    ) -> None:
        """Start with every place free.

        Args:
            places: requests inside at once, at least 1.
            max_waiting: requests that wait, at least 1.
            clock_s: seconds of a clock that does not run backwards; Trio's.
        """
        if places < 1 or max_waiting < 1:
            raise ValueError("places and max_waiting must be at least 1.")
        self._places = places
        self._max_waiting = max_waiting
        self._clock_s = clock_s
        self._flows: dict[PrincipalId, _Flow] = {}
        self._inside = self._waiting = 0
        self._admitted = self._waited = self._refused = 0
        self._waited_s = self._waited_max_s = 0.0

    @asynccontextmanager
    async def place(self, principal_id: PrincipalId) -> AsyncGenerator[None]:
        """Hold a place while inside.

        Raises:
            RateLimited: too many wait already, most of them of this principal.
        """
        await self._enter(principal_id)
        try:
            yield
        finally:
            self._leave(principal_id)

    def statistics(self) -> BulkheadStatistics:
        """Return how the bulkhead stands."""
        return BulkheadStatistics(
            places=self._places,
            inside=self._inside,
            waiting=self._waiting,
            principals=len(self._flows),
            admitted_total=self._admitted,
            waited_total=self._waited,
            waited_seconds_total=self._waited_s,
            waited_seconds_max=self._waited_max_s,
            refused_total=self._refused,
        )

    async def _enter(self, principal_id: PrincipalId) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        flow = self._flow_of(principal_id)
        if self._inside < self._places:
            # Invariant: while a place is free, nobody waits.
            self._admit(flow)
            await trio.lowlevel.cancel_shielded_checkpoint()
            return
        if self._waiting >= self._max_waiting:
            self._refuse_newest_of_longest(principal_id, flow)
        waiter = _Waiter(trio.Event(), self._clock_s())
        flow.waiters.append(waiter)
        self._waiting += 1
        try:
            # Invariant: once the event is set, `wait` returns, cancelled or not: a place that was given is held.
            await waiter.told.wait()
        finally:
            if not waiter.told.is_set():
                flow.waiters.remove(waiter)
                self._waiting -= 1
                self._forget_idle(principal_id, flow)
        if not waiter.admitted:
            raise _refused()
        waited_s = self._clock_s() - waiter.since_s
        self._waited += 1
        self._waited_s += waited_s
        self._waited_max_s = max(self._waited_max_s, waited_s)

    def _leave(self, principal_id: PrincipalId) -> None:
        flow = self._flows[principal_id]
        flow.inside -= 1
        self._inside -= 1
        self._forget_idle(principal_id, flow)
        self._give_place()

    def _give_place(self) -> None:
        waiting = [flow for flow in self._flows.values() if flow.waiters]
        if not waiting:
            return
        flow = min(waiting, key=lambda one: (one.inside, one.turn, one.served))
        waiter = flow.waiters.popleft()
        self._waiting -= 1
        self._admit(flow)
        waiter.admitted = True
        waiter.told.set()

    def _admit(self, flow: _Flow) -> None:
        flow.inside += 1
        self._inside += 1
        self._admitted += 1
        flow.turn, flow.served = self._admitted, True

    def _flow_of(self, principal_id: PrincipalId) -> _Flow:
        flow = self._flows.get(principal_id)
        if flow is None:
            # Threat: whoever leaves and comes back at once must not stand before those who waited meanwhile.
            flow = self._flows[principal_id] = _Flow(turn=self._admitted)
        return flow

    def _forget_idle(self, principal_id: PrincipalId, flow: _Flow) -> None:
        if not flow.inside and not flow.waiters:
            del self._flows[principal_id]

    def _refuse_newest_of_longest(self, principal_id: PrincipalId, flow: _Flow) -> None:
        longest_id, longest = max(self._flows.items(), key=lambda item: len(item[1].waiters))
        self._refused += 1
        if len(flow.waiters) + 1 >= len(longest.waiters):
            self._forget_idle(principal_id, flow)
            raise _refused()
        waiter = longest.waiters.pop()
        self._waiting -= 1
        self._forget_idle(longest_id, longest)
        waiter.told.set()


def _refused() -> RateLimited:
    return RateLimited(
        "Too many requests wait for Gitea already.", f"Try again in {RETRY_S} s.", retry_after_s=RETRY_S, limit=LIMIT
    )
