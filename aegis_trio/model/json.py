"""JSON as a type: what a decoded document can hold, and how one becomes bytes on the wire.

Not here: reading hostile JSON (protocol/json_reader.py), and the audit log's own form (audit/canonical.py).
"""

from __future__ import annotations

import json
from typing import Final, TypeAlias

JsonScalar: TypeAlias = str | int | float | bool | None
JsonValue: TypeAlias = "JsonScalar | list[JsonValue] | dict[str, JsonValue]"
JsonObject: TypeAlias = dict[str, JsonValue]

# Made once: `json.dumps` with these options would make an encoder for every value.
_UNICODE: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_ASCII: Final = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def encode_json(value: JsonValue) -> bytes:
    """Return *value* as compact UTF-8 JSON.

    Raises:
        ValueError: NaN or an infinity, which JSON cannot hold — our caller's bug.

    Source: RFC 8259.
    """
    # Trade: a lone surrogate, which JSON text may carry as an escape, leaves as an escape again.
    try:
        return _UNICODE.encode(value).encode()
    except UnicodeEncodeError:
        return _ASCII.encode(value).encode()
