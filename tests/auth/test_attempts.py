"""The ledger bounds what strangers write, and loses no number."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from aegis_trio.auth.attempts import EVERYBODY, RECORDED_PER_MINUTE, VERBATIM, AttemptLedger, Sum


async def test_the_first_attempts_of_an_address_are_recorded(autojump_clock: MockClock) -> None:
    """They show what is tried; a minute later the address has as many again."""
    ledger = AttemptLedger()
    assert [True] * VERBATIM + [False] * 3 == [ledger.admit("10.0.0.1") for _ in range(VERBATIM + 3)]
    assert [] == ledger.collect()
    await trio.sleep(60)

    assert [Sum("10.0.0.1", 3)] == ledger.collect()
    assert ledger.admit("10.0.0.1")


async def test_a_quiet_address_is_forgotten_without_a_record(autojump_clock: MockClock) -> None:
    """A single typing error needs no sum."""
    ledger = AttemptLedger()
    ledger.admit("10.0.0.1")
    await trio.sleep(60)

    assert [] == ledger.collect()
    assert [] == ledger.close()


async def test_many_addresses_share_one_budget(autojump_clock: MockClock) -> None:
    """A botnet writes no more than one stranger many times over, and its attempts are all counted."""
    ledger = AttemptLedger()
    recorded = sum(ledger.admit(f"10.{n // 65536}.{n // 256 % 256}.{n % 256}") for n in range(5000))
    assert RECORDED_PER_MINUTE == recorded
    assert not ledger.admit_event()

    owed = ledger.collect()
    attempts = sum(found.attempts for found in (*owed, *ledger.close()))

    assert 5000 + 1 - RECORDED_PER_MINUTE == attempts


async def test_what_has_no_room_of_its_own_is_summed_over_everybody(autojump_clock: MockClock) -> None:
    """More addresses than are counted singly: the longest quiet are summed up together, once a minute."""
    ledger = AttemptLedger(max_addresses=10)
    for number in range(2000):
        ledger.admit(f"10.0.{number // 256}.{number % 256}")
    first = ledger.collect()
    assert [] == first
    await trio.sleep(60)

    second = ledger.collect()

    (everybody,) = (found for found in second if found.address == EVERYBODY)
    assert 2000 - RECORDED_PER_MINUTE == sum(found.attempts for found in second)
    assert everybody.attempts >= 2000 - RECORDED_PER_MINUTE - 10
    assert [] == ledger.close()


async def test_the_end_owes_nobody(mock_clock: MockClock) -> None:
    """Sums of single addresses and of everybody are both given at the end."""
    ledger = AttemptLedger(max_addresses=1)
    for number in range(RECORDED_PER_MINUTE + 5):
        ledger.admit(f"10.0.{number // 256}.{number % 256}")
    ledger.collect()

    assert 5 == sum(found.attempts for found in ledger.close())
    assert [] == ledger.close()


async def test_an_event_takes_from_the_budget(mock_clock: MockClock) -> None:
    """Blocks are recorded one by one as long as there is room."""
    ledger = AttemptLedger()

    assert [True] * RECORDED_PER_MINUTE + [False] == [ledger.admit_event() for _ in range(RECORDED_PER_MINUTE + 1)]
    assert [Sum(EVERYBODY, 1)] == ledger.close()
