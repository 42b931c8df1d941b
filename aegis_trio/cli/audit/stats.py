"""`aegis-trio audit stats`: the log in numbers; with `--since 7d` the weekly summary of authentications."""

from __future__ import annotations

import argparse
import json
import sys

from aegis_trio.audit.canonical import parse
from aegis_trio.audit.summary import Summary, Table
from aegis_trio.cli.audit.choosing import add_filter_arguments, read_whole, record_filter
from aegis_trio.cli.audit.sources import EXIT_TAMPERED, add_identity_argument, add_log_argument
from aegis_trio.cli.console.visible import visible_line
from aegis_trio.cli.exit_codes import EXIT_OK
from aegis_trio.cli.usage import Usage
from aegis_trio.model.json import JsonObject

_ROWS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `audit stats` understands to *parser*."""
    add_log_argument(parser)
    add_identity_argument(parser)
    add_filter_arguments(parser)
    parser.add_argument("--top", metavar="N", type=int, default=_ROWS, help=f"rows of each table (default: {_ROWS})")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Sum up; return 0, or 1 when lines were no records."""
    if not 1 <= arguments.top <= 1000:
        raise Usage("--top is 1 to 1000.")
    wanted = record_filter(arguments)
    summary, damaged = Summary(), 0
    for line in read_whole(arguments):
        record = parse(line.raw)
        if record is None or not line.raw.isascii():
            damaged += 1
        elif wanted.admits(record, line.raw.decode("ascii")):
            summary.note(record)
    if arguments.json:
        print(json.dumps(_document(summary, damaged, arguments.top), indent=2))
    else:
        print("\n".join(_lines(summary, arguments.top)))
    if damaged:
        print(f"aegis-trio: {damaged} lines are no records; run `aegis-trio audit verify`.", file=sys.stderr)
        return EXIT_TAMPERED
    return EXIT_OK


def _tables(summary: Summary) -> dict[str, tuple[str, Table]]:
    return {
        "authentications_by_day": ("Authentications by day", summary.days),
        "callers": ("Who came in", summary.callers),
        "authentication_failures": ("Failed authentications by reason", summary.authentication_reasons),
        "calls": ("Calls by tool", summary.calls),
        "failed_calls": ("Failed calls by tool", summary.failed_calls),
        "call_failures": ("Failed calls by status", summary.failures),
        "refusals": ("Refusals by reason", summary.refusals),
        "security_events": ("Security events", summary.security),
        "addresses": ("Records by address", summary.addresses),
        "refused_addresses": ("Refused and failed by address", summary.refused_addresses),
    }


def _document(summary: Summary, damaged: int, rows: int) -> JsonObject:
    document: JsonObject = {
        "records": summary.records,
        "first": summary.first or None,
        "last": summary.last or None,
        "damaged_lines": damaged,
        "authentications": {
            "success": summary.authentications["success"],
            "failure": summary.authentications["failure"],
        },
    }
    for name, (_, table) in _tables(summary).items():
        document[name] = {"exact": table.is_exact, "rows": dict(table.most(rows))}
    return document


def _lines(summary: Summary, rows: int) -> list[str]:
    if not summary.records:
        return ["No records."]
    lines = [
        f"{summary.records} records, {summary.first} to {summary.last}",
        f"Authentications: {summary.authentications['success']} succeeded, {summary.authentications['failure']} failed",
    ]
    for title, table in _tables(summary).values():
        found = table.most(rows)
        if found:
            lines += ["", title if table.is_exact else f"{title} (at least: too many for all to be kept)"]
            lines += [f"  {count:>10}  {visible_line(name)}" for name, count in found]
    return lines
