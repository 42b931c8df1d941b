"""Places of fetches: strangers cannot take them all, and what several ask for is fetched once."""

from __future__ import annotations

from functools import partial

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from aegis_trio.auth.clients import fetching as room
from aegis_trio.auth.clients.fetching import MAX_FETCHING, MAX_OF_ONE, Fetching
from aegis_trio.auth.clients.guarded import NotFetched

ATTACKER, PERSON = "2001:db8::1", "203.0.113.42"


class Web:
    """Servers that answer when they are let, and slow ones that never do."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.release = trio.Event()
        self.is_down = False

    async def __call__(self, host: str, target: str) -> tuple[bytes, str]:
        self.asked.append(f"{host}{target}")
        if host.startswith("slow"):
            await trio.sleep_forever()
        await self.release.wait()
        if self.is_down:
            raise NotFetched("the document cannot be fetched")
        return f"{host}{target}".encode(), ""


async def _quiet(fetching: Fetching, host: str, asker: str | None) -> None:
    try:
        await fetching.fetch(host, "/c", asker=asker, is_familiar=False)
    except NotFetched:
        return


async def test_what_several_ask_for_is_fetched_once() -> None:
    """A thousand calls of one assistant whose document has expired are one fetch."""
    web, found = Web(), []

    async def ask() -> None:
        found.append(await fetching.fetch("a.example", "/c", asker=PERSON, is_familiar=False))

    fetching = Fetching(web)
    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        web.release.set()
    assert ["a.example/c"] == web.asked
    assert [(b"a.example/c", "")] * 50 == found
    await ask()
    assert 2 == len(web.asked)


async def test_a_failure_is_told_to_everybody_who_waited() -> None:
    """And the next one tries again."""
    web, missing = Web(), []
    web.is_down = True

    async def ask() -> None:
        with pytest.raises(NotFetched, match="cannot be fetched") as raised:
            await fetching.fetch("a.example", "/c", asker=PERSON, is_familiar=False)
        missing.append(raised.value)

    fetching = Fetching(web)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        web.release.set()
    assert (1, 3) == (len(web.asked), len(missing))


async def test_who_waits_for_somebody_that_was_cancelled_fetches_itself() -> None:
    """A client that hangs up takes nobody's document along."""
    web, found = Web(), []
    fetching = Fetching(web)

    async def ask() -> None:
        found.append(await fetching.fetch("a.example", "/c", asker=PERSON, is_familiar=False))

    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as leaving:
            async with trio.open_nursery() as first:
                first.start_soon(ask)
                await wait_all_tasks_blocked()
                nursery.start_soon(ask)
                await wait_all_tasks_blocked()
                leaving.cancel()
        web.release.set()
    assert (2, 1) == (len(web.asked), len(found))


async def test_slow_servers_of_one_attacker_keep_nobody_out() -> None:
    """One address, IPv6 of one house included, has a few places, however many it asks for; no one waits for it."""
    web = Web()
    web.release.set()
    fetching = Fetching(web)
    async with trio.open_nursery() as nursery:
        for number in range(10 * MAX_FETCHING):
            nursery.start_soon(_quiet, fetching, f"slow{number}.example", f"2001:db8::{number:x}")
        await wait_all_tasks_blocked()
        assert MAX_OF_ONE == len(web.asked)
        with pytest.raises(NotFetched, match="for your address"):
            await fetching.fetch("another.example", "/c", asker=ATTACKER, is_familiar=False)
        assert b"a.example/c" == (await fetching.fetch("a.example", "/c", asker=PERSON, is_familiar=False))[0]
        nursery.cancel_scope.cancel()
    assert b"b.example/c" == (await fetching.fetch("b.example", "/c", asker=ATTACKER, is_familiar=False))[0]


async def test_slow_servers_from_everywhere_do_not_keep_out_who_was_good_before() -> None:
    """Claude, ChatGPT and VS Code sign people in while strangers flood; the queue of strangers is bounded."""
    web = Web()
    web.release.set()
    fetching = Fetching(web)
    async with trio.open_nursery() as nursery:
        for number in range(MAX_FETCHING + room.MAX_WAITING):
            nursery.start_soon(_quiet, fetching, f"slow{number}.example", f"10.{number // 256}.{number % 256}.1")
        await wait_all_tasks_blocked()
        assert MAX_FETCHING == len(web.asked)
        with pytest.raises(NotFetched, match="try again in a minute"):
            await fetching.fetch("a.example", "/c", asker=PERSON, is_familiar=False)
        known = partial(fetching.fetch, "a.example", "/c", asker=PERSON, is_familiar=True)
        assert b"a.example/c" == (await known())[0]
        nursery.cancel_scope.cancel()
