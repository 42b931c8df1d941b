"""One numbered behaviour of the protocol, and the forms that its parts must have.

Laws:
    1. A row is proved by tests; what is not built has none, and is no row.
    2. A row says one thing that a peer can observe, in one sentence, and where that is written.

Not here: reading tests (tags.py), the rows themselves (a file for each part of the specification).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ALL: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
LEGACY: Final = ALL[:4]
SESSIONS: Final = ALL[1:4]
"""The revisions of Streamable HTTP that have sessions."""
MODERN: Final = ALL[4:]

ID_FORM: Final = re.compile(r"MCP-[A-Z0-9]+-\d\d")
_DATE = r"20\d\d-\d\d-\d\d"
SOURCE_FORMS: Final = (
    re.compile(rf"MCP {_DATE} [a-z0-9-]+(/[a-z0-9-]+)*(#[a-z0-9_$-]+)?"),
    re.compile(r"JSON-RPC 2\.0 section \d(\.\d)?"),
    re.compile(r"RFC \d{4}( section \d+(\.\d+)*)?"),
    re.compile(r"SEP-\d+"),
    re.compile(r"[a-z0-9-]+/[a-z0-9.-]+#\d+"),  # an issue of somebody's client
)


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One behaviour that a peer may rely on."""

    id: str
    text: str
    source: str
    revisions: tuple[str, ...]
    tests: tuple[str, ...]
    """Node ids of the tests that fail when it does not hold, without parameters."""


def at(file: str, *names: str) -> tuple[str, ...]:
    """Return the node ids of *names* in one file below tests/."""
    return tuple(f"tests/{file}::{name}" for name in names)


def faults_of(row: Requirement) -> list[str]:
    """Return what is wrong with the form of one row."""
    rules = {
        "id": ID_FORM.fullmatch(row.id),
        "text is not one sentence": re.fullmatch(r"[A-Z`][^\n]{15,240}\.", row.text),
        "source": any(form.fullmatch(row.source) for form in SOURCE_FORMS),
        "revisions": row.revisions and list(row.revisions) == sorted(set(row.revisions)),
        "no test": row.tests,
        "a test twice": len(row.tests) == len(set(row.tests)),
    }
    return [f"{row.id}: {rule}" for rule, holds in rules.items() if not holds]
