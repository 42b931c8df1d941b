"""What every store does: one suite over all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from aegis_trio.model.clock import SetClock
from aegis_trio.store.interface import (
    FEED_SLOTS,
    MAX_KEY_CHARS,
    MAX_VALUE_BYTES,
    RESYNC,
    Change,
    Delete,
    Put,
    Space,
    Store,
)
from aegis_trio.store.memory import MemoryStore
from aegis_trio.store.sqlite import open_sqlite_store

S = 1_000_000_000
Opened = Callable[[], AbstractAsyncContextManager[Store]]


@pytest.fixture
def clock() -> SetClock:
    """Give a wall clock that stands at 1,000 seconds."""
    return SetClock(1_000 * S)


@pytest.fixture(params=["memory", "sqlite"])
def opened(request: pytest.FixtureRequest, clock: SetClock, tmp_path: Path) -> Opened:
    """Give a way to open a fresh store of each kind."""

    @asynccontextmanager
    async def open_memory() -> AsyncIterator[Store]:
        yield MemoryStore(clock)

    @asynccontextmanager
    async def open_sqlite() -> AsyncIterator[Store]:
        async with open_sqlite_store(tmp_path / "state" / "store.sqlite3", clock=clock) as store:
            yield store

    return open_memory if request.param == "memory" else open_sqlite


def row(key: str, value: bytes = b"{}", *, expires_at: int | None = None, **more: object) -> Put:
    """Return a row of clients."""
    return Put(space=Space.CLIENT, key=key, value=value, expires_at=expires_at, **more)  # type: ignore[arg-type]  # fields of Put


async def test_a_row_is_read_as_it_was_written(opened: Opened) -> None:
    """Bytes in, bytes out; what was never written is absent."""
    async with opened() as store:
        assert 1 == await store.put(row("a", b"\x00\xff", expires_at=1_600))
        found = await store.get(Space.CLIENT, "a")

        assert found is not None
        assert ("a", b"\x00\xff", 1, 1_600) == (found.key, found.value, found.version, found.expires_at)
        assert await store.get(Space.CLIENT, "b") is None
        assert await store.get(Space.GRANT, "a") is None


async def test_a_recent_row_is_what_this_process_made_of_it(opened: Opened, clock: SetClock) -> None:
    """Law 4: only another process can be missed, and that not for long."""

    async def values() -> list[bytes | None]:
        found = [await store.get_recent(Space.CLIENT, key) for key in ("a", "b")]
        return [None if one is None else one.value for one in found]

    async with opened() as store:
        assert [None, None] == await values()
        await store.put(row("a", b"1"))
        await store.put(row("b", b"1", expires_at=1_010))
        assert [b"1", b"1"] == await values()
        await store.put(row("a", b"2"))
        assert [b"2", b"1"] == await values()
        assert not await store.apply((row("a", b"3"), row("b", b"3", if_version=9)))
        assert [b"2", b"1"] == await values()
        assert await store.apply((row("a", b"4"), row("b", b"4", expires_at=1_010)))
        assert [b"4", b"4"] == await values()
        clock.set_ns(1_010 * S)
        assert [b"4", None] == await values()
        await store.sweep()
        clock.set_ns(1_000 * S)
        assert [b"4", None] == await values()
        await store.take(Space.CLIENT, "a")
        assert [None, None] == await values()
        await store.put(row("a", b"5"))
        assert [b"5", None] == await values()
        await store.apply((Delete(space=Space.CLIENT, key="a"),))
        assert [None, None] == await values()


async def test_what_has_expired_is_absent_everywhere(opened: Opened, clock: SetClock) -> None:
    """Law 1: whether or not anybody swept."""
    async with opened() as store:
        await store.put(row("short", expires_at=1_010, indexes=("w",)))
        await store.put(row("long", indexes=("w",)))
        clock.set_ns(1_010 * S)

        assert await store.get(Space.CLIENT, "short") is None
        assert await store.take(Space.CLIENT, "short") is None
        assert ["long"] == [found.key for found in await store.find(Space.CLIENT, "w")]
        assert ["long"] == [found.key for found in await store.rows(Space.CLIENT)]
        assert 1 == await store.count(Space.CLIENT)


async def test_sweeping_removes_what_has_expired_and_nothing_else(opened: Opened, clock: SetClock) -> None:
    """Memory and disk follow what is alive."""
    async with opened() as store:
        for number in range(5):
            await store.put(row(f"short {number}", expires_at=1_010))
        await store.put(row("long", expires_at=1_011))
        clock.set_ns(1_010 * S)

        assert (5, 0) == (await store.sweep(), await store.sweep())
        assert await store.get(Space.CLIENT, "long") is not None


async def test_a_row_that_is_made_again_after_its_end_begins_anew(opened: Opened, clock: SetClock) -> None:
    """An expired row is no row: `if_version=0` holds, and versions begin at 1."""
    async with opened() as store:
        await store.put(row("a", expires_at=1_010))
        await store.put(row("a", expires_at=1_010))
        clock.set_ns(1_010 * S)

        assert 1 == await store.put(row("a", if_version=0))


async def test_compare_and_set_lets_one_of_two_through(opened: Opened) -> None:
    """Two refreshes of one token must not both win."""
    async with opened() as store:
        assert 1 == await store.put(row("a", b"1", if_version=0))
        assert await store.put(row("a", b"2", if_version=0)) is None
        assert 2 == await store.put(row("a", b"2", if_version=1))
        assert await store.put(row("a", b"3", if_version=1)) is None
        found = await store.get(Space.CLIENT, "a")
        assert found is not None
        assert b"2" == found.value


async def test_what_is_taken_is_given_once(opened: Opened) -> None:
    """A code is used once, however many ask at the same moment."""
    async with opened() as store:
        await store.put(row("code", b"x"))
        taken: list[bool] = []

        async def take() -> None:
            taken.append(await store.take(Space.CLIENT, "code") is not None)

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(take)

        assert [False] * 19 + [True] == sorted(taken)


async def test_rows_are_found_by_their_words(opened: Opened) -> None:
    """All grants of a person, or of a client; a rewritten row has its new words only."""
    async with opened() as store:
        await store.put(row("b", indexes=("person:1", "client:x")))
        await store.put(row("a", indexes=("person:1",)))
        await store.put(row("c", indexes=("person:2", "client:x")))
        await store.put(row("c", indexes=("person:3",)))
        await store.delete(Space.CLIENT, "b")

        assert ["a"] == [found.key for found in await store.find(Space.CLIENT, "person:1")]
        assert [] == [found.key for found in await store.find(Space.CLIENT, "client:x")]
        assert ["c"] == [found.key for found in await store.find(Space.CLIENT, "person:3")]
        assert [] == list(await store.find(Space.GRANT, "person:1"))


async def test_rows_are_listed_by_pages(opened: Opened) -> None:
    """Every row once, in order, whatever the page's size."""
    async with opened() as store:
        for number in range(7):
            await store.put(row(f"k{number}"))
        seen: list[str] = []
        while page := await store.rows(Space.CLIENT, after=seen[-1] if seen else "", limit=3):
            seen.extend(found.key for found in page)

        assert [f"k{number}" for number in range(7)] == seen


async def test_a_counter_counts_every_one_and_ends_when_it_was_to(opened: Opened, clock: SetClock) -> None:
    """Limits of registrations stand on it; adding does not prolong it."""
    async with opened() as store:
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(lambda: store.add(Space.COUNTER, "n", 1, expires_at=1_060))
        assert 25 == await store.add(Space.COUNTER, "n", 5, expires_at=9_999)
        clock.set_ns(1_060 * S)

        assert 1 == await store.add(Space.COUNTER, "n", 1, expires_at=1_120)


async def test_all_changes_are_done_or_none(opened: Opened) -> None:
    """A refresh writes the new token, marks the old one and touches the grant: never a part of that."""
    async with opened() as store:
        await store.put(row("a", b"1"))
        wrong: tuple[Change, ...] = (
            row("new", b"x"),
            Delete(space=Space.CLIENT, key="a"),
            row("a2", b"x", if_version=4),
        )
        right: tuple[Change, ...] = (
            row("new", b"x", if_version=0),
            Delete(space=Space.CLIENT, key="a", if_version=1),
        )

        assert not await store.apply(wrong)
        assert await store.get(Space.CLIENT, "new") is None
        assert await store.get(Space.CLIENT, "a") is not None
        assert await store.apply(right)
        assert await store.get(Space.CLIENT, "a") is None
        assert await store.get(Space.CLIENT, "new") is not None


@pytest.mark.parametrize(
    "wrong",
    [
        row("a", b"x" * (MAX_VALUE_BYTES + 1)),
        row(""),
        row("k" * (MAX_KEY_CHARS + 1)),
        row("a", indexes=("w",) * 5),
        row("a", indexes=("",)),
    ],
    ids=["value", "no key", "long key", "words", "no word"],
)
async def test_a_row_that_no_store_takes_is_our_bug(opened: Opened, wrong: Put) -> None:
    """Hostile text is hashed before it becomes a key, and bounded before it becomes a value."""
    async with opened() as store:
        with pytest.raises(ValueError, match=r"has at most|have 1 to"):
            await store.put(wrong)
        with pytest.raises(ValueError, match=r"has at most|have 1 to"):
            await store.apply((row("fine"), wrong))
        assert 0 == await store.count(Space.CLIENT)


async def test_a_word_reaches_everybody_who_hears_its_topic(opened: Opened) -> None:
    """A revocation ends streams wherever they are."""
    async with opened() as store:
        with store.subscribe("revoked") as first, store.subscribe("revoked") as second, store.subscribe("x") as other:
            await store.publish("revoked", "grant 1")
            await store.publish("revoked", "grant 2")

            assert ["grant 1", "grant 2"] == [await first.receive(), await first.receive()]
            assert ["grant 1", "grant 2"] == [await second.receive(), await second.receive()]
            with pytest.raises(trio.WouldBlock):
                other.receive_nowait()


async def test_whoever_missed_a_word_is_told_so(opened: Opened) -> None:
    """A slow subscriber must not believe that it heard everything."""
    async with opened() as store:
        with store.subscribe("revoked") as slow:
            for number in range(FEED_SLOTS + 3):
                await store.publish("revoked", str(number))
            heard = [slow.receive_nowait() for _ in range(FEED_SLOTS)]
            await store.publish("revoked", "next")

            assert [str(number) for number in range(FEED_SLOTS)] == heard
            assert RESYNC == await slow.receive()


@st.composite
def _operations(draw: st.DrawFn) -> list[tuple[str, str, int]]:
    kinds = st.sampled_from(["put", "cas", "take", "delete", "get", "tick"])
    return draw(st.lists(st.tuples(kinds, st.sampled_from("abc"), st.integers(0, 3)), max_size=25))


@settings(max_examples=40)
@given(_operations())
def test_all_stores_answer_alike(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[str, str, int]]
) -> None:
    """Property: the same operations have the same answers, whichever store it is."""
    clock = SetClock(1_000 * S)
    path = tmp_path_factory.mktemp("store") / "store.sqlite3"

    async def run_all() -> None:
        memory = MemoryStore(clock)
        async with open_sqlite_store(path, clock=clock) as sqlite:
            for number, operation in enumerate(operations):
                now_s = clock.now_ns() // S
                expected = await _do(memory, operation, number, now_s)
                assert expected == await _do(sqlite, operation, number, now_s)
                kind, _, amount = operation
                if kind == "tick":
                    clock.set_ns(clock.now_ns() + amount * S)

    trio.run(run_all, clock=MockClock(autojump_threshold=0.5))


async def _do(store: Store, operation: tuple[str, str, int], number: int, now_s: int) -> object:
    kind, key, amount = operation
    until = None if amount == 0 else now_s + amount
    match kind:
        case "put":
            return await store.put(row(key, str(number).encode(), expires_at=until, indexes=("w",)))
        case "cas":
            return await store.put(row(key, str(number).encode(), if_version=amount))
        case "take":
            return await store.take(Space.CLIENT, key)
        case "delete":
            return await store.delete(Space.CLIENT, key)
        case "tick":
            return await store.find(Space.CLIENT, "w")
        case _:
            return await store.get(Space.CLIENT, key)
