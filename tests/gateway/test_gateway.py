"""The one door: order, records, limits, deadlines, and what never leaves."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
import trio
import trio.testing

from aegis_trio.audit.entry import AuditEntry
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.trail import AuditTrail, open_audit_trail
from aegis_trio.gateway.gateway import Gateway
from aegis_trio.gitea.request import AnswerT, Forge, ForgeRequest
from aegis_trio.limits.calls import CallLimits
from aegis_trio.limits.settings import LimitSettings
from aegis_trio.model.call import Failure, Success, ToolOutcome, ToolReply, ToolRequest, Transport
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import AuditUnavailable, Fault, InsufficientScope, InvalidArgument, NotFound, NotReady
from aegis_trio.model.features import Catalogue
from aegis_trio.model.identity import DEFAULT_INSTANCE, Caller, Origin, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.json import JsonObject
from aegis_trio.model.secret import Secret
from aegis_trio.model.toolspec import CostClass, PreparedCall, Risk, Toolset, ToolSpec
from aegis_trio.toolsets.context import ToolContext

CANARY = "canary-text-5d1f"
Handler = Callable[[ToolContext], Awaitable[ToolReply]]


class _NoForge:
    async def ask(self, request: ForgeRequest[AnswerT]) -> AnswerT:
        raise AssertionError("no tool of these tests asks the forge")


def _caller(*scopes: str, name: str = "key:1") -> Caller:
    principal = Principal(
        id=PrincipalId(name),
        kind=PrincipalKind.API_KEY,
        instance=DEFAULT_INSTANCE,
        scopes=frozenset(scopes),
        key_hint="a1b2c3d4...e1f2",
    )
    return Caller(principal=principal, gitea_token=Secret("gitea-token"), origin=Origin(address="192.0.2.1"))


def _tool(handler: Handler, *, name: str = "read_it", timeout_s: float = 5.0) -> ToolSpec[ToolContext]:
    def prepare(raw_arguments: JsonObject) -> PreparedCall[ToolContext]:
        if "owner" not in raw_arguments:
            raise InvalidArgument("owner", "is missing", "Give the owner.")
        return PreparedCall({"owner": str(raw_arguments["owner"])}, handler)

    return ToolSpec(
        name=name,
        title="Read it",
        description="Reads it.",
        toolset=Toolset.SERVER,
        risk=Risk.READ,
        cost=CostClass.CHEAP,
        timeout_s=timeout_s,
        scopes=frozenset({"read:repository"}),
        gitea_scopes=frozenset(),
        input_schema={"type": "object"},
        example={"owner": "acme"},
        prepare=prepare,
        idempotent=True,
        open_world=False,
    )


async def _fine(context: ToolContext) -> ToolReply:
    return ToolReply({"seen": context.principal.id})


@dataclass
class Door:
    """A gateway with its trail, and what the trail holds."""

    gateway: Gateway
    trail: AuditTrail
    path: Path
    closed: list[Fault] = field(default_factory=list)

    def records(self, event: str | None = None) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.path.read_text().splitlines()]
        return [line for line in lines if event is None or line["event"] == event]

    async def call(
        self, arguments: JsonObject | None = None, tool: str = "read_it", caller: Caller | None = None
    ) -> ToolOutcome:
        raw = {"owner": "acme", "text": CANARY} if arguments is None else arguments
        request = ToolRequest(tool=tool, raw_arguments=raw, transport=Transport.REST)
        return await self.gateway.call(caller or _caller("read:repository"), request)


@pytest.fixture
def open_door(tmp_path: Path) -> Callable[..., Any]:
    """Open a gateway over a real trail."""

    @asynccontextmanager
    async def opened(*tools: ToolSpec[ToolContext], limits: LimitSettings | None = None) -> AsyncIterator[Door]:
        path = tmp_path / "audit.log"
        async with open_audit_trail(AuditSettings(path=path), clock=SetClock(0)) as trail:
            closed: list[Fault] = []
            gateway = Gateway(
                catalogue=Catalogue(tools=tools or (_tool(_fine),)),
                audit=trail,
                limits=CallLimits(limits or LimitSettings()),
                acting_as=lambda _token: cast("Forge", _NoForge()),
                gate_closed=lambda _caller: closed[0] if closed else None,
                argument_digest_key=b"k" * 32,
            )
            yield Door(gateway, trail, path, closed)

    return opened


@pytest.mark.requirement("MCP-TOOL-10")
async def test_a_call_leaves_an_intent_and_an_outcome(open_door: Callable[..., Any]) -> None:
    """Promise 2: what happened can be proved, in order, with the arguments that name a place in full."""
    async with open_door() as door:
        outcome = await door.call()
        assert isinstance(outcome, Success)
        assert {"seen": "key:1"} == outcome.reply.structured
        intent, invocation = door.records("tool_intent") + door.records("tool_invocation")
    assert (intent["correlation_id"], intent["seq"]) == (invocation["correlation_id"], invocation["intent_seq"])
    assert ("acme", "success", "ok") == (invocation["owner"], invocation["result"], invocation["status"])
    assert CANARY not in door.path.read_text()
    assert len(CANARY) == invocation["arguments"]["text"]["length"]


async def test_the_intent_is_durable_before_the_tool_runs(open_door: Callable[..., Any]) -> None:
    """No request reaches the forge unrecorded."""
    seen: list[str] = []
    doors: list[Door] = []

    async def look(_context: ToolContext) -> ToolReply:
        seen.extend(record["event"] for record in doors[0].records())
        return ToolReply({})

    async with open_door(_tool(look)) as door:
        doors.append(door)
        await door.call()
    assert "tool_intent" == seen[-1]


async def test_a_trail_that_cannot_be_written_refuses_the_call(
    open_door: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 2: no record, no effect."""
    ran: list[bool] = []

    async def run(_context: ToolContext) -> ToolReply:
        ran.append(True)
        return ToolReply({})

    async def refuse(_self: AuditTrail, _entry: object) -> int:
        raise AuditUnavailable("disk full")

    async with open_door(_tool(run)) as door:
        with monkeypatch.context() as patch:
            patch.setattr(AuditTrail, "append", refuse)
            outcome = await door.call()
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.fault, AuditUnavailable)
    assert [] == ran


async def test_an_outcome_that_cannot_be_written_withholds_the_answer(
    open_door: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer whose record is missing would be an effect nobody can prove."""
    doors: list[Door] = []

    async def refuse(_self: AuditTrail, _entry: object) -> int:
        raise AuditUnavailable("disk full")

    async def run(_context: ToolContext) -> ToolReply:
        monkeypatch.setattr(AuditTrail, "append", refuse)
        return ToolReply({"secret": True})

    async with open_door(_tool(run)) as door:
        doors.append(door)
        outcome = await door.call()
        monkeypatch.undo()
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.fault, AuditUnavailable)


async def test_a_refusal_that_cannot_be_recorded_is_the_answer(
    open_door: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Denials are evidence too."""

    def refuse(_self: AuditTrail, _entry: object) -> None:
        raise AuditUnavailable("disk full")

    async with open_door() as door:
        with monkeypatch.context() as patch:
            patch.setattr(AuditTrail, "append_nowait", refuse)
            outcome = await door.call(tool="nothing")
    assert isinstance(outcome, Failure)
    assert "audit_unavailable" == outcome.fault.code


@pytest.mark.requirement("MCP-TOOL-10")
@pytest.mark.parametrize(
    ("arguments", "tool", "scopes", "code"),
    [
        ({"owner": "a"}, "no_such_tool", ("read:repository",), "unknown_tool"),
        ({"owner": "a"}, "read_it", (), "insufficient_scope"),
        ({"text": CANARY}, "read_it", ("read:repository",), "invalid_argument"),
    ],
)
async def test_every_refusal_is_recorded_with_its_reason(
    open_door: Callable[..., Any], arguments: JsonObject, tool: str, scopes: tuple[str, ...], code: str
) -> None:
    """Nothing is refused in silence, and nothing of the caller's text is written."""
    async with open_door() as door:
        outcome = await door.call(arguments, tool, _caller(*scopes))
        assert isinstance(outcome, Failure)
        assert code == outcome.fault.code
    assert [] == door.records("tool_intent")
    record = door.records()[-1]
    assert code in (record.get("reason"), record.get("status"))
    assert CANARY not in door.path.read_text()


@pytest.mark.requirement("MCP-TOOL-08")
async def test_a_wrong_argument_comes_with_an_example(open_door: Callable[..., Any]) -> None:
    """The model must do better next time."""
    async with open_door() as door:
        outcome = await door.call({})
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.fault, InvalidArgument)
    assert {"owner": "acme"} == outcome.fault.example


async def test_a_closed_gate_refuses_before_anything_is_counted(open_door: Callable[..., Any]) -> None:
    """While Gitea cannot be asked, calls are refused."""
    async with open_door() as door:
        door.closed.append(NotReady("Gitea cannot be asked."))
        outcome = await door.call()
    assert isinstance(outcome, Failure)
    assert "not_ready" == outcome.fault.code


@pytest.mark.requirement("MCP-TOOL-10")
async def test_one_call_too_many_at_once_is_refused(open_door: Callable[..., Any]) -> None:
    """A noisy caller hurts itself."""
    release = trio.Event()

    async def wait(_context: ToolContext) -> ToolReply:
        await release.wait()
        return ToolReply({})

    limits = LimitSettings(max_concurrent_calls=1)
    async with open_door(_tool(wait), limits=limits) as door, trio.open_nursery() as nursery:
        nursery.start_soon(door.call)
        with trio.fail_after(30):
            while not door.records("tool_intent"):  # noqa: ASYNC110 -- the trail's thread rings no bell here
                await trio.lowlevel.checkpoint()
        assert 1 == door.gateway.statistics().calls_running
        second = await door.call()
        stranger = await door.call(tool="nothing", caller=_caller("read:repository", name="key:2"))
        release.set()
    assert isinstance(second, Failure)
    assert "rate_limited" == second.fault.code
    assert isinstance(stranger, Failure)
    assert "unknown_tool" == stranger.fault.code


@pytest.mark.requirement("MCP-TOOL-15")
async def test_a_deadline_ends_the_call_and_says_after_how_long(open_door: Callable[..., Any]) -> None:
    """A call cannot hang; the answer names the seconds."""

    async def hang(_context: ToolContext) -> ToolReply:
        await trio.sleep_forever()
        raise AssertionError

    async with open_door(_tool(hang, timeout_s=0.01)) as door:
        outcome = await door.call()
    assert isinstance(outcome, Failure)
    assert "deadline_exceeded" == outcome.fault.code
    assert "0.01 seconds" in outcome.fault.message
    assert "deadline_exceeded" == door.records("tool_invocation")[0]["status"]


async def test_a_cancelled_call_has_its_outcome_too(open_door: Callable[..., Any]) -> None:
    """Promise 5: hanging up stops the work, and that is recorded."""
    running = trio.Event()

    async def hang(_context: ToolContext) -> ToolReply:
        running.set()
        await trio.sleep_forever()
        raise AssertionError

    async with open_door(_tool(hang)) as door, trio.open_nursery() as nursery:
        nursery.start_soon(door.call)
        await running.wait()
        nursery.cancel_scope.cancel()
    assert ["cancelled"] == [record["status"] for record in door.records("tool_invocation")]
    assert 0 == door.gateway.statistics().calls_running


async def test_a_call_that_is_cancelled_while_its_intent_is_written_has_its_outcome_too(
    open_door: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever hangs up in the milliseconds of the disk leaves no intent behind that nobody can explain."""
    ran: list[bool] = []
    waiting, release = trio.Event(), trio.Event()
    append = AuditTrail.append

    async def slow(self: AuditTrail, entry: AuditEntry) -> int:
        if entry.event == "tool_intent":
            waiting.set()
            await release.wait()
        return await append(self, entry)

    async def run(_context: ToolContext) -> ToolReply:
        ran.append(True)
        return ToolReply({})

    monkeypatch.setattr(AuditTrail, "append", slow)
    async with open_door(_tool(run)) as door, trio.open_nursery() as nursery:
        nursery.start_soon(door.call)
        await waiting.wait()
        nursery.cancel_scope.cancel()
        release.set()
    assert ["tool_intent", "tool_invocation"] == [record["event"] for record in door.records()]
    assert "cancelled" == door.records("tool_invocation")[0]["status"]
    assert [] == ran


async def test_a_fault_of_the_tool_is_the_outcome(open_door: Callable[..., Any]) -> None:
    """What Gitea does not show is not found, and recorded as an error."""

    async def missing(_context: ToolContext) -> ToolReply:
        raise NotFound("There is no such repository, or you may not see it.")

    async with open_door(_tool(missing)) as door:
        outcome = await door.call()
    assert isinstance(outcome, Failure)
    assert "not_found" == outcome.fault.code
    assert ("error", "not_found") == tuple(door.records("tool_invocation")[0][name] for name in ("result", "status"))


@pytest.mark.requirement("MCP-ERR-11")
async def test_a_bug_in_a_tool_shows_an_incident_only(open_door: Callable[..., Any]) -> None:
    """Its words stay in the log."""

    async def broken(_context: ToolContext) -> ToolReply:
        raise ZeroDivisionError("inner detail")

    async with open_door(_tool(broken)) as door:
        with structlog.testing.capture_logs() as logged:
            outcome = await door.call()
    assert isinstance(outcome, Failure)
    assert "internal" == outcome.fault.code
    assert "inner detail" not in str(outcome.fault)
    assert logged[0]["incident"] in str(outcome.fault)


@pytest.mark.requirement("MCP-TOOL-16")
async def test_blocks_above_the_bound_are_a_fault_and_never_cut(open_door: Callable[..., Any]) -> None:
    """Promise 6: nothing is cut silently; what is no JSON cannot be kept and read on (test_keeping.py)."""

    async def huge(_context: ToolContext) -> ToolReply:
        return ToolReply({}, ({"type": "text", "text": "x" * 60_000},))

    async with open_door(_tool(huge)) as door:
        outcome = await door.call()
    assert isinstance(outcome, Failure)
    assert "reply_too_large" == outcome.fault.code


@pytest.mark.requirement("MCP-TOOL-02")
async def test_only_open_tools_are_listed(open_door: Callable[..., Any]) -> None:
    """A tool that a credential does not reach is not shown to it."""
    async with open_door() as door:
        assert ["read_it"] == [spec.name for spec in door.gateway.directory.tools_for(_caller("read:repository"))]
        assert () == door.gateway.directory.tools_for(_caller())
        assert ["read_it"] == [spec.name for spec in door.gateway.directory.public_tools()]


async def test_a_tool_is_found_by_name_only_for_whom_it_is_listed(open_door: Callable[..., Any]) -> None:
    """The two ways of asking for a caller's tools must never differ."""
    async with open_door() as door:
        directory = door.gateway.directory
        assert directory.tools_for(_caller("read:repository")) == (
            directory.tool_for(_caller("read:repository"), "read_it"),
        )
        assert directory.tool_for(_caller(), "read_it") is None
        assert directory.tool_for(_caller("read:repository"), "read_itt") is None


async def test_a_misspelled_tool_is_answered_with_the_nearest_that_the_caller_may_use(
    open_door: Callable[..., Any],
) -> None:
    """A model mends a name it can see; a tool that is closed to it is not betrayed."""
    async with open_door() as door:
        near = await door.call(tool="read_itt")
        closed = await door.call(tool="read_itt", caller=_caller())
    assert isinstance(near, Failure)
    assert isinstance(closed, Failure)
    assert "Did you mean read_it?" == near.fault.remedy
    assert "read_it" not in str(closed.fault)


async def test_calls_are_counted_by_tool_and_result(open_door: Callable[..., Any]) -> None:
    """Labels stay bounded: a name that a stranger made up is `unknown`."""
    async with open_door() as door:
        await door.call()
        await door.call(tool="x" * 1000)
        counted = door.gateway.statistics().calls_total
    assert {("read_it", "success"): 1, ("unknown", "unknown_tool"): 1} == dict(counted)


async def test_two_tools_of_one_name_are_our_mistake(open_door: Callable[..., Any]) -> None:
    """The catalogue would be ambiguous."""
    with pytest.raises(ValueError, match="two of one name"):
        async with open_door(_tool(_fine), _tool(_fine)):
            pass


def _asked(tool: str) -> ToolRequest:
    return ToolRequest(tool=tool, raw_arguments={"text": CANARY}, transport=Transport.STREAMABLE_HTTP)


async def test_what_lacks_a_scope_is_refused_recorded_and_counted_before_it_begins(
    open_door: Callable[..., Any],
) -> None:
    """A transport that can answer with a status asks first; the attempt leaves the same traces as a call."""
    async with open_door() as door:
        asked = _asked("read_it")
        refused = door.gateway.screen(_caller("read:user"), [asked])
        assert refused is not None
        fault = refused.fault
        assert isinstance(fault, InsufficientScope)
        assert (("read:repository",), ("read:repository", "read:user")) == (fault.scopes, fault.wanted)
        assert asked.correlation_id == refused.correlation_id
        assert {("read_it", "insufficient_scope"): 1} == dict(door.gateway.statistics().calls_total)
    [record] = door.records("access_denied")
    assert ("insufficient_scope", "read_it", asked.correlation_id) == (
        record["reason"],
        record["tool"],
        record["correlation_id"],
    )
    assert [] == door.records("tool_intent")
    assert CANARY not in door.path.read_text()


async def test_what_no_scope_prevents_passes_the_screen_without_a_trace(open_door: Callable[..., Any]) -> None:
    """It permits nothing: an unknown tool, or one that no scope opens, is refused by the call itself."""
    writing = replace(_tool(_fine, name="write_it"), risk=Risk.WRITE, scopes=frozenset({"write:repository"}))
    async with open_door(_tool(_fine), writing) as door:
        asked = [_asked("read_it"), _asked("no_such_tool"), _asked("write_it")]
        assert door.gateway.screen(_caller("read:repository"), asked) is None
        assert door.gateway.screen(_caller(), []) is None
        assert {} == dict(door.gateway.statistics().calls_total)
    assert [] == door.records("access_denied")


async def test_a_batch_asks_for_everything_at_once(open_door: Callable[..., Any]) -> None:
    """A client that is told of one scope after the other would send its person to the consent page each time."""
    other = replace(_tool(_fine, name="read_user"), scopes=frozenset({"read:user"}))
    async with open_door(_tool(_fine), other) as door:
        refused = door.gateway.screen(_caller("read:issue"), [_asked("read_it"), _asked("read_user")])
        assert refused is not None
        assert isinstance(refused.fault, InsufficientScope)
        assert ("read:repository", "read:user") == refused.fault.scopes
        assert ("read:issue", "read:repository", "read:user") == refused.fault.wanted
    assert ["read_it", "read_user"] == [record["tool"] for record in door.records("access_denied")]


async def test_a_screening_that_cannot_be_recorded_refuses_for_that(
    open_door: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Denials are evidence too, and nothing goes on without."""

    def refuse(_self: AuditTrail, _entry: object) -> None:
        raise AuditUnavailable("disk full")

    async with open_door() as door:
        with monkeypatch.context() as patch:
            patch.setattr(AuditTrail, "append_nowait", refuse)
            refused = door.gateway.screen(_caller(), [_asked("read_it"), _asked("read_it")])
    assert refused is not None
    assert isinstance(refused.fault, AuditUnavailable)
