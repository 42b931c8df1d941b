"""Every request of every call waits its turn, and no call holds a place between its requests."""

from __future__ import annotations

from typing import cast

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from aegis_trio.gateway.queueing import QueuedForge
from aegis_trio.gitea.request import AnswerT, ForgeRequest
from aegis_trio.gitea.server import get_version
from aegis_trio.limits.bulkhead import Bulkhead
from aegis_trio.model.errors import UpstreamUnreachable
from aegis_trio.model.identity import PrincipalId

ALICE, BOB = PrincipalId("key:alice"), PrincipalId("key:bob")


class _SlowForge:
    """Takes a second for each request."""

    def __init__(self) -> None:
        self.asked = 0

    async def ask(self, request: ForgeRequest[AnswerT]) -> AnswerT:
        self.asked += 1
        await trio.sleep(1)
        return cast("AnswerT", request.subject)


async def test_another_principal_comes_between_the_requests_of_a_long_call(autojump_clock: MockClock) -> None:
    """A call that asks a hundred things does not keep its place for all of them."""
    bulkhead, forge = Bulkhead(1), _SlowForge()

    async def long_call() -> None:
        for _ in range(100):
            await QueuedForge(forge, bulkhead, ALICE).ask(get_version())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(long_call)
        await trio.testing.wait_all_tasks_blocked()
        await QueuedForge(forge, bulkhead, BOB).ask(get_version())
        assert 2 >= trio.current_time()
        nursery.cancel_scope.cancel()


async def test_a_request_that_fails_gives_its_place_back() -> None:
    """However it ends."""

    class Broken:
        async def ask(self, request: ForgeRequest[AnswerT]) -> AnswerT:
            raise UpstreamUnreachable("no")

    bulkhead = Bulkhead(1)
    for _ in range(3):
        with pytest.raises(UpstreamUnreachable):
            await QueuedForge(Broken(), bulkhead, ALICE).ask(get_version())
    assert (0, 3) == (bulkhead.statistics().inside, bulkhead.statistics().admitted_total)
