"""Completions against the demo forge: what the caller sees, and never what somebody else does."""

from __future__ import annotations

import pytest

from tests.toolsets.features import complete
from tests.toolsets.stage import as_person

pytestmark = pytest.mark.sockets

HARBOR = {"owner": "tidewater", "repo": "harbor"}
NOTHING = {"values": [], "hasMore": False, "total": 0}


async def test_owners_and_repositories_are_ones_own() -> None:
    """Of what the identity owns or works on; a name needs its owner first."""
    async with as_person("alice") as stage:
        owners = await complete("owner", "", stage.forge)
        tide = await complete("owner", "TIDE", stage.forge)
        names = await complete("repo", "", stage.forge, owner="Tidewater")
        held = await complete("repo", "ROLL", stage.forge, owner="tidewater")
        asked = len(stage.asked())
        homeless = await complete("repo", "", stage.forge)

    assert {"alice", "tidewater"} == set(owners["values"])
    assert ["tidewater"] == tide["values"]
    assert {"harbor", "website", "payroll"} == set(names["values"])
    assert (["payroll"], 1) == (held["values"], held["total"])
    assert NOTHING == homeless
    assert 4 == asked


async def test_refs_are_branches_and_tags() -> None:
    """Both can stand where a ref is asked for; with from_ref and to_ref the same."""
    async with as_person("alice") as stage:
        everything = await complete("ref", "", stage.forge, **HARBOR)
        branches = await complete("from_ref", "feat", stage.forge, **HARBOR)
        tags = await complete("to_ref", "V2", stage.forge, **HARBOR)

    assert {"main", "feature/grace-period", "feature/spring-tides", "v2.0.0"} == set(everything["values"])
    assert {"feature/grace-period", "feature/spring-tides"} == set(branches["values"])
    assert ["v2.0.0"] == tags["values"]


async def test_paths_are_completed_folder_by_folder() -> None:
    """A folder ends with `/`, so that typing goes on inside it; at the ref that was chosen."""
    async with as_person("alice") as stage:
        root = await complete("path", "", stage.forge, **HARBOR)
        inside = await complete("path", "src/", stage.forge, **HARBOR)
        file = await complete("path", "src/harbor/SPR", stage.forge, **HARBOR, ref="feature/spring-tides")
        absent = await complete("path", "src/harbor/spr", stage.forge, **HARBOR, ref="main")
        rooted = await complete("path", "/read", stage.forge, **HARBOR)

    assert {"src/", "docs/", "data/", "tests/", ".gitea/", "README.md", "pyproject.toml"} == set(root["values"])
    assert ["src/harbor/"] == inside["values"]
    assert ["src/harbor/spring.py"] == file["values"]
    assert NOTHING == absent
    assert ["README.md"] == rooted["values"]


async def test_numbers_are_those_of_issues_and_pull_requests() -> None:
    """By their beginning, or by words of theirs; the newest first."""
    async with as_person("alice") as stage:
        everything = await complete("number", "", stage.forge, **HARBOR)
        begun = await complete("number", "#1", stage.forge, **HARBOR)
        found = await complete("number", "soundings", stage.forge, **HARBOR)

    assert {"1", "4", "7", "9", "10", "12", "13", "14"} == set(everything["values"])
    assert {"1", "10", "12", "13", "14"} == set(begun["values"])
    assert ["10"] == found["values"]


async def test_the_instance_is_the_one_there_is() -> None:
    """Templates have it, so that one gate may stand before several forges some day."""
    async with as_person("alice") as stage:
        assert ["main"] == (await complete("instance", "", stage.forge))["values"]
        assert [] == stage.asked()


@pytest.mark.parametrize(
    ("argument", "chosen"),
    [
        ("ref", {}),
        ("path", {}),
        ("number", {}),
        ("ref", {"owner": "tidewater"}),
        ("path", {"repo": "harbor"}),
        ("ref", {"owner": "..", "repo": "harbor"}),
        ("path", {**HARBOR, "ref": "a..b"}),
        ("number", {**HARBOR, "instance": "other"}),
    ],
)
async def test_without_a_place_there_is_nothing_and_nobody_is_asked(argument: str, chosen: dict[str, str]) -> None:
    """An empty list, and no error: a person is still typing."""
    async with as_person("alice") as stage:
        assert NOTHING == await complete(argument, "", stage.forge, **chosen)
        assert [] == stage.asked()


@pytest.mark.parametrize(
    "value", ["../", "a/../b", "a/./", ".git/", "a\n/", "a//b/", "\ud800/", "x" * 300 + "/", "a\0/b"]
)
async def test_a_hostile_path_completes_to_nothing(value: str) -> None:
    """What was typed becomes part of a request only as a path that was read."""
    async with as_person("alice") as stage:
        assert NOTHING == await complete("path", value, stage.forge, **HARBOR)
        assert [] == stage.asked()


@pytest.mark.parametrize("value", ["' OR 1=1 --", "%", "?sudo=root", "a&token=x", "x" * 101, "\n", "0", "-1"])
async def test_hostile_words_are_words(value: str) -> None:
    """They are looked for, and find nothing."""
    async with as_person("alice") as stage:
        found = await complete("number", value, stage.forge, **HARBOR)
        queries = [record.raw_query for record in stage.running.requests]

    assert set(found["values"]) <= {"1", "4", "7", "9", "10", "12", "13", "14"}
    assert not [query for query in queries if "sudo=" in query or "token=" in query]


@pytest.mark.requirement("MCP-COMPL-02")
@pytest.mark.parametrize("argument", ["repo", "ref", "path", "number"])
async def test_what_the_caller_does_not_see_completes_like_what_does_not_exist(argument: str) -> None:
    """Alice's notes, as bob sees them: the same answer as for a name that nobody has."""
    async with as_person("alice") as stage:
        hers = await complete(argument, "", stage.forge, owner="alice", repo="notes")
    async with as_person("bob") as stage:
        hidden = await complete(argument, "", stage.forge, owner="alice", repo="notes")
        missing = await complete(argument, "", stage.forge, owner="alice", repo="nosuch")

    assert NOTHING == hidden == missing
    assert hers["values"] or argument == "number"


@pytest.mark.requirement("MCP-COMPL-02")
async def test_a_stranger_learns_no_owner_and_no_name() -> None:
    """Carol reads harbor and website, and nothing of payroll, notes or pilot-log."""
    async with as_person("carol") as stage:
        owners = await complete("owner", "", stage.forge)
        names = await complete("repo", "", stage.forge, owner="tidewater")
        others = await complete("repo", "", stage.forge, owner="alice")

    assert "payroll" not in names["values"]
    assert "alice" not in owners["values"]
    assert NOTHING == others
