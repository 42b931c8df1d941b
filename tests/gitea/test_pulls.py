"""Pull requests and their files as a real Gitea told them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aegis_trio.gitea.pulls import (
    ChangedFile,
    ChangedFilePage,
    PullRequest,
    PullSide,
    get_pull_request,
    list_changed_files,
)
from aegis_trio.model.errors import UpstreamBroken
from aegis_trio.model.refs import parse_repository
from tests.gitea.recorded import EXCHANGES, response_of

BACKEND = parse_repository("acme", "backend")


def _decoded(id_: str) -> Any:
    exchange = EXCHANGES[id_]
    return exchange.request().decode(exchange.response)


def test_a_pull_request_is_read_with_all_that_is_shown() -> None:
    """Every field once, from one recorded answer."""
    recorded = json.loads(EXCHANGES["pulls.get.open"].response.body)
    expected = PullRequest(
        number=65,
        title="Open: routes and questions",
        body="About open. Closes #14.",
        state="open",
        author="alice",
        labels=("kind/feature",),
        assignees=("bob",),
        reviewers=("bob", "mcp-bot"),
        base=PullSide(branch="main", sha=recorded["base"]["sha"], repository="acme/backend"),
        head=PullSide(branch="feature/open", sha=recorded["head"]["sha"], repository="acme/backend"),
        draft=False,
        mergeable=True,
        merged=False,
        merged_at="",
        comment_count=6,
        additions=32,
        deletions=8,
        changed_files=3,
        created_at="2026-11-21T07:42:37Z",
        updated_at="2026-11-21T07:42:54Z",
        html_url="http://127.0.0.1:3999/acme/backend/pulls/65",
    )
    assert expected == _decoded("pulls.get.open")


@pytest.mark.parametrize(
    ("id_", "expected"),
    [
        ("pulls.get.draft", ("open", True, False, False, "")),
        ("pulls.get.merge", ("closed", False, True, True, "2026-11-21T07:42:46Z")),
        ("pulls.get.closed", ("closed", False, True, False, "")),
        ("pulls.get.conflict", ("open", False, False, False, "")),
    ],
)
def test_states_of_a_pull_request_are_told_apart(id_: str, expected: tuple[str, bool, bool, bool, str]) -> None:
    """Closed is not merged, and what cannot be merged may be a draft or a conflict."""
    pull = _decoded(id_)
    assert expected == (pull.state, pull.draft, pull.mergeable, pull.merged, pull.merged_at)


def test_the_two_sides_may_stand_in_two_repositories() -> None:
    """A fork's branch is not the repository's own."""
    pull = _decoded("pulls.get.fork")
    assert ("bob/public-tool", "alice/public-tool") == (pull.base.repository, pull.head.repository)


def test_a_head_without_its_fork_is_still_read() -> None:
    """Forks are deleted, and the pull request stays."""
    fields = json.loads(EXCHANGES["pulls.get.fork"].response.body)
    fields["head"] |= {"repo": None, "ref": "refs/pull/2/head"}
    pull = get_pull_request(parse_repository("bob", "public-tool"), 2).decode(
        response_of(200, json.dumps(fields).encode())
    )

    assert ("refs/pull/2/head", None) == (pull.head.branch, pull.head.repository)


def test_an_answer_about_another_pull_request_is_refused() -> None:
    """Access and audit were decided for the number that was asked for."""
    with pytest.raises(UpstreamBroken, match="another pull request"):
        get_pull_request(BACKEND, 66).decode(EXCHANGES["pulls.get.open"].response)


@pytest.mark.parametrize(
    "change",
    [{"base": None}, {"head": {"ref": 1}}, {"head": {"ref": "x", "repo": {}}}, {"merged": "no"}],
    ids=["no base", "branch", "repository", "merged"],
)
def test_a_pull_request_in_the_wrong_form_is_refused(change: dict[str, Any]) -> None:
    """Whether it is merged is never guessed."""
    fields = json.loads(EXCHANGES["pulls.get.open"].response.body) | change

    with pytest.raises(UpstreamBroken):
        get_pull_request(BACKEND, 65).decode(response_of(200, json.dumps(fields).encode()))


def test_changed_files_say_what_became_of_them() -> None:
    """A renamed file names its old place, and a binary one counts no lines."""
    page = _decoded("pulls.files.big")

    assert isinstance(page, ChangedFilePage)
    assert (8, 8, None) == (len(page.files), page.total, page.has_next)
    assert {
        ChangedFile(path="LICENSE", previous_path="", status="deleted", additions=0, deletions=1),
        ChangedFile(
            path="docs/plans/plan-2026.md",
            previous_path="docs/plan.md",
            status="renamed",
            additions=2,
            deletions=0,
        ),
        ChangedFile(path="odd/pixel.png", previous_path="", status="unchanged", additions=0, deletions=0),
    } <= set(page.files)


def test_a_page_of_changed_files_says_that_more_follows() -> None:
    """Both come from headers."""
    page, beyond = _decoded("pulls.files.page"), _decoded("pulls.files.beyond")

    assert (2, 8, True) == (len(page.files), page.total, page.has_next)
    assert ((), 3, None) == (beyond.files, beyond.total, beyond.has_next)


def test_every_request_stands_inside_its_route() -> None:
    """The client refuses to send what its route does not admit."""
    one, files = get_pull_request(BACKEND, 7), list_changed_files(BACKEND, 7, page=3, limit=20)

    assert (("page", "3"), ("limit", "20")) == files.query
    for request in (one, files):
        assert request.route.admits(request.segments)
        assert {key for key, _ in request.query} <= request.route.query_keys
