"""The effective configuration, for people and for programs; secrets masked.

Not here: reading it (load.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from aegis_trio.config.load import Gathered
from aegis_trio.config.reader import Effective
from aegis_trio.model.json import JsonObject


def effective_lines(rows: Sequence[Effective]) -> list[str]:
    """Return one line for each variable: name, value, origin."""
    width = max((len(row.name) for row in rows), default=0)
    return [f"{row.name:<{width}} = {_value(row)}  [{row.origin}]" for row in rows]


def effective_document(gathered: Gathered) -> JsonObject:
    """Return everything about a configuration as one JSON object."""
    return {
        "ok": not gathered.faults,
        "settings": {row.name: {"value": row.shown_value, "origin": row.origin} for row in gathered.effective},
        "faults": [
            {
                "variable": fault.variable,
                "value": fault.shown_value,
                "origin": fault.origin,
                "rule": fault.rule,
                "remedy": fault.remedy,
            }
            for fault in gathered.faults
        ],
        "warnings": list(gathered.warnings),
    }


def _value(row: Effective) -> str:
    if not row.shown_value:
        return "-"
    return f"{row.shown_value} {row.unit}".rstrip()
