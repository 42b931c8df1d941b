"""Every room of the demo world answers, and shows something that a person can try a tool on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, final

import pytest

from aegis_trio.demo_forge.answers import Answer
from aegis_trio.demo_forge.demo_world import build_demo_world
from aegis_trio.demo_forge.forge import Forge
from aegis_trio.demo_forge.requests import Request
from aegis_trio.demo_forge.world import World

HARBOR: Final = "repos/tidewater/harbor"


@final
@dataclass(slots=True, kw_only=True)
class Asker:
    """Asks the demo world without sockets; reading needs no new world for each question."""

    world: World = field(default_factory=partial(build_demo_world))

    def ask(self, path: str, who: str = "alice") -> Answer:
        """Return the answer to a GET."""
        self.world.root_url = "http://forge/"
        raw_path, _, query = path.partition("?")
        headers = (("authorization", f"Bearer {self.world.tokens[who]}"),)
        request = Request(method="GET", raw_path=f"/api/v1/{raw_path}", raw_query=query, headers=headers)
        return Forge(self.world).answer(request)[0]

    def body(self, path: str, who: str = "alice") -> Any:
        """Return the document of a good answer."""
        answer = self.ask(path, who)
        assert 200 == answer.status, (path, answer.body)
        return json.loads(answer.body)


@pytest.fixture(scope="module")
def asker() -> Asker:
    """Give one demo world to all questions of this file."""
    return Asker()


@pytest.mark.parametrize(
    ("path", "least"),
    [
        (f"{HARBOR}/labels", 3),
        (f"{HARBOR}/milestones", 1),
        (f"{HARBOR}/issues/comments", 5),
        (f"{HARBOR}/issues/12/labels", 1),
        (f"{HARBOR}/issues/12/timeline", 4),
        (f"{HARBOR}/issues/12/reactions", 1),
        (f"{HARBOR}/issues/12/times", 1),
        (f"{HARBOR}/issues/14/dependencies", 1),
        (f"{HARBOR}/issues/13/blocks", 1),
        (f"{HARBOR}/issues/pinned", 1),
        (f"{HARBOR}/times", 1),
        (f"{HARBOR}/pulls/13/reviews", 2),
        (f"{HARBOR}/pulls/13/reviews/1/comments", 1),
        (f"{HARBOR}/pulls/13/commits", 1),
        ("repos/issues/search", 5),
        ("repos/issues/search?assigned=true", 1),
        ("repos/issues/search?created=true", 2),
        ("repos/issues/search?review_requested=true", 1),
        ("repos/issues/search?reviewed=true", 1),
        ("user/stopwatches", 1),
        ("user/times", 1),
    ],
)
def test_a_list_of_the_demo_world_has_something_in_it(asker: Asker, path: str, least: int) -> None:
    """A tool that is tried on an empty list teaches nobody anything."""
    assert least <= len(asker.body(path))
