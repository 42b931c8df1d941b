"""Tools with methods: related operations under one name, told apart by the argument `method`.

One entry in the tool list stands for all of them, with one schema in which they share their properties; that is what
it saves. A merged schema cannot say which method takes which argument, so the words of `method` say it, and a call
that is wrong is answered with the schema of exactly its method.

Laws:
    1. Each method is a whole `ToolSpec` made by `read_tool`, with its own arguments, scopes, cost, deadline and
       version; the gateway finds it by the argument `method` before it decides anything.
    2. The merged schema refuses nothing that a method's own accepts; what it accepts and the method does not is
       answered with the method's own.
    3. A method that is not offered to a caller stands neither in its schema nor in what a wrong call is told.

Not here: which methods are offered to whom (gateway/directory.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar, cast, final

from aegis_trio.model.call import ToolReply
from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.toolspec import CostClass, PreparedCall, Risk, Toolset, ToolSpec
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.listing import Listing
from aegis_trio.toolsets.tool import read_tool

METHOD: Final = "method"
_SHOWN_CHARACTERS: Final = 48
_OF_LISTS: Final = frozenset({"page", "limit", "fields", "format"})  # every list has them; saying so again costs
_RANK: Final = tuple(CostClass)
# Where two methods bound one argument differently, the merged schema has the wider bound; a bound that only one of
# them has is none.
_WIDER: Final[Mapping[str, Callable[[int, int], int]]] = {
    "minimum": min, "minLength": min, "minItems": min, "maximum": max, "maxLength": max, "maxItems": max,
}  # fmt: skip

ArgumentsT = TypeVar("ArgumentsT")
CallT = TypeVar("CallT")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFacts:
    """What a method has from its tool."""

    name: str
    title: str
    toolset: Toolset
    scopes: frozenset[str]
    gitea_scopes: frozenset[str]


@final
@dataclass(frozen=True, slots=True)
class Method:
    """A method that waits for its tool."""

    name: str
    make: Callable[[ToolFacts], ToolSpec[ToolContext]]


def read_method(
    method: str,
    *,
    says: str = "",
    cost: CostClass,
    timeout_s: float,
    arguments: type[ArgumentsT],
    parse: Callable[[ArgumentsT], CallT],
    handler: Callable[[ToolContext, CallT], Awaitable[ToolReply]],
    example: JsonObject,
    audit_fields: tuple[str, ...] = (),
    scopes: frozenset[str] | None = None,
    gitea_scopes: frozenset[str] | None = None,
    min_gitea: tuple[int, int] | None = None,
    lists: Listing | None = None,
) -> Method:
    """Make one method that changes nothing.

    Args:
        method: the value of the argument `method`, such as `comments`.
        says: what it gives, in a few words, where the name does not say it; every conversation pays for them.
        example: arguments that are right, without `method`.
        scopes: where they are not the tool's; as `gitea_scopes`.

    The others are those of `read_tool`.
    """

    def make(tool: ToolFacts) -> ToolSpec[ToolContext]:
        spec = read_tool(
            name=tool.name,
            title=tool.title,
            description=says,
            toolset=tool.toolset,
            cost=cost,
            timeout_s=timeout_s,
            scopes=tool.scopes if scopes is None else scopes,
            gitea_scopes=tool.gitea_scopes if gitea_scopes is None else gitea_scopes,
            arguments=arguments,
            parse=parse,
            handler=handler,
            example={METHOD: method, **example},
            audit_fields=audit_fields,
            min_gitea=min_gitea,
            noun="method",
            lists=lists,
        )
        properties = cast("JsonObject", spec.input_schema["properties"])
        if METHOD in properties:
            raise ValueError(f"{tool.name}.{method}: `{METHOD}` is the tool's own argument")
        required = cast("list[JsonValue]", spec.input_schema.get("required", []))
        word: JsonObject = {"type": "string", "enum": [method]}
        schema: JsonObject = {
            **spec.input_schema,
            "properties": {METHOD: word, **properties},
            "required": [METHOD, *required],
        }

        def prepare(raw_arguments: JsonObject) -> PreparedCall[ToolContext]:
            try:
                if raw_arguments.get(METHOD) != method:
                    raise InvalidArgument(METHOD, f"is not {method}", f'Give "{method}".')
                return spec.prepare({name: value for name, value in raw_arguments.items() if name != METHOD})
            except InvalidArgument as invalid:
                raise invalid.with_example(spec.example).with_schema(schema) from None

        return replace(spec, method=method, input_schema=schema, prepare=prepare)

    return Method(method, make)


def read_methods_tool(
    *,
    name: str,
    title: str,
    description: str,
    toolset: Toolset,
    scopes: frozenset[str],
    gitea_scopes: frozenset[str],
    methods: tuple[Method, ...],
) -> ToolSpec[ToolContext]:
    """Make one tool of several methods that change nothing.

    Args:
        description: what it shows and what it does not, of all methods together; which argument belongs to which
            method is said by the schema, made here.
        scopes: of every method that names no others.
        gitea_scopes: likewise.
        methods: in the order in which the schema names them, the most used first; the first gives the example.

    Raises:
        ValueError: no method, two of one name, or one argument with two types — our bug.
    """
    facts = ToolFacts(name=name, title=title, toolset=toolset, scopes=scopes, gitea_scopes=gitea_scopes)
    made = tuple(method.make(facts) for method in methods)
    if not made or len({one.method for one in made}) != len(made):
        raise ValueError(f"{name}: needs methods, each of its own name")
    return _joined(made, description)


def offering(tool: ToolSpec[ToolContext], methods: tuple[ToolSpec[ToolContext], ...]) -> ToolSpec[ToolContext]:
    """Return *tool* with only *methods* of its own, at least one: schema, words and example follow."""
    return tool if methods == tool.methods else _joined(methods, tool.description)


def method_of(tool: ToolSpec[ToolContext], raw_arguments: JsonObject) -> ToolSpec[ToolContext] | None:
    """Return the method of *tool* that *raw_arguments* name; None when they name none of it."""
    if tool.resolve is not None:
        return tool.resolve(raw_arguments)
    raw_method = raw_arguments.get(METHOD)
    return next((one for one in tool.methods if one.method == raw_method), None)


def wrong_method(tool: ToolSpec[ToolContext], raw_arguments: JsonObject) -> InvalidArgument:
    """Return the fault of arguments that name no method of *tool*; it names what each of them takes."""
    remedy = f"Give one of: {_words(tool.methods)}."
    raw_method = raw_arguments.get(METHOD)
    match raw_method:
        case None:
            rule = "is required"
        case str():
            rule = f"is not a method of {tool.name}"
            names = [one.method for one in tool.methods if one.method is not None]
            near = difflib.get_close_matches(raw_method[:_SHOWN_CHARACTERS], names, n=1)
            if near:
                meant = next(one for one in tool.methods if one.method == near[0])
                return InvalidArgument(
                    METHOD, rule, f"Did you mean {near[0]}?", meant.example, schema=meant.input_schema
                )
        case _:
            rule, remedy = "must be a string", f"{remedy} Write it in quotes."
    return InvalidArgument(METHOD, rule, remedy, tool.example)


def _joined(methods: tuple[ToolSpec[ToolContext], ...], description: str) -> ToolSpec[ToolContext]:
    first = methods[0]

    def prepare(raw_arguments: JsonObject) -> PreparedCall[ToolContext]:
        found = method_of(tool, raw_arguments)
        if found is None:
            raise wrong_method(tool, raw_arguments)
        return found.prepare(raw_arguments)

    tool = replace(
        first,
        description=description,
        risk=max((one.risk for one in methods), key=tuple(Risk).index),
        idempotent=all(one.idempotent for one in methods),
        open_world=any(one.open_world for one in methods),
        cost=max((one.cost for one in methods), key=_RANK.index),
        timeout_s=max(one.timeout_s for one in methods),
        scopes=frozenset(),  # each method's own are asked for; see policy/access.py
        gitea_scopes=frozenset[str]().union(*(one.gitea_scopes for one in methods)),
        input_schema=_merged(methods),
        prepare=prepare,
        min_gitea=None,
        audit_fields=tuple(dict.fromkeys(name for one in methods for name in one.audit_fields)),
        method=None,
        methods=methods,
    )
    return tool


def _merged(methods: tuple[ToolSpec[ToolContext], ...]) -> JsonObject:
    """Return one schema for all *methods*: their properties side by side, required where all of them require it."""
    names: list[JsonValue] = [one.method for one in methods]
    properties: dict[str, JsonObject] = {
        METHOD: {"type": "string", "enum": names, "description": _words(methods)},
    }
    for one in methods:
        for name, field in _properties(one).items():
            properties[name] = (
                field if name not in properties else _wider(f"{one.name}.{name}", properties[name], field)
            )
    required: list[JsonValue] = [METHOD, *(name for name in properties if _is_shared(methods, name, required=True))]
    shown: JsonObject = {**properties}
    return {"type": "object", "properties": shown, "additionalProperties": False, "required": required}


def _wider(what: str, one: JsonObject, other: JsonObject) -> JsonObject:
    """Return a schema that accepts what either of two accepts.

    Raises:
        ValueError: they have different types, so no portable schema says both — our bug.
    """
    if one["type"] != other["type"]:
        raise ValueError(f"{what}: one argument has two types; give one of them another name")
    wide: JsonObject = {}
    for key, value in one.items():
        if other.get(key) == value or key == "description":
            wide[key] = value
        elif key == "enum" and "enum" in other:
            wide[key] = list(dict.fromkeys([*cast("list[str]", value), *cast("list[str]", other[key])]))
        elif key in _WIDER and key in other:
            wide[key] = _WIDER[key](cast("int", value), cast("int", other[key]))
    return wide


def _words(methods: tuple[ToolSpec[ToolContext], ...]) -> str:
    """Return what each method gives and takes beside what all take: `get; comments: newest first; diff(path?)`."""
    return "; ".join(_signature(one, methods) for one in methods)


def _signature(method: ToolSpec[ToolContext], methods: tuple[ToolSpec[ToolContext], ...]) -> str:
    required = _required(method)
    own = [
        name if name in required else f"{name}?"
        for name in _properties(method)
        if name not in _OF_LISTS and not _is_shared(methods, name, required=False)
    ]
    taken = f"({', '.join(own)})" if own else ""
    says = f": {method.description}" if method.description else ""
    return f"{method.method}{taken}{says}"


def _is_shared(methods: Iterable[ToolSpec[ToolContext]], name: str, *, required: bool) -> bool:
    return all(name in (_required(one) if required else _properties(one)) for one in methods)


def _properties(method: ToolSpec[ToolContext]) -> dict[str, JsonObject]:
    properties = cast("dict[str, JsonObject]", method.input_schema["properties"])
    return {name: field for name, field in properties.items() if name != METHOD}


def _required(method: ToolSpec[ToolContext]) -> set[str]:
    return set(cast("list[str]", method.input_schema.get("required", []))) - {METHOD}
