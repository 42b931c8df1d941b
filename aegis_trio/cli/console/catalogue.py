"""The catalogue: what the server says it offers, as far as it makes sense.

Law: a list that breaks the schema yields fewer entries, never a fault: completion must not end a session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias, final

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.policy.untrusted import holds_hidden_characters

MAX_NAME_CHARS: Final = 256
_ReadArguments: TypeAlias = "Callable[[JsonObject], Iterator[Argument]]"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of a tool or a prompt."""

    name: str
    is_required: bool
    type: str
    choices: tuple[JsonValue, ...] = ()
    description: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One tool or prompt."""

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What was listed so far."""

    tools: Mapping[str, Entry] = field(default_factory=dict[str, Entry])
    prompts: Mapping[str, Entry] = field(default_factory=dict[str, Entry])
    uris: tuple[str, ...] = ()


def read_tools(items: Sequence[JsonValue]) -> dict[str, Entry]:
    """Return the tools of `tools/list` by name, in its order.

    Source: MCP 2026-07-28 server/tools#listing-tools.
    """
    return {entry.name: entry for entry in _entries(items, _tool_arguments)}


def read_prompts(items: Sequence[JsonValue]) -> dict[str, Entry]:
    """Return the prompts of `prompts/list` by name, in its order."""
    return {entry.name: entry for entry in _entries(items, _prompt_arguments)}


def read_uris(items: Sequence[JsonValue]) -> tuple[str, ...]:
    """Return the addresses of `resources/list` and `resources/templates/list`."""
    found = (item.get("uri", item.get("uriTemplate")) for item in items if isinstance(item, dict))
    return tuple(uri for uri in found if isinstance(uri, str))


def is_typeable(name: str) -> bool:
    """Return whether *name* can be typed as one word, and is what it seems to be."""
    is_plain = name.isprintable() and not holds_hidden_characters(name)
    return len(name) <= MAX_NAME_CHARS and is_plain and name.split() == [name]


def choices_of(schema: JsonValue) -> tuple[JsonValue, ...]:
    """Return the values that *schema* names one by one; empty when it names none.

    Source: JSON Schema 2020-12 validation sections 6.1.2 and 6.1.3; SEP-1330 for titles in `oneOf`.
    """
    if not isinstance(schema, dict):
        return ()
    enum = schema.get("enum")
    if isinstance(enum, list):
        return tuple(enum)
    if "const" in schema:
        return (schema["const"],)
    branches = [branch for key in ("anyOf", "oneOf") if isinstance(found := schema.get(key), list) for branch in found]
    choices = tuple(choice for branch in branches for choice in _leaf_choices(branch))
    if choices:
        return choices
    return (True, False) if schema.get("type") == "boolean" else ()


def _leaf_choices(schema: JsonValue) -> tuple[JsonValue, ...]:
    if not isinstance(schema, dict):
        return ()
    enum = schema.get("enum")
    if isinstance(enum, list):
        return tuple(enum)
    return (schema["const"],) if "const" in schema else ()


def _entries(items: Sequence[JsonValue], arguments: _ReadArguments) -> Iterator[Entry]:
    for item in items:
        if isinstance(item, dict) and isinstance(name := item.get("name"), str):
            yield Entry(
                name=name,
                title=_text(item, "title"),
                description=_text(item, "description"),
                arguments=tuple(arguments(item)),
            )


def _tool_arguments(item: JsonObject) -> Iterator[Argument]:
    schema = item.get("inputSchema")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    required = schema.get("required") if isinstance(schema, dict) else None
    needed: Sequence[JsonValue] = required if isinstance(required, list) else []
    for name, shape in (properties if isinstance(properties, dict) else {}).items():
        yield Argument(
            name=name,
            is_required=name in needed,
            type=_type_words(shape),
            choices=choices_of(shape),
            description=_text(shape, "description"),
        )


def _prompt_arguments(item: JsonObject) -> Iterator[Argument]:
    arguments = item.get("arguments")
    for argument in arguments if isinstance(arguments, list) else ():
        if isinstance(argument, dict) and isinstance(name := argument.get("name"), str):
            yield Argument(
                name=name,
                is_required=argument.get("required") is True,
                type="text",
                description=_text(argument, "description"),
            )


def _type_words(schema: JsonValue) -> str:
    if not isinstance(schema, dict):
        return "any"
    kind = schema.get("type")
    if isinstance(kind, str):
        return kind
    if isinstance(kind, list):
        return " or ".join(word for word in kind if isinstance(word, str))
    branches = schema.get("anyOf", schema.get("oneOf"))
    words = [_text(branch, "type") for branch in branches] if isinstance(branches, list) else []
    return " or ".join(word for word in words if word) or "any"


def _text(value: JsonValue, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""
