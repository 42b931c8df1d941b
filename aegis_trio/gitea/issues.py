"""Issues: one, the list of a repository's, and the comments under an issue or a pull request.

To Gitea a pull request is an issue with a branch: it has a number of the same row, stands in the same list unless a
type is asked for, and its comments are an issue's comments. Issues need the scope read:issue, pull requests themselves
(pulls.py) read:repository.

Source: gitea modules/structs/issue.go, issue_comment.go; routers/api/v1/repo/issue.go, issue_comment.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final, final

from aegis_trio.gitea.request import LIST_ANSWER_BYTES, ForgeRequest, ForgeResponse
from aegis_trio.gitea.shapes import (
    as_list,
    as_object,
    flag,
    login_or_empty,
    number,
    number_or_zero,
    read_json,
    read_object,
    text,
    text_of_each,
    text_or_empty,
)
from aegis_trio.model.errors import UpstreamBroken
from aegis_trio.model.json import JsonObject
from aegis_trio.model.refs import RepositoryRef
from aegis_trio.policy.pathguard import ONE, Route

ISSUE_ANSWER_BYTES: Final = 1024 * 1024
"""Bound for one issue or pull request: Gitea has none for a body, other code hosts stop at 64 KB."""

_ONE_ROUTE: Final = Route(segments=("repos", ONE, ONE, "issues", ONE))
_LIST_ROUTE: Final = Route(
    segments=("repos", ONE, ONE, "issues"), query_keys=frozenset({"state", "type", "q", "page", "limit"})
)
_COMMENTS_ROUTE: Final = Route(segments=("repos", ONE, ONE, "issues", ONE, "comments"))


class IssueState(StrEnum):
    """Which issues a list has."""

    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"


class IssueType(StrEnum):
    """What a list of issues has."""

    ISSUES = "issues"
    PULLS = "pulls"
    ALL = "all"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What is shown of an issue; texts are as somebody wrote them."""

    number: int
    title: str
    body: str
    state: str
    """`open` or `closed`."""
    author: str
    original_author: str
    """The author's name at the forge that this was migrated from; empty for what was written here."""
    labels: tuple[str, ...]
    assignees: tuple[str, ...]
    milestone: str
    """Its title; empty without one."""
    comment_count: int
    is_pull: bool
    is_locked: bool
    created_at: str
    updated_at: str
    closed_at: str
    """Empty while it is open."""
    html_url: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class IssuePage:
    """One page of a repository's list, the newest first."""

    issues: tuple[Issue, ...]
    total: int | None
    has_next: bool | None
    """What the `Link` header says; None when there was none."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """One comment."""

    id: int
    author: str
    original_author: str
    body: str
    created_at: str
    updated_at: str
    html_url: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CommentPage:
    """A page of comments, counted from the newest; within the page, the oldest first."""

    comments: tuple[Comment, ...]
    total: int
    has_next: bool
    """Whether there are older ones."""


def get_issue(repository: RepositoryRef, index: int) -> ForgeRequest[Issue]:
    """Ask for one issue, or for a pull request as an issue.

    Args:
        index: the number by which people know it, from 1 on.
    """
    return ForgeRequest(
        route=_ONE_ROUTE,
        segments=("repos", *repository.as_segments(), "issues", str(index)),
        decode=partial(_one, index),
        subject=f"Issue {index} of {repository}",
        max_bytes=ISSUE_ANSWER_BYTES,
    )


def list_issues(
    repository: RepositoryRef, *, state: IssueState, kind: IssueType, query: str, page: int, limit: int
) -> ForgeRequest[IssuePage]:
    """Ask for a page of a repository's issues, the newest first, with their bodies.

    A milestone without a title empties this list at Gitea 1.25 (recorded as `late.issues.default`).

    Args:
        query: words in title, body or comments, as Gitea's index finds them; empty for all.
        page: from 1 on.
        limit: 1..50; Gitea gives fewer when its own maximum is lower.
    """
    # Gitea knows no `all` among the types: leaving it out is how both are asked for.
    only = () if kind is IssueType.ALL else (("type", kind.value),)
    words = (("q", query),) if query else ()
    return ForgeRequest(
        route=_LIST_ROUTE,
        segments=("repos", *repository.as_segments(), "issues"),
        query=(("state", state.value), *only, *words, ("page", str(page)), ("limit", str(limit))),
        decode=_page,
        subject=f"The list of issues of {repository}",
        max_bytes=LIST_ANSWER_BYTES,
    )


def list_comments(repository: RepositoryRef, index: int, *, page: int, limit: int) -> ForgeRequest[CommentPage]:
    """Ask for the comments of an issue or pull request, and keep one page of them.

    Gitea gives all comments at once, whatever page is asked for (recorded as `issue.comments.limit`), so the page is
    cut here. Where all together pass `LIST_ANSWER_BYTES`, some thousand comments, the answer is `UpstreamTooLarge`. For
    an issue that does not exist Gitea answers 500 and not 404: ask `get_issue` first.

    Args:
        index: the number of the issue or pull request.
        page: from 1 on; 1 has the newest.
        limit: from 1 on.
    """
    return ForgeRequest(
        route=_COMMENTS_ROUTE,
        segments=("repos", *repository.as_segments(), "issues", str(index), "comments"),
        decode=partial(_comments, page, limit),
        subject=f"The comments of issue {index} of {repository}",
        max_bytes=LIST_ANSWER_BYTES,
    )


def _one(index: int, response: ForgeResponse) -> Issue:
    issue = _issue(read_object(response))
    # Threat: rights and the audit are about the number that was asked for.
    if issue.number != index:
        raise UpstreamBroken("Gitea's answer is about another issue.", "Tell the operator.")
    return issue


def _page(response: ForgeResponse) -> IssuePage:
    listed = as_list(read_json(response), "list of issues")
    return IssuePage(
        issues=tuple(_issue(as_object(item, "issue")) for item in listed),
        total=response.total,
        has_next=response.has_next,
    )


def _issue(fields: JsonObject) -> Issue:
    milestone = fields.get("milestone")
    return Issue(
        number=number(fields, "number"),
        title=text(fields, "title"),
        body=text_or_empty(fields, "body"),
        state=text(fields, "state"),
        author=login_or_empty(fields, "user"),
        original_author=text_or_empty(fields, "original_author"),
        labels=text_of_each(fields, "labels", "name"),
        assignees=text_of_each(fields, "assignees", "login"),
        milestone="" if milestone is None else text(as_object(milestone, "milestone"), "title"),
        comment_count=number_or_zero(fields, "comments"),
        is_pull=fields.get("pull_request") is not None,
        is_locked=flag(fields, "is_locked"),
        created_at=text_or_empty(fields, "created_at"),
        updated_at=text_or_empty(fields, "updated_at"),
        closed_at=text_or_empty(fields, "closed_at"),
        html_url=text_or_empty(fields, "html_url"),
    )


def _comments(page: int, limit: int, response: ForgeResponse) -> CommentPage:
    listed = as_list(read_json(response), "list of comments")
    end = max(len(listed) - (page - 1) * limit, 0)
    start = max(end - limit, 0)
    return CommentPage(
        comments=tuple(_comment(as_object(item, "comment")) for item in listed[start:end]),
        total=len(listed),
        has_next=start > 0,
    )


def _comment(fields: JsonObject) -> Comment:
    return Comment(
        id=number(fields, "id"),
        author=login_or_empty(fields, "user"),
        original_author=text_or_empty(fields, "original_author"),
        body=text_or_empty(fields, "body"),
        created_at=text_or_empty(fields, "created_at"),
        updated_at=text_or_empty(fields, "updated_at"),
        html_url=text_or_empty(fields, "html_url"),
    )
