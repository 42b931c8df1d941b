"""What an operation needs: scopes, how dear it is, and for how long it may run.

The table of scopes is Gitea's own by route. Where an answer shows repositories or issues, the scope for seeing those
is asked for besides, though Gitea is content with less.

Law: what stands in no row needs a scope that nobody has.

Source: gitea routers/api/v1/api.go at 1.25.4 (tokenRequiresScopes by group); gitea recordings scope.*.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from aegis_trio.model.toolspec import CostClass
from aegis_trio.toolsets.operations.table import Operation

TIMEOUT_S: Final = 45.0  # Gitea itself ends the writing of an answer after 30 seconds
_OPEN: Final = frozenset(
    {"version", "settings", "signing-key.gpg", "signing-key.pub", "gitignore", "licenses", "label", "nodeinfo"}
)
_BY_FIRST: Final[Mapping[str, str]] = MappingProxyType(
    {
        "notifications": "notification",
        "orgs": "organization",
        "packages": "package",
        "repos": "repository",
        "repositories": "repository",
        "teams": "organization",
        "topics": "repository",
        "user": "user",
        "users": "user",
    }
)
# Below a repository, or `/repos/issues/search`.
_IN_REPOSITORY: Final[Mapping[str, str]] = MappingProxyType(
    {"issues": "issue", "labels": "issue", "milestones": "issue", "notifications": "notification"}
)
_BY_ANSWER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ActionWorkflowJob": "repository",
        "ActionWorkflowRun": "repository",
        "Activity": "repository",
        "Organization": "organization",
        "OrganizationPermissions": "organization",
        "Repository": "repository",
        "StopWatch": "issue",
        "Team": "organization",
        "TrackedTime": "issue",
    }
)
# Walks history, computes differences of whole branches, or asks every repository there is.
_HEAVY: Final = frozenset(
    {
        *("issueSearchIssues", "repoCompareDiff", "repoDownloadCommitDiffOrPatch", "repoDownloadPullDiffOrPatch"),
        *("repoGetAllCommits", "repoGetContents", "repoGetContentsList", "repoGetFileContents", "repoGetLanguages"),
        *("repoGetPullRequestFiles", "repoGetPullRequestCommits", "repoGetWikiPage", "repoGetWikiPageRevisions"),
        *("repoGetWikiPages", "downloadActionsRunJobLogs"),
    }
)
# Starts git once; below these parts of a repository.
_GIT: Final = frozenset(
    {"branches", "commits", "contents-ext", "editorconfig", "git", "issue_config", "issue_templates", "pulls", "tags"}
)


def scopes_of(operation: Operation) -> frozenset[str]:
    """Return the scopes that a caller of *operation* needs, all of them; of ours and of Gitea's alike."""
    words = operation.words_of_path
    if words[0] in _OPEN:
        return frozenset()
    area = _BY_FIRST.get(words[0], words[0])
    if words[0] == "repos":
        area = next((_IN_REPOSITORY[word] for word in (words[1], *words[3:4]) if word in _IN_REPOSITORY), area)
    shown = area if words[0] == "repos" else _BY_ANSWER.get(operation.answer.removesuffix("[]"), area)
    if words[:2] == ("user", "starred"):
        shown = "repository"
    return frozenset({f"read:{area}", f"read:{shown}"})


def cost_of(operation: Operation) -> CostClass:
    """Return what one call of *operation* takes of Gitea."""
    words = operation.words_of_path
    if operation.id in _HEAVY:
        return CostClass.HEAVY
    return CostClass.NORMAL if words[0] == "repos" and _GIT & set(words[3:4]) else CostClass.CHEAP
