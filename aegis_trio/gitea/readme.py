"""The README: which entry of a folder it is. Gitea's API has no endpoint for it, only its web pages show it.

Laws:
    1. Only a plain file is one: a link would have to be followed, and nobody here follows links.
    2. The choice does not depend on the order of the entries.

Not here: README files in other languages (`README.de.md`) and in other folders.

Source: gitea routers/web/repo/view_readme.go findReadmeFileInEntries, which prefers Markdown, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aegis_trio.gitea.git import PLAIN_FILES, TreeEntry

README_NAMES: Final = (
    "readme.md",
    "readme.markdown",
    "readme",
    "readme.rst",
    "readme.txt",
    "readme.adoc",
    "readme.asciidoc",
    "readme.org",
)
"""In the order of preference; compared without regard to case."""


def choose_readme(entries: Iterable[TreeEntry]) -> TreeEntry | None:
    """Return the README among a folder's own entries, or None.

    Args:
        entries: of one folder, as a tree that was not asked for recursively gives them.
    """
    ranked = [
        (README_NAMES.index(entry.path.lower()), entry.path, entry)
        for entry in entries
        if entry.mode in PLAIN_FILES and entry.path.lower() in README_NAMES
    ]
    return min(ranked, key=lambda candidate: candidate[:2])[2] if ranked else None
