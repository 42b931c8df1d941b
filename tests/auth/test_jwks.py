"""Signing keys are fetched ahead of need, kept through faults, and never older than they may be."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial

import jwt
import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec
from trio.testing import MockClock

from aegis_trio.auth.jwks import RefreshTimes, SigningKeys, run_refresher
from aegis_trio.model.errors import UpstreamUnreachable
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
    """Rotation at Gitea is noticed at once; a flood of invented key ids costs one request in ten seconds."""
    gitea = Gitea("one")
    began_s = trio.current_time()
    async with refreshing(gitea) as keys:
        gitea.answer = document("one", "two")
        for _ in range(500):
            assert keys.find("invented") is None
            await trio.sleep(0.05)

        assert keys.find("two") is not None
    assert [0, 10, 20] == [at_s - began_s for at_s in gitea.asked_at_s]


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
        assert keys.find("one") is None
        await trio.sleep(10.5)

        assert keys.find("one") is not None


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
