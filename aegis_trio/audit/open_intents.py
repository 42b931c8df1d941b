"""Calls that were begun and of which no end is recorded: the process ended in between, or the log was cut.

Law: memory is constant. Beyond `MAX_OPEN` calls at once the oldest are given up as unfinished, which they are: the
gate never runs that many.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, final

from aegis_trio.audit.entry import Phase
from aegis_trio.model.json import JsonObject

MAX_OPEN: Final = 10_000
MAX_LISTED: Final = 100
_FIELDS: Final = ("timestamp", "seq", "correlation_id", "tool", "principal")


@final
class OpenIntents:
    """Pairs intents with their outcomes as records pass by."""

    def __init__(self) -> None:
        self._open: OrderedDict[int, JsonObject] = OrderedDict()
        self._given_up: list[JsonObject] = []
        self._given_up_total = 0

    def note(self, record: JsonObject) -> None:
        """Take a record up."""
        seq, intent = record.get("seq"), record.get("intent_seq")
        if record.get("phase") == Phase.INTENT and isinstance(seq, int):
            self._open[seq] = {name: record[name] for name in _FIELDS if name in record}
            if len(self._open) > MAX_OPEN:
                self._given_up_total += 1
                _, oldest = self._open.popitem(last=False)
                if len(self._given_up) < MAX_LISTED:
                    self._given_up.append(oldest)
        elif record.get("phase") == Phase.OUTCOME and isinstance(intent, int):
            self._open.pop(intent, None)

    @property
    def total(self) -> int:
        """How many intents have no outcome."""
        return self._given_up_total + len(self._open)

    def listed(self) -> list[JsonObject]:
        """Return the first of them, at most `MAX_LISTED`: when, which record, which call, which tool, for whom."""
        found = list(self._given_up)
        for intent in self._open.values():
            if len(found) >= MAX_LISTED:
                break
            found.append(intent)
        return found
