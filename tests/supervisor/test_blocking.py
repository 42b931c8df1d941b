"""Blocks outlive a restart when the operator wants that, and orders are done, in order, and recorded first."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import cast

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.audit.entry import AuditEntry
from aegis_trio.audit.trail import AuditTrail
from aegis_trio.limits.block_rows import TOPIC, Action, Order, put_order, read_block, read_order
from aegis_trio.limits.blocklist import Blocklist
from aegis_trio.limits.settings import BlockSettings
from aegis_trio.limits.sources import source_of
from aegis_trio.model.clock import NS_PER_S, SetClock
from aegis_trio.model.errors import AuditUnavailable
from aegis_trio.store.interface import Change, Put, Row, Space, StoreFailed
from aegis_trio.store.memory import MemoryStore
from aegis_trio.supervisor.blocking import RETRY_S, WRITE_EVERY_S, BlockKeeper
from aegis_trio.supervisor.core import RefusedSetting

NOW_S = 1_800_000_000
NETWORK = ip_network("203.0.113.0/24")


@dataclass
class Trail:
    """Keeps records, or refuses them."""

    entries: list[AuditEntry] = field(default_factory=list[AuditEntry])
    away: bool = False

    async def append(self, entry: AuditEntry) -> int:
        await trio.lowlevel.checkpoint()
        if self.away:
            raise AuditUnavailable("no")
        self.entries.append(entry)
        return len(self.entries)

    def kinds(self) -> list[object]:
        return [entry.fields["kind"] for entry in self.entries]


@dataclass
class Stage:
    """A keeper that runs, on a store in memory."""

    store: MemoryStore
    trail: Trail
    clock: SetClock
    blocks: Blocklist

    async def order(self, action: Action, **more: object) -> None:
        """Give an order, and wait until it is done."""
        key = f"{self.clock.now_ns():020d}-{trio.current_time()}"
        given = Order(action=action, **more)  # type: ignore[arg-type] # fields by name
        await self.store.put(put_order(key, given, expires_at=NOW_S + 999))
        await self.store.publish(TOPIC, action.value)
        with trio.fail_after(60):
            while await self.store.get(Space.BLOCK_ORDER, key) is not None:  # noqa: ASYNC110 -- nothing tells of it
                await trio.sleep(0.1)

    async def kept(self) -> list[str]:
        return [row.key for row in await self.store.rows(Space.BLOCK)]


@asynccontextmanager
async def stage(store: MemoryStore, clock: SetClock, *, keeps: bool = True) -> AsyncGenerator[Stage]:
    """Run a keeper."""
    blocks = Blocklist(300, grows=keeps, jitter=lambda: 0.0)
    trail = Trail()
    settings = BlockSettings(path=Path("unused"), keeps=keeps)
    keeper = BlockKeeper(blocks, settings, cast("AuditTrail", trail), clock, store=store)
    async with trio.open_nursery() as nursery:
        await nursery.start(keeper.run)
        yield Stage(store, trail, clock, blocks)
        nursery.cancel_scope.cancel()


@pytest.fixture
def clock() -> SetClock:
    """The time of day."""
    return SetClock(NOW_S * NS_PER_S)


@pytest.fixture
def store(clock: SetClock) -> MemoryStore:
    """What outlives a keeper."""
    return MemoryStore(clock)


async def test_a_block_outlives_a_restart_and_the_next_one_is_longer(
    autojump_clock: MockClock, store: MemoryStore, clock: SetClock
) -> None:
    """The whole promise of `BLOCK_PERSIST`."""
    async with stage(store, clock) as first:
        assert 300 == first.blocks.block(source_of("192.0.2.1"))
        await trio.sleep(WRITE_EVERY_S * 2)
    clock.set_ns((NOW_S + 100) * NS_PER_S)
    async with stage(store, clock) as second:
        assert second.blocks.blocked_for_s("192.0.2.1") in {200, 201}
        assert second.blocks.blocked_for_s("192.0.2.2") is None
        await trio.sleep(201)
        assert second.blocks.blocked_for_s("192.0.2.1") is None
        assert 600 == second.blocks.block(source_of("192.0.2.1"))


async def test_without_persistence_a_restart_frees_strangers_and_not_the_operators_enemies(
    autojump_clock: MockClock, store: MemoryStore, clock: SetClock
) -> None:
    """The default is what the guides say; an order of the operator's is another thing."""
    async with stage(store, clock, keeps=False) as first:
        first.blocks.block(source_of("192.0.2.1"))
        await first.order(Action.ADD, network=NETWORK)
        await first.order(Action.LIST)
        assert {"192.0.2.1", str(NETWORK)} == set(await first.kept())
    async with stage(store, clock, keeps=False) as second:
        assert second.blocks.blocked_for_s("192.0.2.1") is None
        assert second.blocks.operator_blocked_for_s("203.0.113.9") is not None
        assert [str(NETWORK)] == await second.kept()


async def test_orders_are_done_in_order_and_recorded(
    autojump_clock: MockClock, store: MemoryStore, clock: SetClock
) -> None:
    """Every block and every unblock stands in the log, with who did it and why."""
    async with stage(store, clock) as on:
        await on.order(Action.ADD, network=NETWORK, until=NOW_S + 60, note="scan")
        assert on.blocks.operator_blocked_for_s("203.0.113.9") in {59, 60}
        await on.order(Action.REMOVE, network=NETWORK)
        assert on.blocks.operator_blocked_for_s("203.0.113.9") is None
        assert [] == await on.kept()
        assert ["address_blocked", "address_unblocked"] == on.trail.kinds()
        fields = dict(on.trail.entries[0].fields)
        assert (str(NETWORK), "operator", 60, "scan") == (
            fields["client_ip"],
            fields["by"],
            fields["blocked_for_s"],
            fields["note"],
        )


async def test_an_order_given_while_no_gate_ran_is_done_at_the_next_start(
    autojump_clock: MockClock, store: MemoryStore, clock: SetClock
) -> None:
    """Who blocks first and starts then must not have to think of it again."""
    await store.put(put_order("1", Order(action=Action.ADD, network=NETWORK), expires_at=NOW_S + 60))
    async with stage(store, clock) as on:
        with trio.fail_after(10):
            while on.blocks.operator_blocked_for_s("203.0.113.9") is None:  # noqa: ASYNC110 -- nothing tells of it
                await trio.sleep(0.1)


async def test_nobody_is_unblocked_without_a_record(
    autojump_clock: MockClock, store: MemoryStore, clock: SetClock
) -> None:
    """While the log cannot be written, an order to unblock waits; it is done once it can."""
    async with stage(store, clock) as on:
        await on.order(Action.ADD, network=NETWORK)
        on.trail.away = True
        await store.put(put_order("9", Order(action=Action.REMOVE, network=NETWORK), expires_at=NOW_S + 60))
        await store.publish(TOPIC, "remove")
        await trio.sleep(5 * RETRY_S)
        assert on.blocks.operator_blocked_for_s("203.0.113.9") is not None
        on.trail.away = False
        await trio.sleep(2 * RETRY_S)
        assert on.blocks.operator_blocked_for_s("203.0.113.9") is None


class Failing(MemoryStore):
    """Fails as often as it is told."""

    failures = 0

    async def apply(self, changes: tuple[Change, ...]) -> bool:
        await trio.lowlevel.checkpoint()
        if self.failures:
            self.failures -= 1
            raise StoreFailed("disk full")
        return await super().apply(changes)


async def test_a_store_that_fails_for_a_while_changes_nothing_about_who_is_blocked(
    autojump_clock: MockClock, clock: SetClock
) -> None:
    """What could not be written is written later; the gate goes on."""
    store = Failing(clock)
    async with stage(store, clock) as on:
        store.failures = 5
        on.blocks.block(source_of("192.0.2.1"))
        await trio.sleep(2)
        assert on.blocks.blocked_for_s("192.0.2.1") is not None
        assert [] == await on.kept()
        await trio.sleep(6 * RETRY_S)
        assert ["192.0.2.1"] == await on.kept()


async def test_blocks_that_are_to_be_kept_and_cannot_be_end_the_start(clock: SetClock, tmp_path: Path) -> None:
    """An operator who asked for it must not believe in what is not there."""
    path = tmp_path / "blocks.sqlite3"
    path.touch(mode=0o644)
    settings = BlockSettings(path=path, keeps=True)
    keeper = BlockKeeper(Blocklist(300), settings, cast("AuditTrail", Trail()), clock)
    with pytest.raises(RefusedSetting, match="BLOCK_PERSIST"):
        await keeper.run()


async def test_without_persistence_no_file_is_made_until_there_is_an_order(clock: SetClock, tmp_path: Path) -> None:
    """A gate that nobody asked for it keeps no database."""
    path = tmp_path / "blocks.sqlite3"
    keeper = BlockKeeper(Blocklist(300), BlockSettings(path=path, keeps=False), cast("AuditTrail", Trail()), clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(keeper.run)
        assert not path.exists()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[]",
        b"{}",
        b'{"cause":"failures","until":"soon","times":1,"note":""}',
        b'{"cause":"gossip","until":1,"times":1,"note":""}',
        b'{"action":"add","network":null,"until":null,"note":""}',
        b'{"action":"add","network":"everybody","until":null,"note":""}',
        b'{"action":"list","network":"192.0.2.1","until":null,"note":""}',
        b"\xff" * 9,
        b"[" * 10_000,
    ],
)
async def test_rows_that_cannot_be_read_are_removed(store: MemoryStore, clock: SetClock, value: bytes) -> None:
    """Whoever wrote them, the gate starts, blocks nobody by them, and does not read them twice."""
    row = Row(key="192.0.2.1", value=value, version=1, expires_at=None)
    assert (None, None) == (read_block(row), read_order(row))
    await store.put(Put(space=Space.BLOCK, key="192.0.2.1", value=value))
    await store.put(Put(space=Space.BLOCK_ORDER, key="1", value=value))
    async with stage(store, clock) as on:
        await trio.testing.wait_all_tasks_blocked()
        assert on.blocks.blocked_for_s("192.0.2.1") is None
        assert [] == await on.kept()
        assert 0 == await store.count(Space.BLOCK_ORDER)
