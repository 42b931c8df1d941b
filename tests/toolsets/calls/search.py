"""Searches."""

from __future__ import annotations

from tests.toolsets.calls import HARBOR, Sample

SAMPLES = {
    "search_code": Sample(
        HARBOR | {"query": "harbor"}, "repos/*/*/git/trees/*", frozenset({"recursive", "page", "per_page"})
    ),
}
