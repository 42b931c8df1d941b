"""call_read_operation: what a call asks, what it answers, and what it says when something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.gateway.render import fits as fits_a_reply
from aegis_trio.gitea.reach import within_bounds
from aegis_trio.gitea.request import ForgeRequest, ForgeResponse
from aegis_trio.model.bounds import KeyBounds
from aegis_trio.model.errors import BeyondKey, Conflict, Fault, InvalidArgument, NotFound
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.policy.access import READ_SCOPES
from aegis_trio.toolsets.catalogue import TYPED
from aegis_trio.toolsets.operations.call_read_operation import call_tool, operation_spec
from aegis_trio.toolsets.operations.examples import example_of
from aegis_trio.toolsets.operations.exposure import Sensitive
from aegis_trio.toolsets.operations.offer import Offer
from aegis_trio.toolsets.operations.reaching import About, about
from aegis_trio.toolsets.operations.table import Operation
from aegis_trio.toolsets.operations.typed import INSTEAD
from tests.toolsets.canned import PRINCIPAL, CannedForge, context_for, json_answer

OFFER = Offer(TYPED, frozenset(Sensitive), operation_spec)
CALL = call_tool(OFFER)
BACKEND: JsonObject = {"owner": "acme", "repo": "backend"}


async def _call(
    operation: str,
    arguments: JsonObject | None = None,
    answer: ForgeResponse | None = None,
    *,
    bounds: KeyBounds | None = None,
    fits: Callable[[JsonObject], bool] = fits_a_reply,
    **more: JsonValue,
) -> tuple[JsonObject, list[ForgeRequest[Any]]]:
    canned = CannedForge(lambda _: answer or json_answer([]))
    principal = replace(PRINCIPAL, scopes=READ_SCOPES, bounds=bounds or KeyBounds())
    context = context_for(within_bounds(canned, principal.bounds), fits)
    prepared = CALL.prepare({"operation": operation, "arguments": arguments or {}, **more})
    reply = (await prepared.run(replace(context, principal=principal))).structured
    assert reply is not None
    return reply, canned.asked


def _text(body: bytes, kind: str = "text/plain", status: int = 200) -> ForgeResponse:
    return ForgeResponse(status=status, content_type=kind, body=body)


async def test_a_list_tells_its_total_and_the_call_that_goes_on() -> None:
    """The next call is the arguments in `next`, as they stand."""
    topics: JsonObject = {"topics": ["go", "ci"]}
    reply, asked = await _call("repoListTopics", BACKEND | {"limit": 2}, json_answer(topics, total=5, has_next=True))

    assert ("repos", "acme", "backend", "topics") == asked[0].segments
    assert {
        "operation": "repoListTopics",
        "entries": ["go", "ci"],
        "page": 1,
        "total": 5,
        "has_next": True,
        "next": {"operation": "repoListTopics", "arguments": BACKEND | {"limit": 2, "page": 2}},
    } == reply
    CALL.prepare(_object(reply["next"]))


async def test_a_list_of_few_ends() -> None:
    """`next` is null, not another empty page."""
    reply, _ = await _call("listForks", BACKEND, json_answer([{"full_name": "a/b", "id": 1}], total=1))
    assert (1, False, None) == (reply["total"], reply["has_next"], reply["next"])
    reply, _ = await _call("listForks", BACKEND, json_answer(None))
    assert ([], False) == (reply["entries"], reply["has_next"])


async def test_a_list_that_is_described_as_bare_and_comes_wrapped_is_a_list() -> None:
    """As a real Gitea answers a search for topics: under one name, or null there."""
    reply, _ = await _call("topicSearch", {"q": "go"}, json_answer({"topics": [{"id": 1, "topic_name": "go"}]}))
    assert [{"id": 1, "topic_name": "go"}] == reply["entries"]
    reply, _ = await _call("topicSearch", {"q": "go"}, json_answer({"topics": None}))
    assert [] == reply["entries"]


async def test_a_list_without_pages_is_whole() -> None:
    """Its total is how many came."""
    reply, _ = await _call("repoListTeams", BACKEND, json_answer([{"id": 1, "name": "dev"}]))
    assert (1, False, None) == (reply["total"], reply["has_next"], reply["next"])


async def test_a_total_that_gitea_gets_wrong_is_not_repeated() -> None:
    """Recorded: issue.timeline.page counts the page, git.commits.since the branch."""
    numbered = BACKEND | {"index": 1}
    reply, _ = await _call("issueGetCommentsAndTimeline", numbered, json_answer([{"id": 1}], total=1, has_next=True))
    assert (None, True) == (reply["total"], reply["has_next"])
    since = BACKEND | {"since": "2026-01-01T00:00:00Z"}
    reply, _ = await _call("repoGetAllCommits", since, json_answer([{"sha": "a"}], total=99, has_next=False))
    assert (None, False) == (reply["total"], reply["has_next"])


async def test_a_total_in_the_answer_is_used() -> None:
    """Runs and jobs of Actions count there."""
    runs: JsonObject = {"total_count": 40, "workflow_runs": [{"id": 1}]}
    reply, _ = await _call("getWorkflowRuns", BACKEND | {"limit": 1}, json_answer(runs))
    assert (40, True, [{"id": 1}]) == (reply["total"], reply["has_next"], reply["entries"])


async def test_a_tree_goes_on_while_it_is_truncated() -> None:
    """Its pages are asked for by another name."""
    tree: JsonObject = {"sha": "x", "tree": [{"path": "a"}], "truncated": True, "total_count": 9}
    reply, asked = await _call("GetTree", BACKEND | {"sha": "main", "per_page": 1}, json_answer(tree))

    assert {"operation": "GetTree", "arguments": BACKEND | {"sha": "main", "per_page": 1, "page": 2}} == reply["next"]
    assert ("per_page", "1") in asked[0].query


async def test_a_page_that_does_not_fit_is_made_smaller() -> None:
    """And the next call begins behind it."""
    entries: list[JsonValue] = [{"id": number, "body": "x" * 3000} for number in range(30)]
    reply, _ = await _call("listForks", BACKEND, json_answer(entries, total=30))
    shown = reply["entries"]
    assert isinstance(shown, list)

    assert (len(shown), True) == (6, reply["shortened"])
    assert {"arguments": BACKEND | {"page": 2, "limit": 6}}.items() <= _object(reply["next"]).items()


async def test_commits_of_a_path_have_pages_of_gitea_alone() -> None:
    """Recorded: git.commits.path. A smaller page would skip what lies between."""
    entries: list[JsonValue] = [{"sha": str(number), "commit": {"message": "x" * 3000}} for number in range(50)]
    answer = json_answer(entries, has_next=True)
    reply, _ = await _call("repoGetAllCommits", BACKEND | {"path": "a"}, answer)
    shown = reply["entries"]
    assert isinstance(shown, list)

    assert 50 == len(shown)
    assert {"operation": "repoGetAllCommits", "arguments": BACKEND | {"path": "a", "page": 2}} == reply["next"]


async def test_one_thing_is_one_answer() -> None:
    """Short, and under one name."""
    reply, _ = await _call("repoGetLatestRelease", BACKEND, json_answer({"id": 3, "tag_name": "v1", "draft": False}))
    assert {"operation": "repoGetLatestRelease", "answer": {"id": 3, "tag_name": "v1"}} == reply


async def test_fields_choose_and_are_kept_for_the_next_page() -> None:
    """Of sixty fields a question needs two."""
    entries: list[JsonValue] = [{"id": 1, "full_name": "a/b", "description": "long", "size": 3}]
    answer = json_answer(entries, total=2, has_next=True)
    reply, _ = await _call("listForks", BACKEND | {"limit": 1}, answer, fields="full_name, id")

    assert [{"full_name": "a/b", "id": 1}] == reply["entries"]
    assert "full_name, id" == _object(reply["next"])["fields"]
    one, _ = await _call("repoGetLatestRelease", BACKEND, json_answer({"id": 3, "body": "x"}), fields="id")
    assert {"id": 3} == one["answer"]


@pytest.mark.parametrize(
    ("fields", "rule"),
    [("nonsense", "does not have"), (" ,", "names no field"), (7, "a string"), ("x" * 401, "at most 400")],
)
async def test_wrong_fields_are_answered_with_the_right_ones(fields: JsonValue, rule: str) -> None:
    """A field that is not there would look empty."""
    with pytest.raises(InvalidArgument) as refusal:
        await _call("repoGetLatestRelease", BACKEND, fields=fields)
    assert rule in refusal.value.rule
    assert "tag_name" in refusal.value.remedy
    assert "clone_url" not in refusal.value.remedy
    with pytest.raises(InvalidArgument, match="none, as its answer has no fields"):
        await _call("repoListTopics", BACKEND, fields="id")


async def test_text_is_text_with_its_size() -> None:
    """Given whole: what is longer than one reply is the gateway's to continue."""
    patch: JsonObject = BACKEND | {"index": 1, "diffType": "diff"}
    reply, asked = await _call("repoDownloadPullDiffOrPatch", patch, _text("diff é\n".encode()))

    assert ("repos", "acme", "backend", "pulls", "1.diff") == asked[0].segments
    assert {"operation": "repoDownloadPullDiffOrPatch", "bytes": 8, "text": "diff é\n"} == reply


async def test_a_question_is_answered_yes_or_no() -> None:
    """404 is an answer there, and might also mean that nobody may know."""
    member: JsonObject = {"org": "acme", "username": "alice"}
    yes, _ = await _call("orgIsPublicMember", member, _text(b"", "", 204))
    assert {"operation": "orgIsPublicMember", "answer": True} == yes
    no, _ = await _call("orgIsPublicMember", member, _text(b"", "", 404))
    assert (False, "no, or not visible to you") == (no["answer"], no["meaning"])


async def test_what_has_to_be_known_stands_before_the_answer() -> None:
    """And only where it bears on the call."""
    reply, _ = await _call("issueSearchIssues", {"labels": "bug"})
    assert "ignores a label" in str(reply["note"])
    reply, _ = await _call("issueSearchIssues", {"q": "bug"})
    assert "note" not in reply


@pytest.mark.parametrize("name", sorted(INSTEAD))
async def test_what_is_no_text_is_not_asked_for(name: str) -> None:
    """The way out is said instead."""
    operation = OFFER.named(name)
    with pytest.raises(Conflict, match="gives no text") as refusal:
        await _call(name, _object(example_of(operation)["arguments"]))
    assert refusal.value.remedy == INSTEAD[name]


async def test_an_operation_that_this_gitea_does_not_have_is_said_to_be_absent() -> None:
    """Not that a repository was not found."""
    with pytest.raises(NotFound, match=r"does not have this operation: it is described for Gitea 1\.25\.4"):
        await _call("repoGetLicenses", BACKEND, _text(b"404 page not found\n", status=404))


WRONG: list[tuple[JsonObject, str, str, str]] = [
    ({}, "operation", "is required", "find_operation"),
    ({"operation": 1}, "operation", "must be a string", "find_operation"),
    ({"operation": "repoListTopic"}, "operation", "is no operation", "Did you mean repoListTopics?"),
    ({"operation": "repoDelete"}, "operation", "is no operation", "find_operation"),
    ({"operation": "adminCronList"}, "operation", "is no operation", "find_operation"),
    ({"operation": "userGetTokens"}, "operation", "is no operation", "find_operation"),
    (
        {"operation": "repoListTopics", "owner": "acme"},
        "owner",
        "is not an argument of this tool",
        "put it into arguments",
    ),
    (
        {"operation": "repoListTopics", "zzz": 1},
        "zzz",
        "is not an argument of this tool",
        "operation, arguments, fields",
    ),
    ({"operation": "repoListTopics"}, "arguments.owner", "is required", "user or organisation"),
    ({"operation": "repoListTopics", "arguments": "{}"}, "arguments", "must be an object", "{"),
    ({"operation": "repoListTopics", "arguments": BACKEND | {"page": 0}}, "arguments.page", "must be from 1", "bounds"),
    ({"operation": "userGetCurrent", "arguments": {"sudo": "root"}}, "arguments.sudo", "is not an argument", "none"),
    ({"operation": "repoListTopics", "arguments": BACKEND | {"token": "x"}}, "arguments.token", "is not", "owner"),
]


@pytest.mark.parametrize(("arguments", "field", "rule", "remedy"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_a_wrong_call_is_answered_with_field_rule_and_remedy(
    arguments: JsonObject, field: str, rule: str, remedy: str
) -> None:
    """A model must do better next time, and learns how from nothing else."""
    with pytest.raises(InvalidArgument) as refusal:
        CALL.prepare(arguments)

    assert field == refusal.value.field
    assert rule in refusal.value.rule
    assert remedy in refusal.value.remedy


def test_a_wrong_argument_is_answered_with_the_operations_own_schema_and_example() -> None:
    """Which the tool's entry in the list cannot say."""
    with pytest.raises(InvalidArgument) as refusal:
        CALL.prepare({"operation": "issueGetIssue", "arguments": BACKEND})

    assert {"operation": "issueGetIssue", "arguments": BACKEND | {"index": 1}} == refusal.value.example
    schema = refusal.value.schema
    assert schema is not None
    assert ["owner", "repo", "index"] == schema["required"]


def test_what_is_sensitive_is_not_callable_unless_it_was_opened() -> None:
    """By no spelling of its name."""
    closed = call_tool(Offer(TYPED, frozenset(), operation_spec))
    assert closed.resolve is not None
    for operation in OFFER.operations():
        name = operation.id
        if Offer(TYPED, frozenset(), operation_spec).operation(name) is None:
            assert closed.resolve({"operation": name}) is None
            with pytest.raises(InvalidArgument, match="is no operation"):
                closed.prepare(example_of(operation))
    for spelling in (
        "repolisthooks",
        " repoListHooks",
        "repoListHooks\0",
        ["repoListHooks"],
        {"repoListHooks": 1},
        None,
    ):
        assert closed.resolve({"operation": spelling}) is None


BOUND = KeyBounds(repositories=("acme/backend",))


def _repository(full_name: str) -> JsonObject:
    owner, _, name = full_name.partition("/")
    return {"owner": {"login": owner}, "name": name, "full_name": full_name}


async def test_a_bounded_key_sees_only_its_repositories_in_any_answer() -> None:
    """What is withheld keeps its place in the pages, and the total is not told."""
    answer = json_answer([_repository("acme/payroll"), _repository("acme/backend")], total=2, has_next=True)
    reply, _ = await _call("orgListRepos", {"org": "acme", "limit": 2}, answer, bounds=BOUND)

    assert [{"owner": {"login": "acme"}, "name": "backend", "full_name": "acme/backend"}] == reply["entries"]
    assert (None, True) == (reply["total"], reply["has_next"])
    assert "narrowed" in reply
    assert {"limit": 2, "page": 2}.items() <= _object(_object(reply["next"])["arguments"]).items()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("notifyNewAvailable", {}),
        ("userGetHeatmapData", {"username": "alice"}),
        ("getOrgWorkflowJobs", {"org": "acme"}),
        ("repoSearch", {}),
        ("issueSearchIssues", {}),
        ("listPackages", {"owner": "acme"}),
    ],
)
async def test_a_bounded_key_does_not_ask_what_would_not_say_whose_it_is(name: str, arguments: JsonObject) -> None:
    """A count over everything tells of what lies beyond."""
    with pytest.raises(BeyondKey, match="does not say of which its answer is"):
        await _call(name, arguments, bounds=BOUND)
    assert (await _call(name, arguments))[1]


def test_every_operation_is_about_something() -> None:
    """A shape that no row knows is asked by nobody whose key is bounded."""
    found = {kind: {one.id for one in OFFER.operations() if about(one) is kind} for kind in About}

    assert all("{repo}" in OFFER.named(name).path for name in found[About.NAMED])
    assert {"userCurrentListRepos", "notifyGetList", "repoGetByID", "userCurrentTrackedTimes"} <= found[
        About.ATTRIBUTED
    ]
    assert {"userGetHeatmapData", "notifyNewAvailable", "repoSearch", "getUserWorkflowJobs"} <= found[About.UNKNOWN]
    assert {"getVersion", "userGet", "orgListLabels", "listLicenseTemplates"} <= found[About.NONE]


@given(
    operation=st.sampled_from(OFFER.operations()),
    body=st.binary(max_size=200) | st.sampled_from([b"null", b"[1]", b'{"a":[{}]}', b"404 page not found"]),
    kind=st.sampled_from(["application/json", "text/plain", "text/html", "application/zip", ""]),
    status=st.sampled_from([200, 204, 404, 405]),
)
async def test_whatever_comes_back_is_a_reply_or_a_fault(
    operation: Operation, body: bytes, kind: str, status: int
) -> None:
    """Property: no answer of a forge is a bug of ours."""
    arguments = _object(example_of(operation).get("arguments", {}))
    try:
        reply, _ = await _call(operation.id, arguments, _text(body, kind, status))
    except Fault as fault:
        assert fault.remedy  # noqa: PT017 -- either is an outcome under test
    else:
        assert reply["operation"] == operation.id


def _object(value: JsonValue) -> JsonObject:
    assert isinstance(value, dict)
    return value
