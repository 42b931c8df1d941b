"""list_issues: the issues of one repository, or its pull requests, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal, final

from pydantic import Field

from aegis_trio.gitea import issues as gitea
from aegis_trio.model.call import ToolReply
from aegis_trio.model.json import JsonObject
from aegis_trio.model.refs import RepositoryRef, parse_repository
from aegis_trio.model.toolspec import CostClass, Toolset
from aegis_trio.toolsets.arguments import OwnerText, PageLimit, PageNumber, QueryText, RepoText, StateWord
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.issues.summary import ISSUES, listed
from aegis_trio.toolsets.paging import page_of, reply_with_page
from aegis_trio.toolsets.tool import read_tool


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ListIssues:
    """Of which repository, which of them, and which page."""

    owner: OwnerText
    repo: RepoText
    state: StateWord = "open"
    type: Annotated[Literal["issues", "pulls", "all"], Field()] = "issues"
    query: QueryText | None = None
    page: PageNumber = 1
    limit: PageLimit = 20


@final
@dataclass(frozen=True, slots=True)
class IssuesCall:
    """Typed."""

    repository: RepositoryRef
    asked: ListIssues


def _parse(arguments: ListIssues) -> IssuesCall:
    return IssuesCall(parse_repository(arguments.owner, arguments.repo), arguments)


async def _list_issues(context: ToolContext, call: IssuesCall) -> ToolReply:
    asked = call.asked
    found = await context.forge.ask(
        gitea.list_issues(
            call.repository,
            state=gitea.IssueState(asked.state),
            kind=gitea.IssueType(asked.type),
            query=asked.query or "",
            page=asked.page,
            limit=asked.limit,
        )
    )
    page = page_of(
        tuple(listed(issue) for issue in found.issues),
        number=asked.page,
        limit=asked.limit,
        total=found.total,
        has_next=found.has_next,
    )
    arguments: JsonObject = {"owner": asked.owner, "repo": asked.repo, "state": asked.state, "type": asked.type}
    if asked.query is not None:
        arguments["query"] = asked.query
    return reply_with_page("issues", {}, page, arguments=arguments, fits=context.fits)


LIST_ISSUES: Final = read_tool(
    name="list_issues",
    title="List issues",
    description=(
        "Lists the issues of one repository, or its pull requests, newest first, without bodies. "
        "Titles are people's text. Does not search other repositories; comments are in issue_read."
    ),
    toolset=Toolset.ISSUES,
    cost=CostClass.CHEAP,
    timeout_s=30.0,
    scopes=frozenset({"read:issue"}),
    gitea_scopes=frozenset({"read:issue"}),
    arguments=ListIssues,
    parse=_parse,
    handler=_list_issues,
    example={"owner": "acme", "repo": "backend", "state": "open", "limit": 20},
    audit_fields=("owner", "repo", "state", "type", "page", "limit"),
    lists=ISSUES,
)
