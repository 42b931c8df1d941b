"""A Gitea that signs with a shared secret is refused before anybody is served, and one that is away is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.gitea.discovery import Discovery
from aegis_trio.gitea.oauth import GiteaOAuth
from aegis_trio.model.errors import Fault, UpstreamBroken, UpstreamUnreachable
from aegis_trio.supervisor.core import RefusedSetting
from aegis_trio.supervisor.signing import CHECK_DEADLINE_S, find_issuer


@dataclass
class FakeOAuth:
    """A Gitea that says one thing of itself."""

    answer: Discovery | Fault | None

    async def discover(self) -> Discovery:
        """Return it, or keep silent."""
        await trio.lowlevel.checkpoint()
        if self.answer is None:
            await trio.sleep_forever()
        if isinstance(self.answer, Fault):
            raise self.answer
        assert self.answer is not None
        return self.answer


async def _find(answer: Discovery | Fault | None) -> str | None:
    return await find_issuer(cast("GiteaOAuth", FakeOAuth(answer)))


def _signs(*algorithms: str) -> Discovery:
    return Discovery(issuer="https://git.example/", id_token_algorithms=algorithms)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_a_shared_secret_is_refused_with_the_way_out(algorithm: str) -> None:
    """Nobody but Gitea could check such a token; the operator learns what to set, and where."""
    with pytest.raises(RefusedSetting) as refused:
        await _find(_signs(algorithm))

    for word in ("OAUTH_MODE", algorithm, "JWT_SIGNING_ALGORITHM", "RS256, ES256 or EdDSA"):
        assert word in str(refused.value)


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EdDSA"])
async def test_a_public_key_is_taken(algorithm: str) -> None:
    """Each kind that Gitea offers; and Gitea's name is taken as it stands, slash and all."""
    assert "https://git.example/" == await _find(_signs(algorithm))


@pytest.mark.parametrize(
    "away", [UpstreamUnreachable("no"), UpstreamBroken("no"), None], ids=["down", "broken", "slow"]
)
async def test_a_gitea_that_is_away_does_not_keep_the_gate_from_starting(
    away: Fault | None, autojump_clock: MockClock
) -> None:
    """It starts later, perhaps; readiness tells meanwhile that its keys are missing."""
    assert await _find(away) is None
    assert trio.current_time() <= CHECK_DEADLINE_S
