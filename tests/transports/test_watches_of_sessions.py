"""Resources that a session watches: MCP 2025-11-25 server/resources#subscriptions."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.errors import AuditUnavailable, Fault, NotReady, RateLimited, ResourceMissing, UpstreamBusy
from aegis_trio.model.identity import PrincipalId
from aegis_trio.model.json import JsonValue
from aegis_trio.protocol.dispatch import MAX_URI_CHARS
from aegis_trio.protocol.refusals import INVALID_PARAMS, INVALID_REQUEST, RESOURCE_NOT_FOUND
from tests.transports.conftest import MakeGate
from tests.transports.harness import Conversation, Gate, notification, request
from tests.transports.talking import heard, lost, resumed

A, B = "forge://a", "forge://b"


async def subscribed(
    gate: Gate, session: tuple[str, str], uri: JsonValue = A, request_id: JsonValue = 1
) -> Conversation:
    """Subscribe and wait for the answer."""
    return await gate.asked(request("resources/subscribe", {"uri": uri}, request_id), session)


async def unsubscribed(gate: Gate, session: tuple[str, str], uri: JsonValue = A) -> Conversation:
    """Unsubscribe and wait for the answer."""
    return await gate.asked(request("resources/unsubscribe", {"uri": uri}), session)


async def test_a_change_is_told_on_the_stream_of_the_session(autojump_clock: MockClock, gate: Gate) -> None:
    """The answer is empty; then each change is one notification that names the resource."""
    session = await gate.session()
    stream = await gate.stream(session)
    answer = await subscribed(gate, session)
    gate.door.changes[A]()
    await heard(stream, 1)

    assert (200, {}) == (answer.status, answer.json["result"])
    assert ("notifications/resources/updated", {"uri": A}) == (
        stream.messages[0]["method"],
        stream.messages[0]["params"],
    )


async def test_each_change_is_told_on_one_stream_only(autojump_clock: MockClock, gate: Gate) -> None:
    """basic/transports#multiple-connections: never the same message on two streams; the newest has it."""
    session = await gate.session()
    old, new = await gate.stream(session), await gate.stream(session)
    await subscribed(gate, session)
    gate.door.changes[A]()
    await heard(new, 1)
    await trio.sleep(1)

    assert ([], 1) == (old.messages, len(new.messages))


async def test_a_change_waits_for_a_client_that_lost_its_stream(autojump_clock: MockClock, gate: Gate) -> None:
    """It comes back by the last id that it has."""
    session = await gate.session()
    await subscribed(gate, session)
    event_id = await lost(await gate.stream(session))
    gate.door.changes[A]()
    rest = resumed(gate, session, event_id)

    assert {"uri": A} == (await heard(rest, 1))[0]["params"]


async def test_a_change_that_nobody_can_hear_is_lost_without_harm(autojump_clock: MockClock, gate: Gate) -> None:
    """A client that opens no stream wants to hear nothing."""
    session = await gate.session()
    await subscribed(gate, session)
    gate.door.changes[A]()
    stream = await gate.stream(session)
    gate.door.changes[A]()

    assert 1 == len(await heard(stream, 1))
    assert 0 == gate.hub.statistics().streams_cut_total


async def test_an_unsubscribed_resource_is_watched_no_more(autojump_clock: MockClock, gate: Gate) -> None:
    """Also one that was subscribed twice; one that never was is no mistake."""
    session = await gate.session()
    await subscribed(gate, session)
    again = await subscribed(gate, session)
    answers = [
        await unsubscribed(gate, session),
        await unsubscribed(gate, session),
        await unsubscribed(gate, session, B),
    ]
    await trio.sleep(1)

    assert {} == again.json["result"]
    assert [{}, {}, {}] == [answer.json["result"] for answer in answers]
    assert ({}, 1) == (gate.door.changes, gate.door.watched)


async def test_a_resource_can_be_watched_again_at_once(autojump_clock: MockClock, gate: Gate) -> None:
    """The end of the first watch is still being recorded when the second one is asked for."""
    session = await gate.session()
    gate.door.ends_after_s = 3.0
    await subscribed(gate, session)
    await unsubscribed(gate, session)
    await subscribed(gate, session)
    await trio.sleep(10)

    assert (2, [A]) == (gate.door.watched, list(gate.door.changes))
    await unsubscribed(gate, session)
    await trio.sleep(10)
    assert {} == gate.door.changes


async def test_a_watch_that_is_taken_back_while_it_begins_harms_nobody(autojump_clock: MockClock, gate: Gate) -> None:
    """Unsubscribing during the first look ends the watch, and neither the call nor the session."""
    session = await gate.session()
    gate.door.begin_after_s[A] = 5.0
    beginning = gate.post(request("resources/subscribe", {"uri": A}, "s"), session)
    await trio.sleep(1)
    await unsubscribed(gate, session)
    await beginning.over.wait()

    assert {} == beginning.json["result"]
    assert 200 == (await gate.asked(request("ping"), session)).status
    assert {} == gate.door.changes


async def test_a_bug_in_a_watch_is_the_answer_of_its_request(autojump_clock: MockClock, gate: Gate) -> None:
    """An exception in a call becomes that call's answer; the session and its other watches live on."""
    session = await gate.session()
    gate.door.breaks_with[A] = ValueError("token=hunter2")
    await subscribed(gate, session, B)
    answer = await subscribed(gate, session)

    assert (-32603, False) == (answer.json["error"]["code"], "hunter2" in answer.text)
    assert 200 == (await gate.asked(request("ping"), session)).status
    assert [B] == list(gate.door.changes)


async def test_a_subscription_can_be_cancelled_while_it_begins(autojump_clock: MockClock, gate: Gate) -> None:
    """basic/utilities/cancellation holds for every request; the place is free again."""
    session = await gate.session()
    gate.door.begin_after_s[A] = 5.0
    beginning = gate.post(request("resources/subscribe", {"uri": A}, "s"), session)
    await trio.sleep(1)
    await gate.asked(notification("notifications/cancelled", {"requestId": "s"}), session)
    await beginning.over.wait()
    gate.door.begin_after_s.clear()
    await subscribed(gate, session)

    assert ([], 2) == (beginning.messages, gate.door.watched)
    assert [A] == list(gate.door.changes)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (ResourceMissing("No.", uri=A), 200, RESOURCE_NOT_FOUND),
        (UpstreamBusy("Busy."), 200, 503),
        (RateLimited("Slow.", retry_after_s=3), 429, 429),
        (NotReady("Not yet."), 503, 503),
        (AuditUnavailable("No disk."), 503, 503),
    ],
)
async def test_what_cannot_be_read_is_not_watched(
    autojump_clock: MockClock, gate: Gate, fault: Fault, status: int, code: int
) -> None:
    """The answer says why, and a later subscription may succeed."""
    session = await gate.session()
    gate.door.unwatchable[A] = fault
    answer = await subscribed(gate, session)
    gate.door.unwatchable.clear()
    later = await subscribed(gate, session)

    assert (status, code) == (answer.status, answer.json["error"]["code"])
    assert {} == later.json["result"]


async def test_a_session_watches_a_bounded_number_of_resources(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """Each one asks the forge every ten seconds; the refusal says what to do."""
    gate = await make_gate(max_watches=2)
    session, other = await gate.session(), await gate.session()
    await subscribed(gate, session, A)
    await subscribed(gate, session, B)
    refused = await subscribed(gate, session, "forge://c")
    elsewhere = await subscribed(gate, other, "forge://c")
    await unsubscribed(gate, session, A)
    now = await subscribed(gate, session, "forge://d")

    assert (200, INVALID_REQUEST) == (refused.status, refused.json["error"]["code"])
    assert "unsubscribe" in refused.json["error"]["message"]
    assert ({}, {}) == (elsewhere.json["result"], now.json["result"])


@pytest.mark.parametrize("method", ["resources/subscribe", "resources/unsubscribe"])
@pytest.mark.parametrize("uri", ["", "x" * (MAX_URI_CHARS + 1), 5, None])
async def test_a_uri_has_a_bounded_length(autojump_clock: MockClock, gate: Gate, method: str, uri: JsonValue) -> None:
    """Bad parameters are an error of the request, with 200 in this era."""
    session = await gate.session()
    answer = await gate.asked(request(method, {"uri": uri}), session)

    assert (200, INVALID_PARAMS) == (answer.status, answer.json["error"]["code"])
    assert 0 == gate.door.watched


@pytest.mark.parametrize("ending", ["delete", "revoke", "age", "idle"])
async def test_watches_end_with_their_session(autojump_clock: MockClock, make_gate: MakeGate, ending: str) -> None:
    """A watch is no use of a session: one that rests is reaped with all that it watches."""
    gate = await make_gate(idle_s=100, max_age_s=50 if ending == "age" else 10_000)
    session = await gate.session()
    await subscribed(gate, session, A)
    await subscribed(gate, session, B)
    match ending:
        case "delete":
            await gate.done("DELETE", "/mcp", session)
        case "revoke":
            gate.hub.end_sessions_of(frozenset({PrincipalId("key:ada")}))
        case _:
            await trio.sleep(120)
    await trio.sleep(1)

    assert {} == gate.door.changes
    assert 0 == gate.hub.statistics().sessions_open
