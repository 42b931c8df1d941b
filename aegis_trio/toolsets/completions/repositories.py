"""Completions of `instance`, `owner` and `repo`: out of the repositories that the caller owns or works on.

Trade: of those the first hundred are looked at. Gitea's list knows no filter, and its search would also find what
strangers made public.
"""

from __future__ import annotations

from typing import Final

import trio

from aegis_trio.gitea.repositories import Repository, list_my_repositories
from aegis_trio.model.identity import DEFAULT_INSTANCE
from aegis_trio.toolsets.completions.completion import Candidates, Chosen, completion
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.paging import goes_on

_PAGE: Final = 50  # Source: gitea [api] MAX_RESPONSE_ITEMS, its default
_PAGES: Final = 2


async def _instance(_context: ToolContext, _chosen: Chosen) -> Candidates:
    await trio.lowlevel.checkpoint()
    return Candidates(values=(DEFAULT_INSTANCE,))


async def _owner(context: ToolContext, _chosen: Chosen) -> Candidates:
    repositories, is_complete = await _mine(context)
    return Candidates(values=tuple(one.owner for one in repositories), is_complete=is_complete)


async def _repo(context: ToolContext, chosen: Chosen) -> Candidates:
    if chosen.owner is None:  # a name without its owner names nothing
        await trio.lowlevel.checkpoint()
        return Candidates()
    repositories, is_complete = await _mine(context)
    owner = chosen.owner.lower()
    return Candidates(
        values=tuple(one.name for one in repositories if one.owner.lower() == owner), is_complete=is_complete
    )


async def _mine(context: ToolContext) -> tuple[list[Repository], bool]:
    found: list[Repository] = []
    for number in range(1, _PAGES + 1):
        page = await context.forge.ask(list_my_repositories(page=number, limit=_PAGE))
        found.extend(one for one in page.repositories if one is not None)
        follows = goes_on(
            has_next=page.has_next, total=page.total, number=number, limit=_PAGE, shown=len(page.repositories)
        )
        if not follows:
            return found, True
    return found, False


_SCOPES: Final = frozenset({"read:repository"})
_GITEA_SCOPES: Final = frozenset({"read:repository", "read:user"})

INSTANCE: Final = completion(argument="instance", search=_instance, scopes=frozenset(), gitea_scopes=frozenset())
OWNER: Final = completion(argument="owner", search=_owner, scopes=_SCOPES, gitea_scopes=_GITEA_SCOPES)
REPO: Final = completion(argument="repo", search=_repo, scopes=_SCOPES, gitea_scopes=_GITEA_SCOPES)
