"""The guide to resources, prompts and completions says what there is."""

from __future__ import annotations

from typing import Any

from aegis_trio.gateway.watch import WATCH_EVERY_S
from aegis_trio.gitea.contents import MAX_FILE_BYTES
from aegis_trio.toolsets.catalogue import COMPLETIONS, PROMPTS, RESOURCES
from aegis_trio.toolsets.resources.documents import MAX_DOCUMENT_BYTES
from tests.docs.documents import document, rows

GUIDE = document("docs/resources.md")


def test_the_guide_lists_every_template_and_no_other() -> None:
    """Template, name and type."""
    served = [
        [one.definition["uriTemplate"], one.definition["name"], one.definition.get("mimeType", "by the file")]
        for one in RESOURCES
    ]
    assert served == [row[:3] for row in rows(GUIDE.section("Resources")) if row[0].startswith("gitea:")]


def test_the_guide_lists_every_prompt_with_its_arguments() -> None:
    """A question mark stands behind what may be left out."""
    served: list[list[str]] = []
    for prompt in PROMPTS:
        arguments: Any = prompt.definition["arguments"]
        spelled = [f"`{one['name']}`" if one.get("required") else f"`{one['name']}`?" for one in arguments]
        served.append([prompt.operation.name, ", ".join(spelled).strip("`")])

    assert served == [row[:2] for row in rows(GUIDE.section("Prompts"))]


def test_the_guide_lists_every_completion() -> None:
    """In the order of the catalogue."""
    assert [*COMPLETIONS] == [row[0] for row in rows(GUIDE.section("Completions"))]


def test_the_numbers_of_the_guide_are_the_real_ones() -> None:
    """Bounds and the promise about changes."""
    text = " ".join(GUIDE.text.split())

    assert f"Up to {MAX_FILE_BYTES // 1024**2} MiB" in text
    assert f"at most {MAX_DOCUMENT_BYTES // 1024} KiB" in text
    assert f"every {WATCH_EVERY_S:g} seconds" in text
    assert 2 * WATCH_EVERY_S < 30 < 4 * WATCH_EVERY_S  # one look may fail
