"""Tools with methods at the door: every decision, limit, record and number is the method's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, cast

import pytest
import trio
from pydantic import Field

from aegis_trio.audit.trail import AuditTrail
from aegis_trio.gateway.gateway import Gateway
from aegis_trio.gateway.render import performed, tool_definition
from aegis_trio.gitea.request import Forge
from aegis_trio.limits.calls import CallLimits
from aegis_trio.limits.settings import LimitSettings
from aegis_trio.model.bounds import UNBOUNDED, KeyBounds
from aegis_trio.model.call import CallKind, Failure, Success, ToolOutcome, ToolReply, ToolRequest, Transport
from aegis_trio.model.errors import BeyondKey, Fault, InsufficientScope, InvalidArgument, RateLimited, UnknownTool
from aegis_trio.model.features import Catalogue
from aegis_trio.model.identity import DEFAULT_INSTANCE, Caller, Origin, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.json import JsonObject
from aegis_trio.model.secret import Secret
from aegis_trio.model.toolspec import CostClass, Toolset, ToolSpec
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.methods import Method, read_method, read_methods_tool
from tests.transports.real_door import MemoryTrail

CANARY = "canary-word-71"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arguments:
    owner: Annotated[str, Field(strict=True, max_length=40)]
    words: Annotated[str, Field(strict=True, max_length=40)] = ""


async def _answer(context: ToolContext, call: _Arguments) -> ToolReply:
    await trio.lowlevel.checkpoint()
    return ToolReply({"owner": call.owner})


def _method(name: str, **changes: Any) -> Method:
    values: dict[str, Any] = {
        "cost": CostClass.CHEAP, "timeout_s": 5.0, "arguments": _Arguments, "parse": lambda arguments: arguments,
        "handler": _answer, "example": {"owner": "acme"}, "audit_fields": ("owner",),
    }  # fmt: skip
    return read_method(name, **(values | changes))


TOOL = read_methods_tool(
    name="thing_read",
    title="Thing",
    description="Reads it.",
    toolset=Toolset.ISSUES,
    scopes=frozenset({"read:issue"}),
    gitea_scopes=frozenset({"read:issue"}),
    methods=(
        _method("get"),
        _method("diff", scopes=frozenset({"read:repository"})),
        _method("logs", min_gitea=(1, 26)),
    ),
)
NEWER = replace(TOOL.methods[2], name="newer_thing", method=None)


@dataclass
class Door:
    """A gateway over a trail in memory."""

    gateway: Gateway
    trail: MemoryTrail

    async def call(self, arguments: Any, caller: Caller | None = None, tool: str = "thing_read") -> ToolOutcome:
        request = ToolRequest(tool=tool, raw_arguments=arguments, transport=Transport.REST)
        return await self.gateway.call(caller or _caller(), request)

    def methods(self, caller: Caller) -> list[str]:
        """Return the methods that *caller* sees in the list."""
        tools = [tool for tool in self.gateway.directory.tools_for(caller) if tool.name == "thing_read"]
        return next(cast("Any", tool_definition(tool))["inputSchema"]["properties"]["method"]["enum"] for tool in tools)

    @property
    def records(self) -> list[Any]:
        return [entry.fields | {"event": entry.event} for entry in self.trail.entries]


def _caller(*scopes: str, bounds: KeyBounds = UNBOUNDED) -> Caller:
    principal = Principal(
        id=PrincipalId("key:1"),
        kind=PrincipalKind.API_KEY,
        instance=DEFAULT_INSTANCE,
        scopes=frozenset(scopes or ("read:issue", "read:repository")),
        bounds=bounds,
    )
    return Caller(principal=principal, gitea_token=Secret("t" * 40), origin=Origin(address="192.0.2.1"))


def _door(version: tuple[int, int] = (1, 26), limits: LimitSettings | None = None) -> Door:
    trail = MemoryTrail()
    tools: tuple[ToolSpec[ToolContext], ...] = (TOOL, NEWER)
    gateway = Gateway(
        catalogue=Catalogue(tools=tools),
        audit=cast("AuditTrail", trail),
        limits=CallLimits(limits or LimitSettings()),
        acting_as=lambda _token: cast("Forge", None),
        gate_closed=lambda _caller: None,
        argument_digest_key=b"k" * 32,
        reaches=lambda wanted: version >= wanted,
    )
    return Door(gateway, trail)


def _fault(outcome: ToolOutcome) -> Fault:
    assert isinstance(outcome, Failure)
    return outcome.fault


async def test_the_record_names_tool_and_method() -> None:
    """In both records of a call, and the method in full among the arguments; words are a digest as ever."""
    door = _door()
    assert isinstance(await door.call({"method": "get", "owner": "acme", "words": CANARY}), Success)

    intent, outcome = door.records
    for record in (intent, outcome):
        assert ("thing_read", "get", "acme") == (record["tool"], record["method"], record["owner"])
        assert ("get", "acme") == (record["arguments"]["method"], record["arguments"]["owner"])
    assert CANARY not in str(door.records)
    assert {("thing_read.get", "success"): 1} == dict(door.gateway.statistics().calls_total)


@pytest.mark.parametrize(
    ("scopes", "seen"),
    [
        (("read:issue", "read:repository"), ["get", "diff", "logs"]),
        (("read:issue",), ["get", "logs"]),
        (("read:repository",), ["diff"]),
    ],
)
async def test_a_caller_sees_the_methods_that_its_scopes_open(scopes: tuple[str, ...], seen: list[str]) -> None:
    """And is told what would open another, as with a tool."""
    door, caller = _door(), _caller(*scopes)

    assert seen == door.methods(caller)
    for method in ("get", "diff", "logs"):
        outcome = await door.call({"method": method, "owner": "acme"}, caller)
        assert isinstance(outcome, Success) is (method in seen)
        if method not in seen:
            assert isinstance(_fault(outcome), InsufficientScope)
            assert f"thing_read.{method} needs" in _fault(outcome).message
            assert ("access_denied", method) == (door.records[-1]["event"], door.records[-1]["method"])
    assert door.gateway.directory.is_narrow_for(caller) is (len(seen) < 3)


async def test_without_any_scope_the_tool_is_not_there() -> None:
    """Its name is not listed, and a call without a method learns nothing about methods."""
    door, caller = _door(), _caller("read:user")

    assert () == door.gateway.directory.tools_for(caller)
    assert isinstance(_fault(await door.call({"method": "nonsense"}, caller)), InsufficientScope)


@pytest.mark.parametrize("raw", [{}, {"method": "nonsense"}, {"method": 7}])
async def test_a_wrong_method_is_told_those_that_the_caller_may_use(raw: JsonObject) -> None:
    """What it may not use is not named to it; nothing was asked of Gitea."""
    door = _door()
    fault = _fault(await door.call(raw, _caller("read:repository")))

    assert isinstance(fault, InvalidArgument)
    assert "diff" in fault.remedy
    assert "logs" not in fault.remedy
    assert ["tool_invocation"] == [record["event"] for record in door.records]


async def test_a_wrong_argument_carries_the_schema_of_its_method() -> None:
    """In the text that a model reads, behind the rule."""
    outcome = await _door().call({"method": "diff", "ownr": "acme"})

    fault = _fault(outcome)
    assert isinstance(fault, InvalidArgument)
    assert TOOL.methods[1].input_schema == fault.schema


async def test_what_this_gitea_cannot_do_is_not_there() -> None:
    """An older Gitea: neither the method nor the tool is listed, named or callable."""
    door = _door(version=(1, 25))

    assert ["get", "diff"] == door.methods(_caller())
    assert ["thing_read"] == [tool.name for tool in door.gateway.directory.tools_for(_caller())]
    assert ["thing_read"] == [tool.name for tool in door.gateway.directory.public_tools()]
    fault = _fault(await door.call({"method": "logs", "owner": "acme"}))
    assert isinstance(fault, InvalidArgument)
    assert "logs" not in fault.remedy
    assert isinstance(_fault(await door.call({"owner": "acme"}, tool="newer_thing")), UnknownTool)


@pytest.mark.parametrize(
    ("tools", "seen"),
    [(("thing_read",), ["get", "diff", "logs"]), (("thing_read.get",), ["get"]), (("thing_read.[dl]*",), [])],
)
async def test_a_key_reaches_a_tool_or_one_of_its_methods(tools: tuple[str, ...], seen: list[str]) -> None:
    """By the tool's name all of them, by the method's own one."""
    door, caller = _door(), _caller(bounds=KeyBounds(tools=tools))

    outcome = await door.call({"method": "diff", "owner": "acme"}, caller)
    if seen:
        assert seen == door.methods(caller)
    assert isinstance(outcome, Success) is ("diff" in seen or tools[0].endswith("*"))
    if isinstance(outcome, Failure):
        assert isinstance(outcome.fault, BeyondKey)
        assert "thing_read.diff" == outcome.fault.needs


async def test_a_method_counts_into_its_tools_limit_and_its_own() -> None:
    """A dear method can be bounded without the cheap ones."""
    limits = LimitSettings(tool_calls_per_minute={"thing_read": 3, "thing_read.diff": 1})
    door = _door(limits=limits)

    assert isinstance(await door.call({"method": "diff", "owner": "acme"}), Success)
    assert isinstance(_fault(await door.call({"method": "diff", "owner": "acme"})), RateLimited)
    assert isinstance(await door.call({"method": "get", "owner": "acme"}), Success)
    assert isinstance(await door.call({"method": "get", "owner": "acme"}), Success)
    assert isinstance(_fault(await door.call({"method": "get", "owner": "acme"})), RateLimited)


async def test_a_deadline_is_the_methods() -> None:
    """The longest of another method would keep a place at Gitea for nothing."""
    assert [5.0, 5.0, 5.0] == [method.timeout_s for method in TOOL.methods]
    outcome = await _door().call({"method": "get", "owner": "acme"})
    assert isinstance(outcome, Success)
    assert {"owner": "acme"} == performed(outcome.reply, CallKind.TOOL)["structuredContent"]
