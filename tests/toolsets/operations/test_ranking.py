"""Ranking: people's words lead to the operation they mean."""

from __future__ import annotations

import pytest

from aegis_trio.toolsets.operations.exposure import is_offered
from aegis_trio.toolsets.operations.ranking import rank
from aegis_trio.toolsets.operations.table import operations_table
from aegis_trio.toolsets.operations.words import meant_by, stem_of, words_in

OFFERED = [one for one in operations_table().operations.values() if is_offered(one, frozenset())]

FIRST = {
    "activity feed": "repoListActivityFeeds",
    "attachments of an issue": "issueListIssueAttachments",
    "branch protection rules": "repoListBranchProtection",
    "ci variables": "getRepoVariablesList",
    "collaborator permission": "repoGetRepoPermissions",
    "compare two branches": "repoCompareDiff",
    "dependencies": "issueListIssueDependencies",
    "diff of a commit": "repoDownloadCommitDiffOrPatch",
    "download artifact": "downloadArtifact",
    "failed CI job log": "downloadActionsRunJobLogs",
    "forks": "listForks",
    "getUserSettings or GetTree": "GetTree",
    "is the pull request merged": "repoPullRequestIsMerged",
    "latest release": "repoGetLatestRelease",
    "license templates": "listLicenseTemplates",
    "milestones": "issueGetMilestonesList",
    "my notifications": "notifyGetList",
    "organisation members": "orgListMembers",
    "packages": "listPackages",
    "pinned issues": "repoListPinnedIssues",
    "PR files": "repoGetPullRequestFiles",
    "reactions": "issueGetIssueReactions",
    "reviews of a PR": "repoListPullReviews",
    "search repositories": "repoSearch",
    "search users": "userSearch",
    "server version": "getVersion",
    "time tracked on an issue": "issueTrackedTimes",
    "topics of a repository": "repoListTopics",
    "user heatmap": "userGetHeatmapData",
    "what blocks this issue": "issueListBlocks",
    "who starred the repo": "repoListStargazers",
    "wiki pages": "repoGetWikiPages",
    "workflow runs of an organisation": "getOrgWorkflowRuns",
}
AMONG_THREE = {
    "CI runs": "getWorkflowRuns",
    "commit status": "repoGetCombinedStatusByRef",
    "commits of a branch": "repoGetAllCommits",
    "issue comments": "issueGetComments",
    "labels of an issue": "issueGetLabels",
    "teams of an organisation": "orgListTeams",
}


@pytest.mark.parametrize(("question", "name"), FIRST.items(), ids=list(FIRST))
def test_the_first_is_what_was_meant(question: str, name: str) -> None:
    """Synonyms as people use them; a change of weights must not lose one."""
    assert name == rank(question, OFFERED)[0].id


@pytest.mark.parametrize(("question", "name"), AMONG_THREE.items(), ids=list(AMONG_THREE))
def test_what_may_mean_several_shows_the_likeliest_among_the_first(question: str, name: str) -> None:
    """A model reads the first lines."""
    assert name in [one.id for one in rank(question, OFFERED)[:3]]


def test_a_name_finds_itself_first() -> None:
    """Whoever has read a name somewhere looks it up."""
    assert [one.id for one in OFFERED] == [rank(one.id, OFFERED)[0].id for one in OFFERED]


def test_words_that_nothing_has_find_nothing() -> None:
    """An honest nothing, instead of the least bad."""
    assert [] == rank("blame", OFFERED)
    assert [] == rank("", OFFERED)
    assert [] == rank("what is the", OFFERED)


def test_only_what_is_offered_is_found() -> None:
    """The index knows all, the answer does not."""
    assert [] == [one.id for one in rank("runner registration token", OFFERED) if "Token" in one.id]


def test_words_are_taken_apart_and_made_alike() -> None:
    """Names of operations are words run together."""
    assert ["repo", "commit", "pull", "request"] == words_in("repoGetCommitPullRequest")
    assert ["gpg", "keys"] == words_in("GPGKeys")
    assert ["signing", "key", "ssh"] == words_in("signing-keySSH")
    assert "branch" == stem_of("branches")
    assert "status" == stem_of("status") == stem_of("statuses")
    assert "access" == stem_of("access")
    assert ("pr", "pull") == meant_by("pr")
