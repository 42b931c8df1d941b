r"""The one form of a record on disk: one line of ASCII, JSON with a space after `:` and `,`, in printed order.

Laws:
    1. Whatever a record is given, its line is ASCII, holds no control character, and has at most `MAX_LINE_BYTES`.
    2. Nothing is shortened silently: a cut text ends with how many characters are missing, a cut collection with how
       many members.
    3. Reading a line and rendering it again gives the same bytes, so what does not is not ours.

Threat: ASCII output matters: a value that holds U+2028, U+0085 or ESC would make one line look like three, or move
the cursor of the terminal that shows it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import islice
from typing import Final, assert_never, cast, final

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.refs import MAX_PATH_BYTES

MAX_LINE_BYTES: Final = 64 * 1024  # with its newline; a place of 4096 bytes, escaped, twice, and room for the rest
MAX_FIELDS: Final = 48
"""Fields of one record, the writer's own not counted; more is our bug."""

CHAIN_BYTES: Final = 256  # room for seq, phase, prev and the newline, which take at most 140
_MAX_BODY_BYTES: Final = MAX_LINE_BYTES - CHAIN_BYTES
_MAX_NESTED: Final = 144  # members of arguments and reasons together; no tool has a tenth of it
_MAX_DEPTH: Final = 4
_MAX_KEY_CHARACTERS: Final = 64  # names of arguments are the client's words when a call is refused
_MAX_SAFE_INTEGER: Final = 2**53 - 1  # Source: RFC 8259 section 6, what every reader of JSON agrees on

# Characters that a text may have, at the top and inside collections. The last rung always fits: a character takes at
# most 12 bytes, so 48 fields take at most 48 * (40 * 12 + 80), and 144 members at most 144 * 2 * (8 * 12 + 28).
_RUNGS: Final = ((MAX_PATH_BYTES, MAX_PATH_BYTES), (MAX_PATH_BYTES, 256), (1024, 64), (40, 8))

# Made once: `json.dumps` with these options would make an encoder for every record, and `json.loads` would look at
# each line for an encoding that no record has.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=True, allow_nan=False)
_DECODER: Final = json.JSONDecoder()


def render(fields: Mapping[str, JsonValue]) -> str:
    """Return *fields* as canonical JSON text, shortened where it must be.

    Raises:
        ValueError: more than `MAX_FIELDS` fields — our bug.
    """
    if len(fields) > MAX_FIELDS:
        raise ValueError(f"a record has at most {MAX_FIELDS} fields")
    text = ""
    for top, nested in _RUNGS:
        text = _dump(_Shortener(top, nested).record(fields))
        if len(text) <= _MAX_BODY_BYTES:
            break
    return text


def is_canonical(record: JsonObject, raw_line: bytes) -> bool:
    """Return whether *raw_line*, which *record* was read from, is the one form of it.

    Threat: a duplicate key or a number spelled in another way shows different readers different records.
    """
    try:
        return _dump(record).encode() == raw_line
    except ValueError:  # NaN or an infinity, which no record of ours holds
        return False


def parse(raw_line: bytes) -> JsonObject | None:
    """Return the record of one line without its newline, or None when it is not a JSON object."""
    try:
        value = cast("JsonValue", _DECODER.decode(raw_line.decode()))
    except (ValueError, RecursionError):  # neither JSON nor UTF-8; or 64 KiB of opening brackets
        return None
    return value if isinstance(value, dict) else None


def _dump(record: Mapping[str, JsonValue]) -> str:
    return _ENCODER.encode(record)


@final
class _Shortener:
    """Shortens one record; counts the members that it has let pass."""

    __slots__ = ("_members_left", "_nested", "_top")

    def __init__(self, top: int, nested: int) -> None:
        self._top = top
        self._nested = nested
        self._members_left = _MAX_NESTED

    def record(self, fields: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        return {name: self._value(value, self._top, _MAX_DEPTH) for name, value in fields.items()}

    def _value(self, value: JsonValue, limit: int, depth: int) -> JsonValue:
        match value:
            case None | bool():
                return value
            case int():
                return value if abs(value) <= _MAX_SAFE_INTEGER else _spell(value)
            case float():
                return value if math.isfinite(value) else str(value)
            case str():
                return _shorten(value, limit)
            case list():
                return self._list(value, depth)
            case dict():
                return self._object(value, depth)
            case _:
                assert_never(value)

    def _list(self, values: list[JsonValue], depth: int) -> JsonValue:
        if depth == 0:
            return f"(list of {len(values)})"
        kept = [self._value(value, self._nested, depth - 1) for value in values[: self._admit(len(values))]]
        if len(kept) < len(values):
            kept.append(f"(+{len(values) - len(kept)} more)")
        return kept

    def _object(self, members: dict[str, JsonValue], depth: int) -> JsonValue:
        if depth == 0:
            return f"(object of {len(members)})"
        kept: dict[str, JsonValue] = {}
        for name, value in islice(members.items(), self._admit(len(members))):
            key = _shorten(name, min(self._nested, _MAX_KEY_CHARACTERS))
            if key in kept:  # two long names, cut to the same text
                key = f"{key}#{len(kept)}"
            kept[key] = self._value(value, self._nested, depth - 1)
        if len(kept) < len(members):
            kept[f"(+{len(members) - len(kept)} more)"] = None
        return kept

    def _admit(self, members: int) -> int:
        admitted = min(members, self._members_left)
        self._members_left -= admitted
        return admitted


def _shorten(text: str, limit: int) -> str:
    missing = len(text) - limit
    kept = text if missing <= 0 else text[:limit]
    if not kept.isascii():
        # Two halves become the character they mean, and a lone one becomes U+FFFD: JSON cannot tell them apart.
        kept = kept.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return kept if missing <= 0 else f"{kept}...(+{missing} characters)"


def _spell(number: int) -> str:
    # Threat: CPython refuses to spell integers above 4300 digits, so a client's number would end the record.
    return str(number) if number.bit_length() <= 256 else f"(integer of {number.bit_length()} bits)"
