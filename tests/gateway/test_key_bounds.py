"""The matrix of key bounds and everything that is served: no operation forgets a bound, whatever way in it takes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from typing import cast

import pytest

from aegis_trio.audit.trail import AuditTrail
from aegis_trio.gateway.gateway import Gateway
from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.limits.calls import CallLimits
from aegis_trio.limits.settings import LimitSettings
from aegis_trio.model.bounds import UNBOUNDED, KeyBounds
from aegis_trio.model.call import CallKind, Failure, Success, ToolOutcome, ToolRequest, Transport
from aegis_trio.model.errors import BeyondKey, InsufficientScope, NotFound
from aegis_trio.model.identity import DEFAULT_INSTANCE, Caller, Origin, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.json import JsonObject
from aegis_trio.model.secret import Secret
from aegis_trio.model.toolspec import Toolset, ToolSpec
from aegis_trio.policy.access import READ_SCOPES
from aegis_trio.toolsets.catalogue import CATALOGUE
from aegis_trio.toolsets.context import ToolContext
from tests.forge import RunningForge, open_forge
from tests.transports.real_door import MemoryTrail

INSIDE, OUTSIDE = "tidewater/harbor", "tidewater/payroll"
HARBOR_ALONE = KeyBounds(repositories=("Tidewater/h*",))


@dataclass(frozen=True)
class Way:
    """One operation, and how a client asks for it."""

    spec: ToolSpec[ToolContext]
    kind: CallKind
    name: str

    def request(self, place: str) -> ToolRequest:
        """Return a request that is right, about *place* where the operation names one."""
        raw = json.dumps(self.spec.example | ({"page": "1"} if self.kind is CallKind.RESOURCE_LIST else {}))
        owner, name = place.split("/")
        raw = raw.replace("acme/backend", place).replace('"acme"', f'"{owner}"').replace('"backend"', f'"{name}"')
        arguments: JsonObject = json.loads(raw)
        uri = arguments.get("uri")
        return ToolRequest(
            tool=uri if isinstance(uri, str) else self.name,
            raw_arguments=arguments,
            transport=Transport.REST,
            kind=self.kind,
        )

    @property
    def names_a_repository(self) -> bool:
        """Whether its arguments say which repository."""
        return "acme" in json.dumps(self.spec.example)


def _called(tool: ToolSpec[ToolContext]) -> ToolSpec[ToolContext]:
    """Return the operation that *tool*'s example is a call of."""
    resolved = None if tool.resolve is None else tool.resolve(tool.example)
    return tool if resolved is None else resolved


# Reading on is decided as the call that made the reply; tests/gateway/test_keeping.py shows it.
TOOL_OPERATIONS = [one for spec in CATALOGUE.tools for one in spec.operations if one.toolset is not Toolset.RESULTS]
WAYS = [
    *(Way(_called(one), CallKind.TOOL, one.name) for one in TOOL_OPERATIONS),
    *(Way(one.operation, CallKind.PROMPT, one.operation.name) for one in CATALOGUE.prompts),
    *(Way(one.operation, CallKind.RESOURCE, "") for one in CATALOGUE.resources),
    *(Way(spec, CallKind.COMPLETION, argument) for argument, spec in CATALOGUE.completions.items()),
    *([] if CATALOGUE.list_resources is None else [Way(CATALOGUE.list_resources, CallKind.RESOURCE_LIST, "list")]),
]
every_way = pytest.mark.parametrize(
    "way", WAYS, ids=lambda way: f"{way.kind.value}-{way.spec.method or way.name or way.spec.name}"
)
pytestmark = pytest.mark.sockets


@dataclass(frozen=True)
class Stage:
    """A gateway before a demo forge, and what both saw."""

    gateway: Gateway
    trail: MemoryTrail
    forge: RunningForge

    def caller(self, bounds: KeyBounds) -> Caller:
        """Return the bot, called by a key within *bounds*."""
        principal = Principal(
            id=PrincipalId("key:0123456789ab"),
            kind=PrincipalKind.API_KEY,
            instance=DEFAULT_INSTANCE,
            scopes=READ_SCOPES if bounds.scopes is None else bounds.scopes,
            bounds=bounds,
        )
        return Caller(
            principal=principal, gitea_token=Secret(self.forge.world.bot_token), origin=Origin(address="192.0.2.1")
        )

    async def call(self, way: Way, bounds: KeyBounds, place: str = INSIDE) -> ToolOutcome:
        """Make one call."""
        return await self.gateway.call(self.caller(bounds), way.request(place))

    async def refused(self, way: Way, bounds: KeyBounds, place: str = INSIDE) -> BeyondKey:
        """Return why a call is refused: it reached neither the forge nor a record of intent, and is recorded."""
        asked = len(list(self.forge.requests))
        outcome = await self.call(way, bounds, place)
        assert isinstance(outcome, Failure)
        assert isinstance(outcome.fault, BeyondKey)
        assert asked == len(list(self.forge.requests))
        record = self.trail.entries[-1]
        assert ("access_denied", "beyond_key") == (record.event, record.fields["reason"])
        assert (outcome.fault.bound, outcome.fault.needs) == (record.fields["bound"], record.fields["needs"])
        assert outcome.fault.needs in outcome.fault.remedy
        return outcome.fault

    def reached(self) -> set[str]:
        """Return the repositories that the forge was asked about."""
        paths = (record.raw_path.split("/") for record in self.forge.requests)
        return {"/".join(parts[4:6]) for parts in paths if parts[3:4] == ["repos"]}


@asynccontextmanager
async def _open_stage() -> AsyncIterator[Stage]:
    async with open_forge() as forge, open_gitea_client(GiteaSettings(url=forge.url)) as client:
        trail = MemoryTrail()
        gateway = Gateway(
            catalogue=CATALOGUE,
            audit=cast("AuditTrail", trail),
            limits=CallLimits(LimitSettings()),
            acting_as=client.acting_as,
            gate_closed=lambda _caller: None,
            argument_digest_key=b"k" * 32,
        )
        yield Stage(gateway, trail, forge)


@every_way
async def test_a_key_reaches_only_the_tools_that_it_names(way: Way) -> None:
    """Resources, prompts and completions too: else they would be a way around."""
    async with _open_stage() as stage:
        if way.kind in {CallKind.COMPLETION, CallKind.RESOURCE_LIST} and not way.spec.name.startswith("complete_"):
            outcome = await stage.call(way, KeyBounds(tools=("none_at_all",)))
            assert isinstance(outcome, Success)  # a list shows what is reached: nothing
            assert {"resources": []} == outcome.reply.structured
            assert [] == list(stage.forge.requests)
            return
        fault = await stage.refused(way, KeyBounds(tools=("none_at_all", "get_n*")))
        assert ("tools", way.spec.operation) == (fault.bound, fault.needs)
        # Whoever may not call an operation is not told of it either, so describing one needs both.
        outcome = await stage.call(way, KeyBounds(tools=(f"{way.spec.name[:4]}*", "call_*")))
        assert not (isinstance(outcome, Failure) and isinstance(outcome.fault, BeyondKey))


@every_way
async def test_a_key_reaches_only_the_repositories_that_it_names(way: Way) -> None:
    """By argument, address or choice; what lists names shows those within reach and no other, and says so."""
    async with _open_stage() as stage:
        if way.names_a_repository and way.spec.name != "complete_instance":
            fault = await stage.refused(way, HARBOR_ALONE, OUTSIDE)
            assert ("repositories", OUTSIDE) == (fault.bound, fault.needs)
        outcome = await stage.call(way, HARBOR_ALONE)
        text = str(outcome)
        assert not [name for name in ("payroll", "website", "pilot-log") if name in text]
        if isinstance(outcome, Failure):
            assert isinstance(outcome.fault, NotFound) or outcome.fault.code == "resource_not_found"
        assert stage.reached() <= {INSIDE}


@every_way
async def test_a_key_has_only_the_scopes_that_it_names(way: Way) -> None:
    """And every operation that needs one names it."""
    async with _open_stage() as stage:
        outcome = await stage.call(way, KeyBounds(scopes=frozenset()))
        if way.kind is CallKind.RESOURCE_LIST:
            assert isinstance(outcome, Success)
            assert {"resources": []} == outcome.reply.structured
        elif way.spec.scopes:
            assert isinstance(outcome, Failure)
            assert isinstance(outcome.fault, InsufficientScope)
            assert way.spec.scopes == set(outcome.fault.scopes)
        else:
            assert isinstance(outcome, Success)


@every_way
async def test_a_read_only_key_reads(way: Way) -> None:
    """What is served only reads, so the bound takes nothing away here; test_reach shows what it does take."""
    async with _open_stage() as stage:
        free, bound = await stage.call(way, UNBOUNDED), await stage.call(way, KeyBounds(read_only=True))

    assert str(free).replace(free.correlation_id, "") == str(bound).replace(bound.correlation_id, "")


async def test_a_rename_does_not_lead_out_of_reach() -> None:
    """A repository within reach may become another's: what Gitea answers is judged again, before it is asked there."""
    way = next(way for way in WAYS if way.name == "get_repository_info")
    async with _open_stage() as stage:
        world = stage.forge.world
        harbor = next(one for one in world.repositories.values() if world.full_name(one) == INSIDE)
        world.rename_repository(harbor, "secret-harbor")
        outcome = await stage.call(way, HARBOR_ALONE)
        assert isinstance(outcome, Failure)
        assert isinstance(outcome.fault, BeyondKey)
        assert "secret" not in str(outcome.fault)
        assert stage.reached() == {INSIDE}
        assert isinstance(await stage.call(way, KeyBounds(repositories=("*/*harbor",))), Success)


async def test_a_narrowed_list_pages_as_the_whole_one_does() -> None:
    """Nothing within reach is skipped, the total of what is out of reach is not told, and the reply says why."""
    way = next(way for way in WAYS if way.name == "list_repositories")
    caller_bounds = KeyBounds(repositories=("*/w*", "bob/*"))
    async with _open_stage() as stage:
        seen: list[str] = []
        arguments: JsonObject | None = {"page": 1, "limit": 1}
        pages = 0
        while arguments is not None:
            request = ToolRequest(tool=way.name, raw_arguments=arguments, transport=Transport.REST)
            outcome = await stage.gateway.call(stage.caller(caller_bounds), request)
            assert isinstance(outcome, Success)
            reply = outcome.reply.structured
            assert reply is not None
            assert None is reply["total"]
            assert "only some repositories" in str(reply["narrowed"])
            entries, following = reply["repositories"], reply["next"]
            assert isinstance(entries, list)
            assert following is None or isinstance(following, dict)
            seen.extend(f"{one['owner']}/{one['repo']}" for one in entries if isinstance(one, dict))
            arguments = following
            pages += 1
        whole = await stage.call(way, UNBOUNDED)
    assert isinstance(whole, Success)
    everything = cast("list[dict[str, str]]", cast("JsonObject", whole.reply.structured)["repositories"])
    names = [f"{one['owner']}/{one['repo']}" for one in everything]
    assert len(names) == pages
    assert [name for name in names if name.split("/")[1].startswith("w") or name.startswith("bob/")] == seen
    assert seen


def test_the_bounds_of_a_key_show_no_secret() -> None:
    """They stand in the principal, which tools and logs may see."""
    assert "Secret" not in str(KeyBounds(addresses=(ip_network("192.0.2.0/24"),), tools=("get_*",)))
