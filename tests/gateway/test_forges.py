"""What is kept stands below the bounds of keys and above the places at Gitea."""

from __future__ import annotations

import pytest
import trio

from aegis_trio.gateway.forges import Forges
from aegis_trio.gitea.cache.forge import ContentCache
from aegis_trio.gitea.cache.settings import CacheSettings
from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.gitea.contents import get_contents
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.limits.bulkhead import Bulkhead
from aegis_trio.model.bounds import KeyBounds
from aegis_trio.model.errors import BeyondKey
from aegis_trio.model.identity import (
    DEFAULT_INSTANCE,
    Caller,
    Origin,
    Principal,
    PrincipalId,
    PrincipalKind,
)
from aegis_trio.model.refs import GitRef, parse_file_path, parse_repository
from aegis_trio.model.secret import Secret
from tests.forge import open_forge

README = get_contents(parse_repository("tidewater", "harbor"), parse_file_path("README.md"), GitRef("main"))


def _caller(name: str, token: str, repositories: tuple[str, ...] | None = None) -> Caller:
    principal = Principal(
        id=PrincipalId(name),
        kind=PrincipalKind.API_KEY,
        instance=DEFAULT_INSTANCE,
        scopes=frozenset({"read:repository"}),
        bounds=KeyBounds(repositories=repositories),
    )
    return Caller(principal=principal, gitea_token=Secret(token), origin=Origin(address="127.0.0.1"))


@pytest.mark.sockets
async def test_a_kept_answer_takes_no_place_and_is_held_to_the_bounds_of_a_key() -> None:
    """Against the demo forge, so that the questions that stand for a read are answered as Gitea does."""
    async with open_forge() as forge, open_gitea_client(GiteaSettings(url=forge.url)) as client:
        bulkhead = Bulkhead(2)
        forges = Forges(client.acting_as, bulkhead, ContentCache(CacheSettings()))
        free = forges.for_caller(_caller("key:free", forge.world.bot_token))
        first = await free.ask(README)
        assert 1 == bulkhead.statistics().admitted_total
        assert first == await free.ask(README)
        placed = bulkhead.statistics().admitted_total
        assert first == await free.ask(README)
        assert placed == bulkhead.statistics().admitted_total
        bound = forges.for_caller(_caller("key:bound", forge.world.bot_token, ("tidewater/other",)))
        with pytest.raises(BeyondKey):
            await bound.ask(README)


@pytest.mark.sockets
async def test_identical_requests_at_once_take_one_place() -> None:
    """Five readers of one key are one request to Gitea."""
    async with open_forge() as forge, open_gitea_client(GiteaSettings(url=forge.url)) as client:
        bulkhead, cache = Bulkhead(8), ContentCache(CacheSettings())
        reader = Forges(client.acting_as, bulkhead, cache).for_caller(_caller("key:many", forge.world.bot_token))
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(reader.ask, README)
        assert (1, 4) == (bulkhead.statistics().admitted_total, cache.statistics().coalesced_total)
