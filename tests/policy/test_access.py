"""Access is denied unless the two values say otherwise."""

from __future__ import annotations

import pytest

from aegis_trio.model.call import ToolReply
from aegis_trio.model.decision import Allow, Deny
from aegis_trio.model.errors import Forbidden, InsufficientScope
from aegis_trio.model.identity import DEFAULT_INSTANCE, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.toolspec import CostClass, PreparedCall, Risk, Toolset, ToolSpec
from aegis_trio.policy.access import READ_SCOPES, decide_access


def principal(*scopes: str, kind: PrincipalKind = PrincipalKind.API_KEY) -> Principal:
    """Return somebody who holds *scopes*."""
    return Principal(id=PrincipalId("key:0"), kind=kind, instance=DEFAULT_INSTANCE, scopes=frozenset(scopes))


def tool(risk: Risk = Risk.READ, *scopes: str) -> ToolSpec[None]:
    """Return a tool that asks for *scopes*."""

    async def answer(context: None) -> ToolReply:
        return ToolReply({})

    return ToolSpec(
        name="a_tool",
        title="A tool",
        description="",
        toolset=Toolset.SERVER,
        risk=risk,
        cost=CostClass.CHEAP,
        timeout_s=1.0,
        scopes=frozenset(scopes),
        gitea_scopes=frozenset(),
        input_schema={},
        example={},
        prepare=lambda _: PreparedCall({}, answer),
        idempotent=True,
        open_world=False,
    )


@pytest.mark.parametrize("risk", [Risk.WRITE, Risk.DESTRUCTIVE])
@pytest.mark.parametrize("kind", list(PrincipalKind))
def test_nothing_that_changes_the_world_is_open(risk: Risk, kind: PrincipalKind) -> None:
    """There is no write mode, so not even a principal with every scope writes."""
    caller = principal("write:repository", *READ_SCOPES, kind=kind)

    decision = decide_access(caller, tool(risk, "write:repository"))

    assert isinstance(decision, Deny)
    assert isinstance(decision.fault, Forbidden)
    assert f"{risk.value}_tool_while_read_only" == decision.reason


def test_a_missing_scope_is_named() -> None:
    """A client can ask for exactly what it lacks (RFC 6750 insufficient_scope)."""
    decision = decide_access(principal("read:user"), tool(Risk.READ, "read:repository", "read:user", "read:issue"))

    assert isinstance(decision, Deny)
    assert isinstance(decision.fault, InsufficientScope)
    assert ("read:issue", "read:repository") == decision.fault.scopes
    assert ("read:issue", "read:repository", "read:user") == decision.fault.wanted
    assert "insufficient_scope" == decision.reason == decision.fault.code


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        (PrincipalKind.PERSON, "Sign in again and agree to: read:issue read:user."),
        (PrincipalKind.API_KEY, "Ask the operator"),
        (PrincipalKind.LOCAL, "Ask the operator"),
    ],
)
def test_who_lacks_a_scope_is_told_how_to_come_by_it(kind: PrincipalKind, remedy: str) -> None:
    """Where no HTTP status can say it, a model and its person read this; a key cannot sign in again."""
    decision = decide_access(principal("read:user", kind=kind), tool(Risk.READ, "read:issue"))

    assert isinstance(decision, Deny)
    assert remedy in decision.fault.remedy
    assert " needs the scope read:issue." in decision.fault.message


def test_a_new_credential_must_not_lose_what_the_old_one_had() -> None:
    """A client that asks for no more than it is told would step down elsewhere each time it steps up."""
    holder = principal("write:issue", "read:user")
    decision = decide_access(holder, tool(Risk.READ, "read:issue", "read:repository"))

    assert isinstance(decision, Deny)
    assert isinstance(decision.fault, InsufficientScope)
    assert ("read:repository",) == decision.fault.scopes
    assert ("read:repository", "read:user", "write:issue") == decision.fault.wanted


@pytest.mark.parametrize("held", ["write:repository", "read:repository"])
def test_reading_is_part_of_writing_the_same_area(held: str) -> None:
    """Gitea's scopes mean it so, and ours are spelled alike."""
    assert Allow() == decide_access(principal(held), tool(Risk.READ, "read:repository"))


@pytest.mark.parametrize("held", ["write:issue", "read:issue", "read", "write:", "repository", "read:repositor"])
def test_no_other_scope_contains_it(held: str) -> None:
    """A scope that merely looks alike opens nothing."""
    assert isinstance(decide_access(principal(held), tool(Risk.READ, "read:repository")), Deny)


def test_writing_is_no_part_of_reading() -> None:
    """A tool that asks for a write scope is not open to a reader, whatever its risk says."""
    assert isinstance(decide_access(principal("read:issue"), tool(Risk.READ, "write:issue")), Deny)


def test_a_tool_without_scopes_is_open_to_everybody_who_is_somebody() -> None:
    """The server's version is nobody's secret."""
    assert Allow() == decide_access(principal(), tool(Risk.READ))
