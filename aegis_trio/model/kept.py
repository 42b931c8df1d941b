"""A kept reply: what did not fit into one answer, and can be read on from where it was cut.

Not here: where it is kept and for whom (gateway/keeping.py), and reading it (toolsets/results).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final, cast, final

from aegis_trio.model.json import JsonObject, encode_json

CONTINUE_TOOL: Final = "continue_result"
KEPT_MAX_BYTES: Final = 64 * 1024 * 1024
"""Bound of all that is kept, as JSON; an owner may have a fourth of it, one reply an eighth."""
KEPT_FOR_S: Final = 900.0
"""Fifteen minutes: longer than a model thinks, shorter than a working day."""


@final
@dataclass(frozen=True, slots=True)
class KeptReply:
    """One whole reply as JSON, and which text of it was cut."""

    handle: str
    json: bytes
    pointer: str
    """RFC 6901; empty when the reply's own JSON was cut, because no single text of it is long."""

    @property
    def document(self) -> JsonObject:
        """The reply, read anew: one copy of it is kept, and its size is known exactly."""
        return cast("JsonObject", json.loads(self.json))


def kept_json(document: JsonObject) -> bytes:
    """Return the bytes that are kept of *document*."""
    return encode_json(document)
