"""Completions where the forge has more than is looked at, or says no."""

from __future__ import annotations

from typing import Any

import pytest

from aegis_trio.gitea.request import ForgeRequest, ForgeResponse
from aegis_trio.model.errors import Conflict, NotFound, UpstreamBusy, UpstreamForbade
from tests.toolsets.canned import CannedForge, json_answer
from tests.toolsets.features import complete

PLACE = {"owner": "o", "repo": "r"}


def _repository(number: int) -> dict[str, Any]:
    return {"id": number, "owner": {"login": f"o{number}"}, "name": f"r{number}"}


async def test_two_pages_of_repositories_are_looked_at() -> None:
    """A hundred, and then it is said that there are more."""
    forge = CannedForge(
        lambda request: json_answer([_repository(int(dict(request.query)["page"]))], total=900, has_next=True)
    )
    found = await complete("owner", "", forge)

    assert {"values": ["o1", "o2"], "hasMore": True} == found
    assert 2 == len(forge.asked)


async def test_the_second_page_is_asked_for_only_when_there_is_one() -> None:
    """A small forge costs one request."""
    forge = CannedForge(lambda _: json_answer([_repository(1)], total=1))
    found = await complete("repo", "", forge, owner="O1")

    assert (["r1"], 1) == (found["values"], len(forge.asked))


async def test_more_branches_and_entries_than_looked_at_are_said() -> None:
    """`hasMore`, and no total that would be wrong."""
    branch = {"name": "b", "commit": {"id": "0"}}
    tag = {"name": "t", "commit": {"sha": "0"}}
    refs = CannedForge(lambda request: json_answer([branch] if "branches" in request.segments else [tag], total=80))
    entries = [{"path": "f", "type": "blob", "mode": "100644"}, {"path": "l", "type": "blob", "mode": "120000"}]
    tree = CannedForge(lambda _: json_answer({"sha": "0", "tree": entries, "total_count": 2000, "truncated": True}))

    assert {"values": ["b", "t"], "hasMore": True} == await complete("ref", "", refs, **PLACE)
    assert {"values": ["f"], "hasMore": True} == await complete("path", "", tree, **PLACE)


@pytest.mark.parametrize(("exists", "expected"), [(True, ["123"]), (False, [])])
async def test_a_number_beyond_the_newest_is_looked_up(exists: bool, expected: list[str]) -> None:  # noqa: FBT001 -- a case
    """A person who types 123 knows what they want; the list has the newest fifty only."""

    def answer(request: ForgeRequest[Any]) -> ForgeResponse:
        one: dict[str, Any] = {"number": 900, "title": "t", "state": "open"}
        if request.segments[-1] == "issues":
            return json_answer([one], total=900, has_next=True)
        if not exists:
            raise NotFound("there is none")
        return json_answer({**one, "number": 123})

    forge = CannedForge(answer)
    found = await complete("number", "123", forge, **PLACE)

    assert expected == found["values"]
    assert 2 == len(forge.asked)


@pytest.mark.parametrize("fault", [NotFound("x"), UpstreamForbade("x"), Conflict("x")])
async def test_every_refusal_looks_like_nothing(fault: Exception) -> None:
    """A refusal that differs would tell what exists."""

    def refuse(_: ForgeRequest[Any]) -> ForgeResponse:
        raise fault

    found = await complete("ref", "", CannedForge(refuse), **PLACE)
    assert {"values": [], "hasMore": False, "total": 0} == found


async def test_a_forge_that_is_away_is_a_fault() -> None:
    """It has nothing to do with what exists, and a client may try again."""

    def refuse(_: ForgeRequest[Any]) -> ForgeResponse:
        raise UpstreamBusy("x")

    with pytest.raises(UpstreamBusy):
        await complete("owner", "", CannedForge(refuse))
