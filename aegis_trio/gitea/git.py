"""Git's own objects: trees, refs, and whether a commit is there.

Source: gitea routers/api/v1/repo/tree.go, services/repository/files/tree.go,
routers/api/v1/repo/git_ref.go; gitrevisions(7) for `rev:path`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from sys import intern
from typing import Final, Literal, TypeAlias, final
from urllib.parse import quote

from aegis_trio.gitea.reads import TreeRead
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
from aegis_trio.model.refs import FilePath, GitRef, RepositoryRef
from aegis_trio.policy.pathguard import ONE, REST, Route

_TREE_ROUTE: Final = Route(
    segments=("repos", ONE, ONE, "git", "trees", ONE), query_keys=frozenset({"recursive", "page", "per_page"})
)

_REFS_ROUTE: Final = Route(segments=("repos", ONE, ONE, "git", "refs", ONE, REST))
_COMMIT_ROUTE: Final = Route(
    segments=("repos", ONE, ONE, "git", "commits", ONE), query_keys=frozenset({"stat", "files", "verification"})
)
# Without them Gitea makes a diff and checks a signature.
_BARE_COMMIT: Final = (("stat", "false"), ("files", "false"), ("verification", "false"))

RefKind: TypeAlias = Literal["heads", "tags"]

TREE_ENTRIES: Final = 1000
"""Of one page, at most. Source: gitea [api] DEFAULT_GIT_TREES_PER_PAGE, its default."""
PLAIN_FILES: Final = frozenset({"100644", "100755"})
"""Modes of what can be read as a file; 120000 is a link, 160000 a submodule. Source: git-fast-import(1)."""

_DEFAULT_BRANCH: Final = "HEAD"  # Gitea keeps HEAD of the bare repository on the default branch, so it costs no request


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """One line of a tree."""

    path: str
    """Relative to the tree that was asked for."""
    type: str
    """`blob`, `tree` or `commit`."""
    mode: str
    size_bytes: int
    sha: str
    """Its own id; of a submodule that of its commit."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TreePage:
    """A page of a tree's lines."""

    sha: str
    """Of the commit or tag that was asked for, from Gitea 1.27 on of its tree; of a folder that of its tree."""
    entries: tuple[TreeEntry, ...]
    total: int
    has_next: bool


def get_tree(
    repository: RepositoryRef, ref: GitRef | None, folder: FilePath, *, recursive: bool, page: int, limit: int
) -> ForgeRequest[TreePage]:
    """Ask for a page of the entries of *folder*.

    Args:
        ref: branch, tag or commit id; None for the default branch.
        recursive: with everything below, and not only the folder's own entries.
        page: from 1 on.
        limit: 1..1000; Gitea gives fewer when its own maximum is lower.
    """
    # A ref holds no colon (model/refs.py), so git reads everything after the first one as the path.
    revision = _DEFAULT_BRANCH if ref is None else ref.name
    if folder.segments:
        revision = f"{revision}:{folder}"
    return ForgeRequest(
        route=_TREE_ROUTE,
        segments=("repos", *repository.as_segments(), "git", "trees", quote(revision, safe="")),
        query=(*((("recursive", "1"),) if recursive else ()), ("page", str(page)), ("per_page", str(limit))),
        decode=_tree,
        subject=f"The folder in {repository}, or its branch, tag or commit,",
        max_bytes=LIST_ANSWER_BYTES,
        missing=frozenset({400, 404}),
        reads=TreeRead(repository=repository, ref=ref, folder=folder, recursive=recursive, page=page, limit=limit),
    )


def get_ref_target(repository: RepositoryRef, kind: RefKind, ref: GitRef) -> ForgeRequest[str | None]:
    """Ask for the id that a branch (`heads`) or tag leads to: of a commit, or of an annotated tag itself.

    The cheapest way from a branch to its commit, and only for whom may read the code.

    Returns:
        str | None: None where there are only longer names; where there is nothing at all, it is not found.
    """
    return ForgeRequest(
        route=_REFS_ROUTE,
        segments=("repos", *repository.as_segments(), "git", "refs", kind, *ref.name_segments()),
        decode=partial(_target, f"refs/{kind}/{ref.name}"),
        subject=f"The branch or tag of {repository}",
        max_bytes=LIST_ANSWER_BYTES,
    )


def get_commit_id(repository: RepositoryRef, commit: GitRef) -> ForgeRequest[str]:
    """Ask whether *commit*, a full id, is there for whom may read the code; return its id."""
    return ForgeRequest(
        route=_COMMIT_ROUTE,
        segments=("repos", *repository.as_segments(), "git", "commits", commit.as_segment()),
        query=_BARE_COMMIT,
        decode=lambda response: text(read_object(response), "sha"),
        subject=f"The commit of {repository}",
    )


def _tree(response: ForgeResponse) -> TreePage:
    fields = read_object(response)
    return TreePage(
        sha=text(fields, "sha"),
        entries=tuple(_entry(as_object(item, "tree entry")) for item in as_list(fields.get("tree"), "tree")),
        total=number(fields, "total_count"),
        has_next=flag(fields, "truncated"),
    )


def _target(name: str, response: ForgeResponse) -> str | None:
    for item in as_list(read_json(response), "list of refs"):
        fields = as_object(item, "ref")
        if text(fields, "ref") == name:
            return text(as_object(fields.get("object"), "object"), "sha")
    return None


def _entry(fields: JsonObject) -> TreeEntry:
    return TreeEntry(
        path=text(fields, "path"),
        type=intern(text(fields, "type")),  # a tree that is kept has a few of them, thousands of times
        mode=intern(text(fields, "mode")),
        size_bytes=number_or_zero(fields, "size"),
        sha=text_or_empty(fields, "sha"),
    )
