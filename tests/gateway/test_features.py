"""The door for what is no tool: resources, prompts, completions, and calls that ask."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.gateway.directory import Directory
from aegis_trio.gateway.render import (
    MAX_RESOURCE_BYTES,
    rest_body,
)
from aegis_trio.gateway.running import ProgressNote
from aegis_trio.model.call import (
    MAX_REPLY_BYTES,
    CallKind,
    Failure,
    Pending,
    Success,
    ToolReply,
    ToolRequest,
    Transport,
)
from aegis_trio.model.errors import (
    AuditUnavailable,
    DeadlineExceeded,
    Fault,
    InsufficientScope,
    ReplyTooLarge,
    ResourceMissing,
    UnknownPrompt,
    UnknownTool,
)
from aegis_trio.model.features import Catalogue, PromptSpec, ResourceSpec
from aegis_trio.model.json import JsonObject
from aegis_trio.model.peer import SILENT_PEER, LogLevel, NeedsInput, Peer, Question
from aegis_trio.model.toolspec import ToolSpec
from aegis_trio.toolsets.context import ToolContext
from tests.transports.harness import make_caller
from tests.transports.real_door import make_door, operation

ASKED = {"k": Question("roots/list", {})}


async def _fine(_context: ToolContext) -> ToolReply:
    await trio.lowlevel.checkpoint()
    return ToolReply({"values": ["a"]}, content=({"uri": "u", "text": "t"},))


def closed(spec: ToolSpec[ToolContext]) -> ToolSpec[ToolContext]:
    """Return *spec* for those only who hold a scope that nobody has."""
    return replace(spec, scopes=frozenset({"write:moon"}))


def full_catalogue() -> Catalogue[ToolContext]:
    """Return one of everything, and one more that the caller may not use."""
    fixed, hidden = operation("read_fixed", _fine), closed(operation("read_hidden", _fine))
    return Catalogue(
        tools=(operation("get_file", _fine), closed(operation("hidden_tool", _fine))),
        resources=(
            ResourceSpec(definition={"uri": "u"}, is_template=False, matches=lambda uri: uri == "u", operation=fixed),
            ResourceSpec(definition={"uri": "h"}, is_template=False, matches=lambda uri: uri == "h", operation=hidden),
        ),
        prompts=(
            PromptSpec(definition={"name": "review"}, operation=operation("review", _fine)),
            PromptSpec(definition={"name": "hidden"}, operation=closed(operation("hidden", _fine))),
        ),
        completions={"owner": operation("complete_owner", _fine)},
        list_resources=operation("list_resources", _fine),
    )


def asked(kind: CallKind, name: str, peer: Peer = SILENT_PEER) -> ToolRequest:
    """Return a call of that kind."""
    return ToolRequest(tool=name, raw_arguments={}, transport=Transport.STREAMABLE_HTTP, kind=kind, peer=peer)


@pytest.mark.parametrize(
    ("kind", "name", "operation_name"),
    [
        (CallKind.TOOL, "get_file", "get_file"),
        (CallKind.RESOURCE, "u", "read_fixed"),
        (CallKind.PROMPT, "review", "review"),
        (CallKind.RESOURCE_LIST, "resources/list", "list_resources"),
        (CallKind.COMPLETION, "owner", "complete_owner"),
    ],
)
async def test_everything_takes_the_same_way_through_the_door(
    autojump_clock: MockClock, kind: CallKind, name: str, operation_name: str
) -> None:
    """Rights, limits and audit of a resource or a prompt are those of a tool, under its operation's name."""
    door = make_door(full_catalogue())
    outcome = await door.gateway.call(make_caller("ada"), asked(kind, name))

    assert isinstance(outcome, Success)
    assert ["tool_intent", "tool_invocation"] == [entry.event for entry in door.trail.entries]
    assert {operation_name} == {entry.fields["tool"] for entry in door.trail.entries}
    assert {(operation_name, "success"): 1} == dict(door.gateway.statistics().calls_total)


@pytest.mark.parametrize(
    ("kind", "reply"), [(CallKind.RESOURCE_LIST, {"resources": []}), (CallKind.COMPLETION, {"values": []})]
)
async def test_what_there_is_nothing_of_is_empty_and_leaves_no_record(
    autojump_clock: MockClock, kind: CallKind, reply: JsonObject
) -> None:
    """An empty list asks nobody, so there is nothing to prove."""
    door = make_door(Catalogue())
    outcome = await door.gateway.call(make_caller("ada"), asked(kind, "anything"))

    assert isinstance(outcome, Success)
    assert (reply, []) == (outcome.reply.structured, door.trail.entries)


@pytest.mark.parametrize(
    ("kind", "name", "fault", "hint"),
    [
        (CallKind.TOOL, "get_fil", UnknownTool, "get_file"),
        (CallKind.TOOL, "hidden_too", UnknownTool, "List the tools"),
        (CallKind.PROMPT, "revie", UnknownPrompt, "review"),
        (CallKind.PROMPT, "hiddem", UnknownPrompt, "List the prompts"),
        (CallKind.RESOURCE, "x", ResourceMissing, "resources/list"),
    ],
)
async def test_what_does_not_exist_is_refused_with_the_nearest_that_the_caller_may_use(
    autojump_clock: MockClock, kind: CallKind, name: str, fault: type[Fault], hint: str
) -> None:
    """A hint must not name what is hidden."""
    door = make_door(full_catalogue())
    outcome = await door.gateway.call(make_caller("ada"), asked(kind, name))

    assert isinstance(outcome, Failure)
    assert isinstance(outcome.fault, fault)
    assert hint in outcome.fault.remedy
    assert ["access_denied"] == [entry.event for entry in door.trail.entries]
    assert {("unknown", outcome.fault.code): 1} == dict(door.gateway.statistics().calls_total)


@pytest.mark.parametrize(
    ("kind", "name"), [(CallKind.TOOL, "hidden_tool"), (CallKind.RESOURCE, "h"), (CallKind.PROMPT, "hidden")]
)
async def test_what_is_hidden_is_refused_and_not_listed(autojump_clock: MockClock, kind: CallKind, name: str) -> None:
    """Whoever knows the name learns which scope is missing; whoever lists does not see it."""
    door = make_door(full_catalogue())
    outcome = await door.gateway.call(make_caller("ada"), asked(kind, name))
    directory = door.gateway.directory
    caller = make_caller("ada")

    assert isinstance(outcome, Failure)
    assert isinstance(outcome.fault, InsufficientScope)
    assert ["get_file"] == [spec.name for spec in directory.tools_for(caller)]
    assert ["u"] == [one.definition["uri"] for one in directory.resources_for(caller)]
    assert ["review"] == [one.operation.name for one in directory.prompts_for(caller)]
    assert 2 == len(directory.public_tools())
    assert directory.is_narrow_for(caller)


def test_a_completion_of_nothing_known_is_unknown() -> None:
    """Only tools, completions and lists are named as tools are."""
    directory = Directory(full_catalogue())

    assert directory.find(asked(CallKind.COMPLETION, "moon")) is None
    assert isinstance(directory.unknown(make_caller("ada"), asked(CallKind.COMPLETION, "moon")), UnknownTool)


# ---- calls that ask -------------------------------------------------------------------------------------------------


class _AskingPeer:
    """A peer that has no answer yet, and hears what is said."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    async def report(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        self.heard.append((progress, total, message))
        await trio.lowlevel.checkpoint()

    async def log(self, level: LogLevel, data: Any, logger: str | None = None) -> None:
        self.heard.append((level, data, logger))
        await trio.lowlevel.checkpoint()

    async def ask(self, questions: Any) -> Any:
        await trio.lowlevel.checkpoint()
        raise NeedsInput(questions)


async def test_a_call_that_needs_input_is_pending_and_recorded_as_such(autojump_clock: MockClock) -> None:
    """The intent has its outcome; the next round is a call of its own."""

    async def run(context: ToolContext) -> ToolReply:
        return ToolReply(dict(await context.peer.ask(ASKED)))

    door = make_door(Catalogue(tools=(operation("ask", run),)))
    outcome = await door.gateway.call(make_caller("ada"), asked(CallKind.TOOL, "ask", _AskingPeer()))

    assert isinstance(outcome, Pending)
    assert ASKED == outcome.questions
    assert ["input_required"] == [entry.fields["status"] for entry in door.trail.entries[1:]]
    assert {"success": False} == {name: value for name, value in rest_body(outcome).items() if name == "success"}


async def test_a_call_that_nobody_can_be_asked_for_fails_in_words(autojump_clock: MockClock) -> None:
    """Plain REST has nobody to ask."""

    async def run(context: ToolContext) -> ToolReply:
        await context.peer.report(1)
        await context.peer.log(LogLevel.INFO, "x")
        return ToolReply(dict(await context.peer.ask(ASKED)))

    door = make_door(Catalogue(tools=(operation("ask", run),)))
    outcome = await door.gateway.call(make_caller("ada"), asked(CallKind.TOOL, "ask"))

    assert isinstance(outcome, Failure)
    assert "not_answered" == outcome.fault.code


@pytest.mark.parametrize(
    ("report", "words"), [((3, 4, "reading"), " (reading)"), ((3, 4), " (at 3 of 4)"), ((3,), " (at 3)"), (None, "")]
)
async def test_a_call_that_its_deadline_ended_says_how_far_it_was(
    autojump_clock: MockClock, report: Any, words: str
) -> None:
    """The model can ask for less, and the client heard the same."""
    peer = _AskingPeer()

    async def run(context: ToolContext) -> ToolReply:
        if report is not None:
            await context.peer.report(*report)
        await context.peer.log(LogLevel.INFO, "slow")
        await trio.sleep(100)
        raise AssertionError

    door = make_door(Catalogue(tools=(operation("slow", run, timeout_s=3),)))
    outcome = await door.gateway.call(make_caller("ada"), asked(CallKind.TOOL, "slow", peer))

    assert isinstance(outcome, Failure)
    assert isinstance(outcome.fault, DeadlineExceeded)
    assert f"after 3 seconds{words};" in outcome.fault.message
    assert (LogLevel.INFO, "slow", None) == peer.heard[-1]
    assert "" == ProgressNote(peer).words()


@pytest.mark.parametrize(("kind", "bound"), [(CallKind.TOOL, MAX_REPLY_BYTES), (CallKind.RESOURCE, MAX_RESOURCE_BYTES)])
async def test_a_result_has_the_bound_of_its_kind(autojump_clock: MockClock, kind: CallKind, bound: int) -> None:
    """A resource goes to an application and not into a model's context; neither is cut silently."""
    size = 0

    async def run(_context: ToolContext) -> ToolReply:
        await trio.lowlevel.checkpoint()
        return ToolReply(content=({"text": "x" * size},))

    spec = ResourceSpec(
        definition={"uri": "u"}, is_template=False, matches=lambda uri: uri == "u", operation=operation("r", run)
    )
    door = make_door(Catalogue(tools=(operation("u", run),), resources=(spec,)))
    size = bound - 1000
    within = await door.gateway.call(make_caller("ada"), asked(kind, "u"))
    size = bound
    beyond = await door.gateway.call(make_caller("ada"), asked(kind, "u"))

    assert isinstance(within, Success)
    assert isinstance(beyond, Failure)
    assert isinstance(beyond.fault, ReplyTooLarge)


async def test_a_refusal_of_an_unknown_thing_that_cannot_be_recorded_says_so(autojump_clock: MockClock) -> None:
    """The record comes first, also of what is refused."""
    door = make_door(full_catalogue())
    door.trail.broken = True
    outcome = await door.gateway.call(make_caller("ada"), asked(CallKind.RESOURCE, "x"))

    assert isinstance(outcome, Failure)
    assert isinstance(outcome.fault, AuditUnavailable)
