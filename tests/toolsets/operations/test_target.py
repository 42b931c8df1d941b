"""Targets: no arguments of any operation make a path that is another's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.demo_forge.router import Router
from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.toolsets.operations.kinds import Kind, kind_of
from aegis_trio.toolsets.operations.table import Operation, Parameter, operations_table
from aegis_trio.toolsets.operations.target import DEFAULT_LIMIT, as_object, meaning_of, parse_target, route_of
from tests.toolsets.leaving import what_leaves

READS = tuple(one for one in operations_table().operations.values() if one.reads)
READ = {one.id: one for one in READS}
ROUTER = Router(())

RIGHT: dict[Kind, JsonValue] = {
    Kind.OWNER: "acme",
    Kind.REPO: "backend",
    Kind.NUMBER: 7,
    Kind.REF: "feature/x",
    Kind.PAIR: "main...feature/x",
    Kind.PATH: "src/a b.py",
    Kind.NAME: "a/b c",
    Kind.FLAG: True,
    Kind.STAMP: "2026-01-31T12:00:00Z",
    Kind.DAY: "2026-01-31",
    Kind.FILES: ["src/main.py"],
    Kind.TEXT: "words",
}


def right_value(operation: Operation, parameter: Parameter) -> JsonValue:
    """Return a value that *parameter* takes."""
    kind = kind_of(operation, parameter)
    value = parameter.choices[0] if kind is Kind.CHOICE else RIGHT[kind]
    return [value] if parameter.many else value


def right_arguments(operation: Operation, *, whole: bool = False) -> JsonObject:
    """Return arguments that *operation* takes: what it requires, or all."""
    return {one.name: right_value(operation, one) for one in operation.parameters if one.required or whole}


def template_of(operation: Operation) -> re.Pattern[str]:
    """Return what a path of *operation* looks like, made of its template alone."""
    parts = re.split(r"\{([^{}]+)\}", operation.path.removeprefix("/"))
    pattern = ""
    for number, part in enumerate(parts):
        if number % 2 == 0:
            pattern += re.escape(part)
        elif part == "filepath" and operation.id != "repoGetEditorConfig":
            pattern += "[^/]+(?:/[^/]+)*"
        elif part == "diffType":
            pattern += "(?:diff|patch)"
        else:
            pattern += "[^/]+"
    return re.compile(pattern)


def leave(operation: Operation, arguments: JsonObject) -> tuple[str, list[str]]:
    """Return path and query keys of what would leave, after the guard has looked at it."""
    target = parse_target(operation, arguments)
    return what_leaves(target.route, target.segments, target.query)


@pytest.mark.parametrize("operation", READS, ids=lambda operation: operation.id)
def test_every_operation_leaves_by_its_own_template(operation: Operation) -> None:
    """Also a new description's: what has no kind, or no route, shows here."""
    path, keys = leave(operation, right_arguments(operation, whole=True))

    assert template_of(operation).fullmatch(path)
    assert {one.name for one in operation.in_query} == set(keys)
    assert meaning_of(operation, operation.parameters[0]) if operation.parameters else True
    found = ROUTER.match(f"/{path}")
    assert found is not None
    assert _nameless(operation.path) == _nameless(found.template)


HOSTILE = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            *(
                "../../admin/users",
                "..",
                ".",
                "",
                "%2e%2e",
                "%2E%2E%2Fadmin",
                "a/../../b",
                "x?sudo=root",
                "x;sudo=root",
            ),
            *("a//b", "issues", "search", "git", "registration-token", "latest", "pinned", "comments", "files", "-"),
            *("main.diff", "main.patch", "a.b", "7", "-1", "merge", "commits", "assets", "tags", "new", "check"),
            *("main...../x", "a...b", "\ud800", "a\nb", "a\0b", "#", "%", "%00", "%252e%252e", "x" * 300),
        ]
    ),
    st.lists(st.sampled_from(["..", ".", "", "a", "%2e", "%2f", "?", "#", ";", "\\", "\n", "/", "é", ":", "{"])).map(
        "".join
    ),
    st.integers(),
    st.none(),
    st.booleans(),
    st.lists(st.text(max_size=5), max_size=3),
)


@given(operation=st.sampled_from(READS), data=st.data())
def test_no_argument_leads_outside_the_operations_own_template(operation: Operation, data: st.DataObject) -> None:
    """Property: arguments are refused, or the request is this operation's, for the guard and for Gitea's router."""
    arguments: dict[str, Any] = right_arguments(operation)
    names = [one.name for one in operation.parameters]
    for name in data.draw(st.sets(st.sampled_from([*names, "sudo", "token", "access_token", "page"]), max_size=4)):
        arguments[name] = data.draw(HOSTILE)
    try:
        path, keys = leave(operation, arguments)
    except InvalidArgument:
        return

    assert template_of(operation).fullmatch(path)
    assert set(keys) <= {one.name for one in operation.in_query}
    found = ROUTER.match(f"/{path}")
    assert found is not None
    assert _nameless(operation.path) == _nameless(found.template)


def _nameless(template: str) -> list[str]:
    """Return a template's parts; the router of the demo forge knows no part with two variables."""
    return ["*" if part.startswith("{") or part == "*" else part for part in template.strip("/").split("/")]


RIVALS: list[tuple[str, JsonObject, str]] = [
    ("repoGetPullRequestByBaseHead", {"owner": "a", "repo": "b", "base": "7", "head": "files"}, "head"),
    ("repoGetPullRequestByBaseHead", {"owner": "a", "repo": "b", "base": "7", "head": "merge"}, "head"),
    ("repoGetSingleCommit", {"owner": "a", "repo": "b", "sha": "main.diff"}, "sha"),
    ("repoGetSingleCommit", {"owner": "a", "repo": "b", "sha": "main.patch"}, "sha"),
    ("userGet", {"username": "search"}, "username"),
    ("repoGet", {"owner": "issues", "repo": "search"}, "owner"),
    ("repoListTopics", {"owner": "issues", "repo": "b"}, "owner"),
]


@pytest.mark.parametrize(("name", "arguments", "field"), RIVALS, ids=[str(i) for i in range(len(RIVALS))])
def test_a_value_that_is_the_word_of_another_operation_is_refused(name: str, arguments: JsonObject, field: str) -> None:
    """The template admits it, and Gitea's router would choose the other."""
    with pytest.raises(InvalidArgument) as refusal:
        parse_target(READ[name], arguments)

    assert field == refusal.value.field


def test_a_word_of_another_operation_is_fine_where_the_router_does_not_choose_it() -> None:
    """A tag may be called `assets`, a commit `v1.0`."""
    tag = {"owner": "a", "repo": "b", "tag": "assets"}
    assert "repos/a/b/releases/tags/assets" == leave(READ["repoGetReleaseByTag"], tag)[0]
    assert (
        "repos/a/b/git/commits/v1.0"
        == leave(READ["repoGetSingleCommit"], {"owner": "a", "repo": "b", "sha": "v1.0"})[0]
    )


def test_a_missing_argument_is_answered_with_its_meaning() -> None:
    """`is required` alone says nothing about what to give."""
    with pytest.raises(InvalidArgument, match="index: is required") as refusal:
        parse_target(READ["issueGetIssue"], {"owner": "a", "repo": "b"})

    assert "Give it: whole number: index of the issue" in refusal.value.remedy


def test_an_unknown_argument_is_answered_with_the_known_ones() -> None:
    """Silently ignored, a misspelled filter would give a wrong answer with confidence."""
    with pytest.raises(InvalidArgument, match="Did you mean state") as refusal:
        parse_target(READ["issueListIssues"], {"owner": "a", "repo": "b", "stat": "all"})
    assert "is not an argument of issueListIssues" == refusal.value.rule
    with pytest.raises(InvalidArgument, match="Its arguments are: none") as refusal:
        parse_target(READ["getVersion"], {"zzz\u202e": 1})
    assert "\u202e" not in str(refusal.value)
    with pytest.raises(InvalidArgument, match="sudo: is not an argument"):
        parse_target(READ["userGetCurrent"], {"sudo": "root"})


def test_places_are_called_as_the_typed_tools_call_them() -> None:
    """The trail is searched by one name for one thing, and a key's bounds look at `owner` and `repo`."""
    arguments: JsonObject = {"owner": "acme", "repo": "backend", "filepath": "src/main.py", "ref": "v1"}
    assert {"owner": "acme", "repo": "backend", "path": "src/main.py", "ref": "v1"} == dict(
        parse_target(READ["repoGetContents"], arguments).places
    )
    assert {"owner": "acme", "repo": "backend", "number": 7} == dict(
        parse_target(READ["issueGetIssue"], {"owner": "acme", "repo": "backend", "index": 7}).places
    )
    assert {"id": 4, "owner": "acme", "repo": "backend"} == dict(
        parse_target(READ["orgListTeamRepo"], {"id": 4, "org": "acme", "repo": "backend"}).places
    )


def test_what_gitea_computes_at_a_price_is_left_out_unless_asked() -> None:
    """Statistics, files and signatures of every commit are a diff each."""
    asked = dict(parse_target(READ["repoGetAllCommits"], {"owner": "a", "repo": "b", "stat": True}).query)

    assert {"stat": "true", "verification": "false", "files": "false", "limit": str(DEFAULT_LIMIT)} == asked


def test_a_list_stands_several_times() -> None:
    """So Gitea reads it."""
    target = parse_target(READ["repoListPullRequests"], {"owner": "a", "repo": "b", "labels": [1, 2]})
    assert [("labels", "1"), ("labels", "2"), ("limit", str(DEFAULT_LIMIT))] == list(target.query)
    for wrong in (1, [], [1] * 31, ["x"]):
        with pytest.raises(InvalidArgument, match="labels"):
            parse_target(READ["repoListPullRequests"], {"owner": "a", "repo": "b", "labels": wrong})


def test_no_route_takes_a_banned_key() -> None:
    """`sudo` makes an administrator's token everybody's."""
    assert not [one.id for one in READS if route_of(one).query_keys & {"sudo", "token", "access_token"}]


def test_arguments_are_an_object() -> None:
    """A text of JSON is a habit of some clients, and is not guessed at."""
    assert {"a": 1} == as_object({"a": 1}, "arguments")
    with pytest.raises(InvalidArgument, match="must be an object"):
        as_object('{"a": 1}', "arguments")
