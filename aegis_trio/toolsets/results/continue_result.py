"""continue_result: reads on in a reply that was too long, without asking Gitea again.

The gateway finds what the handle opens, and decides and records the call as the one that made it (gateway/keeping.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, final

import trio
from pydantic import Field

from aegis_trio.model.call import MAX_REPLY_BYTES, ToolReply
from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.kept import CONTINUE_TOOL
from aegis_trio.model.toolspec import CostClass, Toolset
from aegis_trio.toolsets.arguments import LineNumber
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.results.texts import count_lines, largest_part, line_offset, lines_with, text_at
from aegis_trio.toolsets.tool import read_tool

_MAX_FOUND: Final = 50
_MAX_OFFSET: Final = 100_000_000


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ContinueResult:
    """Of which result, and what of it."""

    handle: Annotated[str, Field(strict=True, min_length=1, max_length=64)]
    offset: Annotated[int | None, Field(strict=True, ge=0, le=_MAX_OFFSET, description="character to begin at")] = None
    start_line: LineNumber | None = None
    end_line: LineNumber | None = None
    find: Annotated[str | None, Field(strict=True, min_length=1, max_length=256, description="words, literally")] = None
    pointer: Annotated[str | None, Field(strict=True, max_length=1024, description="JSON pointer, such as /body")] = (
        None
    )


def _parse(arguments: ContinueResult) -> ContinueResult:
    if arguments.offset is not None and arguments.start_line is not None:
        raise InvalidArgument("offset", "stands beside start_line", "Give one of them.")
    if arguments.find is not None and arguments.end_line is not None:
        raise InvalidArgument("end_line", "stands beside find", "Give one of them.")
    first = arguments.start_line or 1
    if arguments.end_line is not None and arguments.end_line < first:
        raise InvalidArgument("end_line", "is before start_line", "Give a larger one, or leave it out.")
    return arguments


async def _continue_result(context: ToolContext, call: ContinueResult) -> ToolReply:
    await trio.lowlevel.checkpoint()
    if context.kept is None:
        raise RuntimeError("the gateway opens what continues before it runs")
    pointer = context.kept.pointer if call.pointer is None else call.pointer
    text = text_at(context.kept.document, pointer)
    begin = _begin(call, text)
    again: JsonObject = {"handle": call.handle}
    if call.pointer is not None:
        again["pointer"] = call.pointer
    if call.find is not None:
        return ToolReply(_found(context, text, call.find, begin, again))
    return ToolReply(_part(context, text, begin, call.end_line, again))


def _begin(call: ContinueResult, text: str) -> int:
    if call.start_line is not None:
        offset = line_offset(text, call.start_line)
        if offset is None or (offset == len(text) and offset):
            raise InvalidArgument("start_line", "is behind the end", f"It has {count_lines(text)} lines.")
        return offset
    offset = call.offset or 0
    if offset > len(text) or (offset == len(text) and offset):
        raise InvalidArgument("offset", "is behind the end", f"It has {len(text)} characters.")
    return offset


def _part(context: ToolContext, text: str, begin: int, end_line: int | None, again: JsonObject) -> JsonObject:
    behind = None if end_line is None else line_offset(text, end_line + 1)
    end = len(text) if behind is None else behind
    if end <= begin and end_line is not None:
        raise InvalidArgument("end_line", "is before the part begins", "Give a larger one, or leave it out.")
    bounds: JsonObject = {} if end_line is None else {"end_line": end_line}

    def shown(part: str) -> JsonObject:
        following = begin + len(part)
        goes_on = following < end
        head: JsonObject = {"text": part, "offset": begin, "characters": len(text)}
        onwards: JsonValue = {**again, "offset": following, **bounds} if goes_on else None
        return {**head, "has_next": goes_on, "next": onwards}

    if begin == end:  # an empty text
        return shown("")
    most = min(end, begin + MAX_REPLY_BYTES)
    return shown(text[begin : largest_part(text, begin, most, lambda part: context.fits(shown(part)))])


def _found(context: ToolContext, text: str, word: str, begin: int, again: JsonObject) -> JsonObject:
    total, shown, onwards = 0, list[JsonValue](), None

    def made(entries: list[JsonValue], following: int | None) -> JsonObject:
        arguments: JsonValue = None if following is None else {**again, "find": word, "offset": following}
        return {"found": entries, "total": total, "has_next": following is not None, "next": arguments}

    for found in lines_with(text, word, begin):
        total += 1
        if onwards is not None:
            continue
        entry: JsonObject = {"line": found.line, "offset": found.offset, "text": found.text}
        if len(shown) == _MAX_FOUND or not context.fits(made([*shown, entry], found.offset)):
            onwards = found.offset
        else:
            shown.append(entry)
    return made(shown, onwards)


CONTINUE_RESULT: Final = read_tool(
    name=CONTINUE_TOOL,
    title="Continue result",
    description=(
        "Reads on in a reply that said `continued`: from an offset, by lines, at a JSON pointer, or the lines where "
        "words stand. Does not ask Gitea again; after 15 minutes the result is gone."
    ),
    toolset=Toolset.RESULTS,
    cost=CostClass.CHEAP,
    timeout_s=20.0,
    scopes=frozenset(),
    gitea_scopes=frozenset(),
    arguments=ContinueResult,
    parse=_parse,
    handler=_continue_result,
    example={"handle": "Jx0vQ3rT8yLm2NpW5sKd7fHb9cGzA1eU", "offset": 20000},
    audit_fields=("offset", "start_line", "end_line", "pointer"),
    continues=lambda call: call.handle,
)
