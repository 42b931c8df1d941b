"""Signing keys are fetched ahead of need, kept through faults, and never older than they may be."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial

import jwt
import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec
from structlog.testing import capture_logs
from trio.testing import MockClock

from aegis_trio.auth.jwks import RefreshTimes, SigningKeys, run_refresher
from aegis_trio.model.errors import UpstreamBroken, UpstreamUnreachable
from aegis_trio.model.json import JsonObject

NO_JITTER: Callable[[], float] = lambda: 0.0  # noqa: E731 -- a value for an argument


def document(*kids: str) -> JsonObject:
    """Return a JWKS with a fresh key for each of *kids*."""
    algorithm = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
    keys: list[JsonObject] = []
    for kid in kids:
        public = ec.generate_private_key(ec.SECP256R1()).public_key()
        keys.append({**algorithm.to_jwk(public, as_dict=True), "kid": kid, "use": "sig", "alg": "ES256"})
    return {"keys": list(keys)}


class Gitea:
    """Answers with what it was told to, and counts."""

    def __init__(self, *kids: str) -> None:
        self.answer: JsonObject | Exception = document(*kids)
        self.slow_s = 0.0
        self.asked_at_s: list[float] = []

    async def fetch(self) -> JsonObject:
        self.asked_at_s.append(trio.current_time())
        await trio.sleep(self.slow_s)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@asynccontextmanager
async def refreshing(gitea: Gitea, times: RefreshTimes | None = None) -> AsyncGenerator[SigningKeys]:
    """Run a refresher while inside."""
    keys = SigningKeys(times)
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(run_refresher, keys, gitea.fetch, jitter=NO_JITTER))
        yield keys
        nursery.cancel_scope.cancel()


async def test_keys_are_fetched_before_anybody_asks_and_every_ten_minutes(autojump_clock: MockClock) -> None:
    """A token is checked without waiting for Gitea."""
    gitea = Gitea("one")
    began_s = trio.current_time()
    async with refreshing(gitea) as keys:
        assert keys.find("one") is not None
        await trio.sleep(1250)

    assert [0, 600, 1200] == [at_s - began_s for at_s in gitea.asked_at_s]
    assert (1, 3, 0) == (keys.statistics().keys, keys.statistics().fetches_total, keys.statistics().failures_total)


async def test_an_unknown_key_is_fetched_soon_and_not_for_every_stranger(autojump_clock: MockClock) -> None:
    """Rotation at Gitea is noticed at once; a flood of invented key ids costs one request in half a minute."""
    gitea = Gitea("one")
    began_s = trio.current_time()
    async with refreshing(gitea) as keys:
        gitea.answer = document("one", "two")
        for _ in range(500):
            assert keys.find("invented") is None
            await trio.sleep(0.15)

        assert keys.find("two") is not None
    assert [0, 30, 60] == [at_s - began_s for at_s in gitea.asked_at_s]


async def test_a_flood_of_invented_key_ids_is_one_fetch_in_half_a_minute(autojump_clock: MockClock) -> None:
    """As the gate sets it: strangers cannot make us hammer Gitea, whose keys stay good meanwhile."""
    gitea = Gitea("one")
    began_s = trio.current_time()
    async with trio.open_nursery() as nursery:
        keys = SigningKeys(RefreshTimes(min_interval_s=30.0))
        await nursery.start(run_refresher, keys, gitea.fetch)
        for number in range(1000):
            assert keys.find(f"invented {number}") is None
            assert keys.find("one") is not None
            await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
    assert [0, 30, 60, 90] == [at_s - began_s for at_s in gitea.asked_at_s]


@pytest.mark.parametrize(
    "answer",
    [UpstreamUnreachable("Gitea cannot be reached."), {"keys": []}, {}, {"keys": [{"kty": "EC", "kid": "one"}]}],
)
async def test_a_fault_keeps_the_last_good_set_until_it_is_too_old(
    answer: JsonObject | Exception, autojump_clock: MockClock
) -> None:
    """Gitea's restart does not log everybody out; an hour without Gitea does."""
    gitea = Gitea("one")
    async with refreshing(gitea) as keys:
        gitea.answer = answer
        await trio.sleep(3599)
        assert keys.find("one") is not None
        assert keys.statistics().failures_total >= 5
        assert (keys.statistics().age_s or 0) > 3590
        await trio.sleep(2)

        assert keys.find("one") is None
        assert not keys.usable()


async def test_a_gitea_that_hangs_is_given_up(autojump_clock: MockClock) -> None:
    """A refresher that waits for ever would hold stale keys for ever."""
    gitea = Gitea("one")
    gitea.slow_s = 11
    async with refreshing(gitea) as keys:
        assert not keys.usable()
        assert keys.statistics().age_s is None
        assert 1 == keys.statistics().failures_total
        gitea.slow_s = 0
        await trio.sleep(30.5)

        assert keys.find("one") is not None


async def test_a_gate_that_began_before_gitea_is_ready_soon_after_it(autojump_clock: MockClock) -> None:
    """Nobody sends a request to a gate that is not ready, so nobody would ask for keys either."""
    gitea = Gitea("one")
    good, gitea.answer = gitea.answer, UpstreamUnreachable("Gitea cannot be reached.")
    began_s = trio.current_time()
    async with refreshing(gitea) as keys:
        await trio.sleep(100)
        assert not keys.usable()
        gitea.answer = good
        await trio.sleep(30)
        assert keys.usable()
        await trio.sleep(500)

    assert [0, 30, 60, 90, 120] == [at_s - began_s for at_s in gitea.asked_at_s]


@pytest.mark.parametrize("max_stale_s", [60, 100, 700, 3600, 86_400])
async def test_keys_never_grow_stale_while_gitea_answers(autojump_clock: MockClock, max_stale_s: float) -> None:
    """Whatever the operator says keys may be old, they are fetched before they are; one failure is no matter either."""
    gitea = Gitea("one")
    keys = SigningKeys(RefreshTimes.for_staleness(max_stale_s))
    good = gitea.answer
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(run_refresher, keys, gitea.fetch, jitter=lambda: 1.0))
        for number in range(50):
            gitea.answer = UpstreamUnreachable("once") if number % 10 == 5 else good
            await trio.sleep(max_stale_s / 10)
            assert keys.usable()
        nursery.cancel_scope.cancel()
    assert 30 >= keys.times.min_interval_s
    assert 600 >= keys.times.interval_s


async def test_why_keys_cannot_be_fetched_is_said() -> None:
    """A Gitea that signs with a shared secret is mended at Gitea, and the operator has to know."""
    gitea = Gitea("one")
    gitea.answer = UpstreamBroken("Gitea shows no public key.", "Set JWT_SIGNING_ALGORITHM.")
    with capture_logs() as logs:
        assert not await SigningKeys().refresh(gitea.fetch)

    assert ["Gitea shows no public key. Set JWT_SIGNING_ALGORITHM."] == [line["detail"] for line in logs]


async def test_a_bug_ends_the_refresher(autojump_clock: MockClock) -> None:
    """A guardian that died must stop the process, not linger."""
    gitea = Gitea("one")
    gitea.answer = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await run_refresher(SigningKeys(), gitea.fetch)


def test_jitter_spreads_gates(autojump_clock: MockClock) -> None:
    """Several gates behind one Gitea must not ask in the same second for ever."""
    gitea = Gitea("one")
    keys = SigningKeys(RefreshTimes(interval_s=100))

    async def run() -> None:
        with trio.move_on_after(1000):
            await run_refresher(keys, gitea.fetch, jitter=lambda: 1.0)

    trio.run(run, clock=autojump_clock)
    gaps = {round(later - earlier) for earlier, later in zip(gitea.asked_at_s, gitea.asked_at_s[1:], strict=False)}
    assert {110} == gaps
