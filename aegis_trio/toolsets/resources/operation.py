"""The factory: a family of addresses and a reader become a `ResourceSpec`.

Laws:
    1. What the forge does not show is `ResourceMissing`, never empty contents.
    2. The reply names the address in its canonical form; the audit trail names owner, repository, ref, path, number.

Source: MCP 2026-07-28 server/resources#reading-resources, #error-handling.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final, TypeAlias, TypeVar, final

from pydantic import Field

from aegis_trio.model.call import ToolReply
from aegis_trio.model.errors import InvalidArgument, NotFound, ResourceMissing
from aegis_trio.model.features import ResourceSpec
from aegis_trio.model.json import JsonObject
from aegis_trio.model.refs import RepositoryRef
from aegis_trio.model.toolspec import CostClass, Toolset
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.resources.uris import (
    MAX_URI_CHARACTERS,
    Family,
    FileUri,
    IssueUri,
    PullUri,
    ReadmeUri,
    ResourceUri,
    family_of,
    parse_uri,
)
from aegis_trio.toolsets.tool import read_tool

_ABSENT: Final = (
    "Check the spelling: an address names one repository, and a ref with `/` is one segment (feature%2Fx). "
    "resources/list shows what is visible."
)
_REPOSITORY_FIELDS: Final = ("owner", "repo")

UriT = TypeVar("UriT", FileUri, ReadmeUri, IssueUri, PullUri)
Reader: TypeAlias = Callable[[ToolContext, UriT], Awaitable[JsonObject]]
"""Returns `mimeType` with `text` or `blob`; raises the faults of model/errors.py."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResource:
    """Which resource."""

    uri: Annotated[
        str, Field(strict=True, min_length=1, max_length=MAX_URI_CHARACTERS, description="address of the resource")
    ]


def resource_family(
    *,
    family: Family,
    kind: type[UriT],
    read: Reader[UriT],
    template: str,
    name: str,
    title: str,
    description: str,
    mime_type: str | None,
    scope: str,
    audit_fields: tuple[str, ...],
    example: str,
) -> ResourceSpec[ToolContext]:
    """Make a family of resources.

    Args:
        kind: what `parse_uri` makes of the family's addresses.
        template: its addresses, RFC 6570.
        name: what one of it is; `read_…_resource` is its operation in the audit trail, the limits and the metrics.
        mime_type: of every one of them; None when they differ.
        scope: for reading, ours and Gitea's.
        audit_fields: what its addresses name, besides the repository.
    """
    definition: JsonObject = {"uriTemplate": template, "name": name, "title": title, "description": description}
    if mime_type is not None:
        definition["mimeType"] = mime_type

    def parse(arguments: ReadResource) -> UriT:
        uri = parse_uri(arguments.uri)
        if not isinstance(uri, kind):
            raise InvalidArgument("uri", f"is no address of {family.value}", "Use one of the template.")
        return uri

    async def run(context: ToolContext, uri: UriT) -> ToolReply:
        try:
            contents = await read(context, uri)
        except NotFound as absent:
            raise ResourceMissing(absent.message, _ABSENT, uri=str(uri)) from None
        return ToolReply(content=({"uri": str(uri), **contents},))

    return ResourceSpec(
        definition=definition,
        is_template=True,
        matches=partial(_is_of, family),
        operation=read_tool(
            name=f"read_{name}_resource",
            title=title,
            description=description,
            toolset=Toolset.RESOURCES,
            cost=CostClass.NORMAL,
            timeout_s=30.0,
            scopes=frozenset({scope}),
            gitea_scopes=frozenset({scope}),
            arguments=ReadResource,
            parse=parse,
            handler=run,
            example={"uri": example},
            audit_fields=(*_REPOSITORY_FIELDS, *audit_fields),
            places=places_of,
            noun="resource",
        ),
    )


def places_of(uri: ResourceUri) -> dict[str, str | int]:
    """Return what *uri* names, for the audit trail."""
    match uri:
        case FileUri(repository=repository, ref=ref, path=path):
            return {**_repository(repository), "ref": "HEAD" if ref is None else ref.name, "path": str(path)}
        case ReadmeUri(repository=repository):
            return _repository(repository)
        case IssueUri(repository=repository, number=number) | PullUri(repository=repository, number=number):
            return {**_repository(repository), "number": number}


def _repository(repository: RepositoryRef) -> dict[str, str | int]:
    return {"owner": repository.owner, "repo": repository.name}


def _is_of(family: Family, raw_uri: str) -> bool:
    return family_of(raw_uri) is family
