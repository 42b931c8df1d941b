"""The ledger bounds what strangers write, and loses no number."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from aegis_trio.auth.attempts import EVERYBODY, RECORDED_AT_ONCE, RECORDED_PER_MINUTE, VERBATIM, AttemptLedger, Sum


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
    assert RECORDED_AT_ONCE == recorded
    assert not ledger.admit_event()

    owed = ledger.collect()
    attempts = sum(found.attempts for found in (*owed, *ledger.close()))

    assert 5000 + 1 - RECORDED_AT_ONCE == attempts


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
    assert 2000 - RECORDED_AT_ONCE == sum(found.attempts for found in second)
    assert everybody.attempts >= 2000 - RECORDED_AT_ONCE - 10
    assert [] == ledger.close()


async def test_the_end_owes_nobody(mock_clock: MockClock) -> None:
    """Sums of single addresses and of everybody are both given at the end."""
    ledger = AttemptLedger(max_addresses=1)
    for number in range(RECORDED_AT_ONCE + 5):
        ledger.admit(f"10.0.{number // 256}.{number % 256}")
    ledger.collect()

    assert 5 == sum(found.attempts for found in ledger.close())
    assert [] == ledger.close()


async def test_the_end_has_no_more_room_than_before(mock_clock: MockClock) -> None:
    """A stop in the middle of an attack by thousands does not write thousands of lines; the worst ones are named."""
    ledger = AttemptLedger()
    for _ in range(RECORDED_AT_ONCE - 2):
        ledger.admit_event()
    for number in range(1000):
        for _ in range(VERBATIM + (2 if number < 990 else 50)):
            ledger.admit(f"10.0.{number // 256}.{number % 256}", records=3)

    *named, everybody = ledger.close()

    assert [(f"10.0.3.{222 + n}", VERBATIM + 50) for n in range(2)] == [(one.address, one.attempts) for one in named]
    assert Sum(EVERYBODY, 990 * (VERBATIM + 2) + 8 * (VERBATIM + 50)) == everybody


async def test_an_event_takes_from_the_budget(mock_clock: MockClock) -> None:
    """Blocks are recorded one by one as long as there is room."""
    ledger = AttemptLedger()

    assert [True] * RECORDED_AT_ONCE + [False] == [ledger.admit_event() for _ in range(RECORDED_AT_ONCE + 1)]
    assert [Sum(EVERYBODY, 1)] == ledger.close()


async def test_an_attempt_takes_as_many_records_as_are_written_of_it(mock_clock: MockClock) -> None:
    """What fills a disk are lines, not attempts."""
    ledger = AttemptLedger()

    recorded = sum(ledger.admit(f"10.0.{n // 256}.{n % 256}", records=3) for n in range(RECORDED_AT_ONCE))

    assert RECORDED_AT_ONCE == 3 * recorded


async def test_what_lasts_has_less_room_than_what_is_over_soon(autojump_clock: MockClock) -> None:
    """A day of an attack is a few megabytes; the beginning of it stands line by line."""
    ledger = AttemptLedger()
    recorded = 0
    for second in range(600):
        recorded += sum(ledger.admit(f"10.0.{second % 250}.{n}") for n in range(20))
        ledger.collect()
        await trio.sleep(1)

    assert recorded <= RECORDED_AT_ONCE + 10 * RECORDED_PER_MINUTE
