"""Resources, prompts and completions pass the one door: what the audit trail says of them, and who is let through."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.trail import open_audit_trail
from aegis_trio.gateway.gateway import Gateway
from aegis_trio.gateway.watch import WATCH_EVERY_S
from aegis_trio.gitea.request import ForgeRequest, ForgeResponse
from aegis_trio.limits.calls import CallLimits
from aegis_trio.limits.settings import LimitSettings
from aegis_trio.model.call import CallKind, Failure, Success, ToolOutcome, ToolRequest, Transport
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import (
    InsufficientScope,
    InvalidArgument,
    NotFound,
    RateLimited,
    ResourceMissing,
    UnknownPrompt,
)
from aegis_trio.model.identity import DEFAULT_INSTANCE, Caller, Origin, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.json import JsonObject
from aegis_trio.model.secret import Secret
from aegis_trio.policy.access import READ_SCOPES
from aegis_trio.toolsets.catalogue import CATALOGUE
from tests.toolsets.canned import CannedForge, json_answer

BASE = "gitea://main/acme/backend"
ISSUE = {"number": 5, "title": "t", "state": "open"}
CHANGE_IS_SEEN_S = 30.0


def _caller(scopes: frozenset[str] = READ_SCOPES) -> Caller:
    principal = Principal(id=PrincipalId("key:1"), kind=PrincipalKind.API_KEY, instance=DEFAULT_INSTANCE, scopes=scopes)
    return Caller(principal=principal, gitea_token=Secret("t"), origin=Origin(address="192.0.2.1"))


def _request(kind: CallKind, subject: str, arguments: JsonObject) -> ToolRequest:
    return ToolRequest(tool=subject, raw_arguments=arguments, transport=Transport.REST, kind=kind)


@dataclass
class _Door:
    gateway: Gateway
    path: Path

    async def call(
        self, kind: CallKind, subject: str, arguments: JsonObject, caller: Caller | None = None
    ) -> ToolOutcome:
        return await self.gateway.call(caller or _caller(), _request(kind, subject, arguments))

    async def read(self, uri: str, caller: Caller | None = None) -> ToolOutcome:
        return await self.call(CallKind.RESOURCE, uri, {"uri": uri}, caller)

    def records(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.path.read_text().splitlines()]
        return [line for line in lines if line["event"] == event]


@asynccontextmanager
async def _open(
    folder: Path, answer: Callable[[ForgeRequest[Any]], ForgeResponse], limits: LimitSettings | None = None
) -> AsyncIterator[_Door]:
    path = folder / "audit.log"
    async with open_audit_trail(AuditSettings(path=path), clock=SetClock(0)) as trail:
        gateway = Gateway(
            catalogue=CATALOGUE,
            audit=trail,
            limits=CallLimits(limits or LimitSettings()),
            acting_as=lambda _token: CannedForge(answer),
            gate_closed=lambda _caller: None,
            argument_digest_key=b"k" * 32,
        )
        yield _Door(gateway, path)


def _fine(request: ForgeRequest[Any]) -> ForgeResponse:
    """Answer whatever is asked with one of its kind."""
    side = {"ref": "main", "sha": "0" * 40, "repo": None}
    match request.route.segments[-1]:
        case "files" | "comments" | "branches" | "tags" | "repos":
            return json_answer([])
        case "**":
            return json_answer(
                {"type": "file", "path": "src/app.py", "sha": "s", "size": 0, "encoding": "base64", "content": ""}
            )
        case _ if "trees" in request.route.segments:
            return json_answer({"sha": "0", "tree": [], "total_count": 0})
        case _:
            return json_answer({**ISSUE, "base": side, "head": side})


PLACES: list[tuple[CallKind, str, JsonObject, str, JsonObject]] = [
    (
        CallKind.RESOURCE,
        f"{BASE}/blob/feature%2Flogin/src/app.py",
        {},
        "read_file_resource",
        {"owner": "acme", "repo": "backend", "ref": "feature/login", "path": "src/app.py"},
    ),
    (
        CallKind.RESOURCE,
        f"{BASE}/issues/5?before=9",
        {},
        "read_issue_resource",
        {"owner": "acme", "repo": "backend", "number": 5},
    ),
    (
        CallKind.RESOURCE,
        f"{BASE}/pulls/5",
        {},
        "read_pull_request_resource",
        {"owner": "acme", "repo": "backend", "number": 5},
    ),
    (CallKind.RESOURCE_LIST, "resources/list", {"page": "2"}, "list_resources", {"page": "2"}),
    (
        CallKind.PROMPT,
        "review_pull_request",
        {"owner": "acme", "repo": "backend", "number": "5"},
        "review_pull_request",
        {"owner": "acme", "repo": "backend", "number": "5"},
    ),
    (
        CallKind.COMPLETION,
        "path",
        {"owner": "acme", "repo": "backend", "ref": "dev", "value": "src/a"},
        "complete_path",
        {"owner": "acme", "repo": "backend", "ref": "dev", "path": "src/a"},
    ),
    (
        CallKind.COMPLETION,
        "from_ref",
        {"owner": "acme", "repo": "backend", "value": ""},
        "complete_ref",
        {"owner": "acme", "repo": "backend"},
    ),
]


@pytest.mark.parametrize(
    ("kind", "subject", "arguments", "operation", "places"), PLACES, ids=[f"{row[3]}" for row in PLACES]
)
async def test_what_is_looked_at_stands_in_full_in_the_trail(
    tmp_path: Path, kind: CallKind, subject: str, arguments: JsonObject, *, operation: str, places: JsonObject
) -> None:
    """Owner, repository, ref, path and number, whatever way they came; intent and outcome agree."""
    async with _open(tmp_path, _fine) as door:
        outcome = await door.call(kind, subject, arguments or {"uri": subject})
        [intent], [done] = door.records("tool_intent"), door.records("tool_invocation")

    assert isinstance(outcome, Success), outcome
    for record in (intent, done):
        assert operation == record["tool"]
        assert places == {name: record["arguments"][name] for name in places}
    assert "ok" == done["status"]


async def test_the_text_of_an_address_stands_as_a_digest(tmp_path: Path) -> None:
    """What it names stands in full; how it was spelled is nobody's business, and could be anything."""
    async with _open(tmp_path, _fine) as door:
        await door.read(f"{BASE}/issues/5?before=31337")
        text = door.path.read_text()

    assert "31337" not in text
    assert "gitea://" not in text


async def test_a_missing_resource_is_recorded_as_such(tmp_path: Path) -> None:
    """And answered with its address, by the fault that clients know."""

    def refuse(_: ForgeRequest[Any]) -> ForgeResponse:
        raise NotFound("Issue 5 of acme/backend is missing, or not visible to the identity that the gate uses.")

    async with _open(tmp_path, refuse) as door:
        outcome = await door.read(f"{BASE}/issues/5")
        [done] = door.records("tool_invocation")

    assert isinstance(outcome, Failure)
    assert isinstance(outcome.fault, ResourceMissing)
    assert f"{BASE}/issues/5" == outcome.fault.uri
    assert "resource_not_found" == done["status"]


@pytest.mark.requirement("MCP-RES-03")
@pytest.mark.parametrize(
    ("uri", "fault"),
    [
        (f"{BASE}/blob/main/../x", InvalidArgument),
        (f"{BASE}/wiki", ResourceMissing),
        ("gitea://other/acme/backend/readme", ResourceMissing),
    ],
)
async def test_a_wrong_address_reaches_no_forge(tmp_path: Path, uri: str, fault: type[Exception]) -> None:
    """Refused by its form, with an example where the form was nearly right; and recorded."""

    def refuse(_: ForgeRequest[Any]) -> ForgeResponse:
        raise AssertionError("the forge was asked")

    async with _open(tmp_path, refuse) as door:
        outcome = await door.read(uri)
        assert [] == door.records("tool_intent")

    assert isinstance(outcome, Failure)
    assert isinstance(outcome.fault, fault)
    if isinstance(outcome.fault, InvalidArgument):
        assert outcome.fault.example is not None


async def test_whoever_lacks_the_scope_is_offered_nothing_and_refused(tmp_path: Path) -> None:
    """Issues need read:issue; a list that shows what must fail would be a trap."""
    caller = _caller(frozenset({"read:repository"}))
    async with _open(tmp_path, _fine) as door:
        directory = door.gateway.directory
        assert {"readme", "file", "pull_request"} == {one.definition["name"] for one in directory.resources_for(caller)}
        assert "triage_issue" not in {one.definition["name"] for one in directory.prompts_for(caller)}
        outcomes = [
            await door.read(f"{BASE}/issues/5", caller),
            await door.call(CallKind.PROMPT, "triage_issue", {}, caller),
            await door.call(CallKind.COMPLETION, "number", {"value": ""}, caller),
        ]

    for outcome in outcomes:
        assert isinstance(outcome, Failure)
        assert isinstance(outcome.fault, InsufficientScope)
        assert ("read:issue",) == outcome.fault.scopes


@pytest.mark.requirement("MCP-COMPL-02")
async def test_completions_are_limited_like_calls(tmp_path: Path) -> None:
    """One letter, one request: whoever types without end would ask Gitea without end."""
    async with _open(tmp_path, _fine, LimitSettings(calls_per_minute=3)) as door:
        outcomes = [await door.call(CallKind.COMPLETION, "owner", {"value": "a"}) for _ in range(4)]

    assert [Success] * 3 + [Failure] == [type(outcome) for outcome in outcomes]
    assert isinstance(outcomes[-1], Failure)
    assert isinstance(outcomes[-1].fault, RateLimited)


async def test_a_misspelled_prompt_is_answered_with_the_nearest(tmp_path: Path) -> None:
    """A person may have typed it."""
    async with _open(tmp_path, _fine) as door:
        outcome = await door.call(CallKind.PROMPT, "review_pull_requests", {})

    assert isinstance(outcome, Failure)
    assert isinstance(outcome.fault, UnknownPrompt)
    assert "Did you mean review_pull_request?" in outcome.fault.remedy


async def test_a_watched_issue_tells_of_a_new_comment_within_half_a_minute(
    tmp_path: Path, mock_clock: trio.testing.MockClock
) -> None:
    """The promise of the documents; nothing is told while nothing changes, and losing the right to see is a change."""
    mock_clock.rate = 1.0  # the trail's own patience needs a clock that goes
    comments: list[dict[str, Any]] = []
    is_visible = True

    def answer(request: ForgeRequest[Any]) -> ForgeResponse:
        if not is_visible:
            raise NotFound("gone")
        if request.segments[-1] == "comments":
            return json_answer(comments)
        return json_answer({**ISSUE, "comments": len(comments)})

    told: list[float] = []

    async def seconds_until_told(times: int) -> float:
        started = trio.current_time()
        while len(told) < times and trio.current_time() - started < CHANGE_IS_SEEN_S:
            mock_clock.jump(WATCH_EVERY_S / 2)
            await trio.testing.wait_all_tasks_blocked()
        return trio.current_time() - started

    uri = f"{BASE}/issues/5"
    async with _open(tmp_path, answer) as door, trio.open_nursery() as nursery:
        request = _request(CallKind.RESOURCE, uri, {"uri": uri})

        def changed() -> None:
            told.append(trio.current_time())

        assert await nursery.start(partial(door.gateway.watch, _caller(), request, changed)) is None
        await seconds_until_told(1)
        assert [] == told, "nothing had changed"
        comments.append({"id": 1, "body": "new", "user": {"login": "u"}})
        assert await seconds_until_told(1) < CHANGE_IS_SEEN_S
        is_visible = False
        assert await seconds_until_told(2) < CHANGE_IS_SEEN_S
        nursery.cancel_scope.cancel()

    assert 2 == len(told)


async def test_what_cannot_be_read_is_not_watched(tmp_path: Path) -> None:
    """A subscription that never tells anything would be believed."""

    def refuse(_: ForgeRequest[Any]) -> ForgeResponse:
        raise NotFound("gone")

    async with _open(tmp_path, refuse) as door, trio.open_nursery() as nursery:
        for uri in (f"{BASE}/issues/5", f"{BASE}/wiki", f"{BASE}/blob/main/../x"):
            request = _request(CallKind.RESOURCE, uri, {"uri": uri})
            refused = await nursery.start(partial(door.gateway.watch, _caller(), request, list))
            assert isinstance(refused, ResourceMissing | InvalidArgument)


async def test_a_list_shows_what_the_scopes_reach_and_nothing_else(tmp_path: Path) -> None:
    """Clients list on connecting: a refusal there would send a person to sign in for what nobody asked for."""
    person = _caller()
    caller = replace(person, principal=replace(person.principal, scopes=frozenset({"read:user"})))
    async with _open(tmp_path, _fine) as door:
        outcome = await door.call(CallKind.RESOURCE_LIST, "resources/list", {"page": ""}, caller)
        assert isinstance(outcome, Success)
        assert {"resources": []} == outcome.reply.structured
        assert [] == door.records("access_denied") + door.records("tool_intent")
