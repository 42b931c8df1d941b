"""Notes: what Gitea's answers do not say of themselves.

Source: gitea recordings, ids in the comments.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from aegis_trio.model.json import JsonObject
from aegis_trio.toolsets.operations.table import Operation

_DROPPED: Final = (
    "Gitea ignores a label or milestone that does not exist, and returns everything: check the names first."
)
_UNPAGED: Final = "Gitea gives all of it at once, in no pages."
_NOTES: Final[Mapping[str, tuple[frozenset[str], str]]] = MappingProxyType(
    {
        # issues.list.labels_unknown, issues.list.milestone_unknown
        "issueListIssues": (frozenset({"labels", "milestones"}), _DROPPED),
        "issueSearchIssues": (frozenset({"labels", "milestones"}), _DROPPED),
        "issueGetComments": (frozenset(), f"{_UNPAGED} issueGetCommentsAndTimeline has pages."),
        "repoCompareDiff": (frozenset(), _UNPAGED),  # git.compare.limit
        "orgIsMember": (frozenset(), "Whoever is no member of the organisation is sent on: ask orgIsPublicMember."),
        "repoGetRelease": (frozenset(), "By its number even a draft is shown."),  # releases.get.draft.carol
        # repos.collaborator.permission.self
        "repoGetRepoPermissions": (frozenset(), "Gitea says none for members of teams with rights by unit."),
    }
)
# Totals that are of something else: issue.timeline.page, git.commits.since, git.commits.path.
_FALSE_TOTALS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "issueGetCommentsAndTimeline": frozenset(),
        "repoGetAllCommits": frozenset({"since", "until", "path", "not"}),
    }
)


def note_on(operation: Operation, arguments: JsonObject | None = None) -> str | None:
    """Return what is to be known of *operation*, or of a call of it with *arguments*; None when there is nothing."""
    where, note = _NOTES.get(operation.id, (frozenset[str](), ""))
    if not note or (arguments is not None and where and where.isdisjoint(arguments)):
        return None
    return note


def has_false_total(operation: Operation, arguments: JsonObject) -> bool:
    """Return whether the total that Gitea tells of a call is of something else."""
    where = _FALSE_TOTALS.get(operation.id)
    return where is not None and (not where or not where.isdisjoint(arguments))
