"""The documents as tests read them: links, headings, code, tables. Markdown as this project writes it, no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """Return its path from the root of the project."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """Return all of it."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """Return it without fenced code."""
        return _FENCE.sub("", self.text)

    def fences(self, language: str | None = None) -> list[str]:
        """Return the fenced code, of one language or of all."""
        return [
            match["body"] for match in _FENCE.finditer(self.text) if language is None or match["language"] == language
        ]

    def code(self) -> Iterator[str]:
        """Yield every piece of code: spans, and fences whole."""
        yield from _SPAN.findall(self.prose)
        yield from self.fences()

    def links(self) -> list[str]:
        """Return where its links lead."""
        return _LINK.findall(_SPAN.sub("", self.prose))

    def anchors(self) -> set[str]:
        """Return the fragments that its headings have on a forge."""
        return {_anchor(title) for _, title in _HEADING.findall(self.prose)}

    def section(self, title: str) -> str:
        """Return what stands under the heading *title*, deeper headings included.

        Raises:
            AssertionError: there is none; a test that looked at nothing would pass.
        """
        headings = list(_HEADING.finditer(self.text))
        for place, heading in enumerate(headings):
            if heading[2] == title:
                level = len(heading[1])
                ends = (later.start() for later in headings[place + 1 :] if len(later[1]) <= level)
                return self.text[heading.end() : next(ends, len(self.text))]
        raise AssertionError(f"{self.name} has no heading {title!r}")


def documents() -> list[Document]:
    """Return every document of the project, those at the root first."""
    return [Document(path) for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("**/*.md")))]


def document(name: str) -> Document:
    """Return one document by its path from the root."""
    return Document(ROOT / name)


def rows(section: str) -> list[list[str]]:
    """Return the cells of every table row in *section*, heads and rulers left out, backticks taken off."""
    lines = section.splitlines()
    found: list[list[str]] = []
    for above, line in zip(["", *lines], lines, strict=False):
        is_row = line.startswith("|") and not set(line) <= set("|-: ")
        if is_row and above.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            found.append([cell.strip().strip("`") for cell in cells])
    return found


def _anchor(title: str) -> str:
    bare = re.sub(r"[^\w\- ]", "", title.lower().replace("`", ""))
    return bare.replace(" ", "-")
