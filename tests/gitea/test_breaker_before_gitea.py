"""The breaker stands before every exchange with Gitea: calls, sign-ins, introspection."""

from __future__ import annotations

import pytest
import trio

from aegis_trio.gitea.client import GiteaClient, open_gitea_client
from aegis_trio.gitea.oauth import GiteaOAuth
from aegis_trio.gitea.provider import Application
from aegis_trio.gitea.server import get_version
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.limits.breaker import CircuitBreaker
from aegis_trio.model.errors import Fault, UpstreamBroken, UpstreamPaused, UpstreamTooLarge, UpstreamUnreachable
from aegis_trio.model.secret import Secret
from tests.gitea.scripted import HANG_UP, SILENCE, answer, open_script

pytestmark = pytest.mark.sockets

TOKEN = Secret("0123456789abcdef0123456789abcdef01234567")
VERSION = answer('{"version":"1.25.4"}')


async def _ask(client: GiteaClient, times: int = 1) -> list[str]:
    found: list[str] = []
    for _ in range(times):
        try:
            await client.ask(TOKEN, get_version())
        except Fault as fault:
            found.append(fault.code)
        else:
            found.append("answered")
    return found


async def test_a_gitea_that_hangs_up_is_left_alone() -> None:
    """Calls are refused at once, without a connection."""
    async with open_script(*[HANG_UP] * 20) as script:
        breaker = CircuitBreaker(3, 300.0)
        async with open_gitea_client(GiteaSettings(url=script.url), breaker) as client:
            assert ["upstream_unreachable"] * 3 == await _ask(client, 3)
            before = script.connections
            assert ["upstream_paused"] * 5 == await _ask(client, 5)
            assert before == script.connections
            assert {"upstream_unreachable": 3, "upstream_paused": 5} == dict(client.statistics().errors_total)


async def test_introspection_is_refused_like_a_call_and_never_answered_instead() -> None:
    """Nobody is let in, and nobody's token is called inactive, because Gitea is away."""
    async with open_script(*[HANG_UP] * 20, answer('{"active":true}')) as script:
        breaker = CircuitBreaker(1, 300.0)
        async with open_gitea_client(GiteaSettings(url=script.url), breaker) as client:
            oauth = GiteaOAuth(client, Application(client_id="id", client_secret=Secret("secret")))
            with pytest.raises(UpstreamUnreachable):
                await oauth.introspect(TOKEN)
            for ask in (oauth.introspect, oauth.current_user, oauth.refresh):
                with pytest.raises(UpstreamPaused):
                    await ask(TOKEN)


async def test_answers_that_are_faults_are_answers() -> None:
    """A page on which Gitea fails, or an answer that is too large, does not take Gitea away from others."""
    large = b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"
    async with open_script(answer(status=500), answer(status=404), answer(status=429), large, VERSION) as script:
        breaker = CircuitBreaker(1, 300.0)
        async with open_gitea_client(GiteaSettings(url=script.url), breaker) as client:
            with pytest.raises(UpstreamBroken):
                await client.ask(TOKEN, get_version())
            assert ["not_found", "upstream_busy"] == await _ask(client, 2)
            with pytest.raises(UpstreamTooLarge):
                await client.ask(TOKEN, get_version())
        assert 0 == breaker.statistics().opened_total


async def test_a_probe_finds_gitea_again() -> None:
    """After the pause one request goes; its answer opens the way for all."""
    now_s = 1000.0
    breaker = CircuitBreaker(2, 8.0, clock_s=lambda: now_s)
    async with (
        open_script(*[HANG_UP] * 4, VERSION, VERSION) as script,
        open_gitea_client(GiteaSettings(url=script.url), breaker) as client,
    ):
        assert ["upstream_unreachable"] * 2 == await _ask(client, 2)
        assert ["upstream_paused"] == await _ask(client)
        now_s += 1
        assert ["answered", "answered"] == await _ask(client, 2)
    assert (1, 1) == (breaker.statistics().opened_total, breaker.statistics().probes_total)


async def test_hanging_up_on_a_silent_gitea_leaves_the_breaker_in_order() -> None:
    """A cancelled exchange is given up, not lost: the next one is judged anew."""
    async with open_script(SILENCE, VERSION) as script:
        breaker = CircuitBreaker(1, 8.0)
        async with open_gitea_client(GiteaSettings(url=script.url), breaker) as client, trio.open_nursery() as nursery:
            nursery.start_soon(_ask, client)
            await script.silent.wait()
            nursery.cancel_scope.cancel()
        assert (0, 0) == (breaker.statistics().open, breaker.statistics().failures_in_a_row)
