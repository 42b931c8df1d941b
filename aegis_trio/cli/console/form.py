"""Forms that a server asks a person to fill in: which fields, and whether an answer fits.

Laws:
    1. A form that breaks the schema is no form: it is declined, not guessed at.
    2. What is sent has the type that the field names.

Source: MCP 2025-11-25 client/elicitation#requested-schema; SEP-1034 (defaults), SEP-1330 (choices).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.cli.console.catalogue import choices_of
from aegis_trio.config.faults import Misfit
from aegis_trio.config.parsing import parse_switch
from aegis_trio.model.json import JsonObject, JsonValue

MAX_FIELDS: Final = 50  # a person fills in fewer
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_FORMATS: Final = {
    "email": re.compile(r"[^@\s]+@[^@\s]+"),
    "uri": re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", re.ASCII),
    "date": re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII),
    "date-time": re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}\S*", re.ASCII),
}
_KINDS: Final = frozenset({"string", "number", "integer", "boolean", "array"})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a form."""

    name: str
    kind: str
    title: str
    description: str
    is_required: bool
    schema: JsonObject
    choices: tuple[str, ...]

    @property
    def default(self) -> JsonValue:
        """What an empty answer means, None when it means nothing."""
        return self.schema.get("default")

    @property
    def hint(self) -> str:
        """What can be answered, in a few words."""
        words = " | ".join(self.choices) if self.choices else _KIND_WORDS[self.kind]
        if self.kind == "array":
            words = f"some of {words}, with commas between"
        return words if self.is_required else f"{words}; optional"


_KIND_WORDS: Final = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "yes | no",
    "array": "texts",
}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What the server wants to know."""

    message: str
    fields: tuple[Field, ...]


def parse_form(params: JsonObject) -> Form:
    """Make a form of the parameters of `elicitation/create`.

    Raises:
        Misfit: it is none that this console can show.
    """
    if params.get("mode", "form") != "form":
        raise Misfit("is not a form, but another way of asking", "It is declined.")
    message, schema = params.get("message"), params.get("requestedSchema")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(message, str) or not isinstance(schema, dict) or not isinstance(properties, dict):
        raise Misfit("has no message, or no schema of an object", "It is declined.")
    if len(properties) > MAX_FIELDS:
        raise Misfit(f"has more than {MAX_FIELDS} fields", "It is declined.")
    required = schema.get("required")
    needed = required if isinstance(required, list) else []
    return Form(
        message=message, fields=tuple(_field(name, shape, name in needed) for name, shape in properties.items())
    )


def parse_answer(field: Field, raw_answer: str) -> JsonValue:
    """Make the value of *field* of what the person typed.

    Raises:
        Misfit: it does not fit.
    """
    match field.kind:
        case "boolean":
            return parse_switch({"y": "yes", "n": "no"}.get(raw_answer.lower(), raw_answer))
        case "integer" | "number":
            return _number(field, raw_answer)
        case "array":
            return _selection(field, raw_answer)
        case _:
            return _text(field, raw_answer)


def _field(name: str, shape: JsonValue, is_required: bool) -> Field:  # noqa: FBT001 -- three values of one row
    kind = shape.get("type") if isinstance(shape, dict) else None
    if not isinstance(shape, dict) or not isinstance(kind, str) or kind not in _KINDS:
        raise Misfit("has a field of a type that a form cannot have", "It is declined.")
    described = [shape.get(key) for key in ("title", "description")]
    title, description = (text if isinstance(text, str) else "" for text in described)
    choices: tuple[JsonValue, ...] = ()
    if kind != "boolean":
        choices = choices_of(shape.get("items") if kind == "array" else shape)
    return Field(
        name=name,
        kind=kind,
        title=title or name,
        description=description,
        is_required=is_required,
        schema=shape,
        choices=tuple(choice for choice in choices if isinstance(choice, str)),
    )


def _number(field: Field, raw_answer: str) -> JsonValue:
    value: int | float
    if field.kind == "integer":
        if not _INTEGER.fullmatch(raw_answer):
            raise Misfit("is not a whole number", "Give digits alone.")
        value = int(raw_answer)
    else:
        try:
            value = float(raw_answer)
        except ValueError:
            raise Misfit("is not a number", "Give one such as 2.5.") from None
        if not math.isfinite(value):
            raise Misfit("is not a number", "Give one such as 2.5.")
    low, high = (_bound(field, key) for key in ("minimum", "maximum"))
    if (low is not None and value < low) or (high is not None and value > high):
        raise Misfit(f"is not {_range(low, high)}", "Give another number.")
    return value


def _text(field: Field, raw_answer: str) -> str:
    if field.choices and raw_answer not in field.choices:
        raise Misfit("is none of the choices", f"Give one of {', '.join(field.choices)}.")
    low, high = (_bound(field, key) for key in ("minLength", "maxLength"))
    if (low is not None and len(raw_answer) < low) or (high is not None and len(raw_answer) > high):
        raise Misfit(f"has a length that is not {_range(low, high)}", "Give another text.")
    name = field.schema.get("format")
    pattern = _FORMATS.get(name) if isinstance(name, str) else None
    if pattern is not None and not pattern.fullmatch(raw_answer):
        raise Misfit(f"is no {name}", "Give one.")
    return raw_answer


def _selection(field: Field, raw_answer: str) -> JsonValue:
    chosen = [part.strip() for part in raw_answer.split(",") if part.strip()]
    if field.choices and not set(chosen) <= set(field.choices):
        raise Misfit("holds what is none of the choices", f"Give some of {', '.join(field.choices)}.")
    low, high = (_bound(field, key) for key in ("minItems", "maxItems"))
    if (low is not None and len(chosen) < low) or (high is not None and len(chosen) > high):
        raise Misfit(f"holds a number of values that is not {_range(low, high)}", "Give others.")
    return list[JsonValue](chosen)


def _bound(field: Field, key: str) -> float | None:
    bound = field.schema.get(key)
    return bound if isinstance(bound, (int, float)) and not isinstance(bound, bool) else None


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high:g}"
    return f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"
