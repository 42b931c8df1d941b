"""Git's own objects: trees.

Source: gitea routers/api/v1/repo/tree.go, services/repository/files/tree.go; gitrevisions(7) for `rev:path`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final
from urllib.parse import quote

from aegis_trio.gitea.request import LIST_ANSWER_BYTES, ForgeRequest, ForgeResponse
from aegis_trio.gitea.shapes import as_list, as_object, flag, number, number_or_zero, read_object, text
from aegis_trio.model.json import JsonObject
from aegis_trio.model.refs import FilePath, GitRef, RepositoryRef
from aegis_trio.policy.pathguard import ONE, Route

_TREE_ROUTE: Final = Route(
    segments=("repos", ONE, ONE, "git", "trees", ONE), query_keys=frozenset({"recursive", "page", "per_page"})
)

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


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TreePage:
    """A page of a tree's lines."""

    sha: str
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
    )


def _tree(response: ForgeResponse) -> TreePage:
    fields = read_object(response)
    return TreePage(
        sha=text(fields, "sha"),
        entries=tuple(_entry(as_object(item, "tree entry")) for item in as_list(fields.get("tree"), "tree")),
        total=number(fields, "total_count"),
        has_next=flag(fields, "truncated"),
    )


def _entry(fields: JsonObject) -> TreeEntry:
    return TreeEntry(
        path=text(fields, "path"),
        type=text(fields, "type"),
        mode=text(fields, "mode"),
        size_bytes=number_or_zero(fields, "size"),
    )
