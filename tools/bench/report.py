"""The page of measured claims: sections of rows, rendered, and put into docs/performance.md.

Law: a section of the page is replaced whole by one that was measured, or stands as it was; nothing is edited by hand.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

INTRODUCTION: Final = """# Performance

How to repeat it: `just bench --write`; `just bench --help` shows how to measure against a real Gitea.
Claims are ratios: two things measured side by side in one run, because absolute numbers say more about a machine
than about a program.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a section: what was measured, what it is held against, and the one as a ratio to the other."""

    name: str
    gate: str
    reference: str = ""
    ratio: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Rows that were measured in one way."""

    heading: str
    how: str
    """How it was measured, as a paragraph."""
    rows: Sequence[Row]


def compared(name: str, ours: float, theirs: float, *, unit: str, reference: str, digits: int = 1) -> Row:
    """Return the row of two figures in one unit."""
    ratio = f"{ours / theirs:.2f}" if theirs else ""
    return Row(name, f"{ours:.{digits}f} {unit}", f"{reference} {theirs:.{digits}f} {unit}", ratio)


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value below which *share* (0 to 1) of *values* lie; the largest for 1.

    Raises:
        ValueError: there are no values.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("values: nothing was measured")
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Return the median and the largest of *values*."""
    return statistics.median(values), max(values)


def render_section(section: Section, note: str = "") -> str:
    """Return *section* as Markdown, with a *note* on how the machine was."""
    lines = [
        f"## {section.heading}",
        "",
        section.how,
        "",
        " ".join((f"{os.cpu_count()} cores, Python {sys.version.split()[0]}; all in one run.", note)).strip(),
        "",
        "| measure | gate | compared with | ratio |",
        "|---|---|---|---|",
    ]
    lines += [f"| {row.name} | {row.gate} | {row.reference} | {row.ratio} |" for row in section.rows]
    return "\n".join(lines) + "\n"


def write_sections(page: Path, sections: Iterable[str]) -> None:
    """Put rendered *sections* into *page*, each in the place of the one with its heading; new ones stand last."""
    old = page.read_text(encoding="utf-8").split("\n## ")[1:] if page.exists() else []
    parts = {part.partition("\n")[0]: part.rstrip() + "\n" for part in old}
    for section in sections:
        fresh = section.removeprefix("## ")
        parts[fresh.partition("\n")[0]] = fresh
    page.write_text(INTRODUCTION + "".join(f"\n## {part}" for part in parts.values()), encoding="utf-8")
