"""A real gateway over a trail in memory, with a tool that speaks and asks, and a resource that changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast, final

import trio

from aegis_trio.audit.entry import AuditEntry
from aegis_trio.audit.trail import AuditTrail
from aegis_trio.gateway.gateway import Gateway
from aegis_trio.gitea.request import Forge
from aegis_trio.limits.calls import CallLimits
from aegis_trio.limits.settings import LimitSettings
from aegis_trio.model.call import ToolReply
from aegis_trio.model.errors import AuditUnavailable, Fault
from aegis_trio.model.features import Catalogue, ResourceSpec
from aegis_trio.model.identity import Caller
from aegis_trio.model.json import JsonObject
from aegis_trio.model.peer import LogLevel
from aegis_trio.model.toolspec import CostClass, PreparedCall, Risk, Toolset, ToolSpec
from aegis_trio.toolsets.context import ToolContext
from tests.transports.talking import ROOTS, SURE

Handler = Callable[[ToolContext], Awaitable[ToolReply]]
WATCHED = "forge://watched"


@dataclass
class MemoryTrail:
    """Takes records as the real trail does, and forgets nothing."""

    entries: list[AuditEntry] = field(default_factory=list)
    broken: bool = False

    async def append(self, entry: AuditEntry) -> int:
        """Wait as a disk would."""
        await trio.sleep(0.001)
        if self.broken:
            raise AuditUnavailable("No disk.")
        self.entries.append(entry)
        return len(self.entries) - 1

    def append_nowait(self, entry: AuditEntry) -> None:
        """Take a record that nobody waits for."""
        if self.broken:
            raise AuditUnavailable("No disk.")
        self.entries.append(entry)

    def open_intents(self) -> list[int]:
        """Return the intents that do not have exactly one outcome."""
        intents = [seq for seq, entry in enumerate(self.entries) if entry.event == "tool_intent"]
        outcomes = [entry.fields.get("intent_seq") for entry in self.entries if entry.event == "tool_invocation"]
        return [seq for seq in intents if outcomes.count(seq) != 1]


@final
class PulsingForge:
    """A forge that answers everybody who waits at once, a tenth of a second after the first has asked.

    An answer that has arrived is given to its task even when that is cancelled in the same moment, as one from a
    socket is; a sleep would be cut short.
    """

    def __init__(self) -> None:
        self._asked = trio.Event()
        self._pulse = trio.Event()

    async def run(self) -> None:
        """Answer until cancelled."""
        while True:
            await self._asked.wait()
            await trio.sleep(0.1)
            self._pulse.set()
            self._asked, self._pulse = trio.Event(), trio.Event()

    async def wait(self) -> None:
        """Wait for the next answer."""
        self._asked.set()
        await self._pulse.wait()


def operation(name: str, handler: Handler, *, timeout_s: float = 100.0) -> ToolSpec[ToolContext]:
    """Return an operation that takes any arguments."""

    def prepare(_raw_arguments: JsonObject) -> PreparedCall[ToolContext]:
        return PreparedCall({}, handler)

    return ToolSpec(
        name=name,
        title=name,
        description=name,
        toolset=Toolset.SERVER,
        risk=Risk.READ,
        cost=CostClass.CHEAP,
        timeout_s=timeout_s,
        scopes=frozenset(),
        gitea_scopes=frozenset(),
        input_schema={"type": "object"},
        example={},
        prepare=prepare,
        idempotent=True,
        open_world=False,
    )


async def work(context: ToolContext) -> ToolReply:
    """Speak, ask the forge (in effect), ask the person, and speak again."""
    peer = context.peer
    await cast("PulsingForge", context.forge).wait()
    await peer.report(1, 4)
    await trio.sleep(0.5)
    await peer.log(LogLevel.WARNING, "half")
    answers = await peer.ask({"sure": SURE})
    await peer.report(3, 4)
    answers = {**answers, **await peer.ask({"roots": ROOTS})}
    await trio.sleep(0.5)
    await peer.report(4, 4)
    return ToolReply(dict(answers))


async def read_watched(_context: ToolContext) -> ToolReply:
    """Read a resource that is another one at every look."""
    await trio.sleep(0.1)
    return ToolReply(content=({"uri": WATCHED, "text": str(trio.current_time())},))


@dataclass
class RealDoor:
    """A gateway and what it wrote."""

    gateway: Gateway
    trail: MemoryTrail
    limits: CallLimits
    forge: PulsingForge
    closed: list[Fault] = field(default_factory=list)


def make_door(catalogue: Catalogue[ToolContext] | None = None, limits: LimitSettings | None = None) -> RealDoor:
    """Return a gateway that serves *catalogue*, or the tool and the resource above."""
    trail, counted, closed = MemoryTrail(), CallLimits(limits or LimitSettings()), list[Fault]()
    forge = PulsingForge()

    def gate_closed(_caller: Caller) -> Fault | None:
        return closed[0] if closed else None

    gateway = Gateway(
        catalogue=catalogue or speaking_catalogue(),
        audit=cast("AuditTrail", trail),
        limits=counted,
        acting_as=lambda _token: cast("Forge", forge),
        gate_closed=gate_closed,
        argument_digest_key=b"k" * 32,
    )
    return RealDoor(gateway, trail, counted, forge, closed)


def speaking_catalogue() -> Catalogue[ToolContext]:
    """Return the tool and the resource above."""
    watched = ResourceSpec(
        definition={"uri": WATCHED, "name": "watched"},
        is_template=False,
        matches=lambda uri: uri == WATCHED,
        operation=operation("read_watched", read_watched),
    )
    return Catalogue(tools=(operation("work", work),), resources=(watched,))
