"""Rows that strangers cause: bounded, and whoever comes is served."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aegis_trio.model.clock import SetClock
from aegis_trio.store.bounded import BATCH, BoundedSpace
from aegis_trio.store.interface import Put, Space, Store
from aegis_trio.store.memory import MemoryStore
from aegis_trio.store.sqlite import open_sqlite_store

S = 1_000_000_000
KEPT_S = 600


@pytest.fixture
def clock() -> SetClock:
    """Give a clock."""
    return SetClock(1_770_000_000 * S)


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: SetClock) -> AsyncIterator[Store]:
    """Give each store."""
    if request.param == "memory":
        yield MemoryStore(clock)
        return
    async with open_sqlite_store(tmp_path / "state" / "store.sqlite3", clock=clock) as opened:
        yield opened


async def _add(store: Store, bound: BoundedSpace, clock: SetClock, key: str, *, stays: bool = False) -> bool:
    if not await bound.make_room():
        return False
    until = clock.now_ns() // S + KEPT_S
    words = () if stays else (bound.word(),)
    await store.put(Put(space=Space.LOGIN, key=key, value=b"x", expires_at=until, indexes=words))
    return True


async def test_whoever_comes_last_is_served_and_the_oldest_goes(store: Store, clock: SetClock) -> None:
    """A flood pushes out itself before it pushes out whoever came a moment ago."""
    bound = BoundedSpace(store, Space.LOGIN, clock, most=5, kept_s=KEPT_S)
    assert await _add(store, bound, clock, "oldest")
    clock.set_ns(clock.now_ns() + KEPT_S // 2 * S)
    for number in range(4):
        assert await _add(store, bound, clock, f"later {number}")
    clock.set_ns(clock.now_ns() + KEPT_S // 4 * S)
    assert await _add(store, bound, clock, "last")

    assert await store.get(Space.LOGIN, "oldest") is None
    assert await store.get(Space.LOGIN, "last") is not None
    assert 5 >= await store.count(Space.LOGIN)


async def test_a_flood_never_has_more_rows_than_the_bound(store: Store, clock: SetClock) -> None:
    """At any moment of it."""
    bound = BoundedSpace(store, Space.LOGIN, clock, most=20, kept_s=KEPT_S)
    for number in range(3 * 20):
        assert await _add(store, bound, clock, f"row {number}")
        assert 20 >= await store.count(Space.LOGIN)
        clock.set_ns(clock.now_ns() + S)


async def test_what_is_not_to_go_stays_and_then_nobody_is_let_in(store: Store, clock: SetClock) -> None:
    """Whoever is signed in does not lose that to a stranger."""
    bound = BoundedSpace(store, Space.LOGIN, clock, most=3, kept_s=KEPT_S)
    assert [True] * 3 == [await _add(store, bound, clock, f"kept {number}", stays=True) for number in range(3)]
    assert not await _add(store, bound, clock, "one too many")
    assert 3 == await store.count(Space.LOGIN)
    clock.set_ns(clock.now_ns() + KEPT_S * S)
    assert await _add(store, bound, clock, "after their end")


async def test_rows_of_a_gate_that_was_restarted_count_and_make_room(store: Store, clock: SetClock) -> None:
    """The bound is the store's, not the process's."""
    before = BoundedSpace(store, Space.LOGIN, clock, most=10, kept_s=KEPT_S)
    for number in range(10):
        assert await _add(store, before, clock, f"before {number}")
    after = BoundedSpace(store, Space.LOGIN, clock, most=4, kept_s=KEPT_S)
    assert await _add(store, after, clock, "after")
    assert 4 >= await store.count(Space.LOGIN)


async def test_counting_is_rare(clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """To count is to read every row: a flood must not cause that with each request."""
    store, counts = MemoryStore(clock), 0
    count = MemoryStore.count

    async def counted(self: MemoryStore, space: Space) -> int:
        nonlocal counts
        counts += 1
        return await count(self, space)

    monkeypatch.setattr(MemoryStore, "count", counted)
    bound = BoundedSpace(store, Space.LOGIN, clock, most=2 * BATCH, kept_s=KEPT_S)
    for number in range(10 * BATCH):
        assert await _add(store, bound, clock, f"row {number}")
    assert 11 > counts
