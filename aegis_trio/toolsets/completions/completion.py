"""The factory: a search for candidates becomes the completion of an argument.

Laws:
    1. The forge is asked as the caller only, at most twice; what the caller does not see and what does not exist
       complete to nothing, in the same words.
    2. What was typed and what was chosen before is hostile: what cannot be read as a place completes to nothing.
    3. Values that begin with what was typed come first, then those that hold it, without regard to case; at most 100.

Source: MCP 2026-07-28 server/utilities/completion.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import trio

from aegis_trio.model.call import ToolReply
from aegis_trio.model.errors import Conflict, InvalidArgument, NotFound, UpstreamForbade
from aegis_trio.model.identity import DEFAULT_INSTANCE
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.refs import MAX_PATH_BYTES, GitRef, RepositoryRef, parse_repository
from aegis_trio.model.toolspec import CostClass, PreparedCall, Risk, Toolset, ToolSpec
from aegis_trio.policy.untrusted import holds_hidden_characters
from aegis_trio.toolsets.arguments import parse_optional_ref
from aegis_trio.toolsets.context import ToolContext

MAX_VALUES: Final = 100  # Source: MCP 2026-07-28 schema, `CompleteResult.completion.values`
MAX_VALUE_CHARACTERS: Final = MAX_PATH_BYTES  # of what was typed; no name is longer
_MAX_SHOWN_CHARACTERS: Final = 24_000  # of all values together: a hundred long paths would pass the bound of a reply
_AUDIT_FIELDS: Final = ("owner", "repo", "ref")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was typed, and what was chosen before; a part is None when it was not chosen or is no such thing."""

    value: str
    owner: str | None = None
    repository: RepositoryRef | None = None
    ref: GitRef | None = None
    """None for the default branch."""
    is_usable: bool = True
    """False when something was chosen that cannot be."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What the argument could be."""

    values: tuple[str, ...] = ()
    is_complete: bool = True
    """Whether these are all that there are."""
    word: str | None = None
    """What is searched for in them; None for the whole of what was typed."""
    prefix: str = ""
    """What stands before each of them."""


Search: TypeAlias = Callable[[ToolContext, Chosen], Awaitable[Candidates]]


def completion(
    *,
    argument: str,
    search: Search,
    scopes: frozenset[str],
    gitea_scopes: frozenset[str],
    is_place: bool = False,
) -> ToolSpec[ToolContext]:
    """Make the completion of one argument.

    Args:
        search: finds candidates; they are chosen and ordered here.
        is_place: whether what is typed names a place that is looked at, and so stands in full in the audit trail.
    """

    def prepare(raw_arguments: JsonObject) -> PreparedCall[ToolContext]:
        chosen = read_chosen(raw_arguments)

        async def run(context: ToolContext) -> ToolReply:
            return ToolReply(completed(await _search(search, context, chosen), chosen.value))

        places = _places(chosen)
        return PreparedCall(places=places | {argument: chosen.value} if is_place else places, run=run)

    return ToolSpec(
        name=f"complete_{argument}",
        title=f"Complete {argument}",
        description=f"Suggests values for {argument} as it is typed.",
        toolset=Toolset.COMPLETIONS,
        risk=Risk.READ,
        cost=CostClass.CHEAP,
        timeout_s=10.0,
        scopes=scopes,
        gitea_scopes=gitea_scopes,
        input_schema={
            "type": "object",
            "properties": {"value": {"type": "string", "maxLength": MAX_VALUE_CHARACTERS}},
            "required": ["value"],
        },
        example={"value": "b", "owner": "acme", "repo": "backend"},
        prepare=prepare,
        idempotent=True,
        open_world=False,
        audit_fields=(*_AUDIT_FIELDS, argument) if is_place else _AUDIT_FIELDS,
    )


def read_chosen(raw_arguments: JsonObject) -> Chosen:
    """Return what *raw_arguments* say, as far as it can be read.

    Raises:
        InvalidArgument: what was typed is too long for any name.
    """
    value = _text(raw_arguments, "value")
    if len(value) > MAX_VALUE_CHARACTERS:
        raise InvalidArgument("value", f"longer than {MAX_VALUE_CHARACTERS} characters", "No name is longer.")
    owner, repo, ref = (_text(raw_arguments, name) for name in _AUDIT_FIELDS)
    is_usable = _text(raw_arguments, "instance").lower() in {"", DEFAULT_INSTANCE}
    try:
        return Chosen(
            value=value,
            owner=parse_repository(owner, repo or "any").owner if owner else None,
            repository=parse_repository(owner, repo) if owner and repo else None,
            ref=parse_optional_ref(ref or None),
            is_usable=is_usable,
        )
    except InvalidArgument:
        return Chosen(value=value, is_usable=False)


def completed(candidates: Candidates, value: str) -> JsonObject:
    """Return the `completion` object: the candidates that fit *value*, those that begin with it first."""
    word = (value if candidates.word is None else candidates.word).casefold()
    # Threat: a name with characters that nobody sees would be chosen for another one.
    seen = [one for one in dict.fromkeys(candidates.values) if not holds_hidden_characters(one)]
    begin = [one for one in seen if one.casefold().startswith(word)]
    hold = [one for one in seen if word in one.casefold() and not one.casefold().startswith(word)]
    fitting = [f"{candidates.prefix}{one}" for one in (*begin, *hold)]
    shown = _bounded(fitting[:MAX_VALUES])
    reply: JsonObject = {"values": shown, "hasMore": not candidates.is_complete or len(shown) < len(fitting)}
    return reply | {"total": len(fitting)} if candidates.is_complete else reply


async def _search(search: Search, context: ToolContext, chosen: Chosen) -> Candidates:
    if not chosen.is_usable:
        await trio.lowlevel.checkpoint()
        return Candidates()
    try:
        return await search(context, chosen)
    # Threat: a refusal that differs from "there is none" would tell what exists.
    except (NotFound, UpstreamForbade, Conflict, InvalidArgument):
        return Candidates()


def _bounded(values: Iterable[str]) -> list[JsonValue]:
    shown: list[JsonValue] = []
    left = _MAX_SHOWN_CHARACTERS
    for value in values:
        left -= len(value.encode())
        if left < 0:
            break
        shown.append(value)
    return shown


def _places(chosen: Chosen) -> dict[str, str | int]:
    places: dict[str, str | int] = {}
    if chosen.owner is not None:
        places["owner"] = chosen.owner
    if chosen.repository is not None:
        places["repo"] = chosen.repository.name
    if chosen.ref is not None:
        places["ref"] = chosen.ref.name
    return places


def _text(fields: JsonObject, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
