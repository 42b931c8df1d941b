"""The factory: a model of arguments and a handler become a `ToolSpec`.

Laws:
    1. The JSON Schema that clients see is made from the model that validates, so they cannot disagree.
    2. `prepare` turns everything that can be wrong with arguments into `InvalidArgument`, and does so before
       anything is asked, recorded or counted.
    3. What stands in full in the audit trail (`places`) is what `audit_fields` names, and nothing else.

Not here: rendering a tool for a client (gateway/render.py), and who may call it (policy/access.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from aegis_trio.model.call import ToolReply
from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.toolspec import CostClass, PreparedCall, Risk, Toolset, ToolSpec
from aegis_trio.policy.untrusted import clean_line, shorten
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.listing import SCHEMA as LISTING
from aegis_trio.toolsets.listing import Choice, Listing, take_choice

_SHOWN_NAME_CHARACTERS: Final = 40
# Source: pydantic 2 documentation, "Validation errors": the `type` of each. Without a remedy, what the schema asks for.
_RULES: Final = {
    "missing": ("is required", ""),
    "string_type": ("must be a string", "Give it in quotes."),
    "string_unicode": ("is not valid Unicode", "Give it as Gitea shows it."),
    "int_type": ("must be a whole number", "Give it without quotes or fraction."),
    "bool_type": ("must be true or false", "Give it without quotes."),
    "list_type": ("must be a list", "Give it in brackets, without quotes around them."),
    "tuple_type": ("must be a list", "Give it in brackets, without quotes around them."),
    "literal_error": ("is none of the words it may be", ""),
    "enum": ("is none of the words it may be", ""),
}


ArgumentsT = TypeVar("ArgumentsT")
CallT = TypeVar("CallT")


def read_tool(
    *,
    name: str,
    title: str,
    description: str,
    toolset: Toolset,
    cost: CostClass,
    timeout_s: float,
    scopes: frozenset[str],
    gitea_scopes: frozenset[str],
    arguments: type[ArgumentsT],
    parse: Callable[[ArgumentsT], CallT],
    handler: Callable[[ToolContext, CallT], Awaitable[ToolReply]],
    example: JsonObject,
    audit_fields: tuple[str, ...] = (),
    min_gitea: tuple[int, int] | None = None,
    output_schema: JsonObject | None = None,
    places: Callable[[CallT], Mapping[str, str | int]] | None = None,
    noun: str = "tool",
    lists: Listing | None = None,
    continues: Callable[[CallT], str] | None = None,
) -> ToolSpec[ToolContext]:
    """Make a tool, or another operation, that changes nothing.

    Args:
        arguments: the shape: names, types, lengths, ranges; a frozen dataclass of strict fields (arguments.py).
        parse: the meaning: refs made of texts, and rules between fields; raises InvalidArgument.
        handler: runs the typed call.
        audit_fields: names of arguments that stand in full in the audit trail, because they name a place.
        output_schema: given only where it is small; the reply is held to it by a test, not here.
        places: what names a place, out of the typed call, where no argument does so by itself; its names are
            `audit_fields`.
        noun: what the operation is called where its arguments are wrong.
        lists: the list in its reply; adds the arguments `fields` and `format`, which the handler does not see.
        continues: which kept reply it reads on in, by handle.

    Raises:
        ValueError: an audit field that is no argument — our bug.
    """
    adapter = TypeAdapter(arguments)
    schema = slim_schema(cast("JsonObject", adapter.json_schema()))
    if lists is not None:
        schema["properties"] = {**cast("JsonObject", schema["properties"]), **LISTING}
    properties = cast("dict[str, JsonObject]", schema["properties"])
    unknown = set(audit_fields) - set(properties)
    if unknown and places is None:
        raise ValueError(f"{name}: no arguments of these names: {sorted(unknown)}")

    def prepare(raw_arguments: JsonObject) -> PreparedCall[ToolContext]:
        choice = None
        arguments = _known(properties, raw_arguments, noun)
        if lists is not None:
            choice, arguments = take_choice(lists, arguments)
        call = parse(_check(adapter, properties, arguments))

        async def run(context: ToolContext) -> ToolReply:
            try:
                if choice is None:
                    return await handler(context, call)
                return choice.shape_reply(await handler(_measuring(context, choice), call))
            except InvalidArgument as invalid:  # such as a line behind the end, which only the file can tell
                raise invalid.with_example(example) from None

        named = _places(raw_arguments, audit_fields) if places is None else places(call)
        return PreparedCall(places=named, run=run, continues=None if continues is None else continues(call))

    return ToolSpec(
        name=name,
        title=title,
        description=description,
        toolset=toolset,
        risk=Risk.READ,
        cost=cost,
        timeout_s=timeout_s,
        scopes=scopes,
        gitea_scopes=gitea_scopes,
        input_schema=schema,
        output_schema=output_schema,
        example=example,
        prepare=prepare,
        idempotent=True,
        open_world=False,
        min_gitea=min_gitea,
        audit_fields=audit_fields,
    )


def _measuring(context: ToolContext, choice: Choice) -> ToolContext:
    def fits(reply: JsonObject) -> bool:
        return context.fits(choice.shape(reply))

    return replace(context, fits=fits)


def slim_schema(made: JsonObject) -> JsonObject:
    """Return the JSON Schema *made* from a model, without what clients do not need or cannot read.

    Titles repeat the names. An optional field is one that is not required: `null` is not offered, because
    several clients know no alternatives of types.

    Source: MCP 2026-07-28 server/tools#data-types (inputSchema has the root type object).
    """
    properties = cast("dict[str, JsonObject]", made.get("properties", {}))
    named = cast("dict[str, JsonObject]", made.get("$defs", {}))
    schema: JsonObject = {
        "type": "object",
        "properties": {name: _slim(field, named) for name, field in properties.items()},
        "additionalProperties": False,
    }
    if made.get("required"):
        schema["required"] = made["required"]
    return schema


def _slim(field: JsonObject, named: dict[str, JsonObject]) -> JsonObject:
    slim = {key: value for key, value in field.items() if key not in {"title", "anyOf", "$ref"}}
    for alternative in cast("list[JsonObject]", field.get("anyOf", [])):
        if alternative != {"type": "null"}:
            slim = _slim(alternative, named) | slim
    if "$ref" in field:
        slim = _slim(named[str(field["$ref"]).rpartition("/")[2]], named) | slim
    if slim.get("default", 0) is None:
        del slim["default"]
    if "const" in slim:  # a word that is the only one; clients know lists of words
        slim["enum"] = [slim.pop("const")]
    return slim


def _known(properties: dict[str, JsonObject], raw_arguments: JsonObject, noun: str) -> JsonObject:
    for name, value in raw_arguments.items():
        if name not in properties:
            raise _unknown(name, tuple(properties), noun)
        if value is None:
            raise InvalidArgument(name, "is null", "Leave it out, or give a value.")
    return raw_arguments


def _check(
    adapter: TypeAdapter[ArgumentsT], properties: dict[str, JsonObject], raw_arguments: JsonObject
) -> ArgumentsT:
    try:
        return adapter.validate_python({name: _whole(value) for name, value in raw_arguments.items()})
    except ValidationError as invalid:
        error = invalid.errors(include_url=False, include_context=True, include_input=False)[0]
    field = str(error["loc"][0])
    rule, remedy = _RULES.get(error["type"], (_range_rule(error["msg"]), ""))
    raise InvalidArgument(field, rule, remedy or _asked_for(properties[field]))


def _whole(value: JsonValue) -> JsonValue:
    # Source: JSON Schema 2020-12 section 6.1.1: 2.0 is an integer; some clients send numbers so.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _range_rule(message: str) -> str:
    # Such as "Input should be less than or equal to 50": pydantic's own words about our own limits, no input.
    return message.replace("Input should", "must").replace("String should", "must")


def _asked_for(schema: JsonObject) -> str:
    """Return in words what the schema of one field demands."""
    match schema["type"]:
        case "string" if "enum" in schema:
            kind = f"one of {', '.join(cast('list[str]', schema['enum']))}"
        case "array":
            kind = f"a list of at most {schema['maxItems']}"
        case "string":
            least = f"{schema['minLength']} to" if "minLength" in schema else "at most"
            kind = f"a string of {least} {schema['maxLength']} characters"
        case "integer":
            kind = f"a whole number from {schema['minimum']} to {schema['maximum']}"
        case _:
            kind = "true or false"
    meaning = f": {schema['description']}" if "description" in schema else ""
    return f"Give {kind}{meaning}."


def _unknown(raw_field: str, known: tuple[str, ...], noun: str) -> InvalidArgument:
    field = shorten(clean_line(raw_field), _SHOWN_NAME_CHARACTERS) or "(empty name)"
    near = difflib.get_close_matches(raw_field[:_SHOWN_NAME_CHARACTERS], known, n=1)
    rule = f"is not an argument of this {noun}"
    if near:
        return InvalidArgument(field, rule, f"Did you mean {near[0]}?")
    names = ", ".join(known) or "none"
    return InvalidArgument(field, rule, f"Its arguments are: {names}.")


def _places(raw_arguments: JsonObject, audit_fields: tuple[str, ...]) -> dict[str, str | int]:
    places: dict[str, str | int] = {}
    for name in audit_fields:
        value = _whole(raw_arguments.get(name))
        if isinstance(value, str | int):
            places[name] = value
    return places
