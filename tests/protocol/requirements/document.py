"""The document of the manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.protocol.requirements.manifest import SECTIONS
from tests.protocol.requirements.requirement import ALL, Requirement
from tests.protocol.requirements.tags import ROOT

DOCUMENT: Final[Path] = ROOT / "docs" / "protocol.md"

_HEAD: Final = """\
# Protocol

Made by `python -m tests.protocol.requirements --write` from the manifest of requirements; a test compares them.

What this server does on the wire, revision by revision. Each row has an id, and each id has tests that carry it:
`grep -r MCP-ERR-04 tests` finds them, `pytest tests/protocol/test_requirements.py` checks that none is without.
"""
_DIFFERENCES: Final = """
Where the server is meant to answer otherwise than the official Python SDK does is listed, each with its reason, in
[tests/protocol/differences.py](../tests/protocol/differences.py).
"""


def render() -> str:
    """Return docs/protocol.md."""
    parts = [_HEAD, _DIFFERENCES]
    for title, rows in SECTIONS.items():
        parts.append(f"\n## {title}\n\n| id | behaviour | source | revisions |\n|---|---|---|---|\n")
        parts.extend(_row(row) for row in rows)
    return "".join(parts)


def _row(row: Requirement) -> str:
    return f"| `{row.id}` | {row.text} | {row.source} | {_span(row.revisions)} |\n"


def _span(revisions: tuple[str, ...]) -> str:
    """Return the shortest way to name *revisions*."""
    if revisions == ALL:
        return "all"
    first, last = ALL.index(revisions[0]), ALL.index(revisions[-1])
    if len(revisions) > 1 and revisions == ALL[first : last + 1]:
        return f"{revisions[0]} to {revisions[-1]}"
    return ", ".join(revisions)
