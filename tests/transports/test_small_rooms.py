"""What no conversation reaches: our own misuse, readers of lines, and moments between two steps."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.asgi import Message
from aegis_trio.model.call import CallKind, Transport
from aegis_trio.model.errors import MissingCapability
from aegis_trio.model.json import JsonValue
from aegis_trio.model.peer import LogLevel, Peer
from aegis_trio.protocol.jsonrpc import result_reply
from aegis_trio.protocol.results import performed_result
from aegis_trio.protocol.revisions import NEWEST_LEGACY
from aegis_trio.protocol.steps import Perform, RequestMeta
from aegis_trio.transports.bell import Bell
from aegis_trio.transports.desk import Visitor
from aegis_trio.transports.outbox import Outbox
from aegis_trio.transports.outbox_budget import OutboxBudget
from aegis_trio.transports.settings import SessionSettings
from tests.transports.harness import (
    CARD,
    Conversation,
    Gate,
    call,
    initialize,
    make_caller,
    modern,
    modern_call,
    request,
    scope_of,
)
from tests.transports.talking import asked_modern, call_with, script_of


def outbox() -> Outbox:
    """Return an outbox as a line has one."""
    return Outbox(SessionSettings(), OutboxBudget(10_000), lambda: None)


async def test_a_reader_of_a_line_is_woken_by_what_comes_and_by_the_end(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """A WebSocket's reader waits for the outbox only; it hears of hang-ups elsewhere."""
    box = outbox()
    woken: list[tuple[bool, bool]] = []

    async def read() -> None:
        for _ in range(3):
            await box.wait()
            woken.append((box.next(0) is not None, box.is_leaving))

    nursery.start_soon(read)
    await trio.sleep(1)
    box.expect()
    box.leave()
    await trio.sleep(1)
    box.notify({"jsonrpc": "2.0", "method": "m"})
    await trio.sleep(1)
    box.answer(result_reply(1, {}))
    await trio.sleep(1)

    assert [(False, False), (True, False), (True, True)] == woken


async def test_a_ring_before_a_wait_without_deadline_is_heard(autojump_clock: MockClock) -> None:
    """Nothing is lost: the bell remembers one ring, and only one."""
    bell = Bell()
    bell.ring()
    bell.ring()
    with trio.fail_after(1):
        await bell.wait_rung()
    with trio.move_on_after(1) as second:
        await bell.wait_rung()

    assert second.cancelled_caught


async def test_a_legacy_call_outside_a_session_is_our_bug(autojump_clock: MockClock, gate: Gate) -> None:
    """It could not be asked anything; no transport makes one."""
    step = Perform(
        id=1, method="tools/call", kind=CallKind.TOOL, subject="t", arguments={}, params={}, meta=RequestMeta()
    )
    visitor = Visitor(
        caller=make_caller("ada"), revision=NEWEST_LEGACY, transport=Transport.STREAMABLE_HTTP, sink=outbox()
    )
    with pytest.raises(RuntimeError, match="outside a session"):
        await gate.reception.desk.perform(step, visitor)


def test_a_prompt_that_is_none_is_given_no_messages() -> None:
    """What a door says badly is not made worse."""
    assert {"messages": []} == performed_result(CallKind.PROMPT, {"messages": "x"}, NEWEST_LEGACY, CARD)
    assert {"messages": ["x"]} == performed_result(CallKind.PROMPT, {"messages": ["x"]}, NEWEST_LEGACY, CARD)


@pytest.mark.parametrize("document", [modern("tools/list"), modern("server/discover"), modern_call("get_me")])
async def test_a_modern_client_that_takes_only_streams_gets_one(
    autojump_clock: MockClock, gate: Gate, document: tuple[JsonValue, *tuple[tuple[str, str], ...]]
) -> None:
    """The answer is the one event, and the stream ends with it."""
    answer = await gate.asked(*document, ("accept", "text/event-stream"))

    assert ("text/event-stream", "no") == (answer.headers["content-type"], answer.headers["x-accel-buffering"])
    assert "complete" == answer.json["result"]["resultType"]
    assert answer.is_complete


async def test_a_handshake_that_takes_only_streams_opens_its_session(autojump_clock: MockClock, gate: Gate) -> None:
    """MCP 2025-11-25 basic/transports#session-management: the id stands in the head of either form."""
    answer = await gate.asked(initialize(), ("accept", "text/event-stream"))
    ping = await gate.asked(request("ping"), ("mcp-session-id", answer.headers["mcp-session-id"]))

    assert ("2025-11-25", 200) == (answer.json["result"]["protocolVersion"], ping.status)


async def test_a_client_that_left_early_is_spoken_to_by_nobody(autojump_clock: MockClock, gate: Gate) -> None:
    """It hung up before its stream began and has no id to come back by: what is said is kept a while, and freed."""
    session = await gate.session()

    async def run(peer: Peer) -> JsonValue:
        await trio.sleep(1)
        await peer.log(LogLevel.ERROR, "to nobody")
        return None

    gate.door.scripts["late"] = script_of(run)
    conversation = gate.post(call("late"), session)
    await trio.sleep(0.1)
    conversation.hang_up()
    await conversation.over.wait()
    await trio.sleep(1)
    kept = gate.hub.statistics().outbox_bytes
    await trio.sleep(400)

    assert (0, []) == (conversation.status, conversation.messages)
    assert (True, 0) == (kept > 0, gate.hub.statistics().outbox_bytes)
    assert {} == gate.session_of(session).streams


async def test_two_requests_of_one_id_in_a_session_are_one_and_a_refusal(autojump_clock: MockClock, gate: Gate) -> None:
    """A subscription, a call and another call: ids are unique whatever they are of."""
    session = await gate.session()
    gate.door.begin_after_s["forge://a"] = 5.0
    first = gate.post(request("resources/subscribe", {"uri": "forge://a"}, "same"), session)
    await trio.sleep(0.1)
    second = await gate.asked(call("get_me", "same"), session)
    await first.over.wait()

    assert "still runs" in second.json["error"]["message"]
    assert {} == first.json["result"]


async def test_a_missing_capability_of_a_prompt_names_it_in_both_eras(autojump_clock: MockClock, gate: Gate) -> None:
    """-32021 is of the modern era; the data is the same."""

    async def run(_peer: Peer) -> JsonValue:
        await trio.lowlevel.checkpoint()
        raise MissingCapability("No.", required={"sampling": {}})

    gate.door.scripts["p"] = script_of(run)
    session = await gate.session()
    legacy = await gate.asked(request("prompts/get", {"name": "p"}), session)
    document, *headers = modern("prompts/get", {"name": "p"})
    modern_answer = await gate.asked(document, *headers, ("mcp-name", "p"))

    assert [(200, -32602), (400, -32021)] == [
        (answer.status, answer.json["error"]["code"]) for answer in (legacy, modern_answer)
    ]


async def test_a_state_and_a_name_header_that_disagree_cost_no_state(autojump_clock: MockClock, gate: Gate) -> None:
    """Headers are compared before anything is opened or spent."""
    document, version, method, *_ = asked_modern("ask", state="x")
    answer = await gate.asked(document, version, method, ("mcp-name", "other"))

    assert (400, -32020) == (answer.status, answer.json["error"]["code"])


class Hasty(Conversation):
    """A connection whose peer has the bytes a moment before the gate goes on."""

    async def send(self, message: Message) -> None:
        """Send, and return late."""
        await super().send(message)
        await trio.sleep(0.5)


async def test_a_client_that_posts_before_its_stream_has_settled_is_served(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery
) -> None:
    """MCP 2024-11-05: the endpoint event is the sign to begin; the client may be quicker than the gate."""
    stream = Hasty(b"")
    scope = scope_of("GET", "/mcp/sse", (("accept", "text/event-stream"),), key="ada")
    nursery.start_soon(stream.run, gate.sse, scope)
    await stream.wait_for(lambda: "sessionId=" in stream.text)
    query = stream.text.partition("?")[2].partition("\n")[0]
    posted = [
        gate.post(document, path="/mcp/messages", query=query) for document in (initialize(), call_with("get_me", 2))
    ]
    for conversation in posted:
        await conversation.over.wait()
    await trio.sleep(10)

    assert [(202, None), (202, None)] == [(one.status, one.error) for one in posted]
    assert {1, 2} == {message["id"] for message in stream.messages}
