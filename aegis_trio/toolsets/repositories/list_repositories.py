"""list_repositories: what the caller's identity owns or works on.

It asks for the identity's own list and not for the search, because the search also finds what strangers made public.
There is no filter by name: Gitea's list has none, and filtering a page here would make `total` and `next` lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, final

from pydantic import Field

from aegis_trio.gitea.repositories import list_my_repositories
from aegis_trio.model.call import ToolReply
from aegis_trio.model.toolspec import CostClass, Toolset
from aegis_trio.toolsets.arguments import PageNumber
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.paging import page_of, reply_with_page
from aegis_trio.toolsets.repositories.summary import listed
from aegis_trio.toolsets.tool import read_tool

MAX_REPOSITORIES: Final = 50  # Source: gitea [api] MAX_RESPONSE_ITEMS, its default


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ListRepositories:
    """Which page."""

    page: PageNumber = 1
    limit: Annotated[int, Field(strict=True, ge=1, le=MAX_REPOSITORIES)] = 30


async def _list_repositories(context: ToolContext, call: ListRepositories) -> ToolReply:
    found = await context.forge.ask(list_my_repositories(page=call.page, limit=call.limit))
    page = page_of(
        tuple(None if one is None else listed(one) for one in found.repositories),
        number=call.page,
        limit=call.limit,
        total=found.total,
        has_next=found.has_next,
        is_narrowed=found.is_narrowed,
    )
    return reply_with_page("repositories", {}, page, arguments={}, fits=context.fits)


LIST_REPOSITORIES: Final = read_tool(
    name="list_repositories",
    title="List repositories",
    description=(
        "Lists the repositories that your Gitea identity owns or is a member of, a page at a time. "
        "Does not search, and does not show public repositories of strangers."
    ),
    toolset=Toolset.REPOSITORIES,
    cost=CostClass.CHEAP,
    timeout_s=30.0,
    scopes=frozenset({"read:repository"}),
    gitea_scopes=frozenset({"read:repository", "read:user"}),
    arguments=ListRepositories,
    parse=lambda arguments: arguments,
    handler=_list_repositories,
    example={"page": 1, "limit": 30},
    audit_fields=("page", "limit"),
)
