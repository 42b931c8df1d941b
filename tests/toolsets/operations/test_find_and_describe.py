"""find_operation and describe_operation: what is told of operations, to whom, and in how many bytes."""

from __future__ import annotations

from dataclasses import replace

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.gateway.render import tool_definition
from aegis_trio.model.bounds import KeyBounds
from aegis_trio.model.errors import BeyondKey, InsufficientScope, InvalidArgument
from aegis_trio.model.identity import Principal
from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.policy.access import READ_SCOPES
from aegis_trio.toolsets.catalogue import CATALOGUE, TYPED, opening
from aegis_trio.toolsets.operations import describe_operation, find_operation
from aegis_trio.toolsets.operations.call_read_operation import operation_spec
from aegis_trio.toolsets.operations.describe_operation import describe
from aegis_trio.toolsets.operations.examples import example_of, schema_of
from aegis_trio.toolsets.operations.exposure import Sensitive
from aegis_trio.toolsets.operations.offer import Offer
from aegis_trio.toolsets.operations.table import Operation
from aegis_trio.toolsets.operations.tail import long_tail
from aegis_trio.toolsets.operations.typed import INSTEAD
from tests.toolsets.canned import PRINCIPAL, CannedForge, context_for, json_answer

ALL = Offer(TYPED, frozenset(Sensitive), operation_spec)
OPERATIONS = ALL.operations()
EVERYBODY = replace(PRINCIPAL, scopes=READ_SCOPES)


async def _run(
    tool: str, arguments: JsonObject, *, opened: frozenset[Sensitive] = frozenset(), principal: Principal = EVERYBODY
) -> JsonObject:
    spec = next(one for one in long_tail(TYPED, opened) if one.name == tool)
    forge = CannedForge(lambda _: json_answer({}))
    context = replace(context_for(forge), principal=principal)
    reply = (await spec.prepare(arguments).run(context)).structured
    assert reply is not None
    assert not forge.asked, "nothing is asked of the forge to tell of its operations"
    return reply


def _lines(reply: JsonObject) -> list[JsonObject]:
    lines = reply["operations"]
    assert isinstance(lines, list)
    return [_object(line) for line in lines]


def _names(reply: JsonObject) -> list[str]:
    return [str(line["operation"]) for line in _lines(reply)]


def _object(value: JsonValue) -> JsonObject:
    assert isinstance(value, dict)
    return value


async def test_found_operations_say_what_they_do_and_need_and_how_to_go_on() -> None:
    """A model goes on without a second search."""
    reply = await _run("find_operation", {"query": "stargazers"})

    assert {
        "operations": [{"operation": "repoListStargazers", "does": "List a repo's stargazers", "needs": "owner,repo"}],
        "found": 1,
        "has_next": False,
        "next": None,
        "how": "describe_operation tells the arguments, call_read_operation asks.",
    } == reply


async def test_a_typed_tool_that_does_it_better_is_named() -> None:
    """It costs fewer bytes and knows what Gitea gets wrong."""
    reply = await _run("find_operation", {"query": "repoGet"})
    assert "get_repository_info" == _lines(reply)[0]["better"]
    assert "get_repository_info" in str((await _run("describe_operation", {"operation": "repoGet"}))["better"])


async def test_pages_show_everything_that_was_found_once() -> None:
    """`next` holds the exact arguments."""
    seen: list[str] = []
    following: JsonObject | None = {"query": "repository"}
    while following is not None:
        reply = await _run("find_operation", following)
        seen += _names(reply)
        going_on = reply["next"]
        following = going_on if isinstance(going_on, dict) else None
        assert reply["has_next"] is (following is not None)

    assert len(seen) == len(set(seen)) == find_operation.MAX_FOUND
    assert [] == _names(await _run("find_operation", {"query": "stargazers", "page": 2}))


async def test_nothing_found_is_said() -> None:
    """And what to try instead."""
    reply = await _run("find_operation", {"query": "blame"})
    assert ([], 0) == (reply["operations"], reply["found"])
    assert "search_code" in str(reply["how"])


@given(question=st.one_of(st.sampled_from([one.id for one in OPERATIONS]), st.text(min_size=1, max_size=200)))
async def test_what_is_found_stays_within_its_bound(question: str) -> None:
    """Property: whatever is asked, at most 2 KB."""
    reply = await _run("find_operation", {"query": question}, opened=frozenset(Sensitive))
    assert len(encode_json(reply)) <= find_operation.MAX_BYTES - 2 * len(question.encode())


def test_the_longest_lines_fit_together() -> None:
    """Six of the longest, with the longest question in `next`."""
    lines = sorted((len(encode_json(find_operation._line(ALL, one))) + 1 for one in OPERATIONS), reverse=True)
    assert sum(lines[: find_operation.PAGE]) + 200 + 160 <= find_operation.MAX_BYTES


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_every_description_is_whole_and_small(operation: Operation) -> None:
    """What must be given is told, with an example that is right, in at most 2 KB."""
    told = describe(ALL, operation)

    assert len(encode_json(told)) <= describe_operation.MAX_BYTES
    if told["operation"] in INSTEAD:
        assert told["not_callable"]
        return
    arguments = _object(told["arguments"])
    assert [f"{one.name}{'' if one.required else '?'}" for one in operation.parameters] == list(arguments)
    assert all(arguments.values())
    assert example_of(operation) == told["example"]
    ALL.spec_of(operation).prepare(example_of(operation))
    schema = schema_of(operation)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(example_of(operation).get("arguments", {}), schema)


async def test_a_description_tells_kind_words_choices_scopes_and_answer() -> None:
    """All that a call needs, in one answer."""
    told = await _run("describe_operation", {"operation": "repoListPullRequests"})
    arguments = _object(told["arguments"])

    assert "user or organisation" == arguments["owner"]
    assert str(arguments["state?"]).startswith("one of open, closed, all")
    assert "list of: whole number: Label IDs" == arguments["labels?"]
    assert ("from 1", "1 to 50") == (arguments["page?"], arguments["limit?"])
    assert "read:repository" == told["scopes"]
    assert str(told["answer"]).startswith("list of PullRequest: ")
    assert "yes or no" == (await _run("describe_operation", {"operation": "orgIsMember"}))["answer"]
    assert "ignores a label" in str((await _run("describe_operation", {"operation": "issueSearchIssues"}))["note"])


async def test_what_a_caller_may_not_call_is_neither_found_nor_described() -> None:
    """As no list shows it; whoever could have it with more scopes is told which."""
    narrow = replace(PRINCIPAL, scopes=frozenset({"read:issue"}))
    assert [] == _names(await _run("find_operation", {"query": "stargazers"}, principal=narrow))
    with pytest.raises(InsufficientScope) as missing:
        await _run("describe_operation", {"operation": "repoListStargazers"}, principal=narrow)
    assert ("read:repository",) == missing.value.scopes

    bounded = replace(EVERYBODY, bounds=KeyBounds(tools=("find_*", "describe_*", "call_read_operation.repoListTopics")))
    assert ["repoListTopics"] == _names(await _run("find_operation", {"query": "topics"}, principal=bounded))
    with pytest.raises(BeyondKey):
        await _run("describe_operation", {"operation": "repoListStargazers"}, principal=bounded)


SECRET = ("repoListHooks", Sensitive.HOOKS, "webhooks hooks")


async def test_what_is_sensitive_is_there_only_when_it_was_opened() -> None:
    """Neither found, described nor named as the nearest."""
    name, group, words = SECRET
    assert name not in _names(await _run("find_operation", {"query": words}))
    assert name not in _names(await _run("find_operation", {"query": name}))
    with pytest.raises(InvalidArgument) as unknown:
        await _run("describe_operation", {"operation": name})
    assert "is no operation that this gate offers" in unknown.value.rule
    assert "Hook" not in unknown.value.remedy

    opened = frozenset({group})
    assert name in _names(await _run("find_operation", {"query": words}, opened=opened))
    assert (await _run("describe_operation", {"operation": name}, opened=opened))["operation"] == name


def test_opening_changes_the_tail_alone() -> None:
    """And nothing where nothing is opened."""
    assert CATALOGUE is opening(CATALOGUE, frozenset())
    opened = opening(CATALOGUE, frozenset(Sensitive))

    assert [tool.name for tool in CATALOGUE.tools] == [tool.name for tool in opened.tools]
    assert CATALOGUE.tools[:-3] == opened.tools[:-3]
    call = opened.tools[-1]
    assert call.resolve is not None
    assert call.resolve({"operation": "repoListHooks"}) is not None
    closed = CATALOGUE.tools[-1].resolve
    assert closed is not None
    assert closed({"operation": "repoListHooks"}) is None


async def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    """A model mends it in one step; what it made up is not shown as it came."""
    with pytest.raises(InvalidArgument, match="Did you mean repoListTopics") as unknown:
        await _run("describe_operation", {"operation": "repoListTopic\u202e"})
    assert "\u202e" not in str(unknown.value)


def test_the_three_tools_cost_little() -> None:
    """Every conversation pays for them."""
    sizes = {tool.name: len(encode_json(tool_definition(tool))) for tool in CATALOGUE.tools[-3:]}
    assert ["find_operation", "describe_operation", "call_read_operation"] == list(sizes)
    assert sum(sizes.values()) <= 1600
