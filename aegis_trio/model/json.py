"""JSON as a type: what a decoded document can hold, and how one becomes bytes on the wire.

Not here: reading hostile JSON (protocol/json_reader.py), and the audit log's own form (audit/canonical.py).
"""

from __future__ import annotations

import json
from typing import TypeAlias

JsonScalar: TypeAlias = str | int | float | bool | None
JsonValue: TypeAlias = "JsonScalar | list[JsonValue] | dict[str, JsonValue]"
JsonObject: TypeAlias = dict[str, JsonValue]


def encode_json(value: JsonValue) -> bytes:
    """Return *value* as compact UTF-8 JSON.

    Raises:
        ValueError: NaN or an infinity, which JSON cannot hold — our caller's bug.

    Source: RFC 8259.
    """
    # Trade: a lone surrogate, which JSON text may carry as an escape, leaves as an escape again.
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()
