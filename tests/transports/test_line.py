"""A line by itself: what every transport of one connection may rely on, told without a transport."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from aegis_trio.model.call import Transport
from aegis_trio.model.errors import NotReady
from aegis_trio.model.identity import PrincipalId
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.refusals import INVALID_REQUEST, invalid_request
from aegis_trio.transports.line import Heard, HungUp, LineEnd, open_line
from tests.transports.harness import Gate, call, initialize, make_caller, request
from tests.transports.lines import asking, modern


class Wire:
    """Both ways of a line: what is heard, one after the other, and what was said."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[Heard](math.inf)
        self.said: list[Any] = []
        self.is_read = True
        self.is_blocked = False
        self.news = trio.Event()

    def feed(self, *documents: JsonValue) -> None:
        """Let messages be heard."""
        for document in documents:
            self.feed_raw(json.dumps(document).encode())

    def feed_raw(self, heard: Heard) -> None:
        """Let anything be heard."""
        self._send.send_nowait(heard)

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something that was said makes *condition* true."""
        while not condition():
            self.news = trio.Event()
            await self.news.wait()

    async def hear(self) -> Heard:
        return await self._receive.receive()

    async def say(self, body: bytes) -> None:
        await trio.lowlevel.checkpoint()
        if not self.is_read:
            raise HungUp
        if self.is_blocked:
            await trio.sleep_forever()
        self.said.append(json.loads(body))
        self.news.set()


@pytest.fixture
def wire() -> Wire:
    """Give a line on which nothing was said yet."""
    return Wire()


async def carried(gate: Gate, wire: Wire) -> LineEnd:
    """Carry everything on *wire*, for as long as both like."""
    with open_line(make_caller("ada"), Transport.STDIO, reception=gate.reception, settings=gate.settings) as line:
        return await line.run(wire.hear, wire.say, idle_s=math.inf, max_age_s=math.inf)


async def test_what_the_transport_could_not_read_is_answered_without_an_id(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery, wire: Wire
) -> None:
    """What was skipped was perhaps a request, and its sender should see why he waits; the line goes on."""
    nursery.start_soon(carried, gate, wire)
    wire.feed_raw(invalid_request("too long"))
    wire.feed(modern("tools/list", 1))
    await wire.wait_for(lambda: len(wire.said) == 2)

    assert (INVALID_REQUEST, False) == (wire.said[0]["error"]["code"], "id" in wire.said[0])
    assert 1 == wire.said[1]["id"]


async def test_the_other_end_ends_the_line(autojump_clock: MockClock, gate: Gate, wire: Wire) -> None:
    """Its place is free again."""
    wire.feed_raw(LineEnd.HUNG_UP)

    assert LineEnd.HUNG_UP is await carried(gate, wire)
    assert 0 == gate.hub.statistics().sessions_open


async def test_nobody_who_reads_is_the_end(autojump_clock: MockClock, gate: Gate, wire: Wire) -> None:
    """Whoever closed only the way back cannot be told anything, so nothing may run for him."""
    wire.is_read = False
    wire.feed(modern("tools/list", 1))

    assert LineEnd.HUNG_UP is await carried(gate, wire)
    assert 0 == gate.hub.statistics().sessions_open


async def test_a_line_rests_as_long_as_it_may(autojump_clock: MockClock, gate: Gate, wire: Wire) -> None:
    """A desktop program starts us in the morning and asks in the evening; the drain ends it in order."""
    ends: list[LineEnd] = []
    async with trio.open_nursery() as nursery:

        async def carry() -> None:
            ends.append(await carried(gate, wire))

        nursery.start_soon(carry)
        await trio.sleep(20_000)
        assert [] == ends
        gate.hub.begin_drain()
        await gate.hub.wait_lines_closed()

    assert [LineEnd.LEFT] == ends


async def test_no_line_begins_in_a_drain(autojump_clock: MockClock, gate: Gate, wire: Wire) -> None:
    """It would end before it was heard."""
    gate.hub.begin_drain()

    with pytest.raises(NotReady):
        await carried(gate, wire)


async def test_what_was_heard_when_the_session_ended_is_not_begun(
    autojump_clock: MockClock, gate: Gate, wire: Wire
) -> None:
    """Between two bytecodes a key can go; its last message must neither run nor pass for a bug of ours."""
    ends: list[LineEnd] = []
    async with trio.open_nursery() as nursery:

        async def carry() -> None:
            ends.append(await carried(gate, wire))

        nursery.start_soon(carry)
        await trio.testing.wait_all_tasks_blocked()
        wire.feed(call("get_me", 1))
        gate.hub.end_sessions_of(frozenset({PrincipalId("key:ada")}))

    assert ([LineEnd.ENDED], []) == (ends, gate.door.requests)


async def test_a_question_of_a_call_in_a_batch_reaches_the_client(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery, wire: Wire
) -> None:
    """The answers of a batch wait for each other; what is asked meanwhile does not."""
    gate.door.scripts = {"ask": asking}
    hello = initialize("2025-03-26", 0)
    hello["params"]["capabilities"] = {"elicitation": {}}  # type: ignore[call-overload,index] # it is an object
    nursery.start_soon(carried, gate, wire)
    wire.feed(hello, [call("ask", 1), request("ping", request_id=2)])
    await wire.wait_for(lambda: len(wire.said) == 2)
    given: JsonObject = {"action": "accept", "content": {"name": "Ada"}}
    wire.feed({"jsonrpc": "2.0", "id": wire.said[1]["id"], "result": given})
    await wire.wait_for(lambda: len(wire.said) == 3)

    assert "elicitation/create" == wire.said[1]["method"]
    assert {1, 2} == {answer["id"] for answer in wire.said[2]}
