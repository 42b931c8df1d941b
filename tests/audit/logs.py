"""Logs for tests: made through the real trail, or record by record."""

from __future__ import annotations

import json
from pathlib import Path

from aegis_trio.audit.chain import ChainHead, seal
from aegis_trio.audit.entry import AuditEntry, Phase, service_event
from aegis_trio.audit.recovery import draft
from aegis_trio.model.json import JsonValue
from tests.audit.conftest import NOON_NS


def records_of(path: Path) -> list[dict[str, JsonValue]]:
    """Return every record of a log."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def events_of(path: Path) -> list[JsonValue]:
    """Return the name of every record of a log."""
    return [record["event"] for record in records_of(path)]


def tick(number: int, phase: Phase = Phase.EVENT) -> AuditEntry:
    """Make a record that carries a number."""
    return AuditEntry("tick", phase, {"number": number})


def numbers_of(path: Path) -> list[JsonValue]:
    """Return the numbers that a log holds, in order."""
    return [record["number"] for record in records_of(path) if record["event"] == "tick"]


def lines_of(count: int, *, head: ChainHead | None = None, size: int = 1) -> tuple[list[bytes], ChainHead]:
    """Return *count* linked lines and the head behind them."""
    lines: list[bytes] = []
    reached = head or ChainHead()
    for number in range(count):
        entry = service_event("tick", number=number, text="t" * size)
        line, reached = seal(reached, draft(entry, NOON_NS), Phase.EVENT)
        lines.append(line)
    return lines, reached


def write_log(path: Path, count: int, *, size: int = 1) -> ChainHead:
    """Make a right log of *count* records at *path*."""
    lines, head = lines_of(count, size=size)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(lines))
    return head
