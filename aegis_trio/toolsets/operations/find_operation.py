"""find_operation: names of operations that a question may mean, the likeliest first, in few bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, final

from pydantic import Field

from aegis_trio.model.call import ToolReply
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.toolspec import CostClass, Toolset
from aegis_trio.policy.untrusted import shorten
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.operations.offer import Offer, Spec
from aegis_trio.toolsets.operations.ranking import rank
from aegis_trio.toolsets.operations.table import Operation
from aegis_trio.toolsets.tool import read_tool

MAX_FOUND: Final = 60  # what comes later fits no question
PAGE: Final = 6  # as many as always fit into MAX_BYTES
MAX_BYTES: Final = 2048
"""Bound of a reply, as JSON."""
_SUMMARY_CHARACTERS: Final = 100
_HOW: Final = "describe_operation tells the arguments, call_read_operation asks."
_NOTHING: Final = (
    "No operation has these words. Name the thing as Gitea does (milestone, wiki, runner, release), or use search_code "
    "and the other tools."
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FindOperation:
    """What is looked for, and which part of what was found."""

    query: Annotated[str, Field(strict=True, min_length=1, max_length=200)]
    page: Annotated[int, Field(strict=True, ge=1, le=MAX_FOUND // PAGE)] = 1


def find_tool(offer: Offer) -> Spec:
    """Return the tool that finds operations of *offer*."""

    async def run(context: ToolContext, call: FindOperation) -> ToolReply:
        found = rank(call.query, offer.open_to(context.principal))[:MAX_FOUND]
        return ToolReply(_reply(offer, call, found))

    return read_tool(
        name="find_operation",
        title="Find operation",
        description=(
            'Finds read operations of Gitea\'s API by words, such as "stargazers", where no other tool does it. '
            "Gives names; does not call them."
        ),
        toolset=Toolset.OPERATIONS,
        cost=CostClass.CHEAP,
        timeout_s=20.0,
        scopes=frozenset(),
        gitea_scopes=frozenset(),
        arguments=FindOperation,
        parse=lambda arguments: arguments,
        handler=run,
        example={"query": "wiki revisions"},
        audit_fields=("page",),
    )


def _reply(offer: Offer, call: FindOperation, found: list[Operation]) -> JsonObject:
    if not found:
        return {"operations": [], "found": 0, "how": _NOTHING}
    begin = (call.page - 1) * PAGE
    lines: list[JsonValue] = [_line(offer, one) for one in found[begin : begin + PAGE]]
    goes_on = begin + PAGE < len(found)
    following: JsonObject | None = {"query": call.query, "page": call.page + 1} if goes_on else None
    return {"operations": lines, "found": len(found), "has_next": goes_on, "next": following, "how": _HOW}


def _line(offer: Offer, operation: Operation) -> JsonObject:
    line: JsonObject = {
        "operation": operation.id,
        "does": shorten(operation.summary, _SUMMARY_CHARACTERS),
        "needs": ",".join(one.name for one in operation.parameters if one.required),
    }
    typed = offer.typed_for(operation)
    return line | {"better": typed[0].operation} if typed else line
