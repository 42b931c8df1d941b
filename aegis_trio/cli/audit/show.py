"""`aegis-trio audit show`: records as people read them, one a line, or as JSON lines.

Law: whatever a record or a damaged line holds, what reaches the terminal is visible text.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Final

from aegis_trio.audit.canonical import parse
from aegis_trio.audit.following import FollowedLine, end_of
from aegis_trio.cli.audit.choosing import (
    add_filter_arguments,
    follow,
    followed_log,
    passed_over,
    read_whole,
    record_filter,
)
from aegis_trio.cli.audit.sources import EXIT_TAMPERED, add_identity_argument, add_log_argument, read_identities
from aegis_trio.cli.console.visible import fit_encoding, json_line, visible_line
from aegis_trio.cli.exit_codes import EXIT_OK
from aegis_trio.model.json import JsonObject

_MAX_DAMAGED: Final = 200
_SHOWN_ELSEWHERE: Final = frozenset(
    {
        *("timestamp", "event", "seq", "phase", "prev", "tree", "severity", "kind", "reason", "client_ip"),
        *("user_agent", "status"),
    }
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `audit show` understands to *parser*."""
    add_log_argument(parser)
    add_identity_argument(parser)
    add_filter_arguments(parser)
    parser.add_argument(
        "-f", "--follow", action="store_true", help="go on with what is written (without --since: only)"
    )
    parser.add_argument("--json", action="store_true", help="print the records as they are, one a line")


def run(arguments: argparse.Namespace) -> int:
    """Show; return 0, or 1 when lines were no records."""
    wanted = record_filter(arguments)
    damaged = 0
    for line in _lines(arguments):
        record = parse(line.raw)
        if record is None or not line.raw.isascii():
            damaged += 1
            _print(json_line({"damaged": _damaged(line)}) if arguments.json else f"NO RECORD: {_damaged(line)}")
        elif wanted.admits(record, line.raw.decode("ascii")):
            _print(json_line(record) if arguments.json else row_of(record))
    if damaged:
        print(f"aegis-trio: {damaged} lines are no records; run `aegis-trio audit verify`.", file=sys.stderr)
        return EXIT_TAMPERED
    return EXIT_OK


def row_of(record: JsonObject) -> str:
    """Return a record as one line of visible text."""
    time = _text(record, "timestamp").replace("T", " ")[:19]
    event = _text(record, "event")
    outcome = _outcome(record, event)
    who = _text(record, "login") or _text(record, "key_hint") or _text(record, "principal") or "-"
    address = _text(record, "client_ip") or "-"
    row = f"{time}  {_text(record, 'seq'):>8}  {event:<18}  {outcome:<28}  {who:<20}  {address:<15}  {_what(record)}"
    return visible_line(row).rstrip()


def _lines(arguments: argparse.Namespace) -> Iterator[FollowedLine]:
    if not arguments.follow:
        return read_whole(arguments)
    log = followed_log(arguments)
    identities = read_identities(arguments.identity)
    if arguments.since is None:
        return follow(log, end_of(log), identities=identities)
    place = None if identities else passed_over(arguments, log)[0]
    return follow(log, place, identities=identities)


def _outcome(record: JsonObject, event: str) -> str:
    match event:
        case "tool_invocation":
            result, status = _text(record, "result"), _text(record, "status")
            return result if status in {"ok", ""} else f"{result}: {status}"
        case "api_authentication":
            return ": ".join(part for part in (_text(record, "status"), _text(record, "reason")) if part)
        case "access_denied":
            return f"denied: {_text(record, 'reason')}"
        case "security_event":
            return f"{_text(record, 'severity')}: {_text(record, 'kind')}"
        case _:
            return _text(record, "decision") or "-"


def _what(record: JsonObject) -> str:
    tool = _text(record, "tool")
    if not tool:
        return ", ".join(
            f"{name}={_text(record, name)}"
            for name in record
            if name not in _SHOWN_ELSEWHERE and name not in {"login", "key_hint", "principal", "instance"}
        )
    place = "/".join(part for part in (_place(record, "owner"), _place(record, "repo")) if part)
    path = _place(record, "path")
    duration = f"{_text(record, 'duration_ms')} ms" if "duration_ms" in record else ""
    return "  ".join(part for part in (tool, f"{place}:{path}" if path else place, duration) if part)


def _place(record: JsonObject, name: str) -> str:
    arguments = record.get("arguments")
    return _text(record, name) or (_text(arguments, name) if isinstance(arguments, dict) else "")


def _text(record: JsonObject, name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else "" if value is None else json_line(value)


def _damaged(line: FollowedLine) -> str:
    return visible_line(line.raw[:_MAX_DAMAGED].decode("utf-8", "backslashreplace"))


def _print(text: str) -> None:
    print(fit_encoding(text, sys.stdout.encoding or "ascii"))
