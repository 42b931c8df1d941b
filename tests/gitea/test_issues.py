"""Issues and comments as a real Gitea told them, and the requests that ask for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aegis_trio.gitea.issues import (
    Comment,
    CommentPage,
    Issue,
    IssuePage,
    IssueState,
    IssueType,
    get_issue,
    list_comments,
    list_issues,
)
from aegis_trio.gitea.request import ForgeRequest
from aegis_trio.model.errors import UpstreamBroken
from aegis_trio.model.refs import parse_repository
from tests.gitea.recorded import EXCHANGES, response_of

BACKEND = parse_repository("acme", "backend")
WEB = "http://127.0.0.1:3999/acme/backend"


def _decoded(id_: str) -> Any:
    exchange = EXCHANGES[id_]
    return exchange.request().decode(exchange.response)


def _page_of_comments(page: int, limit: int) -> CommentPage:
    return list_comments(BACKEND, 1, page=page, limit=limit).decode(EXCHANGES["issue.comments"].response)


def test_an_issue_is_read_with_all_that_is_shown() -> None:
    """Every field once, from one recorded answer."""
    expected = Issue(
        number=10,
        title="Entry 10: the sum is missing",
        body="Seen in period 10.\n\n- step one\n- step two\n\nExpected 10, got 11.",
        state="closed",
        author="alice",
        original_author="",
        labels=("priority: high",),
        assignees=(),
        milestone="",
        comment_count=0,
        is_pull=False,
        is_locked=False,
        created_at="2026-11-21T07:42:31Z",
        updated_at="2026-11-21T07:42:33Z",
        closed_at="2026-11-21T07:42:33Z",
        html_url=f"{WEB}/issues/10",
    )
    assert expected == _decoded("issues.get.closed")


def test_a_pull_request_asked_for_as_an_issue_says_what_it_is() -> None:
    """Both share one row of numbers, and its address is the pull request's."""
    issue = _decoded("issues.get.pull_as_issue")

    assert (True, "1.2.0", ("kind/feature",), ("bob",)) == (
        issue.is_pull,
        issue.milestone,
        issue.labels,
        issue.assignees,
    )
    assert f"{WEB}/pulls/65" == issue.html_url


def test_a_locked_issue_says_so() -> None:
    """Whoever would like to answer must know."""
    assert _decoded("issues.get.locked").is_locked


def test_a_list_knows_its_total_and_whether_more_follows() -> None:
    """Both come from headers, and a list on one page has no `Link`."""
    first, only = _decoded("issues.list.default"), _decoded("issues.list.q")

    assert isinstance(first, IssuePage)
    assert ([78, 77, 76], 67, True) == ([issue.number for issue in first.issues], first.total, first.has_next)
    assert ([6], 1, None) == ([issue.number for issue in only.issues], only.total, only.has_next)


def test_an_issue_of_a_deleted_account_has_no_author() -> None:
    """Other versions write null there, and the issue is still to be read."""
    fields = {"number": 1, "title": "t", "state": "open", "user": None, "labels": None, "original_author": "Grace"}
    issue = get_issue(BACKEND, 1).decode(response_of(200, json.dumps(fields).encode()))

    assert ("", "Grace", (), "") == (issue.author, issue.original_author, issue.labels, issue.body)


def test_an_answer_about_another_issue_is_refused() -> None:
    """Access and audit were decided for the number that was asked for."""
    with pytest.raises(UpstreamBroken, match="another issue"):
        get_issue(BACKEND, 2).decode(EXCHANGES["issues.get"].response)


@pytest.mark.parametrize(
    "change",
    [{"labels": [{"name": 1}]}, {"labels": ["bug"]}, {"user": "bob"}, {"title": None}, {"milestone": []}],
    ids=["name", "label", "author", "title", "milestone"],
)
def test_an_issue_in_the_wrong_form_is_refused(change: dict[str, Any]) -> None:
    """A hole must not be shown as if nobody had written there."""
    fields = json.loads(EXCHANGES["issues.get"].response.body) | change

    with pytest.raises(UpstreamBroken):
        get_issue(BACKEND, 1).decode(response_of(200, json.dumps(fields).encode()))


def test_a_comment_is_read() -> None:
    """Every field once; those of a pull request are an issue's."""
    page = _decoded("issue.comments.of_pull")

    assert (2, False) == (page.total, page.has_next)
    expected = Comment(
        id=235,
        author="carol",
        original_author="",
        body="A plain comment on a pull request",
        created_at="2026-11-21T07:42:49Z",
        updated_at="2026-11-21T07:42:49Z",
        html_url=f"{WEB}/pulls/65#issuecomment-235",
    )
    assert expected == page.comments[0]


def test_pages_of_comments_are_cut_from_the_newest() -> None:
    """Gitea gives all 36 at once; a thread is read from its end, and no comment is skipped or shown twice."""
    pages = [_page_of_comments(number, 10) for number in (1, 2, 3, 4)]
    whole = [comment.id for page in reversed(pages) for comment in page.comments]

    assert [10, 10, 10, 6] == [len(page.comments) for page in pages]
    assert [True, True, True, False] == [page.has_next for page in pages]
    assert {36} == {page.total for page in pages}
    assert sorted(set(whole)) == whole
    assert whole == [comment.id for comment in _page_of_comments(1, 1000).comments]


@pytest.mark.parametrize(("page", "limit"), [(5, 10), (2, 36), (10**9, 10**9)])
def test_a_page_beyond_the_oldest_comment_is_empty(page: int, limit: int) -> None:
    """Whoever counts too far finds the end, not the beginning again."""
    found = _page_of_comments(page, limit)
    assert ((), 36, False) == (found.comments, found.total, found.has_next)


def test_an_issue_without_comments_has_none() -> None:
    """The empty list is an answer."""
    assert CommentPage(comments=(), total=0, has_next=False) == _decoded("issue.comments.none")


def test_the_list_is_asked_for_as_gitea_understands_it() -> None:
    """Gitea reads an unknown type as both, and an empty `q` is left out."""
    both = list_issues(BACKEND, state=IssueState.OPEN, kind=IssueType.ALL, query="", page=2, limit=20)
    some = list_issues(BACKEND, state=IssueState.ALL, kind=IssueType.PULLS, query="tide & time", page=1, limit=5)

    assert (("state", "open"), ("page", "2"), ("limit", "20")) == both.query
    assert (
        ("state", "all"),
        ("type", "pulls"),
        ("q", "tide & time"),
        ("page", "1"),
        ("limit", "5"),
    ) == some.query


def test_every_request_stands_inside_its_route() -> None:
    """The client refuses to send what its route does not admit."""
    requests: list[ForgeRequest[Any]] = [
        get_issue(BACKEND, 7),
        list_comments(BACKEND, 7, page=1, limit=1),
        list_issues(BACKEND, state=IssueState.ALL, kind=IssueType.ISSUES, query="x", page=1, limit=1),
    ]
    for request in requests:
        assert request.route.admits(request.segments)
        assert {key for key, _ in request.query} <= request.route.query_keys
