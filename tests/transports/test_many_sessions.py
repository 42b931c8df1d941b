"""Many sessions, sessions that break, and requests that race: each is on its own, and nothing gathers."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from aegis_trio.model.identity import PrincipalId
from aegis_trio.model.json import JsonValue
from aegis_trio.model.peer import Peer
from aegis_trio.transports.session import SessionBody
from aegis_trio.transports.settings import SessionSettings
from tests.transports.conftest import MakeGate
from tests.transports.harness import Conversation, Gate, call, lasting, modern_call, notification, request
from tests.transports.talking import (
    CAN_BE_ASKED,
    ROOTS,
    YES,
    asking,
    heard,
    logging,
    lost,
    result_of,
    resumed,
    script_of,
)


def sessions_of(gate: Gate) -> list[SessionBody]:
    """Return the sessions that live."""
    return list(gate.hub._sessions.values())


def tasks_of(gate: Gate) -> int:
    """Return how many tasks the hub holds, the reaper and who tells of lists included."""
    nursery = gate.hub._nursery
    assert nursery is not None
    return len(nursery.child_tasks)


async def test_a_thousand_abandoned_sessions_leave_nothing(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """Clients vanish at every stage: after the handshake, in a call, with a question, a stream, a watch."""
    gate = await make_gate(idle_s=300.0)
    gate.door.scripts |= {"talk": logging(1, 1), "ask": asking({"k": ROOTS}), "slow": lasting(60)}
    before = trio.lowlevel.current_statistics().tasks_living
    connections: list[Conversation] = []
    for number in range(1000):
        session = await gate.session(capabilities=CAN_BE_ASKED)
        match number % 6:
            case 0:
                pass
            case 1:
                connections.append(gate.post(call("talk"), session))
            case 2:
                connections.append(gate.post(call("slow"), session))
            case 3:
                await gate.asked(request("resources/subscribe", {"uri": f"forge://{number}"}), session)
            case 4:
                connections.append(await gate.stream(session))
            case _:
                stream = gate.post(call("ask", "q"), session)
                await heard(stream, 1)
                await lost(stream)
                await gate.asked(notification("notifications/cancelled", {"requestId": "q"}), session)
    await trio.sleep(1)
    full = gate.hub.statistics()
    for connection in connections:
        connection.hang_up()
    await trio.sleep(500)
    rest = gate.hub.statistics()

    assert 1000 == full.sessions_open
    assert full.outbox_bytes > 0
    assert (0, 0, 0) == (rest.sessions_open, rest.outbox_bytes, rest.calls_running)
    assert (1000, 0) == (rest.sessions_reaped_total, sum(rest.streams_open.values()))
    assert (2, before) == (tasks_of(gate), trio.lowlevel.current_statistics().tasks_living)
    assert {} == gate.door.changes
    assert not gate.hub._by_principal
    assert not gate.hub.outbox_budget._kept


async def test_an_exception_in_a_session_ends_that_session_alone(autojump_clock: MockClock, gate: Gate) -> None:
    """Whatever breaks in its nursery: its own streams end, and no call of another one notices."""
    gate.door.scripts["slow"] = lasting(20)
    broken, healthy = await gate.session(), await gate.session()
    bobs = await gate.session(key="bob")
    stream, running = await gate.stream(broken), gate.post(call("slow"), broken)
    others = [
        gate.post(call("slow"), healthy),
        gate.post(call("slow"), bobs, key="bob"),
        gate.post(*modern_call("slow")),
    ]
    await trio.sleep(1)
    nursery = gate.session_of(broken)._nursery
    assert nursery is not None

    async def break_it() -> None:
        await trio.lowlevel.checkpoint()
        raise ValueError("token=hunter2")

    nursery.start_soon(break_it)
    for conversation in (stream, running, *others):
        await conversation.over.wait()

    assert 404 == (await gate.asked(request("ping"), broken)).status
    assert (True, []) == (stream.is_complete, stream.messages)
    assert ([], True) == (running.messages, running.is_complete)
    assert [1, 1, 1] == [other.messages[-1]["id"] if other.messages else other.json["id"] for other in others]
    assert 2 == gate.hub.statistics().sessions_open
    assert 0 == gate.hub.statistics().calls_running


@pytest.mark.parametrize("racing", list(itertools.permutations(("POST", "GET", "DELETE"))))
async def test_requests_that_race_with_the_end_each_have_an_answer(
    autojump_clock: MockClock, gate: Gate, racing: tuple[str, ...]
) -> None:
    """In whatever order they come: an answer, or 404; nothing hangs, and nothing is left."""
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(5)
    started: dict[str, Conversation] = {}
    for method in racing:
        if method == "POST":
            started[method] = gate.post(call("slow"), session)
        else:
            started[method] = gate.start(method, "/mcp", ("accept", "text/event-stream"), session)
    with trio.fail_after(2):
        for conversation in started.values():
            await conversation.over.wait()

    assert 204 == started["DELETE"].status
    assert {started["POST"].status, started["GET"].status} <= {200, 404}
    assert all(conversation.is_complete for conversation in started.values())
    assert [None] * 3 == [conversation.error for conversation in started.values()]
    assert (0, 0) == (gate.hub.statistics().sessions_open, gate.hub.statistics().outbox_bytes)


async def test_a_session_that_was_ended_twice_was_ended_once(autojump_clock: MockClock, gate: Gate) -> None:
    """Two DELETEs at once, and a removed key in between."""
    session = await gate.session()
    deletes = [gate.start("DELETE", "/mcp", session) for _ in range(2)]
    gate.hub.end_sessions_of(frozenset({PrincipalId("key:ada")}))
    for conversation in deletes:
        await conversation.over.wait()

    assert {404} == {conversation.status for conversation in deletes}
    assert 0 == gate.hub.statistics().sessions_open


async def test_what_a_call_says_in_the_moment_of_its_sessions_end_is_kept_by_nobody(
    autojump_clock: MockClock, gate: Gate
) -> None:
    """Its forge has answered, so it still runs up to its next wait, and its first word would open a stream."""
    session = await gate.session()
    forge = trio.Event()

    async def run(peer: Peer) -> JsonValue:
        await forge.wait()
        await peer.report(1)
        return None

    gate.door.scripts["t"] = script_of(run)
    conversation = gate.post(
        request("tools/call", {"name": "t", "arguments": {}, "_meta": {"progressToken": 1}}), session
    )
    await trio.sleep(0.1)
    forge.set()
    gate.hub.forget(gate.session_of(session))
    await conversation.over.wait()
    await trio.sleep(1)

    assert (0, 0) == (gate.hub.statistics().outbox_bytes, gate.hub.statistics().calls_running)
    assert not gate.hub.outbox_budget._kept


ACTS = st.lists(
    st.tuples(
        st.sampled_from(("call", "ask", "get", "resume", "answer", "cancel", "subscribe", "unsubscribe", "hang up")),
        st.sampled_from((0.0, 0.05, 0.3, 2.0)),
    ),
    max_size=14,
)


async def act(gate: Gate, session: tuple[str, str], name: str, open_ones: list[Conversation]) -> None:
    """Do one thing as a client would, without waiting for it."""
    last = open_ones[-1] if open_ones else None
    match name:
        case "call":
            open_ones.append(gate.post(call("talk", len(open_ones)), session))
        case "ask":
            open_ones.append(gate.post(call("ask", "q"), session))
        case "get":
            open_ones.append(gate.start("GET", "/mcp", ("accept", "text/event-stream"), session))
        case "resume" if last is not None and "id: " in last.text:
            open_ones.append(resumed(gate, session, last.last_id))
        case "answer":
            asked: list[Any] = [one for c in open_ones for one in c.messages if one.get("method") == "roots/list"]
            open_ones += [gate.post(result_of(one, YES), session) for one in asked[-1:]]
        case "cancel":
            open_ones.append(gate.post(notification("notifications/cancelled", {"requestId": "q"}), session))
        case "subscribe" | "unsubscribe":
            uri: dict[str, JsonValue] = {"uri": "forge://a"}
            open_ones.append(gate.post(request(f"resources/{name}", uri, f"{name}{len(open_ones)}"), session))
        case _ if last is not None:
            last.hang_up()


@settings(max_examples=150)
@given(ACTS, st.sampled_from(("deleted", "left")))
def test_whatever_a_client_does_in_whatever_order_its_session_is_at_rest_in_the_end(
    acts: list[tuple[str, float]], ending: str
) -> None:
    """Property: no order of calls, streams, answers, cancellations and hang-ups breaks a session or leaves a trace."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            gate = Gate(nursery, SessionSettings(max_kept_streams=3, idle_s=2000))
            await nursery.start(gate.hub.run)
            gate.door.scripts |= {"talk": logging(0.0, 0.5, 0.5), "ask": asking({"k": ROOTS})}
            gate.door.begin_after_s["forge://a"], gate.door.ends_after_s = 0.2, 0.2
            session = await gate.session(capabilities=CAN_BE_ASKED)
            open_ones: list[Conversation] = []
            for name, pause_s in acts:
                await act(gate, session, name, open_ones)
                await trio.sleep(pause_s)
            await gate.asked(notification("notifications/cancelled", {"requestId": "q"}), session)
            await trio.sleep(3)
            alive = await gate.asked(request("ping", request_id="alive"), session)
            if ending == "deleted":
                await gate.done("DELETE", "/mcp", session)
            for conversation in open_ones:
                conversation.hang_up()
                await conversation.over.wait()
            await trio.sleep(400)
            rest = gate.hub.statistics()
            streams = [len(one.streams) for one in sessions_of(gate)]
            nursery.cancel_scope.cancel()

        assert 200 == alive.status
        assert ([] if ending == "deleted" else [0]) == streams
        assert [None] * len(open_ones) == [conversation.error for conversation in open_ones]
        assert (0, 0, 0) == (rest.outbox_bytes, rest.calls_running, sum(rest.streams_open.values()))

    trio.run(main, clock=MockClock(autojump_threshold=0))
