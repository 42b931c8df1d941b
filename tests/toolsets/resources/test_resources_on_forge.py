"""Resources against the demo forge, over real sockets: what an application attaches to a conversation."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from aegis_trio.model.call import CallKind
from aegis_trio.model.errors import ReplyTooLarge, ResourceMissing
from tests.toolsets.features import document, perform, read
from tests.toolsets.stage import HARBOR, as_person

pytestmark = pytest.mark.sockets


@pytest.mark.requirement("MCP-RES-02")
async def test_a_text_file_is_served_as_it_is() -> None:
    """The bytes are the file's, the type is a name's, the address is canonical."""
    async with as_person("alice") as stage:
        content = await read(f"{HARBOR}/blob/main/docs%2F%C3%BCbersicht-%E6%B3%8A%E4%BD%8D.md", stage.forge)

    assert f"{HARBOR}/blob/main/docs/%C3%BCbersicht-%E6%B3%8A%E4%BD%8D.md" == content["uri"]
    assert "text/markdown" == content["mimeType"]
    assert "泊位" in content["text"]
    assert {"uri", "mimeType", "text"} == set(content)


async def test_a_file_of_another_ref_is_served() -> None:
    """A branch with `/` in its name is one segment, and HEAD the default branch."""
    async with as_person("alice") as stage:
        branch = await read(f"{HARBOR}/blob/feature%2Fgrace-period/src/harbor/planner.py", stage.forge)
        tag = await read(f"{HARBOR}/blob/v2.0.0/README.md", stage.forge)
        head = await read(f"{HARBOR}/blob/HEAD/src/harbor/planner.py", stage.forge)

    assert "now - leaves > GRACE" in branch["text"]
    assert "# harbor\n" == tag["text"]
    assert ("text/x-python", f"{HARBOR}/blob/HEAD/src/harbor/planner.py") == (head["mimeType"], head["uri"])
    assert "GRACE" not in head["text"]


@pytest.mark.requirement("MCP-RES-04")
async def test_a_picture_is_served_in_base64() -> None:
    """An application shows it; a tool says only that it is binary."""
    async with as_person("alice") as stage:
        content = await read(f"{HARBOR}/blob/main/docs/map.png", stage.forge)

    assert "image/png" == content["mimeType"]
    assert base64.b64decode(content["blob"], validate=True).startswith(b"\x89PNG\r\n")
    assert "text" not in content


async def test_a_strangers_page_is_served_as_plain_text() -> None:
    """An application that renders it would run it."""
    async with as_person("alice") as stage:
        content = await read("gitea://main/tidewater/website/blob/main/index.html", stage.forge)

    assert "text/plain" == content["mimeType"]
    assert "<" in content["text"]


@pytest.mark.parametrize("name", ["data/soundings-2025.csv", "data/soundings-archive.csv"])
async def test_a_large_file_is_a_fault_that_says_what_to_do(name: str) -> None:
    """1.6 MB and 13 MB: neither a part of it nor nothing may stand for the whole."""
    async with as_person("alice") as stage:
        with pytest.raises(ReplyTooLarge, match=r"Larger than 1048576 bytes.*Clone the repository"):
            await read(f"{HARBOR}/blob/main/{name}", stage.forge)


async def test_the_readme_is_found_and_served() -> None:
    """By its own address, though Gitea's API has none for it."""
    async with as_person("alice") as stage:
        content = await read(f"{HARBOR}/readme", stage.forge)
        asked = len(stage.asked())

    assert (f"{HARBOR}/readme", "text/markdown") == (content["uri"], content["mimeType"])
    assert "Questions go to @alice" in content["text"]
    assert 2 == asked


async def test_a_readme_of_another_kind_is_served_too() -> None:
    """The list of resources calls it Markdown before anybody knows its name; bytes are still called bytes."""
    async with as_person("alice") as stage:
        stage.commit({"README.rst": b"Berths\n======\n"}, number=2)
        plain = await read("gitea://main/tidewater/website/readme", stage.forge)
        stage.commit({"README.rst": "Berths".encode("utf-16")}, number=2)
        odd = await read("gitea://main/tidewater/website/readme", stage.forge)

    assert ("text/markdown", "Berths\n======\n") == (plain["mimeType"], plain["text"])
    assert "application/octet-stream" == odd["mimeType"]


async def test_an_issue_is_served_with_its_comments() -> None:
    """One JSON text, in which nobody's words can pass for another's."""
    async with as_person("alice") as stage:
        issue = await document(f"{HARBOR}/issues/12", stage.forge)
        asked = len(stage.asked())

    assert (12, "open", "harbourmaster", ["idea"], ["bob"], "2.2") == (
        issue["number"],
        issue["state"],
        issue["author"],
        issue["labels"],
        issue["assignees"],
        issue["milestone"],
    )
    assert "Half an hour would spare us" in issue["body"]
    assert ["alice", "bob", "carol"] == [comment["author"] for comment in issue["comments"]]
    assert (3, True) == (issue["comment_count"], issue["url"].endswith("/tidewater/harbor/issues/12"))
    assert "never instructions" in issue["note"]
    assert not {"next", "comments_left", "body_cut", "pull_request"} & set(issue)
    assert 2 == asked


async def test_an_issue_without_comments_costs_one_request() -> None:
    """There is nothing more to ask for."""
    async with as_person("alice") as stage:
        issue = await document(f"{HARBOR}/issues/4", stage.forge)
        asked = len(stage.asked())

    assert ("closed", []) == (issue["state"], issue["comments"])
    assert issue["closed_at"]
    assert 1 == asked


async def test_a_pull_requests_conversation_is_an_issues() -> None:
    """To Gitea it is an issue with a branch; its address as a pull request is named."""
    async with as_person("alice") as stage:
        issue = await document(f"{HARBOR}/issues/13", stage.forge)

    assert f"{HARBOR}/pulls/13" == issue["pull_request"]
    assert "`GRACE` is not defined anywhere." == issue["comments"][0]["body"]


async def test_a_pull_request_is_served_with_its_files() -> None:
    """From where to where, what it says, and what it changes."""
    async with as_person("alice") as stage:
        pull = await document(f"{HARBOR}/pulls/13", stage.forge)

    assert ("open", "bob", ["alice"]) == (pull["state"], pull["author"], pull["review_requested_of"])
    assert ("main", "feature/grace-period") == (pull["base"]["branch"], pull["head"]["branch"])
    assert 40 == len(pull["head"]["commit"])
    assert [("src/harbor/planner.py", "changed")] == [(file["path"], file["status"]) for file in pull["files"]]
    assert f"{HARBOR}/issues/13" == pull["conversation"]
    assert "Spring tides are still missing." in pull["body"]


async def test_a_merged_pull_request_says_so() -> None:
    """`closed` alone would read like a refusal."""
    async with as_person("alice") as stage:
        pull = await document(f"{HARBOR}/pulls/9", stage.forge)

    assert "merged" == pull["state"]
    assert pull["merged_at"]
    assert "mergeable" not in pull


MISSING = [
    (f"{HARBOR}/blob/main/nosuch.txt", "is missing, or not visible"),
    (f"{HARBOR}/blob/nosuch/README.md", "is missing, or not visible"),
    (f"{HARBOR}/blob/main/src", "a folder"),
    (f"{HARBOR}/issues/999", "is missing, or not visible"),
    (f"{HARBOR}/pulls/999", "is missing, or not visible"),
    (f"{HARBOR}/pulls/12", "is missing, or not visible"),
    ("gitea://main/tidewater/website/readme", "has no README"),
    ("gitea://main/tidewater/nosuch/readme", "is missing, or not visible"),
    ("gitea://main/nosuch/harbor/readme", "is missing, or not visible"),
]


@pytest.mark.parametrize(("uri", "words"), MISSING, ids=[str(place) for place in range(len(MISSING))])
async def test_what_is_missing_is_a_fault_and_never_empty(uri: str, words: str) -> None:
    """Empty contents would be read as an empty file."""
    async with as_person("alice") as stage:
        with pytest.raises(ResourceMissing) as missing:
            await read(uri, stage.forge)

    assert words in missing.value.message
    assert uri == missing.value.uri
    assert missing.value.remedy


@pytest.mark.requirement("MCP-RES-05")
@pytest.mark.parametrize("rest", ["readme", "blob/main/README.md", "issues/1", "pulls/1"])
async def test_what_the_identity_does_not_see_is_missing(rest: str) -> None:
    """Alice's private notes look to bob like what does not exist."""
    async with as_person("bob") as stage:
        with pytest.raises(ResourceMissing) as hidden:
            await read(f"gitea://main/alice/notes/{rest}", stage.forge)
        with pytest.raises(ResourceMissing) as missing:
            await read(f"gitea://main/alice/nosuch/{rest}", stage.forge)

    assert str(missing.value) == str(hidden.value).replace("notes", "nosuch")


async def test_the_list_has_the_readmes_of_ones_own_repositories() -> None:
    """Not of what strangers made public; and carol learns of nothing that she does not see."""
    async with as_person("alice") as stage:
        mine: Any = await perform(CallKind.RESOURCE_LIST, "resources/list", {"page": ""}, stage.forge)
    async with as_person("carol") as stage:
        hers: Any = await perform(CallKind.RESOURCE_LIST, "resources/list", {"page": ""}, stage.forge)

    names = {"alice/notes", "tidewater/harbor", "tidewater/payroll", "tidewater/website"}
    assert names == {one["name"] for one in mine["resources"]}
    assert {
        "uri": f"{HARBOR}/readme",
        "name": "tidewater/harbor",
        "title": "README of tidewater/harbor",
        "mimeType": "text/markdown",
        "description": "Berth planning of the port",
    } in mine["resources"]
    assert "next" not in mine
    assert not {"payroll", "notes"} & {word for one in hers["resources"] for word in one["name"].split("/")}


async def test_a_listed_address_can_be_read() -> None:
    """Every entry leads somewhere, or says that there is no README."""
    async with as_person("alice") as stage:
        listed: Any = await perform(CallKind.RESOURCE_LIST, "resources/list", {"page": ""}, stage.forge)
        found: list[str] = []
        for one in listed["resources"]:
            try:
                found.append((await read(one["uri"], stage.forge))["uri"])
            except ResourceMissing as missing:
                assert "has no README" in missing.message  # noqa: PT017 -- either branch is an outcome under test

    assert {f"{HARBOR}/readme", "gitea://main/alice/notes/readme"} == set(found)
