"""Files and trees."""

from __future__ import annotations

from tests.toolsets.calls import HARBOR, Sample

SAMPLES = {
    "get_file_tree": Sample(HARBOR, "repos/*/*/git/trees/*", frozenset({"recursive", "page", "per_page"})),
    "get_file_contents": Sample(HARBOR | {"path": "README.md"}, "repos/*/*/contents/**", frozenset({"ref"})),
    "read_files": Sample(
        HARBOR | {"files": ["README.md", "Makefile#L1-L3"]}, "repos/*/*/file-contents", frozenset({"body", "ref"})
    ),
}
