"""The list of resources: the README of every repository that the caller's identity owns or works on, by pages.

Files, issues and pull requests are not listed: there are too many, and templates and completions lead to them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final, final

from pydantic import Field

from aegis_trio.gitea.repositories import Repository, list_my_repositories
from aegis_trio.model.call import MAX_REPLY_BYTES, ToolReply
from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.model.refs import RepositoryRef, parse_repository
from aegis_trio.model.toolspec import CostClass, Toolset
from aegis_trio.policy.untrusted import clean_line, shorten
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.paging import goes_on
from aegis_trio.toolsets.resources.media_types import MARKDOWN
from aegis_trio.toolsets.resources.uris import ReadmeUri
from aegis_trio.toolsets.tool import read_tool

_REPOSITORIES: Final = 50  # Source: gitea [api] MAX_RESPONSE_ITEMS, its default
_PAGE: Final = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)
_DESCRIPTION_CHARACTERS: Final = (200, 60)  # the first with which a page fits; fifty entries fit with the second
_ENVELOPE_BYTES: Final = 1024  # what a result adds: the cursor, and where it stands


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ListResources:
    """Which page."""

    page: Annotated[str, Field(strict=True, max_length=16, description="number of the page; empty for the first")] = ""


def _parse(arguments: ListResources) -> int:
    if not arguments.page:
        return 1
    if not _PAGE.fullmatch(arguments.page):
        raise InvalidArgument("page", "is no number of a page", "Give `next` of the page before it.")
    return int(arguments.page)


async def _list_resources(context: ToolContext, page: int) -> ToolReply:
    found = await context.forge.ask(list_my_repositories(page=page, limit=_REPOSITORIES))
    shown = [one for one in found.repositories if one is not None and not one.empty]
    filled = [(place, one) for one in shown if (place := _place(one)) is not None]
    reply: JsonObject = {}
    for max_characters in _DESCRIPTION_CHARACTERS:
        resources: list[JsonValue] = [_resource(place, one, max_characters) for place, one in filled]
        reply = {"resources": resources}
        if len(encode_json(reply)) + _ENVELOPE_BYTES <= MAX_REPLY_BYTES:
            break
    follows = goes_on(
        has_next=found.has_next, total=found.total, number=page, limit=_REPOSITORIES, shown=len(found.repositories)
    )
    return ToolReply(reply | {"next": page + 1} if follows else reply)


def _place(repository: Repository) -> RepositoryRef | None:
    """Return the place of *repository*; None when its name could not be asked for."""
    try:
        return parse_repository(repository.owner, repository.name)
    except InvalidArgument:
        return None


def _resource(place: RepositoryRef, repository: Repository, max_characters: int) -> JsonObject:
    entry: JsonObject = {
        "uri": str(ReadmeUri(repository=place)),
        "name": str(place),
        "title": f"README of {place}",
        "mimeType": MARKDOWN,
    }
    description = clean_line(repository.description)
    if description:
        entry["description"] = shorten(description, max_characters)
    return entry


LIST_RESOURCES: Final = read_tool(
    name="list_resources",
    title="List resources",
    description="Lists the READMEs of the repositories that the identity owns or is a member of, a page at a time.",
    toolset=Toolset.RESOURCES,
    cost=CostClass.CHEAP,
    timeout_s=30.0,
    scopes=frozenset({"read:repository"}),
    gitea_scopes=frozenset({"read:repository", "read:user"}),
    arguments=ListResources,
    parse=_parse,
    handler=_list_resources,
    example={"page": "2"},
    audit_fields=("page",),
    noun="list",
)
