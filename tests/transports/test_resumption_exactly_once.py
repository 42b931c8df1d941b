"""Property: whatever is lost, wherever and however often, a client that comes back has each message exactly once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from aegis_trio.transports.settings import SessionSettings
from tests.transports.harness import Conversation, Gate, call, events_of, ids_of
from tests.transports.talking import logging, resumed, said

SEED_S = st.floats(min_value=0.0, max_value=2.0)


@dataclass(frozen=True)
class Loss:
    """How a client loses its connection once."""

    after_s: float
    arrived: float
    """Which part of the bytes that the gate sent had arrived, 0 to 1."""
    noticed: bool
    """Whether the gate learns of it; otherwise the old connection just takes nothing any more."""
    away_s: float


LOSSES = st.lists(
    st.builds(Loss, after_s=SEED_S, arrived=st.floats(0, 1), noticed=st.booleans(), away_s=SEED_S), max_size=6
)
SCHEDULES = st.lists(st.sampled_from((0.0, 0.0, 0.1, 0.3, 1.0)), min_size=1, max_size=25)


async def converse(gate: Gate, pauses_s: list[float], losses: list[Loss]) -> tuple[list[Any], bool]:
    """Call once, lose the stream as *losses* say, come back each time.

    Returns:
        What the client has of it, and whether it was told that it does not have everything.
    """
    gate.door.scripts["talk"] = logging(*pauses_s)
    session = await gate.session()
    connections = [gate.post(call("talk"), session)]
    has: list[Any] = []
    last_id: str | None = None
    for loss in losses:
        connection = connections[-1]
        with trio.move_on_after(loss.after_s):
            await connection.over.wait()
        arrived = connection.text[: round(len(connection.text) * loss.arrived)]
        last_id = (ids_of(arrived) or [last_id])[-1]
        if last_id is None:
            continue  # not even the first event: nothing to come back by
        has += [message for _, message in events_of(arrived)]
        connection.hang_up() if loss.noticed else connection.stop_reading()
        await trio.sleep(loss.away_s)
        connections.append(resumed(gate, session, last_id))
    await connections[-1].over.wait()
    is_whole = connections[-1].is_complete
    await settle(connections)
    return has + connections[-1].messages, not is_whole or any(one.status != 200 for one in connections)


async def settle(connections: list[Conversation]) -> None:
    """Let every connection end."""
    for connection in connections:
        connection.hang_up()
        connection.read_on()
        await connection.over.wait()
        assert connection.error is None


@settings(max_examples=300)
@given(SCHEDULES, LOSSES)
def test_every_message_comes_exactly_once(pauses_s: list[float], losses: list[Loss]) -> None:
    """MCP 2025-11-25 basic/transports#resumability-and-redelivery: nothing lost, nothing doubled, in order."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            gate = Gate(nursery, SessionSettings())
            await nursery.start(gate.hub.run)
            has, is_told = await converse(gate, pauses_s, losses)
            await trio.sleep(400)
            rest = gate.hub.statistics()
            nursery.cancel_scope.cancel()

        assert ([*range(len(pauses_s)), [1]], False) == (said(has), is_told)
        assert (0, 0, 0) == (sum(rest.streams_open.values()), rest.outbox_bytes, rest.streams_cut_total)

    trio.run(main, clock=MockClock(autojump_threshold=0))


@settings(max_examples=200)
@given(SCHEDULES, LOSSES, st.integers(min_value=1, max_value=12))
def test_within_small_bounds_a_client_has_everything_or_knows_that_it_has_not(
    pauses_s: list[float], losses: list[Loss], max_messages: int
) -> None:
    """Where the bound drops or cuts, the client is refused or its stream breaks; what it has has no hole."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            gate = Gate(nursery, replace(SessionSettings(), max_outbox_messages=max_messages))
            await nursery.start(gate.hub.run)
            has, is_told = await converse(gate, pauses_s, losses)
            nursery.cancel_scope.cancel()
        whole = [*range(len(pauses_s)), [1]]

        assert whole[: len(has)] == said(has)
        assert is_told or whole == said(has)

    trio.run(main, clock=MockClock(autojump_threshold=0))
