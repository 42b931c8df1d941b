"""The pool survives cancellation at every moment; stock httpcore does not."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import httpcore
import pytest
import trio

from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.gitea.server import get_version
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.gitea.transport import SafePool
from aegis_trio.model.secret import Secret
from tests.forge import open_forge

URL = "http://gitea.invalid/"
ANSWER = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok"]
CONNECTIONS = 2


class _Backend(httpcore.AsyncNetworkBackend):
    """A network whose connections hang until `open` is set, or which cancel their own request when made."""

    def __init__(self) -> None:
        self.open = False
        self.doomed: trio.CancelScope | None = None
        self.connected = 0

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.connected += 1
        if self.doomed is not None:
            self.doomed.cancel()
        elif not self.open:
            await trio.sleep_forever()
        return httpcore.AsyncMockStream(ANSWER * 10)


async def _ask(pool: httpcore.AsyncConnectionPool, scope: trio.CancelScope | None = None) -> int:
    with scope or trio.CancelScope():
        return (await pool.request("GET", URL)).status
    return 0


async def _cancel_while_queued(pool: httpcore.AsyncConnectionPool) -> None:
    """Cancel holders and queue in one step: whoever is queued may be given a connection that it never takes."""
    scopes = [trio.CancelScope() for _ in range(CONNECTIONS * 4)]
    async with trio.open_nursery() as nursery:
        for scope in scopes:
            nursery.start_soon(_ask, pool, scope)
        await trio.testing.wait_all_tasks_blocked()
        for scope in scopes:
            scope.cancel()


async def _probes(pool: httpcore.AsyncConnectionPool) -> list[int]:
    statuses = []
    for _ in range(5):
        with trio.move_on_after(60) as patience:
            statuses.append(await _ask(pool))
        if patience.cancelled_caught:
            statuses.append(0)
    return statuses


@pytest.mark.parametrize(
    ("pool_class", "expected"),
    [(SafePool, [200] * 5), (httpcore.AsyncConnectionPool, [0] * 5)],
    ids=["ours answers", "the stock one is stuck for ever"],
)
async def test_probes_after_a_storm_of_cancellations(
    pool_class: type[httpcore.AsyncConnectionPool], expected: list[int], autojump_clock: trio.testing.MockClock
) -> None:
    """A request cancelled between being given a connection and taking it must not cost that connection for ever.

    The stock pool's half shows that the override is still needed; when it answers too, drop the override.
    """
    backend = _Backend()
    async with pool_class(max_connections=CONNECTIONS, network_backend=backend) as pool:
        for _ in range(60):  # trio wakes tasks in random order; one unlucky order in sixty is certain enough
            await _cancel_while_queued(pool)
        backend.open = True

        assert expected == await _probes(pool)


@pytest.mark.parametrize(
    ("pool_class", "expected"),
    [(SafePool, [200] * 5), (httpcore.AsyncConnectionPool, [0] * 5)],
    ids=["ours answers", "the stock one is stuck for ever"],
)
async def test_probes_after_cancellations_between_connecting_and_sending(
    pool_class: type[httpcore.AsyncConnectionPool], expected: list[int], autojump_clock: trio.testing.MockClock
) -> None:
    """The same one step later: connected, but cancelled before the first byte; stock counts and keeps that socket."""
    backend = _Backend()
    async with pool_class(max_connections=CONNECTIONS, network_backend=backend) as pool:
        for _ in range(CONNECTIONS):
            backend.doomed = trio.CancelScope()
            assert 0 == await _ask(pool, backend.doomed)
        backend.doomed, backend.open = None, True

        assert expected == await _probes(pool)


async def test_a_pool_without_cancellations_keeps_its_connections() -> None:
    """The override must not close what is in use, or idle."""
    backend = _Backend()
    backend.open = True
    async with SafePool(max_connections=1, network_backend=backend) as pool:
        async with pool.stream("GET", URL) as response:
            assert 200 == response.status
            assert 1 == len(pool.connections)
        assert 1 == backend.connected


@pytest.mark.sockets
async def test_a_real_forge_answers_after_a_storm() -> None:
    """The same over real sockets and through the whole client, cancelled at every depth of a request."""
    choose = random.Random(3)  # noqa: S311 -- the same storm every time
    async with open_forge() as forge, open_gitea_client(GiteaSettings(url=forge.url, max_connections=5)) as client:
        ours = client.acting_as(Secret(forge.world.bot_token))

        async def ask(checkpoints: int) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ours.ask, get_version())
                for _ in range(checkpoints):
                    await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()

        for _ in range(10):
            async with trio.open_nursery() as storm:
                for _ in range(40):
                    storm.start_soon(ask, choose.randrange(60))

        for _ in range(10):
            assert "1.25.4" == (await ours.ask(get_version())).text
        assert (0, 0) == (client.statistics().requests_in_flight, client.statistics().requests_waiting)
