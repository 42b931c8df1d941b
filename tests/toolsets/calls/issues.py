"""Issues."""

from __future__ import annotations

from tests.toolsets.calls import HARBOR, Sample

SAMPLES = {
    "list_issues": Sample(HARBOR, "repos/*/*/issues", frozenset({"state", "type", "q", "page", "limit"})),
    "issue_read.get": Sample(HARBOR | {"number": 12}, "repos/*/*/issues/*"),
    "issue_read.comments": Sample(HARBOR | {"number": 12}, "repos/*/*/issues/*"),
}
