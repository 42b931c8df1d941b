"""The reader of hostile JSON: every document it accepts means one thing to every parser.

Laws:
    1. Whatever the bytes are, the result is a JSON value or a `Refusal`; nothing is raised.
    2. What two parsers could read differently is refused: duplicate keys, NaN, infinities, a byte order mark,
       numbers beyond 64 bits.
    3. Depth is bounded, so nothing that walks the value later can exhaust its stack.

Not here: whether the value is a message (jsonrpc.py), and the deadline for reading a body (transports/body.py).
"""

from __future__ import annotations

import json
import math
from typing import Final, NoReturn

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.refusals import INVALID_REQUEST, Refusal, unparsable

MAX_DOCUMENT_BYTES: Final = 4 * 1024 * 1024  # the official SDK's own bound; bodies are received up to it
MAX_DEPTH: Final = 64  # as Gitea's JSON library and PostgreSQL's clients set it; MCP itself needs about ten
MAX_NUMBER_CHARS: Final = 20  # a sign and the 19 digits of a 64-bit integer
MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**63 - 1


def read_json(raw_document: bytes, *, max_bytes: int = MAX_DOCUMENT_BYTES) -> JsonValue | Refusal:
    """Return the JSON value of *raw_document*, or why it is not read.

    Args:
        raw_document: UTF-8 text of one JSON value, without a byte order mark.
        max_bytes: bound of the document in bytes.

    Source: RFC 8259; RFC 7493 (I-JSON) sections 2.2 and 2.3 for numbers and duplicate names.
    """
    if len(raw_document) > max_bytes:
        return Refusal(code=INVALID_REQUEST, message=f"The document is larger than {max_bytes} bytes.", http_status=413)
    try:
        value: JsonValue = _DECODER.decode(raw_document.decode())
    except UnicodeDecodeError:
        return unparsable("the document is not UTF-8")
    except _Unreadable as unreadable:
        return unparsable(unreadable.rule)
    except RecursionError:
        return unparsable(f"nested deeper than {MAX_DEPTH} levels")
    except ValueError:
        return unparsable("the document is not JSON")
    # Threat: a document of brackets alone makes whoever walks it later run out of stack.
    if raw_document.count(b"[") + raw_document.count(b"{") > MAX_DEPTH and _is_deeper_than(value, MAX_DEPTH):
        return unparsable(f"nested deeper than {MAX_DEPTH} levels")
    return value


class _Unreadable(ValueError):
    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def _object(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    members = dict(pairs)
    # Threat: with {"name": "a", "name": "b"} a proxy checks one tool and the server runs the other.
    if len(members) != len(pairs):
        raise _Unreadable("an object names a member twice")
    return members


def _integer(text: str) -> int:
    # Threat: decoding an integer takes time quadratic in its length.
    number = int(text) if len(text) <= MAX_NUMBER_CHARS else None
    if number is None or not MIN_INTEGER <= number <= MAX_INTEGER:
        raise _Unreadable("an integer is beyond 64 bits")
    return number


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _Unreadable("a number is beyond the range of a double")
    return number


def _constant(_name: str) -> NoReturn:
    raise _Unreadable("NaN and infinities are not JSON")


def _is_deeper_than(value: JsonValue, limit: int) -> bool:
    # One comprehension for each level: a document of small containers costs a few times its decoding, not ten.
    level: list[list[JsonValue] | JsonObject] = [value] if isinstance(value, (dict, list)) else []
    for _ in range(limit):
        if not level:
            return False
        level = [
            inner
            for container in level
            for inner in (container if isinstance(container, list) else container.values())
            if isinstance(inner, (list, dict))
        ]
    return bool(level)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
