"""Repositories."""

from __future__ import annotations

from tests.toolsets.calls import HARBOR, Sample

SAMPLES = {
    "list_repositories": Sample({}, "user/repos", frozenset({"page", "limit"})),
    "get_repository_info": Sample(HARBOR, "repos/*/*"),
}
