"""Branches and tags: their names, and the commits that they lead to.

Source: gitea modules/structs/repo_branch.go, repo_tag.go; routers/api/v1/repo/branch.go (ListBranches), tag.go
(ListTags).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.gitea.request import LIST_ANSWER_BYTES, ForgeRequest, ForgeResponse
from aegis_trio.gitea.shapes import as_list, as_object, flag, read_json, text
from aegis_trio.model.json import JsonObject
from aegis_trio.model.refs import RepositoryRef
from aegis_trio.policy.pathguard import ONE, Route

_BRANCHES_ROUTE: Final = Route(segments=("repos", ONE, ONE, "branches"), query_keys=frozenset({"page", "limit"}))
_TAGS_ROUTE: Final = Route(segments=("repos", ONE, ONE, "tags"), query_keys=frozenset({"page", "limit"}))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A branch."""

    name: str
    commit: str
    protected: bool


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BranchPage:
    """One page of branches, the one with the newest commit first."""

    branches: tuple[Branch, ...]
    total: int | None
    has_next: bool | None
    """What the `Link` header says; None when there was none."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag."""

    name: str
    commit: str
    """What it leads to, also where the tag is an object of its own."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TagPage:
    """One page of tags, the newest first; Gitea sends no `Link` with them, so only the total tells of more."""

    tags: tuple[Tag, ...]
    total: int | None


def list_branches(repository: RepositoryRef, *, page: int, limit: int) -> ForgeRequest[BranchPage]:
    """Ask for a page of the branches; a repository without commits has none.

    Args:
        page: from 1 on.
        limit: 1..50; Gitea gives fewer when its own maximum is lower.
    """
    return ForgeRequest(
        route=_BRANCHES_ROUTE,
        segments=("repos", *repository.as_segments(), "branches"),
        query=_paging(page, limit),
        decode=_branches,
        subject=f"The list of branches of {repository}",
        max_bytes=LIST_ANSWER_BYTES,
    )


def list_tags(repository: RepositoryRef, *, page: int, limit: int) -> ForgeRequest[TagPage]:
    """Ask for a page of the tags.

    Args:
        page: from 1 on; without one Gitea would give all.
        limit: 1..50; Gitea gives fewer when its own maximum is lower.
    """
    return ForgeRequest(
        route=_TAGS_ROUTE,
        segments=("repos", *repository.as_segments(), "tags"),
        query=_paging(page, limit),
        decode=_tags,
        subject=f"The list of tags of {repository}",
        max_bytes=LIST_ANSWER_BYTES,
    )


def _paging(page: int, limit: int) -> tuple[tuple[str, str], ...]:
    return (("page", str(page)), ("limit", str(limit)))


def _branches(response: ForgeResponse) -> BranchPage:
    listed = as_list(read_json(response), "list of branches")
    return BranchPage(
        branches=tuple(_branch(as_object(item, "branch")) for item in listed),
        total=response.total,
        has_next=response.has_next,
    )


def _branch(fields: JsonObject) -> Branch:
    return Branch(
        name=text(fields, "name"),
        commit=text(as_object(fields.get("commit"), "commit"), "id"),
        protected=flag(fields, "protected"),
    )


def _tags(response: ForgeResponse) -> TagPage:
    listed = as_list(read_json(response), "list of tags")
    return TagPage(tags=tuple(_tag(as_object(item, "tag")) for item in listed), total=response.total)


def _tag(fields: JsonObject) -> Tag:
    return Tag(name=text(fields, "name"), commit=text(as_object(fields.get("commit"), "commit"), "sha"))
