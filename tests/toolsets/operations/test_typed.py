"""The long tail and the typed tools: one decision for one thing, whatever it is called by."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from aegis_trio.model.bounds import UNBOUNDED, KeyBounds
from aegis_trio.model.decision import Allow, Decision, Deny
from aegis_trio.model.errors import BeyondKey, InsufficientScope
from aegis_trio.model.identity import DEFAULT_INSTANCE, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.toolspec import Risk, Toolset
from aegis_trio.policy.access import READ_SCOPES, decide_access
from aegis_trio.policy.reach import decide_places
from aegis_trio.toolsets.catalogue import TYPED as TYPED_TOOLS
from aegis_trio.toolsets.operations.call_read_operation import operation_spec
from aegis_trio.toolsets.operations.examples import example_of
from aegis_trio.toolsets.operations.exposure import Sensitive, is_offered
from aegis_trio.toolsets.operations.offer import Offer, Spec
from aegis_trio.toolsets.operations.table import operations_table
from aegis_trio.toolsets.operations.typed import INSTEAD, SEVERAL, TYPED

OPERATIONS = operations_table().operations
OFFER = Offer(TYPED_TOOLS, frozenset(Sensitive), operation_spec)
BY_NAME = {one.operation: one for tool in TYPED_TOOLS for one in tool.operations}
ROWS = [(name, typed) for name, others in TYPED.items() for typed in others]
CALLED = "call_read_operation"


def test_every_typed_tool_stands_in_the_table() -> None:
    """One that does not could be taken from a key, and its answers still be had by the name of the operation.

    Whoever adds a tool adds its row to `TYPED`, or to `SEVERAL`.
    """
    assert set(BY_NAME) == {typed for _, typed in ROWS} | SEVERAL
    assert not SEVERAL & {typed for _, typed in ROWS}
    assert all(is_offered(OPERATIONS[name], frozenset()) for name in (*TYPED, *INSTEAD))


def test_the_typed_tools_are_those_that_are_not_of_the_tail() -> None:
    """The tail is made after them."""
    assert not [tool.name for tool in TYPED_TOOLS if tool.toolset is Toolset.OPERATIONS]


def _principal(scopes: frozenset[str], bounds: KeyBounds) -> Principal:
    return Principal(
        id=PrincipalId("key:0123456789ab"),
        kind=PrincipalKind.API_KEY,
        instance=DEFAULT_INSTANCE,
        scopes=scopes,
        bounds=bounds,
    )


def _said(decision: Decision) -> object:
    """Return what of a decision must be the same: whether, why, and what would open it."""
    match decision:
        case Allow():
            return "allow"
        case Deny(reason=reason, fault=InsufficientScope(scopes=scopes)):
            return reason, scopes
        case Deny(reason=reason, fault=BeyondKey(bound=bound, needs=needs)):
            return reason, bound, needs
        case Deny(reason=reason):
            return reason


SCOPES = [frozenset[str](), READ_SCOPES, *(READ_SCOPES - {scope} for scope in sorted(READ_SCOPES))]
TOOLS_OF_A_KEY = [None, ("get_*",), ("list_*", "get_f*"), ("issue_read",), ("issue_read.get",), ("nothing",), ("*",)]
REPOSITORIES_OF_A_KEY = [None, ("acme/backend",), ("acme/*",), ("other/*",), ()]


@pytest.mark.parametrize(("name", "typed"), ROWS, ids=[f"{name}-{typed}" for name, typed in ROWS])
def test_an_operation_is_decided_as_its_typed_tool_is(name: str, typed: str) -> None:
    """Scopes, bounds of keys and reading only: for every principal the same answer, once it may call operations."""
    tail, tool = OFFER.spec_of(OPERATIONS[name]), BY_NAME[typed]
    if len(TYPED[name]) > 1:
        tail = replace(tail, stands_for=(tool,))  # each of several alone; together they open what one of them opens
    for scopes, tools, read_only in product(SCOPES, TOOLS_OF_A_KEY, (False, True)):
        bounds = KeyBounds(tools=tools, read_only=read_only)
        also = KeyBounds(tools=None if tools is None else (*tools, CALLED), read_only=read_only)
        expected = decide_access(_principal(scopes, bounds), tool)
        assert _said(expected) == _said(decide_access(_principal(scopes, also), tail))


@pytest.mark.parametrize(("name", "typed"), ROWS, ids=[f"{name}-{typed}" for name, typed in ROWS])
def test_an_operation_is_bounded_to_repositories_as_its_typed_tool_is(name: str, typed: str) -> None:
    """The same places, under the same names, meet the same bounds."""
    tail, tool = OFFER.spec_of(OPERATIONS[name]), BY_NAME[typed]
    ours, theirs = tail.prepare(example_of(OPERATIONS[name])).places, tool.prepare(tool.example).places
    assert [theirs.get(place) for place in ("owner", "repo")] == [ours.get(place) for place in ("owner", "repo")]
    for repositories in REPOSITORIES_OF_A_KEY:
        bounds = KeyBounds(repositories=repositories)
        assert _said(decide_places(bounds, theirs)) == _said(decide_places(bounds, ours))


@pytest.mark.parametrize(("name", "typed"), ROWS, ids=[f"{name}-{typed}" for name, typed in ROWS])
def test_an_operation_reads_as_its_typed_tool_does(name: str, typed: str) -> None:
    """What limits and records look at besides."""
    tail, tool = OFFER.spec_of(OPERATIONS[name]), BY_NAME[typed]

    assert (Risk.READ, tool.risk) == (tail.risk, Risk.READ)
    assert tool.gitea_scopes == tail.gitea_scopes or len(TYPED[name]) > 1
    assert (CALLED, name, f"{CALLED}.{name}") == (tail.name, tail.method, tail.operation)


def test_a_key_may_name_single_operations() -> None:
    """As it names methods of other tools."""
    topics = OFFER.spec_of(OPERATIONS["repoListTopics"])
    for tools, decided in (
        ((CALLED,), "allow"),
        (("call_*",), "allow"),
        ((f"{CALLED}.repoListTopics",), "allow"),
        ((f"{CALLED}.repoList*",), "allow"),
        ((f"{CALLED}.issue*",), ("tool_beyond_key", "tools", f"{CALLED}.repoListTopics")),
        (("get_*",), ("tool_beyond_key", "tools", f"{CALLED}.repoListTopics")),
    ):
        assert decided == _said(decide_access(_principal(READ_SCOPES, KeyBounds(tools=tools)), topics))


def test_an_operation_without_a_typed_tool_needs_its_own_scopes() -> None:
    """Nothing stands for it."""
    topics = OFFER.spec_of(OPERATIONS["repoListTopics"])

    denied = decide_access(_principal(frozenset({"read:issue"}), UNBOUNDED), topics)
    assert ("insufficient_scope", ("read:repository",)) == _said(denied)


def test_one_typed_tool_of_several_opens_the_operation() -> None:
    """A person may use either."""
    spec: Spec = replace(
        OFFER.spec_of(OPERATIONS["repoListTopics"]), stands_for=(BY_NAME["get_me"], BY_NAME["list_issues"])
    )
    bounds = KeyBounds(tools=(CALLED, "list_issues"))

    assert "allow" == _said(decide_access(_principal(READ_SCOPES, bounds), spec))
    neither = decide_access(_principal(READ_SCOPES, KeyBounds(tools=(CALLED,))), spec)
    assert ("tool_beyond_key", "tools", "get_me") == _said(neither)


def test_what_only_an_absent_tool_shows_is_not_offered() -> None:
    """An operator who leaves a tool out does not want its answers under another name."""
    kept = [tool for tool in TYPED_TOOLS if tool.name != "get_repository_info"]
    offer = Offer(kept, frozenset(), operation_spec)

    assert offer.operation("repoGet") is None
    assert "repoGet" not in [one.id for one in offer.operations()]
    assert offer.operation("issueGetIssue") is not None
    assert offer.operation("repoListTopics") is not None
