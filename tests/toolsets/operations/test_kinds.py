"""Kinds: what a value of each may be, and how a wrong one is answered."""

from __future__ import annotations

import pytest

from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.json import JsonValue
from aegis_trio.toolsets.operations.kinds import Kind, kind_of, parse_value, segments_of
from aegis_trio.toolsets.operations.table import Parameter, operations_table

OPERATIONS = operations_table().operations


def _parameter(operation: str, name: str) -> Parameter:
    return next(one for one in OPERATIONS[operation].parameters if one.name == name)


def _parse(operation: str, name: str, raw_value: JsonValue) -> str:
    return parse_value(OPERATIONS[operation], _parameter(operation, name), raw_value)


@pytest.mark.parametrize(
    ("operation", "name", "kind"),
    [
        ("repoGet", "owner", Kind.OWNER),
        ("orgGet", "org", Kind.OWNER),
        ("repoGet", "repo", Kind.REPO),
        ("issueGetIssue", "index", Kind.NUMBER),
        ("getRepoRunner", "runner_id", Kind.NUMBER),  # described as a text, which `registration-token` is
        ("notifyGetThread", "id", Kind.NUMBER),
        ("repoGetBranch", "branch", Kind.REF),
        ("repoCompareDiff", "basehead", Kind.PAIR),
        ("repoGetContents", "filepath", Kind.PATH),
        ("repoGetContents", "ref", Kind.REF),
        ("repoGetWikiPage", "pageName", Kind.NAME),
        ("issueGetMilestone", "id", Kind.NAME),
        ("issueListIssues", "state", Kind.CHOICE),
        ("issueListIssues", "since", Kind.STAMP),
        ("repoListActivityFeeds", "date", Kind.DAY),
        ("repoGetFileContents", "body", Kind.FILES),
        ("repoGetAllCommits", "path", Kind.PATH),
        ("repoSearch", "q", Kind.TEXT),
        ("repoSearch", "archived", Kind.FLAG),
    ],
)
def test_the_name_tells_the_kind(operation: str, name: str, kind: Kind) -> None:
    """Gitea's description calls nearly all of them texts."""
    assert kind is kind_of(OPERATIONS[operation], _parameter(operation, name))


GOOD: list[tuple[str, str, JsonValue, str]] = [
    ("issueGetIssue", "index", 7, "7"),
    ("issueGetIssue", "index", 7.0, "7"),
    ("issueListIssues", "page", 1, "1"),
    ("repoSearch", "archived", True, "true"),
    ("repoSearch", "archived", False, "false"),
    ("issueListIssues", "state", "all", "all"),
    ("repoCompareDiff", "basehead", "v1.0...feature/x", "v1.0...feature/x"),
    ("repoCompareDiff", "basehead", "main..HEAD", "main..HEAD"),
    ("repoGetContents", "filepath", "/src/main.py", "src/main.py"),
    ("repoGetWikiPage", "pageName", "Über uns", "Über uns"),
    ("issueGetMilestone", "id", 3, "3"),
    ("issueGetMilestone", "id", "v1.0", "v1.0"),
    ("issueListIssues", "since", "2026-01-31T12:00:00+01:00", "2026-01-31T12:00:00+01:00"),
    ("issueListIssues", "since", "2026-01-31t12:00:00z", "2026-01-31T12:00:00Z"),
    ("repoListActivityFeeds", "date", "2026-01-31", "2026-01-31"),
    ("repoGetFileContents", "body", ["a.txt", "b/c"], '{"files":["a.txt","b/c"]}'),
    ("repoSearch", "q", "a;sudo=root&token=x", "a;sudo=root&token=x"),  # encoded whole when it leaves
]


@pytest.mark.parametrize(("operation", "name", "raw_value", "value"), GOOD, ids=[str(i) for i in range(len(GOOD))])
def test_a_right_value_is_taken(operation: str, name: str, raw_value: JsonValue, value: str) -> None:
    """What the typed tools take is taken."""
    assert value == _parse(operation, name, raw_value)


BAD: list[tuple[str, str, JsonValue, str]] = [
    ("issueGetIssue", "index", None, "null"),
    ("issueGetIssue", "index", "7", "whole number"),
    ("issueGetIssue", "index", 7.5, "whole number"),
    ("issueGetIssue", "index", True, "whole number"),
    ("issueGetIssue", "index", 0, "from 1"),
    ("issueGetIssue", "index", 2**63, "from 1"),
    ("issueListIssues", "page", 0, "from 1"),
    ("issueListIssues", "limit", 51, "to 50"),
    ("GetTree", "per_page", 1001, "to 1000"),
    ("getRepoRunner", "runner_id", "registration-token", "whole number"),
    ("repoSearch", "archived", "true", "true or false"),
    ("issueListIssues", "state", "shut", "choices"),
    ("issueListIssues", "state", 1, "choices"),
    ("repoGet", "owner", "..", "not a user"),
    ("repoGet", "owner", "", "not a user"),
    ("repoGet", "owner", 1, "a string"),
    ("repoGet", "repo", "a/b", "not a repository"),
    ("repoGet", "repo", "", "not a repository"),
    ("repoGetBranch", "branch", "a..b", "not the name"),
    ("repoGetBranch", "branch", "main\nHEAD", "not the name"),
    ("repoCompareDiff", "basehead", "main", "no pair"),
    ("repoCompareDiff", "basehead", "main...mallory:main", "not the name"),
    ("repoCompareDiff", "basehead", "...", "no pair"),
    ("repoGetContents", "filepath", "../../admin/users", "dot segment"),
    ("repoGetContents", "filepath", "/", "root"),
    ("repoGetContents", "filepath", ".git/config", ".git"),
    ("repoGetWikiPage", "pageName", "", "empty"),
    ("repoGetWikiPage", "pageName", "..", "dot segment"),
    ("repoGetWikiPage", "pageName", "a/../b", "dot segment"),
    ("repoGetWikiPage", "pageName", "%2e%2e", "dot segment"),
    ("repoGetWikiPage", "pageName", "a%2f%2e%2e%2fb", "dot segment"),
    ("repoGetWikiPage", "pageName", "a%0ab", "control"),
    ("repoGetWikiPage", "pageName", "a\0b", "control"),
    ("repoGetWikiPage", "pageName", "\ud800", "Unicode"),
    ("repoGetWikiPage", "pageName", "ü" * 128, "longer than 255"),
    ("issueListIssues", "since", "2026-01-31", "RFC 3339"),
    ("issueListIssues", "since", "2026-02-31T12:00:00Z", "calendar"),
    ("repoListActivityFeeds", "date", "31.1.2026", "no day"),
    ("repoListActivityFeeds", "date", "2026-02-31", "calendar"),
    ("repoGetFileContents", "body", [], "list of paths"),
    ("repoGetFileContents", "body", ["a"] * 31, "list of paths"),
    ("repoGetFileContents", "body", '{"files":["a"]}', "list of paths"),
    ("repoGetFileContents", "body", [1], "strings only"),
    ("repoGetFileContents", "body", ["docs/../secret"], "dot segment"),
    ("repoSearch", "q", "", "empty"),
    ("repoSearch", "q", "a\nb", "control"),
    ("repoSearch", "q", "a" * 1001, "longer than 1000"),
    ("repoSearch", "q", {}, "a string"),
]


@pytest.mark.parametrize(("operation", "name", "raw_value", "rule"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_a_wrong_value_is_answered_with_parameter_rule_and_remedy(
    operation: str, name: str, raw_value: JsonValue, rule: str
) -> None:
    """A model must do better next time, and learns how from nothing else."""
    with pytest.raises(InvalidArgument) as refusal:
        _parse(operation, name, raw_value)

    assert name == refusal.value.field
    assert rule in refusal.value.rule
    assert refusal.value.remedy


def test_a_slash_stays_a_slash_in_a_file_path_alone() -> None:
    """Anywhere else it would make two segments of one value."""
    assert ("src", "a%20b.py") == segments_of(Kind.PATH, "src/a b.py")
    assert ("feature%2Fx",) == segments_of(Kind.REF, "feature/x")
    assert ("a%2Fb",) == segments_of(Kind.NAME, "a/b")
