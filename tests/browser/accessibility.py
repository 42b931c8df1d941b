"""Whether everybody can use a page: what axe-core finds, and what it does not look for.

Source: WCAG 2.2: 1.4.3 (contrast), 1.4.4 (text of 200 %), 1.4.10 (reflow at 320 CSS pixels), 2.4.2, 2.4.6,
2.5.8, 3.1.1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.programs import require_node_packages

TARGET_PX = 44
"""What a finger hits; WCAG asks for 24, both makers of phones for 44 or more."""
PHONE = {"width": 360, "height": 740}
SMALLEST = {"width": 320, "height": 640}
DESK = {"width": 1280, "height": 800}
ZOOMED = {"width": 640, "height": 400}
"""What a desk of 1280 by 800 has left at 200 %."""


def axe_source() -> str:
    """Return axe-core."""
    return Path(require_node_packages(), "node_modules", "axe-core", "axe.min.js").read_text(encoding="utf-8")


def findings(page: Page, axe: str) -> list[str]:
    """Return what axe-core has against *page*, and what it could not decide: all of its rules.

    It is run by the driver, as from a console, so that the page keeps its own policy for scripts.
    """
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate("() => axe.run(document, {resultTypes: ['violations', 'incomplete']})")
    return [
        f"{one['id']}: {one['help']}: {node['html']}: {node.get('failureSummary')}"
        for kind in ("violations", "incomplete")
        for one in found[kind]
        for node in one["nodes"]
    ]


def overflow_px(page: Page) -> int:
    """Return by how much *page* is wider than its window."""
    return int(page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def small_targets(page: Page) -> list[str]:
    """Return the buttons, and the links that look like ones, that a finger may miss."""
    found: list[str] = page.evaluate(
        "least => [...document.querySelectorAll('button, a.button')].filter(one => {"
        " const box = one.getBoundingClientRect(); return box.width < least || box.height < least; })"
        ".map(one => one.outerHTML)",
        TARGET_PX,
    )
    return found


def headings(page: Page) -> list[int]:
    """Return the levels of the headings, in their order."""
    found: list[int] = page.evaluate(
        "() => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(one => Number(one.tagName[1]))"
    )
    return found


def enlarge_text(page: Page) -> None:
    """Make the text twice as large, and nothing else."""
    page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")


def restore_text(page: Page) -> None:
    """Make the text as large as it was."""
    page.evaluate("() => { document.documentElement.style.fontSize = ''; }")
