"""While Gitea does not answer, everybody is refused at once; and nobody is let through instead."""

from __future__ import annotations

import pytest
import structlog
import trio
from trio.testing import MockClock

from aegis_trio.limits.breaker import SILENT_S, CircuitBreaker
from aegis_trio.model.errors import UpstreamPaused


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    """Fail *times* times."""
    for _ in range(times):
        with breaker.attempt() as attempt:
            attempt.failed()


def succeed(breaker: CircuitBreaker, status: int = 200) -> None:
    """Get an answer."""
    with breaker.attempt() as attempt:
        attempt.answered(status)


def refusal(breaker: CircuitBreaker) -> UpstreamPaused:
    """Make an attempt that must be refused."""
    with pytest.raises(UpstreamPaused) as refused, breaker.attempt():
        pytest.fail("let through")
    return refused.value


async def test_it_opens_refuses_probes_and_closes(autojump_clock: MockClock) -> None:
    """The whole life of an outage."""
    breaker = CircuitBreaker(3, 8.0)
    with structlog.testing.capture_logs() as logs:
        fail(breaker, 3)
        assert breaker.is_open()
        refused = refusal(breaker)
        assert (1, "Try again in 1 s.") == (refused.retry_after_s, refused.remedy)
        assert breaker.refusal() is not None
        await trio.sleep(1)
        assert not breaker.is_open()
        assert breaker.refusal() is None
        fail(breaker)
        assert 2 == refusal(breaker).retry_after_s
        await trio.sleep(2)
        with breaker.attempt() as probe:
            refusal(breaker)
            assert breaker.refusal() is not None
            probe.answered(200)
        succeed(breaker)
    assert ["gitea_circuit_opened", "gitea_probe_failed", "gitea_circuit_closed"] == [line["event"] for line in logs]
    found = breaker.statistics()
    assert (0, 0, 1, 2, 3) == (
        found.open,
        found.failures_in_a_row,
        found.opened_total,
        found.probes_total,
        found.refused_total,
    )


@pytest.mark.parametrize("status", [200, 304, 401, 403, 404, 422, 429, 500, 501])
async def test_any_answer_of_gitea_closes_it(status: int) -> None:
    """Whoever finds a page on which Gitea fails cannot take Gitea away from everybody else."""
    breaker = CircuitBreaker(3, 8.0)
    for _ in range(10):
        fail(breaker, 2)
        succeed(breaker, status)
    assert 0 == breaker.statistics().opened_total


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_what_a_proxy_says_for_a_server_that_is_away_is_no_answer(status: int) -> None:
    """A proxy answers quickly, and nobody is behind it."""
    breaker = CircuitBreaker(3, 8.0)
    for _ in range(3):
        succeed(breaker, status)
    refusal(breaker)


async def test_a_call_given_up_early_says_nothing_and_one_given_up_late_does(autojump_clock: MockClock) -> None:
    """People hang up; a server that is silent for ten seconds is not well."""
    breaker = CircuitBreaker(2, 8.0)
    for wait_s in (SILENT_S / 2, SILENT_S / 2, SILENT_S / 2):
        with trio.move_on_after(wait_s), breaker.attempt():
            await trio.sleep_forever()
    assert 0 == breaker.statistics().failures_in_a_row
    for _ in range(2):
        with trio.move_on_after(SILENT_S), breaker.attempt():
            await trio.sleep_forever()
    refusal(breaker)


async def test_a_probe_that_is_cancelled_makes_room_for_the_next(autojump_clock: MockClock) -> None:
    """Otherwise one client that hangs up would close Gitea for ever."""
    breaker = CircuitBreaker(1, 8.0)
    fail(breaker)
    await trio.sleep(1)
    for _ in range(3):
        with trio.CancelScope() as scope, breaker.attempt():
            scope.cancel()
            await trio.sleep_forever()
        assert scope.cancelled_caught
    succeed(breaker)
    assert 0 == breaker.statistics().open


async def test_a_bug_in_the_middle_of_a_probe_makes_room_too(autojump_clock: MockClock) -> None:
    """However the block ends."""
    breaker = CircuitBreaker(1, 8.0)
    fail(breaker)
    await trio.sleep(1)
    with pytest.raises(KeyError), breaker.attempt():
        raise KeyError
    succeed(breaker)


async def test_a_late_answer_closes_it() -> None:
    """A request that was under way before, and is answered, shows that Gitea is there."""
    breaker = CircuitBreaker(1, 8.0)
    with breaker.attempt() as slow:
        fail(breaker)
        refusal(breaker)
        slow.answered(200)
    succeed(breaker)


async def test_zero_never_opens_it() -> None:
    """It can be off."""
    breaker = CircuitBreaker(0, 8.0)
    fail(breaker, 1000)
    assert breaker.refusal() is None


@pytest.mark.parametrize(("failures", "pause_s"), [(-1, 8.0), (1, 0.0)])
def test_a_breaker_that_cannot_be_is_our_own_misuse(failures: int, pause_s: float) -> None:
    """It is found where it is made."""
    with pytest.raises(ValueError, match="must be"):
        CircuitBreaker(failures, pause_s)
