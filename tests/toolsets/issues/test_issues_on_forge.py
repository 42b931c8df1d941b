"""The tools about issues against the demo forge, over real sockets: what a model gets to read."""

from __future__ import annotations

from typing import Any

import pytest

from aegis_trio.model.errors import NotFound
from aegis_trio.toolsets.issues.summary import COMMENTS, ISSUES
from tests.toolsets.canned import run
from tests.toolsets.stage import as_person

pytestmark = pytest.mark.sockets

HARBOR: Any = {"owner": "tidewater", "repo": "harbor"}


async def test_open_issues_are_listed_newest_first() -> None:
    """Without pull requests, without bodies; only declared fields, only those that say something."""
    async with as_person("alice") as stage:
        found: Any = await run("list_issues", HARBOR, stage.forge)

    numbers = [issue["number"] for issue in found["issues"]]
    assert numbers == sorted(numbers, reverse=True)
    assert found["total"] == len(numbers) > 0
    assert not [issue for issue in found["issues"] if "pull_request" in issue or issue["state"] != "open"]
    assert {field for issue in found["issues"] for field in issue} <= set(ISSUES.fields)
    assert all(issue["created_at"].endswith("Z") for issue in found["issues"])


async def test_pages_of_issues_follow_each_other() -> None:
    """`next` is the exact call that goes on, with its filter and its form."""
    async with as_person("alice") as stage:
        whole: Any = await run("list_issues", HARBOR | {"state": "all", "type": "all", "limit": 50}, stage.forge)
        seen: list[str] = []
        following: Any = HARBOR | {"state": "all", "type": "all", "limit": 2, "format": "csv", "fields": "number"}
        while following is not None:
            page: Any = await run("list_issues", following, stage.forge)
            seen += page["issues"].splitlines()[1:]
            following = page["next"]

    assert [str(issue["number"]) for issue in whole["issues"]] == seen
    assert whole["total"] == len(seen)


async def test_words_find_issues() -> None:
    """And `next` would repeat them."""
    async with as_person("alice") as stage:
        whole: Any = await run("list_issues", HARBOR | {"state": "all"}, stage.forge)
        word = whole["issues"][0]["title"].split()[-1]
        found: Any = await run("list_issues", HARBOR | {"state": "all", "query": word, "limit": 1}, stage.forge)

    assert word.lower() in str(found["issues"]).lower()
    assert found["next"] is None or word == found["next"]["query"]


async def test_one_issue_is_read() -> None:
    """With its body, and with the address where a person reads it."""
    async with as_person("alice") as stage:
        listed: Any = await run("list_issues", HARBOR, stage.forge)
        number = listed["issues"][0]["number"]
        issue: Any = await run("issue_read", HARBOR | {"method": "get", "number": number}, stage.forge)

    assert listed["issues"][0] == {name: value for name, value in issue.items() if name != "body"}
    assert issue["body"]
    assert f"{stage.running.url}/tidewater/harbor/issues/{number}" == issue["url"]


async def test_comments_are_read_newest_first() -> None:
    """All of them, page by page."""
    async with as_person("alice") as stage:
        tracker = stage.world.repositories[1].tracker
        number = max(tracker.issues, key=lambda index: len(tracker.issues[index].comments))
        expected = [comment.id for comment in tracker.issues[number].comments]
        seen: list[Any] = []
        following: Any = HARBOR | {"method": "comments", "number": number, "limit": 1}
        while following is not None:
            page: Any = await run("issue_read", following, stage.forge)
            seen += page["comments"]
            following = page["next"]

    assert len(expected) > 1
    assert sorted(expected, reverse=True) == [comment["id"] for comment in seen]
    assert {field for comment in seen for field in comment} <= set(COMMENTS.fields)


@pytest.mark.parametrize("method", ["get", "comments"])
async def test_what_is_not_there_is_not_found(method: str) -> None:
    """Gitea itself answers 500 for the comments of no issue."""
    async with as_person("alice") as stage:
        with pytest.raises(NotFound):
            await run("issue_read", HARBOR | {"method": method, "number": 999_999}, stage.forge)
