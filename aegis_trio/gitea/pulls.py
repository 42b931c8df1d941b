"""Pull requests: one, and the files that it changes.

Not here: their list and their comments, which are an issue's (issues.py), and their diff.

Source: gitea modules/structs/pull.go; routers/api/v1/repo/pull.go (GetPullRequest, GetPullRequestFiles).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final, final

from aegis_trio.gitea.issues import ISSUE_ANSWER_BYTES
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

_ONE_ROUTE: Final = Route(segments=("repos", ONE, ONE, "pulls", ONE))
_FILES_ROUTE: Final = Route(
    segments=("repos", ONE, ONE, "pulls", ONE, "files"), query_keys=frozenset({"page", "limit"})
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PullSide:
    """One of the two branches."""

    branch: str
    """Of the head it may be a ref such as `refs/pull/7/head`, when its branch is gone."""
    sha: str
    repository: str | None
    """`owner/name`; None when the fork is gone or not visible."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """What is shown of a pull request; texts are as somebody wrote them."""

    number: int
    title: str
    body: str
    state: str
    """`open` or `closed`."""
    author: str
    labels: tuple[str, ...]
    assignees: tuple[str, ...]
    reviewers: tuple[str, ...]
    """Those who were asked for a review, and did not give it yet."""
    base: PullSide
    head: PullSide
    draft: bool
    mergeable: bool
    """False also while Gitea is still trying it out, and for a draft."""
    merged: bool
    merged_at: str
    """Empty unless merged."""
    comment_count: int
    additions: int
    deletions: int
    changed_files: int
    created_at: str
    updated_at: str
    html_url: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFile:
    """A file that a pull request changes."""

    path: str
    previous_path: str
    """Where it stood before it was renamed; else empty."""
    status: str
    """`added`, `deleted`, `renamed`, `copied`, `changed`, or `unchanged`: no line differs, as in a binary file."""
    additions: int
    deletions: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFilePage:
    """One page of the changed files, by path."""

    files: tuple[ChangedFile, ...]
    total: int | None
    has_next: bool | None
    """What the `Link` header says; None when there was none."""


def get_pull_request(repository: RepositoryRef, index: int) -> ForgeRequest[PullRequest]:
    """Ask for one pull request; an issue with this number is not found.

    Args:
        index: the number by which people know it, from 1 on.
    """
    return ForgeRequest(
        route=_ONE_ROUTE,
        segments=("repos", *repository.as_segments(), "pulls", str(index)),
        decode=partial(_one, index),
        subject=f"Pull request {index} of {repository}",
        max_bytes=ISSUE_ANSWER_BYTES,
    )


def list_changed_files(
    repository: RepositoryRef, index: int, *, page: int, limit: int
) -> ForgeRequest[ChangedFilePage]:
    """Ask for a page of the files that a pull request changes.

    Gitea computes the whole difference for every page.

    Args:
        index: the number of the pull request.
        page: from 1 on.
        limit: 1..50; Gitea gives fewer when its own maximum is lower.
    """
    return ForgeRequest(
        route=_FILES_ROUTE,
        segments=("repos", *repository.as_segments(), "pulls", str(index), "files"),
        query=(("page", str(page)), ("limit", str(limit))),
        decode=_files,
        subject=f"The files of pull request {index} of {repository}",
        max_bytes=LIST_ANSWER_BYTES,
    )


def _one(index: int, response: ForgeResponse) -> PullRequest:
    fields = read_object(response)
    # Threat: rights and the audit are about the number that was asked for.
    if number(fields, "number") != index:
        raise UpstreamBroken("Gitea's answer is about another pull request.", "Tell the operator.")
    return PullRequest(
        number=index,
        title=text(fields, "title"),
        body=text_or_empty(fields, "body"),
        state=text(fields, "state"),
        author=login_or_empty(fields, "user"),
        labels=text_of_each(fields, "labels", "name"),
        assignees=text_of_each(fields, "assignees", "login"),
        reviewers=text_of_each(fields, "requested_reviewers", "login"),
        base=_side(as_object(fields.get("base"), "base")),
        head=_side(as_object(fields.get("head"), "head")),
        draft=flag(fields, "draft"),
        mergeable=flag(fields, "mergeable"),
        merged=flag(fields, "merged"),
        merged_at=text_or_empty(fields, "merged_at"),
        comment_count=number_or_zero(fields, "comments"),
        additions=number_or_zero(fields, "additions"),
        deletions=number_or_zero(fields, "deletions"),
        changed_files=number_or_zero(fields, "changed_files"),
        created_at=text_or_empty(fields, "created_at"),
        updated_at=text_or_empty(fields, "updated_at"),
        html_url=text_or_empty(fields, "html_url"),
    )


def _side(fields: JsonObject) -> PullSide:
    repository = fields.get("repo")
    return PullSide(
        branch=text(fields, "ref"),
        sha=text_or_empty(fields, "sha"),
        repository=None if repository is None else text(as_object(repository, "repo"), "full_name"),
    )


def _files(response: ForgeResponse) -> ChangedFilePage:
    listed = as_list(read_json(response), "list of changed files")
    return ChangedFilePage(
        files=tuple(_file(as_object(item, "changed file")) for item in listed),
        total=response.total,
        has_next=response.has_next,
    )


def _file(fields: JsonObject) -> ChangedFile:
    return ChangedFile(
        path=text(fields, "filename"),
        previous_path=text_or_empty(fields, "previous_filename"),
        status=text(fields, "status"),
        additions=number_or_zero(fields, "additions"),
        deletions=number_or_zero(fields, "deletions"),
    )
