"""One record on its way out, with what every form needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import final

from aegis_trio.audit.canonical import parse
from aegis_trio.audit.chain import leaf_hash
from aegis_trio.model.json import JsonObject


@final
@dataclass(frozen=True, slots=True)
class Exported:
    """A record and the line that it stands in."""

    record: JsonObject
    line: bytes
    """ASCII, without its newline."""

    @property
    def id(self) -> str:
        """Its leaf hash in hexadecimal; no other record has it."""
        return leaf_hash(self.line)

    @property
    def event(self) -> str:
        """Which kind of record."""
        return self.text("event")

    @property
    def seq(self) -> int:
        """Its number in the log."""
        seq = self.record.get("seq")
        return seq if isinstance(seq, int) else -1

    @property
    def failed(self) -> bool | None:
        """Whether what it tells of failed or was refused; None when it tells of no such thing."""
        if self.event == "access_denied":
            return True
        if self.event == "tool_invocation":
            return self.text("result") != "success"
        return self.text("status") != "success" if self.event == "api_authentication" else None

    @property
    def time_ms(self) -> int:
        """UTC milliseconds since 1970; 0 when the record has no such time."""
        try:
            return round(datetime.fromisoformat(self.text("timestamp")).timestamp() * 1000)
        except ValueError:
            return 0

    @property
    def address(self) -> str | None:
        """Where it came from, when that is an IP address."""
        try:
            return str(ip_address(self.text("client_ip")))
        except ValueError:
            return None

    def text(self, name: str) -> str:
        """Return a field as text; empty when it is absent."""
        value = self.record.get(name)
        return value if isinstance(value, str) else "" if value is None else str(value)


def parse_exported(line: bytes) -> Exported | None:
    """Return the record of a line without its newline, or None when it is none."""
    record = parse(line) if line.isascii() else None
    return None if record is None or not isinstance(record.get("event"), str) else Exported(record, line)
