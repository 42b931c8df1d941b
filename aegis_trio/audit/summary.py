"""Sums a log up: authentications, calls, refusals, addresses. Pure, one record at a time.

Law: memory is bounded whatever clients call themselves: each table keeps its largest rows, and says when it let small
ones go.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, final

from aegis_trio.model.json import JsonObject, JsonValue

MAX_ROWS: Final = 1_000
_SUMMED: Final = "authentication_failures_summed"


@final
class Table:
    """Counts by name; above `2 * MAX_ROWS` names the smallest are let go."""

    __slots__ = ("_counts", "is_exact")

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self.is_exact = True
        """Whether no row was let go; if one was, counts are at least what is shown."""

    def add(self, name: JsonValue, count: int = 1) -> None:
        """Count a name; None is no name."""
        if name is None:
            return
        self._counts[str(name)] += count
        if len(self._counts) > 2 * MAX_ROWS:
            self._counts = Counter(dict(self._counts.most_common(MAX_ROWS)))
            self.is_exact = False

    def __getitem__(self, name: str) -> int:
        """Return the count of a name."""
        return self._counts[name]

    def most(self, rows: int) -> list[tuple[str, int]]:
        """Return the largest rows, and among equals by name."""
        return sorted(self._counts.items(), key=lambda row: (-row[1], row[0]))[:rows]


@final
@dataclass(slots=True)
class Summary:
    """What a log says in numbers."""

    records: int = 0
    first: str = ""
    """Timestamp of the earliest record."""
    last: str = ""
    authentications: Table = field(default_factory=Table)
    """By status; failures that were summed up are among them."""
    authentication_reasons: Table = field(default_factory=Table)
    """Failures by reason."""
    callers: Table = field(default_factory=Table)
    """Successful authentications by person or key."""
    days: Table = field(default_factory=Table)
    """Authentications by `day status`."""
    calls: Table = field(default_factory=Table)
    """By tool, whatever came of them."""
    failed_calls: Table = field(default_factory=Table)
    """By tool."""
    failures: Table = field(default_factory=Table)
    """Failed calls by status."""
    refusals: Table = field(default_factory=Table)
    """By reason."""
    addresses: Table = field(default_factory=Table)
    """Records by address."""
    refused_addresses: Table = field(default_factory=Table)
    """Refusals and failed authentications by address."""
    security: Table = field(default_factory=Table)
    """By kind of security event."""

    def note(self, record: JsonObject) -> None:
        """Count one record."""
        time = str(record.get("timestamp", ""))
        self.records += 1
        self.first = min(self.first, time) if self.first else time
        self.last = max(self.last, time)
        address = record.get("client_ip")
        match record.get("event"):
            case "api_authentication":
                self._note_authentication(record, time)
            case "tool_invocation":
                self.calls.add(record.get("tool"))
                if record.get("result") == "error":
                    self.failed_calls.add(record.get("tool"))
                    self.failures.add(record.get("status"))
            case "access_denied":
                self.refusals.add(record.get("reason"))
                self.refused_addresses.add(address)
            case "security_event":
                self._note_security(record, time)
            case _:
                pass
        if record.get("event") != "tool_intent":  # its outcome is counted
            self.addresses.add(address)

    def _note_authentication(self, record: JsonObject, time: str) -> None:
        status = record.get("status")
        self.authentications.add(status)
        self.days.add(f"{time[:10]} {status}")
        if status == "success":
            self.callers.add(record.get("login") or record.get("key_hint") or record.get("principal"))
        else:
            self.authentication_reasons.add(record.get("reason"))
            self.refused_addresses.add(record.get("client_ip"))

    def _note_security(self, record: JsonObject, time: str) -> None:
        kind, attempts = record.get("kind"), record.get("attempts")
        self.security.add(kind)
        if kind == _SUMMED and isinstance(attempts, int):
            self.authentications.add("failure", attempts)
            self.days.add(f"{time[:10]} failure", attempts)
            self.authentication_reasons.add("(summed up)", attempts)
            self.refused_addresses.add(record.get("client_ip"), attempts)
