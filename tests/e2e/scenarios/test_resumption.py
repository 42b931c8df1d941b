"""A session survives its connections: whatever breaks, and wherever, nothing is lost and nothing comes twice.

The tool that counts asks the forge before each step, so that a test decides when the next step is taken.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio

from aegis_trio.demo_forge.faults import Fault
from tests.e2e.gates import POLL_S, GateProcess, open_gate, settings
from tests.e2e.messages import LEGACY, call
from tests.e2e.scenarios.streams import Events, open_events
from tests.e2e.scenarios.visits import Newcomer, Visit, shake_hands
from tests.e2e.wire import Ended
from tests.forge import RunningForge, open_forge

pytestmark = pytest.mark.e2e

STEPS = 20
SEEDS = (1, 2, 3, 4)
ANYBODY = Newcomer(name="any", version=LEGACY, user_agent="any/1")
COUNTING = f"""
import dataclasses
import aegis_trio.toolsets.catalogue as catalogue
from aegis_trio.gitea.server import get_version
from aegis_trio.model.call import ToolReply
from aegis_trio.model.peer import LogLevel
from aegis_trio.model.toolspec import PreparedCall
async def run(context):
    for step in range(1, {STEPS} + 1):
        await context.forge.ask(get_version())
        await context.peer.log(LogLevel.INFO, step)
    return ToolReply({{"counted": {STEPS}}})
def prepare(raw):
    return PreparedCall(places={{}}, run=run)
def replaced(spec):
    return dataclasses.replace(spec, prepare=prepare) if spec.name == "get_server_version" else spec
counting = tuple(replaced(spec) for spec in catalogue.CATALOGUE.tools)
catalogue.CATALOGUE = dataclasses.replace(catalogue.CATALOGUE, tools=counting)
"""


@dataclass
class Count:
    """A call that counts, step by step, for a client that comes and goes."""

    gate: GateProcess
    forge: RunningForge
    visit: Visit
    steps: list[trio.Event]
    """Each lets the forge answer once."""
    heard: list[Any] = field(default_factory=list)
    """What the client has read, in its order."""
    last_id: str | None = None

    def let_run(self, *, up_to: int = STEPS) -> None:
        """Let the tool take the steps up to *up_to*."""
        for step in self.steps[:up_to]:
            step.set()

    async def wait_taken(self, step: int) -> None:
        """Wait until the tool has taken *step*: it asks the forge for the next one, or has ended."""
        with trio.fail_after(30):
            if step < STEPS:
                while len(_versions(self.forge)) <= step:  # noqa: ASYNC110 -- the gate sends no event
                    await trio.sleep(POLL_S)
            else:
                await self.gate.wait_record("tool_invocation")

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Events]:
        """Make the call."""
        headers = {**self.gate.authorization, **self.visit.headers}
        document = call("get_server_version", request_id="count")
        async with open_events(self.gate.url, "POST", "/mcp", headers, document) as events:
            yield events

    @asynccontextmanager
    async def go_on(self) -> AsyncIterator[Events]:
        """Come back for what was not read yet."""
        assert self.last_id is not None
        headers = {**self.gate.authorization, **self.visit.headers, "Last-Event-ID": self.last_id}
        async with open_events(self.gate.url, "GET", "/mcp", headers) as events:
            yield events

    async def read(self, events: Events, messages: int) -> None:
        """Read so many messages."""
        for _ in range(messages):
            self.heard.append(_essence(await events.next_message()))
            self.last_id = events.last_id

    async def read_rest(self, events: Events) -> None:
        """Read up to the end."""
        try:
            while True:
                await self.read(events, 1)
        except Ended:
            return


def _versions(forge: RunningForge) -> list[Any]:
    return [record for record in forge.requests if record.raw_path.endswith("/version")]


def _essence(message: Any) -> Any:
    return message["params"]["data"] if "method" in message else message["result"]["structuredContent"]


WHOLE: list[Any] = [*range(1, STEPS + 1), {"counted": STEPS}]


@asynccontextmanager
async def _open_count(state: Path) -> AsyncIterator[Count]:
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, state)
        async with open_gate(given, before=COUNTING) as gate, gate.client() as client:
            visit = await shake_hands(client, ANYBODY)
            forge.requests.clear()
            steps = [trio.Event() for _ in range(STEPS)]
            for step in steps:
                forge.faults.order(Fault(hold=step), path="/version")
            yield Count(gate, forge, visit, steps)
        assert 0 == gate.process.returncode


async def test_a_call_goes_on_while_its_client_is_gone_and_gives_everything_once(tmp_path: Path) -> None:
    """The train goes through a tunnel, twice: what was said in the tunnel is there at its end, in order."""
    async with _open_count(tmp_path) as count:
        async with count.begin() as events:
            count.last_id = (await events.next_event()).event_id
            count.let_run(up_to=5)
            await count.read(events, 5)
            await events.wire.reset()
        count.let_run(up_to=10)
        await count.wait_taken(10)
        async with count.go_on() as events:
            await count.read(events, 3)
            await events.wire.reset()
        async with count.go_on() as events:
            await count.read(events, 2)
            count.let_run(up_to=12)
            await count.read(events, 2)
            await events.wire.reset()
        count.let_run()
        await count.wait_taken(STEPS)
        async with count.go_on() as events:
            await count.read_rest(events)
        assert WHOLE == count.heard
        # The answer was the last of it; whoever asks once more hears that nothing is left.
        async with count.go_on() as events:
            await count.read_rest(events)
        assert WHOLE == count.heard
        [outcome] = count.gate.audit_records("tool_invocation")
        assert "success" == outcome["result"]


async def test_an_event_that_was_cut_in_half_comes_again_whole(tmp_path: Path) -> None:
    """A client has what it has read to the blank line; the half of an event is nothing."""
    async with _open_count(tmp_path) as count:
        async with count.begin() as events:
            count.last_id = (await events.next_event()).event_id
            count.let_run(up_to=4)
            await count.read(events, 3)
            await events.wire.receive_until(b'"data":4')
            await events.wire.reset()
        count.let_run()
        async with count.go_on() as events:
            await count.read_rest(events)
        assert WHOLE == count.heard


async def test_a_client_that_comes_back_while_its_old_connection_seems_alive_takes_over(tmp_path: Path) -> None:
    """A connection can be dead for minutes before anybody hears of it; the new one must not wait for that."""
    async with _open_count(tmp_path) as count:
        async with count.begin() as old:
            count.last_id = (await old.next_event()).event_id
            count.let_run(up_to=3)
            await count.read(old, 3)
            async with count.go_on() as new:
                count.let_run()
                await count.read_rest(new)
                # What the old connection still gets ends it, and is no message that the new one has.
                assert [] == await old.rest()
        assert WHOLE == count.heard


@pytest.mark.parametrize("seed", SEEDS, ids=SEEDS)
async def test_wherever_the_connection_breaks_nothing_is_lost_or_doubled(tmp_path: Path, seed: int) -> None:
    """Cuts at any byte of any connection, again and again, while the tool runs as fast as it can."""
    chance = random.Random(seed)  # noqa: S311 -- moments, not secrets
    async with _open_count(tmp_path) as count:
        cuts = 0
        async with count.begin() as events:
            count.last_id = (await events.next_event()).event_id
            await events.wire.reset()
        while len(count.heard) < len(WHOLE):
            async with count.go_on() as events:
                count.let_run(up_to=len(count.heard) + chance.randrange(8))
                due = sum(step.is_set() for step in count.steps) - len(count.heard)
                await count.read(events, chance.randint(0, max(due, 0)))
                if chance.random() < 0.5 and sum(step.is_set() for step in count.steps) > len(count.heard):
                    with trio.fail_after(30):
                        await events.wire.receive_until(b"id: ")  # the beginning of an event, and not its end
                if all(step.is_set() for step in count.steps):
                    await count.read_rest(events)
                await events.wire.reset()
                cuts += 1
        assert WHOLE == count.heard
        assert cuts > 2
        print(cuts)


async def test_answers_of_several_calls_come_back_on_their_own_streams(tmp_path: Path) -> None:
    """MCP 2025-11-25: never a message of one stream on another, so that each event has one place."""
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path)
        async with open_gate(given) as gate, gate.client() as client:
            visit = await shake_hands(client, ANYBODY)
            release = trio.Event()
            forge.faults.order(Fault(hold=release), path="/user/repos", times=3)
            headers = {**gate.authorization, **visit.headers}
            places = {}
            for name in ("a", "b", "c"):
                document = call("list_repositories", {"limit": 1}, name)
                async with open_events(gate.url, "POST", "/mcp", headers, document) as events:
                    places[name] = (await events.next_event()).event_id
                    await events.wire.reset()
            assert 3 == len(set(places.values()))
            release.set()
            for name, place in reversed(places.items()):
                assert place is not None
                async with open_events(gate.url, "GET", "/mcp", {**headers, "Last-Event-ID": place}) as events:
                    assert [name] == [message["id"] for message in await events.rest()]
            assert 3 == len(gate.audit_records("tool_invocation"))
