"""Which records somebody wants to see: pure, one record at a time, in constant memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

from aegis_trio.model.json import JsonObject, JsonValue

FIELDS: Final = ("event", "tool", "principal", "key_hint", "owner", "repo", "result", "correlation_id")
"""By which records can be chosen."""

_CASELESS: Final = frozenset({"owner", "repo"})  # Gitea takes `Tidewater` and `tidewater` for the same
_PLACES: Final = frozenset({"owner", "repo"})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """What must hold of a record; of several values of one field one must, of several fields all."""

    wanted: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Values by field, of `FIELDS`."""
    since: str = ""
    """Timestamp as records have it; older ones are left out."""
    until: str = ""
    """The same; records at this moment and later are left out. Empty for no end."""
    pattern: re.Pattern[str] | None = None
    """Found somewhere in the line."""

    def admits(self, record: JsonObject, line: str) -> bool:
        """Return whether a record is wanted.

        Args:
            record: as read from the line.
            line: ASCII, as it stands in the log.
        """
        time = str(record.get("timestamp", ""))
        if time < self.since or (self.until and time >= self.until):
            return False
        if not all(_matches(record, name, values) for name, values in self.wanted.items()):
            return False
        return self.pattern is None or self.pattern.search(line) is not None


def _matches(record: JsonObject, name: str, values: frozenset[str]) -> bool:
    found = [record.get(name)]
    arguments = record.get("arguments")
    if name in _PLACES and isinstance(arguments, dict):
        found.append(arguments.get(name))  # a refused call has its places there alone
    return any(_fold(name, value) in {_fold(name, one) for one in values} for value in found if value is not None)


def _fold(name: str, value: JsonValue) -> str:
    text = value if isinstance(value, str) else str(value)
    return text.casefold() if name in _CASELESS else text
