"""Kept replies: nothing is cut silently, everything can be read on by its owner, and by nobody else."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from aegis_trio.audit.trail import AuditTrail
from aegis_trio.gateway.gateway import Gateway
from aegis_trio.gateway.keeping import KeptReplies
from aegis_trio.gateway.render import fits, rendered_bytes
from aegis_trio.gitea.request import Forge
from aegis_trio.limits.calls import CallLimits
from aegis_trio.limits.settings import LimitSettings
from aegis_trio.model.bounds import UNBOUNDED, KeyBounds
from aegis_trio.model.call import (
    MAX_REPLY_BYTES,
    CallKind,
    Failure,
    Success,
    ToolOutcome,
    ToolReply,
    ToolRequest,
    Transport,
)
from aegis_trio.model.errors import BeyondKey, Fault, InsufficientScope, InvalidArgument, ReplyTooLarge, ResultGone
from aegis_trio.model.features import Catalogue
from aegis_trio.model.identity import DEFAULT_INSTANCE, Caller, Origin, OwnerId, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.json import JsonObject
from aegis_trio.model.kept import KEPT_FOR_S
from aegis_trio.model.secret import Secret
from aegis_trio.model.toolspec import CostClass, PreparedCall, Risk, Toolset, ToolSpec
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.results.continue_result import CONTINUE_RESULT
from tests.transports.real_door import MemoryTrail

LINES = "".join(f"line {number} of the diff\n" for number in range(1, 20_001))


def _tool(document: JsonObject) -> ToolSpec[ToolContext]:
    async def handler(_context: ToolContext) -> ToolReply:
        await trio.lowlevel.checkpoint()
        return ToolReply(document)

    def prepare(raw_arguments: JsonObject) -> PreparedCall[ToolContext]:
        return PreparedCall({"owner": "acme", "repo": "backend"}, handler)

    return ToolSpec(
        name="read_it", title="Read it", description="Reads it.", toolset=Toolset.FILES, risk=Risk.READ,
        cost=CostClass.CHEAP, timeout_s=5.0, scopes=frozenset({"read:repository"}), gitea_scopes=frozenset(),
        input_schema={"type": "object"}, example={}, prepare=prepare, idempotent=True, open_world=False,
        audit_fields=("owner", "repo"),
    )  # fmt: skip


def caller(name: str = "key:1", *, scopes: frozenset[str] | None = None, bounds: KeyBounds = UNBOUNDED) -> Caller:
    """Return somebody who calls with a key."""
    principal = Principal(
        id=PrincipalId(name),
        kind=PrincipalKind.API_KEY,
        instance=DEFAULT_INSTANCE,
        scopes=frozenset({"read:repository"}) if scopes is None else scopes,
        bounds=bounds,
    )
    return Caller(principal=principal, gitea_token=Secret("t" * 40), origin=Origin(address="192.0.2.1"))


@dataclass
class Door:
    """A gateway that serves one tool with one long reply, and reading on."""

    gateway: Gateway
    trail: MemoryTrail
    kept: KeptReplies

    async def call(self, tool: str, arguments: Any, who: Caller | None = None) -> ToolOutcome:
        request = ToolRequest(tool=tool, raw_arguments=arguments, transport=Transport.REST)
        return await self.gateway.call(who or caller(), request)

    async def read(self, tool: str = "read_it", arguments: Any = None, who: Caller | None = None) -> Any:
        """Return the reply of a call that succeeds and stays within the bound."""
        outcome = await self.call(tool, arguments or {}, who)
        assert isinstance(outcome, Success), outcome
        assert outcome.reply.structured is not None
        assert fits(outcome.reply.structured)
        return outcome.reply.structured

    async def go_on(self, arguments: Any, who: Caller | None = None) -> Any:
        """Return what `continue_result` replies."""
        return await self.read("continue_result", arguments, who)

    async def fault(self, arguments: Any, who: Caller | None = None) -> Fault:
        """Return why `continue_result` is refused."""
        outcome = await self.call("continue_result", arguments, who)
        assert isinstance(outcome, Failure), outcome
        return outcome.fault

    async def rest(self, beginning: Any) -> str:
        """Return everything behind *beginning*, by following `next`."""
        following, text = beginning["continued"]["arguments"], ""
        while following is not None:
            part = await self.go_on(following)
            assert part["has_next"] is (part["next"] is not None)
            text, following = text + part["text"], part["next"]
        return text


def _door(document: JsonObject, max_bytes: int = 64_000_000) -> Door:
    trail, kept = MemoryTrail(), KeptReplies(max_bytes)
    gateway = Gateway(
        catalogue=Catalogue(tools=(_tool(document), CONTINUE_RESULT)),
        audit=cast("AuditTrail", trail),
        limits=CallLimits(LimitSettings(calls_per_minute=0)),
        acting_as=lambda _token: cast("Forge", None),
        gate_closed=lambda _caller: None,
        argument_digest_key=b"k" * 32,
        kept=kept,
    )
    return Door(gateway, trail, kept)


async def test_a_short_reply_is_as_it_is() -> None:
    """And nothing of it is kept."""
    door = _door({"body": "short"})

    assert {"body": "short"} == await door.read()
    assert 0 == door.kept.statistics().replies


async def test_the_longest_text_is_cut_and_the_rest_stands_whole() -> None:
    """A diff is read as a diff, not as JSON in JSON."""
    door = _door({"number": 7, "files": ["a", "b"], "diff": LINES})
    beginning = await door.read()

    continued = beginning["continued"]
    assert (7, ["a", "b"]) == (beginning["number"], beginning["files"])
    assert LINES.startswith(beginning["diff"])
    assert beginning["diff"].endswith("\n")
    assert rendered_bytes(ToolReply(beginning), CallKind.TOOL) > MAX_REPLY_BYTES * 0.9
    assert ("continue_result", "/diff", len(LINES), 20_000, 15) == (
        *(continued[name] for name in ("tool", "field", "characters", "lines", "minutes")),
    )
    assert LINES == beginning["diff"] + await door.rest(beginning)


@pytest.mark.requirement("MCP-TOOL-16")
@settings(deadline=None, max_examples=25)
@given(
    entries=st.lists(st.text(min_size=1, max_size=30) | st.integers(), max_size=20),
    unit=st.sampled_from(["x", "é", "🦊", '"', "\\", "\n", "ab\n", "\x01"]),
    times=st.integers(0, 60_000),
)
def test_following_the_continuations_gives_back_the_whole(entries: list[Any], unit: str, times: int) -> None:
    """Property: byte for byte, whether one text is long or many things are."""
    spread = [f"{entry}{unit * (times // 200)}" for entry in entries * 10]
    for document in ({"entries": entries, "text": unit * times}, {"entries": [*spread]}):

        async def main(document: Any = document) -> None:
            door = _door(document)
            beginning = await door.read()
            if "continued" not in beginning:
                assert document == beginning
                return
            field = beginning["continued"]["field"]
            if field == "/text":
                text = beginning["text"] + await door.rest(beginning)
                assert document["text"].encode() == text.encode()
                assert {name: value for name, value in beginning.items() if name not in {"text", "continued"}} == {
                    name: value for name, value in document.items() if name != "text"
                }
            elif field == "":
                text = beginning["part"] + await door.rest(beginning)
                assert json.dumps(document, ensure_ascii=False, separators=(",", ":")) == text
            else:
                index = int(field.removeprefix("/entries/"))
                text = beginning["entries"][index] + await door.rest(beginning)
                assert document["entries"][index] == text

        trio.run(main)


async def test_lines_words_and_pointers_find_their_way() -> None:
    """Without reading what lies between."""
    door = _door({"number": 7, "files": [{"name": "a~b/c"}], "diff": LINES})
    handle = (await door.read())["continued"]["arguments"]["handle"]

    lines = await door.go_on({"handle": handle, "start_line": 10_000, "end_line": 10_001})
    assert ("line 10000 of the diff\nline 10001 of the diff\n", False) == (lines["text"], lines["has_next"])
    found = await door.go_on({"handle": handle, "find": "line 1999"})
    assert (11, False, 1999) == (found["total"], found["has_next"], found["found"][0]["line"])
    assert "line 1999 of the diff" == found["found"][0]["text"]
    behind = await door.go_on({"handle": handle, "offset": found["found"][-1]["offset"], "end_line": 19_999})
    assert "line 19999 of the diff\n" == behind["text"]
    assert "a~b/c" == (await door.go_on({"handle": handle, "pointer": "/files/0/name"}))["text"]
    assert '[{"name":"a~b/c"}]' == (await door.go_on({"handle": handle, "pointer": "/files"}))["text"]


async def test_a_range_longer_than_a_reply_goes_on_to_its_end() -> None:
    """`next` keeps the end, and the pointer."""
    door = _door({"diff": LINES})
    handle = (await door.read())["continued"]["arguments"]["handle"]
    following: Any = {"handle": handle, "pointer": "/diff", "start_line": 2, "end_line": 9_000}
    text = ""
    while following is not None:
        part = await door.go_on(following)
        text, following = text + part["text"], part["next"]

    assert "".join(LINES.splitlines(keepends=True)[1:9000]) == text


async def test_many_finds_come_in_pages() -> None:
    """Each hit once, the total first."""
    door = _door({"diff": LINES})
    handle = (await door.read())["continued"]["arguments"]["handle"]
    following: Any = {"handle": handle, "find": "00 of"}
    lines: list[int] = []
    totals: list[int] = []
    while following is not None:
        page = await door.go_on(following)
        lines += [one["line"] for one in page["found"]]
        totals.append(page["total"])
        following = page["next"]

    assert [100 * number for number in range(1, 201)] == lines
    assert [200, 150, 100, 50] == totals


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"offset": 10**7}, "offset"),
        ({"offset": 1, "start_line": 1}, "offset"),
        ({"start_line": 20_001}, "start_line"),
        ({"start_line": 5, "end_line": 4}, "end_line"),
        ({"find": "x", "end_line": 4}, "end_line"),
        ({"offset": 1000, "end_line": 1}, "end_line"),
        ({"pointer": "/nothing"}, "pointer"),
    ],
)
async def test_a_wrong_place_is_answered_with_the_bounds(arguments: Any, field: str) -> None:
    """As with every argument."""
    door = _door({"diff": LINES})
    handle = (await door.read())["continued"]["arguments"]["handle"]
    fault = await door.fault({"handle": handle} | arguments)

    assert isinstance(fault, InvalidArgument)
    assert field == fault.field
    assert fault.remedy


async def test_a_handle_opens_for_its_owner_alone() -> None:
    """To another caller it is as one that never was; their handles differ."""
    door = _door({"diff": LINES})
    first = (await door.read())["continued"]["arguments"]
    second = (await door.read(who=caller("key:2")))["continued"]["arguments"]

    assert first["handle"] != second["handle"]
    assert len(first["handle"]) == 32
    stolen = await door.fault(first, caller("key:2"))
    unknown = await door.fault({"handle": "x" * 32}, caller("key:2"))
    assert isinstance(stolen, ResultGone)
    assert str(unknown) == str(stolen)
    assert (await door.go_on(second, caller("key:2")))["text"]


async def test_reading_on_is_decided_as_the_call_that_made_the_reply() -> None:
    """A scope or a repository that was lost since closes it; the record names the place."""
    door = _door({"diff": LINES})
    arguments = (await door.read())["continued"]["arguments"]

    assert isinstance(await door.fault(arguments, caller(scopes=frozenset())), InsufficientScope)
    bounds = KeyBounds(repositories=("acme/other",))
    assert isinstance(await door.fault(arguments, caller(bounds=bounds)), BeyondKey)
    await door.go_on(arguments)
    intent = [entry.fields for entry in door.trail.entries if entry.event == "tool_intent"][-1]
    assert ("continue_result", "acme", "backend") == (intent["tool"], intent["owner"], intent["repo"])
    assert arguments["handle"] not in str(door.trail.entries)
    assert [] == door.trail.open_intents()


async def test_after_its_time_it_is_gone(autojump_clock: trio.testing.MockClock) -> None:
    """And no byte of it stays."""
    door = _door({"diff": LINES})
    arguments = (await door.read())["continued"]["arguments"]
    await trio.sleep(KEPT_FOR_S - 60)
    await door.go_on(arguments)
    await trio.sleep(61)

    assert isinstance(await door.fault(arguments), ResultGone)
    assert (0, 0) == (door.kept.statistics().replies, door.kept.statistics().bytes)


async def test_the_end_of_access_ends_what_is_kept() -> None:
    """Of that owner alone."""
    door = _door({"diff": LINES})
    first = (await door.read())["continued"]["arguments"]
    second = (await door.read(who=caller("key:2")))["continued"]["arguments"]
    assert {OwnerId("key:1"), OwnerId("key:2")} == door.kept.owners()
    door.kept.forget(frozenset({OwnerId("key:1")}))

    assert isinstance(await door.fault(first), ResultGone)
    assert (await door.go_on(second, caller("key:2")))["text"]
    assert {OwnerId("key:2")} == door.kept.owners()


async def test_an_owner_makes_room_for_itself_first() -> None:
    """Its own oldest goes; a stranger's stays."""
    size = len(LINES)
    door = _door({"diff": LINES}, max_bytes=size * 10)  # an owner may have two and a half
    strange = (await door.read(who=caller("key:2")))["continued"]["arguments"]
    handles = [(await door.read())["continued"]["arguments"] for _ in range(4)]

    assert [ResultGone, ResultGone] == [type(await door.fault(one)) for one in handles[:2]]
    for arguments, who in ((handles[2], caller()), (handles[3], caller()), (strange, caller("key:2"))):
        assert (await door.go_on(arguments, who))["text"]
    statistics = door.kept.statistics()
    assert (3, 5, 2) == (statistics.replies, statistics.kept_total, statistics.evicted_total)
    assert statistics.bytes < size * 10


async def test_the_bound_in_all_holds_for_any_number_of_owners() -> None:
    """The oldest of all makes room."""
    size = len(LINES)
    door = _door({"diff": LINES}, max_bytes=size * 9)
    for number in range(12):
        await door.read(who=caller(f"key:{number}"))
        assert door.kept.statistics().bytes <= size * 9

    assert (8, 4) == (door.kept.statistics().replies, door.kept.statistics().evicted_total)


@pytest.mark.parametrize("max_bytes", [0, len(LINES) * 7])
async def test_what_is_too_large_to_keep_is_refused(max_bytes: int) -> None:
    """In words, and never cut."""
    door = _door({"diff": LINES}, max_bytes=max_bytes)
    outcome = await door.call("read_it", {})

    assert isinstance(outcome, Failure)
    assert isinstance(outcome.fault, ReplyTooLarge)
    assert (0, 1) == (door.kept.statistics().replies, door.kept.statistics().refused_total)


async def test_a_grant_of_the_same_person_is_another_owner() -> None:
    """One client does not read what another one asked for."""
    door = _door({"diff": LINES})
    person = replace(caller().principal, kind=PrincipalKind.PERSON, grant="g1")
    one, other = (replace(caller(), principal=replace(person, grant=grant)) for grant in ("g1", "g2"))
    arguments = (await door.read(who=one))["continued"]["arguments"]

    assert isinstance(await door.fault(arguments, other), ResultGone)
    assert (await door.go_on(arguments, one))["text"]
