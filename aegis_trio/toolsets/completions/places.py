"""Completions inside a repository: `ref`, `path` and `number`. Without a repository there is nothing to offer."""

from __future__ import annotations

import re
from typing import Final

import trio

from aegis_trio.gitea.branches import list_branches, list_tags
from aegis_trio.gitea.git import PLAIN_FILES, TREE_ENTRIES, get_tree
from aegis_trio.gitea.issues import IssueState, IssueType, get_issue, list_issues
from aegis_trio.model.errors import NotFound
from aegis_trio.model.refs import RepositoryRef, parse_file_path
from aegis_trio.toolsets.completions.completion import Candidates, Chosen, completion
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.paging import goes_on

_PAGE: Final = 50  # Source: gitea [api] MAX_RESPONSE_ITEMS, its default
_MAX_WORDS_CHARACTERS: Final = 100
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
# Source: git-fast-import(1), "mode".
_FOLDER: Final = "040000"


async def _ref(context: ToolContext, chosen: Chosen) -> Candidates:
    repository = chosen.repository
    if repository is None:
        return await _nothing()
    branches = await context.forge.ask(list_branches(repository, page=1, limit=_PAGE))
    tags = await context.forge.ask(list_tags(repository, page=1, limit=_PAGE))
    shown = len(branches.branches)
    more_branches = goes_on(has_next=branches.has_next, total=branches.total, number=1, limit=_PAGE, shown=shown)
    more_tags = goes_on(has_next=None, total=tags.total, number=1, limit=_PAGE, shown=len(tags.tags))
    return Candidates(
        values=(*(branch.name for branch in branches.branches), *(tag.name for tag in tags.tags)),
        is_complete=not more_branches and not more_tags,
    )


async def _path(context: ToolContext, chosen: Chosen) -> Candidates:
    repository = chosen.repository
    if repository is None:
        return await _nothing()
    raw_folder, _, word = chosen.value.rpartition("/")
    folder = parse_file_path(raw_folder)
    request = get_tree(repository, chosen.ref, folder, recursive=False, page=1, limit=TREE_ENTRIES)
    page = await context.forge.ask(request)
    folders = (f"{entry.path}/" for entry in page.entries if entry.mode == _FOLDER)  # so that typing goes on there
    files = (entry.path for entry in page.entries if entry.mode in PLAIN_FILES)
    return Candidates(
        values=(*folders, *files),
        is_complete=not page.has_next,
        word=word,
        prefix=f"{folder}/" if folder.segments else "",
    )


async def _number(context: ToolContext, chosen: Chosen) -> Candidates:
    """Offer the numbers of the newest issues and pull requests, or of those that Gitea finds by words."""
    repository, value = chosen.repository, chosen.value.strip().removeprefix("#")
    if repository is None or len(value) > _MAX_WORDS_CHARACTERS:
        return await _nothing()
    is_number = _NUMBER.fullmatch(value) is not None
    page = await context.forge.ask(
        list_issues(
            repository,
            state=IssueState.ALL,
            kind=IssueType.ALL,
            query="" if is_number else value,
            page=1,
            limit=_PAGE,
        )
    )
    numbers = [str(issue.number) for issue in page.issues]
    follows = goes_on(has_next=page.has_next, total=page.total, number=1, limit=_PAGE, shown=len(numbers))
    if is_number and follows and value not in numbers and await _exists(context, repository, int(value)):
        numbers.insert(0, value)
    return Candidates(values=tuple(numbers), is_complete=not follows, word=value if is_number else "")


async def _exists(context: ToolContext, repository: RepositoryRef, number: int) -> bool:
    try:
        await context.forge.ask(get_issue(repository, number))
    except NotFound:
        return False
    return True


async def _nothing() -> Candidates:
    await trio.lowlevel.checkpoint()
    return Candidates()


_CODE: Final = frozenset({"read:repository"})
_ISSUES: Final = frozenset({"read:issue"})

REF: Final = completion(argument="ref", search=_ref, scopes=_CODE, gitea_scopes=_CODE)
PATH: Final = completion(argument="path", search=_path, scopes=_CODE, gitea_scopes=_CODE, is_place=True)
NUMBER: Final = completion(argument="number", search=_number, scopes=_ISSUES, gitea_scopes=_ISSUES)
