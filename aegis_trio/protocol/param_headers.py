"""Arguments of a tool that are mirrored into `Mcp-Param-*` headers: which ones, and whether header and body agree.

Laws:
    1. A declaration that a client would have to reject is our bug and is found when the catalogue is made.
    2. Each declared header and its argument are there together and equal, or absent together.
    3. A declared header that stands twice is a mismatch; one that nobody declared is ignored.

Not here: the routing headers (headers.py), whether the arguments are right (toolsets). Only modern requests over HTTP
are checked: other eras and transports mirror nothing.

Source: MCP 2026-07-28 basic/transports/streamable-http#custom-headers-from-tool-parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.headers import decode_value
from aegis_trio.protocol.refusals import Refusal, header_mismatch

DECLARATION: Final = "x-mcp-header"
PREFIX: Final = "Mcp-Param-"
MAX_MIRRORED_INTEGER: Final = 2**53 - 1  # what every reader of JSON and of headers agrees on

_KINDS: Final = ("integer", "string", "boolean")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # Source: RFC 9110 section 5.6.2
_DECIMAL: Final = re.compile(r"(?P<whole>-?[0-9]{1,20})(?:\.(?P<fraction>[0-9]{1,20}))?")
# Keywords of JSON Schema 2020-12 whose value is data, in which nothing is a declaration …
_DATA: Final = frozenset({"const", "default", "dependentRequired", "enum", "examples", "required"})
# … and those whose value maps names, which are no keywords, to schemas.
_NAMED: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ParamHeader:
    """One argument that clients mirror into a header."""

    name: str
    """The whole name of the header, as declared; compared without regard to case."""
    path: tuple[str, ...]
    """Names of properties from the arguments to the mirrored value."""


def declared_param_headers(input_schema: JsonObject) -> tuple[ParamHeader, ...]:
    """Return the headers that *input_schema* declares, in its order.

    Raises:
        ValueError: a declaration that clients must reject, and with it the whole tool — our own schema's bug.

    Source: MCP 2026-07-28 server/tools#x-mcp-header.
    """
    declared: dict[str, ParamHeader] = {}
    for path, schema in _positions((), input_schema):
        if DECLARATION not in schema:
            continue
        if not path:
            raise ValueError(f"{DECLARATION}: stands where no chain of `properties` alone leads; move it to a property")
        place, token = ".".join(path), schema[DECLARATION]
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise ValueError(f"{place}: {DECLARATION} must be letters, digits or !#$%&'*+-.^_`|~, at least one")
        if schema.get("type") not in _KINDS:
            raise ValueError(f"{place}: {DECLARATION} stands on {', '.join(_KINDS)} only, one of them as its `type`")
        if token.lower() in declared:
            raise ValueError(f"{place}: {DECLARATION} {token} is declared twice; case does not tell two names apart")
        declared[token.lower()] = ParamHeader(name=PREFIX + token, path=path)
    return tuple(declared.values())


def check_param_headers(
    raw_headers: Iterable[tuple[bytes, bytes]], input_schema: JsonObject, arguments: JsonObject
) -> Refusal | None:
    """Tell how the headers of a `tools/call` contradict its arguments, or None when they agree.

    Args:
        raw_headers: name and value of each line, as ASGI gives them.
        input_schema: of the tool that is called.
        arguments: not yet validated.

    Raises:
        ValueError: as `declared_param_headers`.
    """
    return check_declared(raw_headers, declared_param_headers(input_schema), arguments)


def check_declared(
    raw_headers: Iterable[tuple[bytes, bytes]], declared: Iterable[ParamHeader], arguments: JsonObject
) -> Refusal | None:
    """Do the same for declarations that were read before.

    Source: MCP 2026-07-28 basic/transports/streamable-http#server-behavior-for-custom-headers, #server-validation.
    """
    sent: dict[str, list[str]] = {}
    for raw_name, raw_value in raw_headers:
        sent.setdefault(raw_name.decode("latin-1").lower(), []).append(raw_value.decode("latin-1").strip(" \t"))
    for header in declared:
        rule = _contradiction(sent.get(header.name.lower(), []), _value_at(arguments, header.path))
        if rule is not None:
            return header_mismatch(f"{header.name} {rule} arguments.{'.'.join(header.path)}.")
    return None


def _positions(path: tuple[str, ...] | None, schema: JsonValue) -> Iterator[tuple[tuple[str, ...] | None, JsonObject]]:
    """Give every place of *schema* that is a schema, with its path; None where `properties` alone do not lead."""
    if isinstance(schema, list):
        for inner in schema:
            yield from _positions(None, inner)
    if not isinstance(schema, dict):
        return
    yield path, schema
    for keyword, value in schema.items():
        if keyword in _NAMED and isinstance(value, dict):
            chain = path if keyword == "properties" else None
            for name, inner in value.items():
                yield from _positions(None if chain is None else (*chain, name), inner)
        elif keyword not in _DATA:
            yield from _positions(None, value)


def _value_at(arguments: JsonObject, path: tuple[str, ...]) -> JsonValue:
    value: JsonValue = arguments
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _contradiction(values: list[str], argument: JsonValue) -> str | None:
    """Tell how the lines of one header contradict its argument, in words between their names."""
    if len(values) > 1:
        return "stands more than once; send it once, equal to"
    # An object or a list has no form in a header; the tool's own schema refuses it.
    if argument is None or isinstance(argument, (dict, list)):
        # Threat: a proxy would route by a value that the server never sees.
        return "is sent without a value that it could mirror; leave it out, or give" if values else None
    if not values:
        return "must be sent and equal"
    text = decode_value(values[0])
    if text is None:
        return "must be plain ASCII or well-formed Base64 and equal"
    return None if _agrees(text, argument) else "must equal"


def _agrees(text: str, argument: str | float) -> bool:
    match argument:
        case bool():
            return text == ("true" if argument else "false")
        case str():
            return text == argument
        case _:
            return _equals_number(text, argument)


def _equals_number(text: str, number: float) -> bool:
    """Compare as numbers: `42.0` is 42.

    Source: MCP 2026-07-28 basic/transports/streamable-http#server-validation, note on integers.
    """
    decimal = _DECIMAL.fullmatch(text)
    # Threat: beyond 2**53 a proxy that reads doubles sees another number than the one in the header.
    if decimal is None or abs(number) > MAX_MIRRORED_INTEGER:
        return False
    if isinstance(number, int):
        return int(decimal["whole"]) == number and not (decimal["fraction"] or "").strip("0")
    return float(text) == number
