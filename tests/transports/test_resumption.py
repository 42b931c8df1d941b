"""Streams that broke go on where they broke: MCP 2025-11-25 basic/transports#resumability-and-redelivery."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.identity import PrincipalId
from aegis_trio.protocol.refusals import INVALID_REQUEST
from aegis_trio.protocol.sse import FAREWELL, KEEP_ALIVE, encode_priming
from aegis_trio.transports.hub import StreamKind
from aegis_trio.transports.outbox import RETRY_MS
from tests.transports.conftest import MakeGate
from tests.transports.harness import Conversation, Gate, call, lasting, modern_call, notification
from tests.transports.talking import heard, logging, lost, resumed, said


async def test_a_stream_of_a_call_begins_with_an_id_to_come_back_by(autojump_clock: MockClock, gate: Gate) -> None:
    """Item 6 (SEP-1699): the priming event comes before anything else, with the time after which to come back."""
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(3)
    stream = gate.post(call("slow"), session)
    await stream.wait_for(lambda: bool(stream.chunks))

    assert encode_priming("1-0", RETRY_MS) == stream.chunks[0]
    await stream.over.wait()
    assert [("1-1", 1)] == [(event_id, message["id"]) for event_id, message in stream.events]


@pytest.mark.parametrize("version", ["2025-03-26", "2025-06-18"])
async def test_an_older_client_gets_ids_without_the_event_that_it_could_not_read(
    autojump_clock: MockClock, gate: Gate, version: str
) -> None:
    """To it an event without data would be a message that is not JSON; resuming is older than priming."""
    session = await gate.session(version)
    gate.door.scripts["talk"] = logging(1, 1)
    stream = gate.post(call("talk"), session)
    await heard(stream, 1)
    rest = resumed(gate, session, await lost(stream))
    await rest.over.wait()

    assert [KEEP_ALIVE, KEEP_ALIVE] == [stream.chunks[0], rest.chunks[0]]
    assert [1, [1]] == said(rest.messages)


async def test_a_lost_stream_goes_on_behind_the_last_event(autojump_clock: MockClock, gate: Gate) -> None:
    """What was sent is not sent again, what was not is not left out, and the call was not disturbed."""
    session = await gate.session()
    gate.door.scripts["talk"] = logging(1, 1, 1, 1)
    stream = gate.post(call("talk"), session)
    await heard(stream, 2)
    event_id = await lost(stream)
    await trio.sleep(10)
    rest = resumed(gate, session, event_id)
    await rest.over.wait()

    assert [0, 1] == said(stream.messages)
    assert [2, 3, [1]] == said(rest.messages)
    assert [] == gate.door.cancelled
    assert rest.is_complete
    assert ("text/event-stream", "no") == (rest.headers["content-type"], rest.headers["x-accel-buffering"])
    assert encode_priming(event_id, RETRY_MS) == rest.chunks[0]


async def test_a_stream_can_be_resumed_from_every_event_of_it(autojump_clock: MockClock, gate: Gate) -> None:
    """Also from its first id, which came before any message, and again after it ended in good order."""
    session = await gate.session()
    gate.door.scripts["talk"] = logging(1, 1)
    stream = gate.post(call("talk"), session)
    await stream.over.wait()
    rests: list[Conversation] = []
    for number in range(4):
        rests.append(resumed(gate, session, f"1-{number}"))
        await rests[-1].over.wait()

    assert [[0, 1, [1]], [1, [1]], [[1]], []] == [said(rest.messages) for rest in rests]
    assert all(rest.is_complete for rest in rests)


async def test_a_resumed_stream_says_that_it_lives(autojump_clock: MockClock, gate: Gate) -> None:
    """Whoever came back waits behind the same proxies as before."""
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(40)
    stream = gate.post(call("slow"), session)
    await stream.wait_for(lambda: bool(stream.chunks))
    rest = resumed(gate, session, await lost(stream))
    await rest.over.wait()

    assert 2 == rest.chunks.count(KEEP_ALIVE)
    assert [[1]] == said(rest.messages)


async def test_ids_are_of_one_stream_and_no_stream_has_those_of_another(autojump_clock: MockClock, gate: Gate) -> None:
    """Ids are unique in the session, and tell to which stream the client comes back."""
    session = await gate.session()
    gate.door.scripts["talk"] = logging(1, 1)
    streams = [gate.post(call("talk", number), session) for number in range(3)]
    for stream in streams:
        await stream.over.wait()
    ids = [event_id for stream in streams for event_id, _ in stream.events]

    rests = [resumed(gate, session, stream.events[1][0] or "") for stream in streams]
    for rest in rests:
        await rest.over.wait()

    assert 9 == len(set(ids))
    assert [[[0]], [[1]], [[2]]] == [said(rest.messages) for rest in rests]


async def test_the_stream_of_a_session_is_resumed_as_well(autojump_clock: MockClock, gate: Gate) -> None:
    """What was announced while its client was away is told when it comes back."""
    session = await gate.session()
    stream = await gate.stream(session)
    await gate.announce_lists()
    await heard(stream, 3)
    event_id = await lost(stream)
    await gate.announce_lists()
    rest = resumed(gate, session, event_id)
    await heard(rest, 3)
    await gate.announce_lists()
    await heard(rest, 6)

    assert [f"1-{number}" for number in range(4, 10)] == [event_id for event_id, _ in rest.events]
    assert not rest.over.is_set()


@pytest.mark.parametrize(
    "raw_event_id",
    [
        "",
        "-",
        "1",
        "1-",
        "-1",
        "1-x",
        "1-99",
        "9-0",
        "1--1",
        "1-1-1",
        "1-\u00b2",
        "1-9999999999999999",
        "aegis",
        "1 -0",
    ],
)
async def test_an_id_that_was_never_given_is_refused_in_plain_words(
    autojump_clock: MockClock, gate: Gate, raw_event_id: str
) -> None:
    """The client learns that something is missing, and what to do: an empty stream would hide it."""
    session = await gate.session()
    gate.door.scripts["talk"] = logging(1)
    await gate.asked(call("talk"), session)
    answer = await gate.done("GET", "/mcp", ("accept", "text/event-stream"), session, ("last-event-id", raw_event_id))

    assert (400, INVALID_REQUEST) == (answer.status, answer.json["error"]["code"])
    assert "without it" in answer.json["error"]["message"]
    assert 0 == gate.hub.statistics().streams_open[StreamKind.LISTEN]


async def test_nobody_else_resumes_a_stream(autojump_clock: MockClock, gate: Gate) -> None:
    """Ids are counted, so a guess is easy; the session behind it is what is secret, and is its principal's."""
    session = await gate.session()
    other, bobs = await gate.session(), await gate.session(key="bob")
    gate.door.scripts["talk"] = logging(1, 1)
    stream = gate.post(call("talk"), session)
    await stream.over.wait()
    foreign = resumed(gate, session, "1-0", key="bob")
    unknown = resumed(gate, ("mcp-session-id", "x" * 43), "1-0", key="bob")
    of_other, of_bob = resumed(gate, other, "1-0"), resumed(gate, bobs, "1-0", key="bob")
    for conversation in (foreign, unknown, of_other, of_bob):
        await conversation.over.wait()

    assert (404, 404, 400, 400) == (foreign.status, unknown.status, of_other.status, of_bob.status)
    assert unknown.chunks == foreign.chunks


async def test_a_second_reader_takes_over(autojump_clock: MockClock, gate: Gate) -> None:
    """A client comes back before the gate has noticed that the first connection is dead; the old one hears no more."""
    session = await gate.session()
    gate.door.scripts["talk"] = logging(1, 1, 1, 1)
    stream = gate.post(call("talk"), session)
    await heard(stream, 2)
    rest = resumed(gate, session, "1-1")
    await stream.over.wait()
    await rest.over.wait()

    assert [0, 1] == said(stream.messages)
    assert [1, 2, 3, [1]] == said(rest.messages)


@pytest.mark.parametrize("kind", ["GET", "POST"])
async def test_a_reader_that_was_taken_over_leaves_the_new_one_in_peace(
    autojump_clock: MockClock, gate: Gate, kind: str
) -> None:
    """The old one's end must neither uncount the new one, nor break it, nor hide it from a drain."""
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(60)
    first = gate.post(call("slow"), session) if kind == "POST" else await gate.stream(session)
    await first.wait_for(lambda: bool(first.chunks))
    second = resumed(gate, session, "1-0")
    await first.over.wait()
    third = resumed(gate, session, "1-0")
    await second.over.wait()
    await third.wait_for(lambda: bool(third.chunks))
    counted = gate.hub.statistics().streams_open[StreamKind.LISTEN]
    gate.hub.begin_drain()
    await third.over.wait()

    assert 1 == counted
    assert (None, None, None) == (first.error, second.error, third.error)
    assert third.is_complete
    assert (FAREWELL.decode() in third.text, said(third.messages)) == (kind == "GET", [] if kind == "GET" else [[1]])
    assert 0 == sum(gate.hub.statistics().streams_open.values())


async def test_a_reader_that_does_not_read_is_taken_over_all_the_same(autojump_clock: MockClock, gate: Gate) -> None:
    """Its connection is dead and nobody knows: what stuck in it is given to the new one."""
    session = await gate.session()
    gate.door.scripts["talk"] = logging(1, 1, 1)
    stream = gate.post(call("talk"), session)
    await heard(stream, 1)
    stream.stop_reading()
    await trio.sleep(10)
    rest = resumed(gate, session, "1-1")
    await rest.over.wait()
    stream.read_on()
    await stream.over.wait()

    assert [1, 2, [1]] == said(rest.messages)
    assert [0, 1] == said(stream.messages)
    assert not stream.is_complete


async def test_hanging_up_cancels_nothing_and_cancelling_still_does(autojump_clock: MockClock, gate: Gate) -> None:
    """Item 6: a disconnect is no cancellation; whoever wants one says so, and the stream ends without an answer."""
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(1000)
    stream = gate.post(call("slow", "c"), session)
    await stream.wait_for(lambda: bool(stream.chunks))
    event_id = await lost(stream)
    await trio.sleep(5)
    before = list(gate.door.cancelled)
    await gate.asked(notification("notifications/cancelled", {"requestId": "c"}), session)
    rest = resumed(gate, session, event_id)
    await rest.over.wait()

    assert ([], ["slow"]) == (before, gate.door.cancelled)
    assert (200, []) == (rest.status, rest.messages)
    assert rest.is_complete


async def test_a_stream_ends_with_its_session_and_cannot_be_resumed(autojump_clock: MockClock, gate: Gate) -> None:
    """DELETE and a removed key leave nothing behind to read."""
    for ending in ("delete", "revoke"):
        session = await gate.session()
        gate.door.scripts["talk"] = logging(1)
        await gate.asked(call("talk"), session)
        if ending == "delete":
            await gate.done("DELETE", "/mcp", session)
        else:
            gate.hub.end_sessions_of(frozenset({PrincipalId("key:ada")}))
        rest = resumed(gate, session, "1-0")
        await rest.over.wait()

        assert 404 == rest.status
    assert 0 == gate.hub.statistics().outbox_bytes


async def test_a_resumption_needs_a_client_that_takes_streams(autojump_clock: MockClock, gate: Gate) -> None:
    """Accept is looked at before the id."""
    session = await gate.session()
    answer = await gate.done("GET", "/mcp", ("accept", "application/json"), session, ("last-event-id", "1-0"))

    assert 406 == answer.status


async def test_a_modern_request_ignores_what_it_would_resume_by(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """MCP 2026-07-28 streamable-http: inbound Mcp-Session-Id and Last-Event-ID are ignored, none is given."""
    gate = await make_gate(json_within_s=0.1)
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(3)
    answer = await gate.asked(*modern_call("slow"), session, ("last-event-id", "1-0"))

    assert 200 == answer.status
    assert "mcp-session-id" not in answer.headers
    assert "id: " not in answer.text
    assert ("text/event-stream", "no") == (answer.headers["content-type"], answer.headers["x-accel-buffering"])
