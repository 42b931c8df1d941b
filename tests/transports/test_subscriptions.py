"""Changes, told on one modern stream: MCP 2026-07-28 basic/patterns/subscriptions."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.errors import ResourceMissing
from aegis_trio.model.identity import PrincipalId
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.dispatch import MAX_URI_CHARS, MAX_WATCHED
from aegis_trio.protocol.refusals import INVALID_PARAMS
from aegis_trio.protocol.results import META_SUBSCRIPTION
from aegis_trio.transports.hub import StreamKind
from aegis_trio.transports.subscriptions import WATCHES_BEGUN_AT_ONCE
from tests.transports.conftest import MakeGate
from tests.transports.harness import Conversation, Gate, modern, notification
from tests.transports.talking import heard

ALL: JsonObject = {"toolsListChanged": True, "promptsListChanged": True, "resourcesListChanged": True}
A, B = "forge://a", "forge://b"


async def listening(gate: Gate, wanted: JsonObject, request_id: JsonValue = "sub-1", key: str = "ada") -> Conversation:
    """Open a subscription and wait for its acknowledgement."""
    conversation = gate.post(*modern("subscriptions/listen", {"notifications": wanted}, request_id=request_id), key=key)
    await heard(conversation, 1)
    return conversation


def subset_of(message: Any) -> Any:
    """Return what an acknowledgement says was accepted."""
    assert "notifications/subscriptions/acknowledged" == message["method"]
    return message["params"]["notifications"]


def is_at_rest(gate: Gate) -> bool:
    """Return whether nothing of any subscription is left."""
    return not gate.door.changes and not any(gate.hub.statistics().streams_open.values())


async def test_the_first_message_says_what_was_accepted(autojump_clock: MockClock, gate: Gate) -> None:
    """MUST be the first message, with the subset that the server will honour."""
    gate.door.unwatchable[B] = ResourceMissing("No.", uri=B)
    stream = await listening(gate, {**ALL, "resourceSubscriptions": [A, B]})

    assert {**ALL, "resourceSubscriptions": [A]} == subset_of(stream.messages[0])
    assert ("text/event-stream", "no") == (stream.headers["content-type"], stream.headers["x-accel-buffering"])
    assert "mcp-session-id" not in stream.headers
    assert [A] == list(gate.door.changes)


@pytest.mark.parametrize(
    ("wanted", "accepted"),
    [
        ({}, {}),
        ({"toolsListChanged": False, "resourceSubscriptions": []}, {}),
        ({"promptsListChanged": True}, {"promptsListChanged": True}),
        ({"resourceSubscriptions": [A, A, B]}, {"resourceSubscriptions": [A, B]}),
    ],
)
async def test_nothing_is_accepted_that_was_not_asked_for(
    autojump_clock: MockClock, gate: Gate, wanted: JsonObject, accepted: JsonObject
) -> None:
    """The subset is one of what was asked; what was asked twice is watched once."""
    stream = await listening(gate, wanted)

    assert accepted == subset_of(stream.messages[0])


@pytest.mark.parametrize("request_id", ["sub-1", 7, 0, ""])
async def test_every_message_names_its_subscription(
    autojump_clock: MockClock, gate: Gate, request_id: JsonValue
) -> None:
    """`_meta` carries the request's id, so that streams can be told apart; the result at the end too."""
    stream = await listening(gate, {**ALL, "resourceSubscriptions": [A]}, request_id)
    await gate.announce_lists()
    gate.door.changes[A]()
    await heard(stream, 5)
    gate.hub.begin_drain()
    await stream.over.wait()
    *told, result = stream.messages

    assert {str(request_id)} == {str(message["params"]["_meta"][META_SUBSCRIPTION]) for message in told}
    assert (request_id, request_id) == (result["id"], result["result"]["_meta"][META_SUBSCRIPTION])
    assert "complete" == result["result"]["resultType"]
    assert {"uri": A, "_meta": {META_SUBSCRIPTION: request_id}} == told[-1]["params"]


@pytest.mark.parametrize(
    ("asked", "method"),
    [
        ("toolsListChanged", "notifications/tools/list_changed"),
        ("promptsListChanged", "notifications/prompts/list_changed"),
        ("resourcesListChanged", "notifications/resources/list_changed"),
    ],
)
async def test_only_the_lists_that_were_asked_for_are_told_of(
    autojump_clock: MockClock, gate: Gate, asked: str, method: str
) -> None:
    """A client hears no notification that it did not ask for."""
    stream = await listening(gate, {asked: True})
    await gate.announce_lists()
    await trio.sleep(1)

    assert [method] == [message["method"] for message in stream.messages[1:]]


async def test_a_change_is_told_to_whoever_watches_that_resource(autojump_clock: MockClock, gate: Gate) -> None:
    """notifications/resources/updated names the resource; other subscriptions hear nothing."""
    stream, other = await listening(gate, {"resourceSubscriptions": [A]}), await listening(gate, ALL)
    gate.door.changes[A]()
    await heard(stream, 2)
    await trio.sleep(1)

    assert "notifications/resources/updated" == stream.messages[1]["method"]
    assert 1 == len(other.messages)


async def test_what_changes_while_the_subscription_begins_is_told_behind_the_acknowledgement(
    autojump_clock: MockClock, gate: Gate
) -> None:
    """Nothing is lost between the first look and the first message, and nothing comes before it."""
    gate.door.begin_after_s = {A: 0.0, B: 5.0}
    conversation = gate.post(
        *modern("subscriptions/listen", {"notifications": {**ALL, "resourceSubscriptions": [A, B]}})
    )
    await trio.sleep(1)
    await gate.announce_lists()
    gate.door.changes[A]()
    gate.door.changes[A]()
    early = list(conversation.messages)
    await heard(conversation, 5)
    await trio.sleep(5)

    assert [] == early
    assert [
        "notifications/subscriptions/acknowledged",
        "notifications/tools/list_changed",
        "notifications/prompts/list_changed",
        "notifications/resources/list_changed",
        "notifications/resources/updated",
    ] == [message["method"] for message in conversation.messages]


async def test_first_looks_are_made_a_few_at_a_time(autojump_clock: MockClock, gate: Gate) -> None:
    """A principal may run 32 calls at once; a subscription does not take them all."""
    uris = [f"forge://{number}" for number in range(MAX_WATCHED)]
    gate.door.begin_after_s = dict.fromkeys(uris, 1.0)
    began = trio.current_time()
    stream = await listening(gate, {"resourceSubscriptions": list[JsonValue](uris)})

    assert uris == subset_of(stream.messages[0])["resourceSubscriptions"]
    assert WATCHES_BEGUN_AT_ONCE == gate.door.most_beginning
    assert MAX_WATCHED / WATCHES_BEGUN_AT_ONCE == round(trio.current_time() - began)


@pytest.mark.parametrize(
    "uris", [[f"forge://{number}" for number in range(MAX_WATCHED + 1)], [""], ["x" * (MAX_URI_CHARS + 1)], [5], "a"]
)
async def test_what_cannot_be_watched_is_refused_as_a_whole(
    autojump_clock: MockClock, gate: Gate, uris: JsonValue
) -> None:
    """Too many, empty, or too long: refused in words under 400, never cut."""
    answer = await gate.asked(*modern("subscriptions/listen", {"notifications": {"resourceSubscriptions": uris}}))

    assert (400, INVALID_PARAMS) == (answer.status, answer.json["error"]["code"])


async def test_a_hang_up_leaves_nothing(autojump_clock: MockClock, gate: Gate) -> None:
    """Closing the stream is the cancel: no watch goes on for nobody."""
    stream = await listening(gate, {**ALL, "resourceSubscriptions": [A, B]})
    stream.hang_up()
    await stream.over.wait()
    await gate.announce_lists()

    assert is_at_rest(gate)
    assert 1 == len(stream.messages)


async def test_a_hang_up_while_it_begins_leaves_nothing(autojump_clock: MockClock, gate: Gate) -> None:
    """The first looks may take long; they end at once."""
    gate.door.begin_after_s = {A: 1000.0}
    conversation = gate.post(*modern("subscriptions/listen", {"notifications": {"resourceSubscriptions": [B, A]}}))
    await trio.sleep(5)
    conversation.hang_up()
    with trio.fail_after(1):
        await conversation.over.wait()

    assert is_at_rest(gate)


@pytest.mark.parametrize("begin_after_s", [0.0, 3.0])
async def test_a_drain_ends_it_in_good_order(autojump_clock: MockClock, gate: Gate, begin_after_s: float) -> None:
    """The result is the graceful end, also of a subscription that had only begun to look."""
    gate.door.begin_after_s = {A: begin_after_s}
    wanted: JsonObject = {"notifications": {"resourceSubscriptions": [A]}}
    conversation = gate.post(*modern("subscriptions/listen", wanted))
    await trio.sleep(1)
    gate.hub.begin_drain()
    await conversation.over.wait()

    assert ["notifications/subscriptions/acknowledged", None] == [one.get("method") for one in conversation.messages]
    assert "result" in conversation.messages[-1]
    assert conversation.is_complete
    assert is_at_rest(gate)


async def test_a_subscription_that_comes_during_a_drain_ends_at_once(autojump_clock: MockClock, gate: Gate) -> None:
    """It is answered in good order, so that its client connects elsewhere."""
    gate.hub.begin_drain()
    answer = await gate.asked(*modern("subscriptions/listen", {"notifications": ALL}))

    assert ["notifications/subscriptions/acknowledged", None] == [one.get("method") for one in answer.messages]


async def test_a_removed_credential_ends_it(autojump_clock: MockClock, gate: Gate) -> None:
    """Access that has ended hears nothing more; others do."""
    stream, bobs = await listening(gate, {"resourceSubscriptions": [A]}), await listening(gate, ALL, key="bob")
    gate.hub.end_sessions_of(frozenset({PrincipalId("key:ada")}))
    with trio.fail_after(1):
        await stream.over.wait()
    await gate.announce_lists()
    await heard(bobs, 4)

    assert {} == gate.door.changes
    assert 1 == len(stream.messages)
    assert 1 == gate.hub.statistics().streams_open[StreamKind.LISTEN]


async def test_a_reader_that_does_not_read_is_cut(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """Changes that wait are bounded as everything is."""
    gate = await make_gate(max_outbox_messages=4)
    stream = await listening(gate, {"resourceSubscriptions": [A]})
    stream.stop_reading()
    for _ in range(10):
        if A in gate.door.changes:
            gate.door.changes[A]()
        await trio.sleep(1)
    stream.read_on()
    await stream.over.wait()

    assert not stream.is_complete
    assert (1, 0) == (gate.hub.statistics().streams_cut_total, gate.hub.statistics().outbox_bytes)
    assert is_at_rest(gate)


async def test_it_needs_a_client_that_takes_streams(autojump_clock: MockClock, gate: Gate) -> None:
    """There is no other form in which changes could come."""
    asked = modern("subscriptions/listen", {"notifications": ALL})

    assert 406 == (await gate.asked(*asked, ("accept", "application/json"))).status


async def test_a_posted_cancellation_ends_no_stream_over_http(autojump_clock: MockClock, gate: Gate) -> None:
    """Ids are the client's choice: without a session a stranger's id could be named."""
    stream = await listening(gate, ALL)
    document = notification("notifications/cancelled", {"requestId": "sub-1"})
    answer = await gate.asked(document, ("mcp-protocol-version", "2026-07-28"))
    await trio.sleep(1)

    assert 202 == answer.status
    assert not stream.over.is_set()


async def test_a_bug_in_a_watch_ends_its_own_subscription_with_an_answer(autojump_clock: MockClock, gate: Gate) -> None:
    """What breaks is the answer of its own request, and shows nothing of itself."""
    gate.door.breaks_with[A] = ValueError("token=hunter2")
    answer = await gate.asked(*modern("subscriptions/listen", {"notifications": {"resourceSubscriptions": [B, A]}}))

    assert answer.error is None
    assert -32603 == answer.messages[-1]["error"]["code"]
    assert "hunter2" not in answer.text
    assert is_at_rest(gate)
