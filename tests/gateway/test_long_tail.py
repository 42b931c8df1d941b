"""The long tail at the door: an operation of Gitea's API is decided, limited and recorded as itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import pytest
import structlog
from structlog.testing import capture_logs

from aegis_trio.audit.trail import AuditTrail
from aegis_trio.gateway.gateway import Gateway
from aegis_trio.gateway.keeping import KeptReplies
from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.gitea.request import ForgeResponse
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.limits.calls import CallLimits
from aegis_trio.limits.settings import LimitSettings
from aegis_trio.model.bounds import UNBOUNDED, KeyBounds
from aegis_trio.model.call import Failure, Success, ToolOutcome, ToolRequest, Transport
from aegis_trio.model.errors import BeyondKey, InsufficientScope, InvalidArgument, RateLimited
from aegis_trio.model.identity import DEFAULT_INSTANCE, Caller, Origin, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.json import JsonObject
from aegis_trio.model.secret import Secret
from aegis_trio.policy.access import READ_SCOPES
from aegis_trio.supervisor.core import warn_of_unknown_tools
from aegis_trio.toolsets.catalogue import CATALOGUE
from tests.forge import RunningForge, open_forge
from tests.toolsets.canned import CannedForge
from tests.transports.real_door import MemoryTrail

pytestmark = pytest.mark.sockets
HARBOR: JsonObject = {"owner": "tidewater", "repo": "harbor"}
PAYROLL: JsonObject = {"owner": "tidewater", "repo": "payroll"}


@dataclass
class Door:
    """A gateway before a demo forge, and what both saw."""

    gateway: Gateway
    trail: MemoryTrail
    forge: RunningForge

    def caller(self, scopes: frozenset[str] = READ_SCOPES, bounds: KeyBounds = UNBOUNDED) -> Caller:
        """Return the bot, called by a key."""
        principal = Principal(
            id=PrincipalId("key:0123456789ab"),
            kind=PrincipalKind.API_KEY,
            instance=DEFAULT_INSTANCE,
            scopes=scopes,
            bounds=bounds,
        )
        return Caller(
            principal=principal, gitea_token=Secret(self.forge.world.bot_token), origin=Origin(address="192.0.2.1")
        )

    async def call(
        self, operation: str, arguments: JsonObject, caller: Caller | None = None, **more: Any
    ) -> ToolOutcome:
        """Call one operation."""
        raw: JsonObject = {"operation": operation, "arguments": arguments, **more}
        return await self.ask("call_read_operation", raw, caller)

    async def ask(self, tool: str, arguments: JsonObject, caller: Caller | None = None) -> ToolOutcome:
        """Call one tool."""
        request = ToolRequest(tool=tool, raw_arguments=arguments, transport=Transport.REST)
        return await self.gateway.call(caller or self.caller(), request)

    def asked(self) -> list[str]:
        """Return the paths that reached the forge."""
        return [record.raw_path for record in self.forge.requests]

    @property
    def records(self) -> list[Any]:
        """What stands in the trail."""
        return [entry.fields | {"event": entry.event} for entry in self.trail.entries]


@asynccontextmanager
async def _door(limits: LimitSettings | None = None) -> AsyncIterator[Door]:
    async with open_forge() as forge, open_gitea_client(GiteaSettings(url=forge.url)) as client:
        trail = MemoryTrail()
        gateway = Gateway(
            catalogue=CATALOGUE,
            audit=cast("AuditTrail", trail),
            limits=CallLimits(limits or LimitSettings()),
            acting_as=client.acting_as,
            gate_closed=lambda _caller: None,
            argument_digest_key=b"k" * 32,
        )
        yield Door(gateway, trail, forge)


async def test_a_call_is_recorded_as_the_operation_with_its_places() -> None:
    """Whoever reads the trail finds it by repository, as every other call; words are a digest as ever."""
    async with _door() as door:
        outcome = await door.call("repoGetBranch", HARBOR | {"branch": "main"}, fields="name,protected")
        assert isinstance(outcome, Success)
        assert {"name": "main"}.items() <= cast("Any", outcome.reply.structured)["answer"].items()
        assert ["/api/v1/repos/tidewater/harbor/branches/main"] == door.asked()

        intent, ended = door.records
        assert ("tool_intent", "tool_invocation") == (intent["event"], ended["event"])
        for record in (intent, ended):
            assert ("call_read_operation", "repoGetBranch") == (record["tool"], record["method"])
            assert ("tidewater", "harbor") == (record["owner"], record["repo"])
            assert ("repoGetBranch", "main") == (record["arguments"]["operation"], record["arguments"]["ref"])
            assert {"length", "digest"} == set(record["arguments"]["arguments"])
        assert {("call_read_operation.repoGetBranch", "success"): 1} == dict(door.gateway.statistics().calls_total)


async def test_what_is_free_text_is_a_digest_in_the_trail() -> None:
    """A search for a name is not for whoever reads the log."""
    async with _door() as door:
        await door.call("issueListIssues", HARBOR | {"q": "canary-word-71"})
        assert 2 == len(door.records)
        assert "canary-word-71" not in str(door.records)


async def test_a_missing_scope_is_refused_before_the_forge_is_asked() -> None:
    """With the scope that this operation needs, so that a client can ask for it."""
    async with _door() as door:
        caller = door.caller(frozenset({"read:issue"}))
        outcome = await door.call("repoListBranches", HARBOR, caller)
        assert isinstance(outcome, Failure)
        assert isinstance(outcome.fault, InsufficientScope)
        assert ("read:repository",) == outcome.fault.scopes
        refused = door.gateway.screen(
            caller,
            [
                ToolRequest(
                    tool="call_read_operation",
                    raw_arguments={"operation": "repoListBranches", "arguments": HARBOR},
                    transport=Transport.REST,
                )
            ],
        )
        assert refused is not None
        assert isinstance(refused.fault, InsufficientScope)
        assert [] == door.asked()
        assert {"method": "repoListBranches", "reason": "insufficient_scope"}.items() <= door.records[-1].items()
        assert isinstance(await door.call("issueListIssues", HARBOR, caller), Success)


async def test_a_key_is_held_to_its_repositories_and_operations() -> None:
    """By the arguments inside the arguments."""
    async with _door() as door:
        harbor = door.caller(bounds=KeyBounds(repositories=("tidewater/harbor",)))
        assert isinstance(await door.call("repoListBranches", HARBOR, harbor), Success)
        asked = len(door.asked())
        outcome = await door.call("repoListBranches", PAYROLL, harbor)
        assert isinstance(outcome, Failure)
        assert isinstance(outcome.fault, BeyondKey)
        assert ("repositories", "tidewater/payroll") == (outcome.fault.bound, outcome.fault.needs)

        tags = door.caller(bounds=KeyBounds(tools=("call_read_operation.repoListTags",)))
        outcome = await door.call("repoListBranches", HARBOR, tags)
        assert isinstance(outcome, Failure)
        assert isinstance(outcome.fault, BeyondKey)
        assert "call_read_operation.repoListBranches" == outcome.fault.needs
        assert asked == len(door.asked())
        assert isinstance(await door.call("repoListTags", HARBOR, tags), Success)


async def test_a_repository_beyond_the_key_is_not_had_by_its_number() -> None:
    """What came back is looked at: nothing in the path says whose it is."""
    async with _door() as door:
        harbor = door.caller(bounds=KeyBounds(repositories=("tidewater/harbor",)))
        world = door.forge.world
        numbers = {world.full_name(one): number for number, one in world.repositories.items()}
        ours = await door.call("repoGetByID", {"id": numbers["tidewater/harbor"]}, harbor)
        assert isinstance(ours, Success)
        outcome = await door.call("repoGetByID", {"id": numbers["tidewater/website"]}, harbor)
        assert isinstance(outcome, Failure)
        assert isinstance(outcome.fault, BeyondKey)
        assert "website" not in str(outcome.fault)


async def test_limits_and_costs_are_the_operations_own() -> None:
    """A limit by its name, and cells by what it takes from Gitea."""
    limits = LimitSettings(calls_per_minute=6, tool_calls_per_minute={"call_read_operation.getGeneralAPISettings": 2})
    async with _door(limits) as door:
        for _ in range(2):
            assert isinstance(await door.call("getGeneralAPISettings", {}), Success)
        outcome = await door.call("getGeneralAPISettings", {})
        assert isinstance(outcome, Failure)
        assert isinstance(outcome.fault, RateLimited)
        assert isinstance(await door.call("repoListBranches", HARBOR), Success)  # starts git: 2 of the 4 left
        assert isinstance(await door.call("repoListTags", HARBOR), Success)
        outcome = await door.call("repoListTags", HARBOR)
        assert isinstance(outcome, Failure)
        assert isinstance(outcome.fault, RateLimited)


async def test_a_name_that_is_no_operation_is_answered_and_recorded_as_the_tools_own() -> None:
    """Sensitive ones are none, whoever asks."""
    async with _door() as door:
        for name in ("repoListHooks", "adminCronList", "userGetTokens", "repoDelete", "nonsense"):
            outcome = await door.call(name, HARBOR)
            assert isinstance(outcome, Failure)
            assert isinstance(outcome.fault, InvalidArgument)
            assert "operation" == outcome.fault.field
            assert "method" not in door.records[-1]
        assert [] == door.asked()


@pytest.mark.parametrize(
    ("tool", "arguments", "operation", "own"),
    [
        ("get_repository_info", HARBOR, "repoGet", HARBOR),
        ("get_file_tree", HARBOR, "GetTree", HARBOR | {"sha": "HEAD"}),
        ("get_file_contents", HARBOR | {"path": "README.md"}, "repoGetContents", HARBOR | {"filepath": "README.md"}),
        ("list_issues", HARBOR, "issueListIssues", HARBOR),
        ("issue_read", HARBOR | {"method": "get", "number": 12}, "issueGetIssue", HARBOR | {"index": 12}),
        ("list_repositories", {}, "userCurrentListRepos", {}),
        ("get_me", {}, "userGetCurrent", {}),
        ("get_server_version", {}, "getVersion", {}),
    ],
)
async def test_an_operation_ends_as_the_typed_tool_does(
    tool: str, arguments: JsonObject, operation: str, own: JsonObject
) -> None:
    """For every caller: let through, or refused for the same reason, by the door itself."""
    async with _door() as door:
        for scopes in (READ_SCOPES, frozenset[str](), frozenset({"read:repository"}), frozenset({"read:issue"})):
            for bounds in (
                UNBOUNDED,
                KeyBounds(read_only=True),
                KeyBounds(tools=("call_read_operation", "get_*")),
                KeyBounds(tools=("call_read_operation", "list_*", "issue_read")),
                KeyBounds(repositories=("tidewater/harbor",)),
                KeyBounds(repositories=("tidewater/payroll",)),
            ):
                caller = door.caller(scopes, bounds)
                typed, tail = await door.ask(tool, arguments, caller), await door.call(operation, own, caller)
                assert _ended(typed) == _ended(tail)


def _ended(outcome: ToolOutcome) -> str:
    return outcome.fault.code if isinstance(outcome, Failure) else "success"


def test_a_limit_of_an_operation_is_no_unknown_tool() -> None:
    """What the log warns of has to be mended."""
    named = {"call_read_operation.repoCompareDiff": 1, "call_read_operation.repoListHooks": 1, "nonsense": 1}
    structlog.reset_defaults()
    with capture_logs() as logs:
        warn_of_unknown_tools(LimitSettings(tool_calls_per_minute=named), CATALOGUE)

    assert ["call_read_operation.repoListHooks", "nonsense"] == [line["tool"] for line in logs]


async def test_a_long_text_is_continued_to_its_end_as_the_operation_that_gave_it() -> None:
    """A diff of 300 KB, through the door; who loses the operation's scope cannot read on."""
    patch = "".join(f"+line {number} of a long difference\n" for number in range(9_000))
    forge = CannedForge(lambda _: ForgeResponse(status=200, content_type="text/plain", body=patch.encode()))
    gateway = Gateway(
        catalogue=CATALOGUE,
        audit=cast("AuditTrail", MemoryTrail()),
        limits=CallLimits(LimitSettings(calls_per_minute=0)),
        acting_as=lambda _token: forge,
        gate_closed=lambda _caller: None,
        argument_digest_key=b"k" * 32,
        kept=KeptReplies(64_000_000),
    )
    whole: JsonObject = {"index": 1, "diffType": "diff", **HARBOR}

    async def ask(tool: str, arguments: JsonObject, scopes: frozenset[str] = READ_SCOPES) -> Any:
        principal = Principal(
            id=PrincipalId("key:1"), kind=PrincipalKind.API_KEY, instance=DEFAULT_INSTANCE, scopes=scopes
        )
        caller = Caller(principal=principal, gitea_token=Secret("t" * 40), origin=Origin(address="192.0.2.1"))
        outcome = await gateway.call(caller, ToolRequest(tool=tool, raw_arguments=arguments, transport=Transport.REST))
        return outcome.reply.structured if isinstance(outcome, Success) else outcome

    reply = await ask("call_read_operation", {"operation": "repoDownloadPullDiffOrPatch", "arguments": whole})
    text, following = reply["text"], reply["continued"]["arguments"]
    lost = await ask("continue_result", following, READ_SCOPES - {"read:repository"})
    assert isinstance(lost.fault, InsufficientScope)
    while following is not None:
        part = await ask("continue_result", following)
        text, following = text + part["text"], part["next"]

    assert len(patch.encode()) == reply["bytes"]
    assert patch == text
