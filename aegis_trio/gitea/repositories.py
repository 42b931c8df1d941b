"""Repositories: one, and the list of those that the token's owner sees.

Only fields that a tool shows are decoded. Addresses for cloning are not among them: they can hold credentials.

Source: gitea modules/structs/repo.go; routers/api/v1/user/repo.go (ListMyRepos), routers/api/v1/repo/repo.go (Get).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.gitea.request import LIST_ANSWER_BYTES, ForgeRequest, ForgeResponse
from aegis_trio.gitea.shapes import (
    as_list,
    as_object,
    flag,
    number,
    number_or_zero,
    read_json,
    read_object,
    text,
    text_or_empty,
)
from aegis_trio.model.json import JsonObject
from aegis_trio.model.refs import RepositoryRef
from aegis_trio.policy.pathguard import ONE, Route

_ONE_ROUTE: Final = Route(segments=("repos", ONE, ONE))
_MINE_ROUTE: Final = Route(segments=("user", "repos"), query_keys=frozenset({"page", "limit"}))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """What the tools show of a repository; texts are as its owners wrote them."""

    id: int
    owner: str
    name: str
    description: str
    private: bool
    archived: bool
    fork: bool
    parent: str | None
    """`owner/name` of what it was forked from, when that is visible."""
    template: bool
    mirror: bool
    empty: bool
    default_branch: str
    language: str
    size_kib: int
    stars: int
    forks: int
    open_issues: int
    open_pulls: int
    releases: int
    topics: tuple[str, ...]
    may_push: bool
    may_administer: bool
    created_at: str
    updated_at: str
    html_url: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryPage:
    """One page of the list."""

    repositories: tuple[Repository | None, ...]
    """None where the caller's key does not reach: the place stays, so that counting pages stays right."""
    total: int | None
    """Of all that Gitea has, also of what is withheld."""
    has_next: bool | None
    """What the `Link` header says; None when there was none."""
    is_narrowed: bool = False
    """Whether the caller's key reaches only some repositories."""


def get_repository(repository: RepositoryRef) -> ForgeRequest[Repository]:
    """Ask for one repository."""
    return ForgeRequest(
        route=_ONE_ROUTE,
        segments=("repos", *repository.as_segments()),
        decode=lambda response: _repository(read_object(response)),
        subject=f"The repository {repository}",
    )


def list_my_repositories(*, page: int, limit: int) -> ForgeRequest[RepositoryPage]:
    """Ask for a page of the repositories that the token's owner owns or may see as a member.

    Args:
        page: from 1 on.
        limit: 1..50; Gitea gives fewer when its own maximum is lower.
    """
    return ForgeRequest(
        route=_MINE_ROUTE,
        segments=("user", "repos"),
        query=(("page", str(page)), ("limit", str(limit))),
        decode=_page,
        subject="The list of repositories",
        max_bytes=LIST_ANSWER_BYTES,
    )


def _page(response: ForgeResponse) -> RepositoryPage:
    listed = as_list(read_json(response), "list of repositories")
    return RepositoryPage(
        repositories=tuple(_repository(as_object(item, "repository")) for item in listed),
        total=response.total,
        has_next=response.has_next,
    )


def _repository(fields: JsonObject) -> Repository:
    owner = as_object(fields.get("owner"), "owner")
    parent = fields.get("parent")
    permissions = fields.get("permissions")
    rights = {} if permissions is None else as_object(permissions, "permissions")
    return Repository(
        id=number(fields, "id"),
        owner=text(owner, "login"),
        name=text(fields, "name"),
        description=text_or_empty(fields, "description"),
        private=flag(fields, "private"),
        archived=flag(fields, "archived"),
        fork=flag(fields, "fork"),
        parent=None if parent is None else text(as_object(parent, "parent"), "full_name"),
        template=flag(fields, "template"),
        mirror=flag(fields, "mirror"),
        empty=flag(fields, "empty"),
        default_branch=text_or_empty(fields, "default_branch"),
        language=text_or_empty(fields, "language"),
        size_kib=number_or_zero(fields, "size"),
        stars=number_or_zero(fields, "stars_count"),
        forks=number_or_zero(fields, "forks_count"),
        open_issues=number_or_zero(fields, "open_issues_count"),
        open_pulls=number_or_zero(fields, "open_pr_counter"),
        releases=number_or_zero(fields, "release_counter"),
        topics=tuple(item for item in as_list(fields.get("topics"), "topics") if isinstance(item, str)),
        may_push=flag(rights, "push"),
        may_administer=flag(rights, "admin"),
        created_at=text_or_empty(fields, "created_at"),
        updated_at=text_or_empty(fields, "updated_at"),
        html_url=text_or_empty(fields, "html_url"),
    )
