"""Examples and schemas: arguments of an operation that are right, and the schema of what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.toolsets.operations.kinds import MAX_MANY, Kind, bounds_of, kind_of
from aegis_trio.toolsets.operations.table import Operation, Parameter

_VALUES: Final[Mapping[Kind, JsonValue]] = MappingProxyType(
    {
        Kind.OWNER: "acme",
        Kind.REPO: "backend",
        Kind.NUMBER: 1,
        Kind.REF: "main",
        Kind.PAIR: "main...feature",
        Kind.PATH: "src/main.py",
        Kind.NAME: "name",
        Kind.FLAG: True,
        Kind.STAMP: "2026-01-31T12:00:00Z",
        Kind.DAY: "2026-01-31",
        Kind.FILES: ["src/main.py"],
        Kind.TEXT: "words",
    }
)
# Where the kind alone makes a poor example.
_BY_NAME: Final[Mapping[str, JsonValue]] = MappingProxyType(
    {
        "org": "acme",
        "username": "alice",
        "user": "alice",
        "target": "bob",
        "collaborator": "alice",
        "pageName": "Home",
        "workflow_id": "ci.yml",
        "variablename": "REGION",
        "tag": "v1.0",
        "type": "container",
        "version": "1.0.0",
        "head": "feature",
        "team": "owners",
    }
)
_TYPES: Final[Mapping[Kind, JsonObject]] = MappingProxyType(
    {Kind.FLAG: {"type": "boolean"}, Kind.FILES: {"type": "array", "maxItems": MAX_MANY}}
)
_TEXT: Final[JsonObject] = {"type": "string"}


def example_of(operation: Operation) -> JsonObject:
    """Return the arguments of a call of *operation* as the tool takes them: what is required, with values that fit."""
    arguments: JsonObject = {one.name: _value(operation, one) for one in operation.parameters if one.required}
    return {"operation": operation.id, "arguments": arguments} if arguments else {"operation": operation.id}


def schema_of(operation: Operation) -> JsonObject:
    """Return the JSON Schema of what *operation* takes in `arguments`, without words."""
    schema: JsonObject = {
        "type": "object",
        "properties": {one.name: _property(operation, one) for one in operation.parameters},
        "additionalProperties": False,
    }
    required: list[JsonValue] = [one.name for one in operation.parameters if one.required]
    if required:
        schema["required"] = required
    return schema


def _value(operation: Operation, parameter: Parameter) -> JsonValue:
    kind = kind_of(operation, parameter)
    if kind is Kind.CHOICE:
        return parameter.choices[0]
    return _VALUES[kind] if kind in {Kind.NUMBER, Kind.FILES} else _BY_NAME.get(parameter.name, _VALUES[kind])


def _property(operation: Operation, parameter: Parameter) -> JsonObject:
    kind = kind_of(operation, parameter)
    made: JsonObject
    if kind is Kind.CHOICE:
        made = {"type": "string", "enum": [*parameter.choices]}
    elif kind is Kind.NUMBER:
        bounds = bounds_of(parameter)
        made = {"type": "integer", "minimum": bounds.least, "maximum": bounds.most}
    else:
        made = _TYPES.get(kind, _TEXT)
    if not parameter.many:
        return made
    several: JsonObject = {"type": "array", "items": made, "maxItems": MAX_MANY}
    return several
