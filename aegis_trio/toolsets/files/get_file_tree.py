"""get_file_tree: the names below a folder, from git's own tree, in one request.

Gitea's listing of a folder by `contents` walks the history for every entry; a tree does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, final

from pydantic import Field

from aegis_trio.gitea.git import TreeEntry, get_tree
from aegis_trio.model.call import ToolReply
from aegis_trio.model.errors import NotFound
from aegis_trio.model.json import JsonObject
from aegis_trio.model.refs import FilePath, GitRef, RepositoryRef, parse_file_path, parse_repository
from aegis_trio.model.toolspec import CostClass, Toolset
from aegis_trio.policy.untrusted import clean_line, holds_hidden_characters
from aegis_trio.toolsets.arguments import (
    OwnerText,
    PageNumber,
    PathText,
    RefText,
    RepoText,
    parse_optional_ref,
)
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.paging import Page, reply_with_page
from aegis_trio.toolsets.tool import read_tool

MAX_ENTRIES: Final = 500  # more never fits a reply, whose bound is MAX_REPLY_BYTES
# The same words whether the repository, the ref or the folder is missing: which of them exists is not told.
_ABSENT: Final = (
    "List the folder above it to see the spelling; a file is read with get_file_contents. "
    "get_repository_info tells the default branch, and whether the repository is empty."
)
# Source: git-fast-import(1), "mode".
_TYPES_OF_MODES: Final = {"040000": "folder", "120000": "symlink", "160000": "submodule"}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GetFileTree:
    """Which folder, and which part of it."""

    owner: OwnerText
    repo: RepoText
    path: PathText = ""
    ref: RefText | None = None
    recursive: Annotated[bool, Field(strict=True, description="include everything below")] = False
    page: PageNumber = 1
    limit: Annotated[int, Field(strict=True, ge=1, le=MAX_ENTRIES)] = 100


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _TreeCall:
    repository: RepositoryRef
    folder: FilePath
    ref: GitRef | None
    recursive: bool
    page: int
    limit: int


def _parse(arguments: GetFileTree) -> _TreeCall:
    return _TreeCall(
        repository=parse_repository(arguments.owner, arguments.repo),
        folder=parse_file_path(arguments.path),
        ref=parse_optional_ref(arguments.ref),
        recursive=arguments.recursive,
        page=arguments.page,
        limit=arguments.limit,
    )


async def _get_file_tree(context: ToolContext, call: _TreeCall) -> ToolReply:
    try:
        found = await context.forge.ask(
            get_tree(call.repository, call.ref, call.folder, recursive=call.recursive, page=call.page, limit=call.limit)
        )
    except NotFound as absent:
        raise NotFound(absent.message, _ABSENT) from None
    prefix = f"{call.folder}/" if call.folder.segments else ""
    page = Page(
        entries=tuple(_line(prefix, entry) for entry in found.entries),
        number=call.page,
        limit=call.limit,
        total=found.total,
        has_next=found.has_next,
    )
    arguments: JsonObject = {"owner": call.repository.owner, "repo": call.repository.name}
    if call.folder.segments:
        arguments["path"] = str(call.folder)
    if call.ref is not None:
        arguments["ref"] = call.ref.name
    if call.recursive:
        arguments["recursive"] = True
    return reply_with_page("entries", {}, page, arguments=arguments, fits=context.fits)


def _line(prefix: str, entry: TreeEntry) -> JsonObject:
    path = prefix + entry.path
    kind = _TYPES_OF_MODES.get(entry.mode, "file")
    line: JsonObject = {"path": path, "type": kind}
    if kind == "file":
        line["size"] = entry.size_bytes
    if holds_hidden_characters(path):
        # Threat: a name that reads differently for a person than for a program; it is shown, and said.
        line["path"] = clean_line(path)
        line["hidden_characters"] = True
    return line


GET_FILE_TREE: Final = read_tool(
    name="get_file_tree",
    title="List files",
    description=(
        "Lists files and folders of a repository with their sizes, a page at a time; of the root unless path is "
        "given, and of everything below with recursive. Names come from the repository's authors. "
        "Does not show contents, history or dates."
    ),
    toolset=Toolset.FILES,
    cost=CostClass.NORMAL,
    timeout_s=30.0,
    scopes=frozenset({"read:repository"}),
    gitea_scopes=frozenset({"read:repository"}),
    arguments=GetFileTree,
    parse=_parse,
    handler=_get_file_tree,
    example={"owner": "acme", "repo": "backend", "path": "src", "recursive": True},
    audit_fields=("owner", "repo", "path", "ref", "page", "limit"),
)
