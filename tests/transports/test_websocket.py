"""MCP on one WebSocket: who may open it, what it carries, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from aegis_trio.model.identity import PrincipalId
from aegis_trio.model.json import JsonObject
from aegis_trio.protocol.refusals import INVALID_REQUEST, PARSE_ERROR
from aegis_trio.transports.hub import StreamKind
from aegis_trio.transports.subscriptions import ListName
from tests.transports.conftest import MakeGate
from tests.transports.harness import Gate, call, initialize, lasting, notification, request
from tests.transports.lines import (
    Socket,
    asking,
    connect,
    modern,
    modern_call,
    modern_cancel,
    reporting,
    shake_hands,
)


async def opened(gate: Gate, nursery: trio.Nursery, **more: Any) -> Socket:
    """Open a socket and wait until it is accepted."""
    socket = connect(gate, nursery, **more)
    await socket.wait_for(lambda: socket.accepted is not None)
    return socket


async def closed(socket: Socket) -> tuple[int, str] | None:
    """Wait for the end of a socket."""
    await socket.over.wait()
    return socket.closed


# ---- the upgrade ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("MCP-WS-04")
@pytest.mark.parametrize(
    ("key", "query"), [("mallory", ""), (None, ""), (None, "api_key=ada")], ids=["wrong", "none", "in the address"]
)
async def test_nothing_is_upgraded_without_a_credential_in_a_header(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery, key: str | None, query: str
) -> None:
    """An address stands in logs and histories; whoever is refused costs no socket and is told in HTTP."""
    socket = connect(gate, nursery, key=key, query=query)
    await socket.over.wait()

    assert "Invalid API key" in str(socket.error)
    assert (None, None) == (socket.accepted, socket.closed)
    assert 0 == gate.hub.statistics().sessions_opened_total


async def test_there_is_no_socket_for_a_principal_that_is_full(
    autojump_clock: MockClock, make_gate: MakeGate, nursery: trio.Nursery
) -> None:
    """A socket is a session; the refusal comes before the upgrade, so that it can be 429."""
    gate = await make_gate(max_sessions_per_principal=1)
    first = await opened(gate, nursery)
    second = connect(gate, nursery)
    await second.over.wait()

    assert "sessions open" in str(second.error)
    assert (None, False) == (second.accepted, first.over.is_set())


@pytest.mark.parametrize(
    ("offered", "chosen"), [((), None), (("mcp", "x"), "mcp"), (("x",), None)], ids=["none", "ours", "another"]
)
async def test_the_subprotocol_that_clients_ask_for_is_agreed_on(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery, offered: tuple[str, ...], chosen: str | None
) -> None:
    """RFC 6455 section 4.2.2: a browser breaks off when what it offered is not answered, or something else is."""
    socket = await opened(gate, nursery, subprotocols=offered)

    assert socket.accepted is not None
    assert chosen == socket.accepted["subprotocol"]


async def test_a_peer_that_leaves_before_it_is_accepted_leaves_nothing(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery
) -> None:
    """Networks fail at any time."""
    socket = connect(gate, nursery)
    socket._said.clear()
    socket.hang_up()
    await socket.over.wait()

    assert (None, None) == (socket.accepted, socket.error)
    assert 0 == gate.hub.statistics().sessions_open


# ---- what it carries ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("MCP-WS-01", "MCP-WS-02")
async def test_both_eras_share_one_socket(autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery) -> None:
    """MCP 2026-07-28 basic/versioning: a message that names its version stands alone, whatever was agreed on."""
    socket = await opened(gate, nursery)
    before = await socket.asked(modern("tools/list", "a"))
    await shake_hands(socket)
    legacy = await socket.asked(call("get_me", 7, a=1))
    after = await socket.asked(modern_call("get_me", "b", {"b": 2}))
    gone = await socket.asked(modern("ping", "c"))
    ping = await socket.asked(request("ping", request_id=8))

    assert ["complete", "complete"] == [one["result"]["resultType"] for one in (before, after)]
    assert {"a": 1} == legacy["result"]["structuredContent"]["arguments"]
    assert "resultType" not in legacy["result"]
    assert {"b": 2} == after["result"]["structuredContent"]["arguments"]
    assert ({}, -32601) == (ping["result"], gone["error"]["code"])
    assert ["websocket", "websocket"] == [one.transport for one in gate.door.requests]
    assert ["ada", "ada"] == [one.principal.id.removeprefix("key:") for one in gate.door.callers]
    assert "Cursor/1" == gate.door.requests[0].client


@pytest.mark.requirement("MCP-WS-02")
async def test_a_line_shakes_hands_once(autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery) -> None:
    """MCP 2025-11-25 basic/lifecycle."""
    socket = await opened(gate, nursery)
    await shake_hands(socket)
    again = await socket.asked(initialize(request_id=2))

    assert INVALID_REQUEST == again["error"]["code"]


async def test_answers_come_as_they_are_ready(autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery) -> None:
    """A slow call holds nobody up."""
    gate.door.scripts = {"slow": lasting(5), "slower": lasting(9)}
    socket = await opened(gate, nursery)
    began = trio.current_time()
    socket.say(modern_call("slower", 1), modern_call("slow", 2), modern_call("quick", 3))
    for request_id in (1, 2, 3):
        await socket.answered(request_id)

    assert [3, 2, 1] == [message["id"] for message in socket.messages]
    assert [0, 5, 9] == [round(at - began) for at in socket.times]


@pytest.mark.requirement("MCP-WS-03")
@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_cancelled_call_ends_and_is_never_answered(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery, era: str
) -> None:
    """On a line a posted cancellation counts in both eras, and reaches a call of either."""
    gate.door.scripts = {"slow": lasting(5)}
    socket = await opened(gate, nursery)
    await shake_hands(socket)
    socket.say(call("slow", 1) if era == "legacy" else modern_call("slow", 1))
    await trio.sleep(1)
    cancel = notification("notifications/cancelled", {"requestId": 1})
    socket.say(cancel if era == "legacy" else modern_cancel(1))
    await trio.sleep(20)

    assert ["slow"] == gate.door.cancelled
    assert not socket.has_answer_to(1)
    assert (await socket.asked(modern_call("get_me", 1)))["result"]["isError"] is False


async def test_an_id_that_runs_is_not_taken_twice(autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery) -> None:
    """A second call of one id could not be cancelled; eras share the ids of a line."""
    gate.door.scripts = {"slow": lasting(5)}
    socket = await opened(gate, nursery)
    socket.say(call("slow", 1), modern_call("quick", 1))
    await socket.wait_for(lambda: len(socket.heard) == 2)

    assert INVALID_REQUEST == socket.messages[0]["error"]["code"]
    assert "slow" == socket.messages[1]["result"]["structuredContent"]["tool"]


async def test_progress_comes_before_the_answer(autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery) -> None:
    """MCP 2026-07-28 basic/patterns/progress; the older eras the same."""
    gate.door.scripts = {"report": reporting}
    socket = await opened(gate, nursery)
    await shake_hands(socket)
    socket.say(modern_call("report", 1, progressToken="a"))
    await socket.answered(1)
    legacy = call("report", 2)
    legacy["params"]["_meta"] = {"progressToken": "b"}  # type: ignore[call-overload,index] # it is an object
    socket.say(legacy)
    await socket.answered(2)

    told = [(one["params"]["progressToken"], one["params"]["progress"]) for one in socket.messages if "params" in one]
    assert [("a", 1), ("a", 2), ("b", 1), ("b", 2)] == told
    assert [1, 2] == [one["id"] for one in socket.messages if "id" in one][1:]


async def test_a_question_is_answered_in_passing(autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery) -> None:
    """MCP 2025-11-25 client/elicitation: the server's request and the client's answer share the line."""
    gate.door.scripts = {"ask": asking}
    socket = await opened(gate, nursery)
    await shake_hands(socket, elicitation={})
    socket.say(call("ask", 1))
    await socket.wait_for(lambda: bool(socket.notified("elicitation/create")))
    [question] = socket.notified("elicitation/create")
    content: JsonObject = {"action": "accept", "content": {"name": "Ada"}}
    socket.say({"jsonrpc": "2.0", "id": "nobody's", "result": content})
    socket.say({"jsonrpc": "2.0", "id": question["id"], "result": content})
    answer = await socket.answered(1)

    assert {"name": "Ada"} == answer["result"]["structuredContent"]["who"]


async def test_a_modern_question_ends_the_round(autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery) -> None:
    """MCP 2026-07-28 basic/patterns/mrtr: no requests from the server, on a line neither."""
    gate.door.scripts = {"ask": asking}
    socket = await opened(gate, nursery)
    capabilities: Any = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}
    first = (await socket.asked(modern_call("ask", 1, **capabilities)))["result"]
    again = modern_call("ask", 2, **capabilities)
    again["params"] |= {  # type: ignore[operator] # it is an object
        "requestState": first["requestState"],
        "inputResponses": {"who": {"action": "accept", "content": {"name": "Ada"}}},
    }
    second = (await socket.asked(again))["result"]

    assert ("input_required", ["who"]) == (first["resultType"], list(first["inputRequests"]))
    assert {"name": "Ada"} == second["structuredContent"]["who"]


async def test_a_subscription_tells_of_changes_until_it_is_cancelled(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery
) -> None:
    """MCP 2026-07-28 basic/patterns/subscriptions: on a line the cancellation ends it, and nothing answers that."""
    socket = await opened(gate, nursery)
    wanted: Any = {"notifications": {"resourceSubscriptions": ["gitea://a"], "toolsListChanged": True}}
    socket.say(modern("subscriptions/listen", 1, wanted))
    await socket.wait_for(lambda: bool(socket.heard))
    gate.door.changes["gitea://a"]()
    gate.hub.announce_list(ListName.TOOLS)
    gate.hub.announce_list(ListName.PROMPTS)
    await socket.wait_for(lambda: len(socket.heard) == 3)
    socket.say(modern_cancel(1))
    await trio.sleep(1)
    assert {} == gate.door.changes

    methods = [message["method"].removeprefix("notifications/") for message in socket.messages]
    assert ["subscriptions/acknowledged", "resources/updated", "tools/list_changed"] == methods
    subscriptions = [message["params"]["_meta"] for message in socket.messages]
    assert [{"io.modelcontextprotocol/subscriptionId": 1}] * 3 == subscriptions


async def test_a_line_holds_a_bounded_number_of_subscriptions(
    autojump_clock: MockClock, make_gate: MakeGate, nursery: trio.Nursery
) -> None:
    """Over HTTP each costs its client a connection; here it would cost him an id."""
    gate = await make_gate(max_subscriptions=2)
    socket = await opened(gate, nursery)
    wanted: Any = {"notifications": {"toolsListChanged": True}}
    socket.say(*(modern("subscriptions/listen", number, wanted) for number in range(3)))
    refused = await socket.answered(2)
    socket.say(modern_cancel(0))
    await trio.sleep(1)
    socket.say(modern("subscriptions/listen", 3, wanted))
    await socket.wait_for(lambda: len(socket.heard) == 4)

    assert INVALID_REQUEST == refused["error"]["code"]
    assert 3 == socket.messages[3]["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"]


async def test_changed_lists_are_told_to_whoever_shook_hands(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery
) -> None:
    """A client that stands alone asked for nothing of the kind; one of the handshake era hears it unasked."""
    socket = await opened(gate, nursery)
    await socket.asked(modern("tools/list", 1))
    gate.hub.announce_list(ListName.TOOLS)
    await trio.testing.wait_all_tasks_blocked()
    await shake_hands(socket)
    gate.hub.announce_list(ListName.PROMPTS)
    await socket.wait_for(lambda: len(socket.heard) == 3)

    assert ["notifications/prompts/list_changed"] == [one["method"] for one in socket.messages if "method" in one]


async def test_a_watched_resource_is_told_of(autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery) -> None:
    """MCP 2025-11-25 server/resources#subscriptions."""
    socket = await opened(gate, nursery)
    await shake_hands(socket)
    await socket.asked(request("resources/subscribe", {"uri": "gitea://a"}, 1))
    gate.door.changes["gitea://a"]()
    await socket.wait_for(lambda: bool(socket.notified("notifications/resources/updated")))
    await socket.asked(request("resources/unsubscribe", {"uri": "gitea://a"}, 2))
    await trio.sleep(1)

    assert {} == gate.door.changes


# ---- batches --------------------------------------------------------------------------------------------------------


async def test_a_batch_is_answered_by_one_array(autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery) -> None:
    """MCP 2025-03-26 basic/index#batching; what is no message in it has its error among the answers."""
    gate.door.scripts = {"slow": lasting(5), "report": reporting}
    socket = await opened(gate, nursery)
    await shake_hands(socket, "2025-03-26")
    report = call("report", 3)
    report["params"]["_meta"] = {"progressToken": "p"}  # type: ignore[call-overload,index] # it is an object
    socket.say([call("slow", 1), request("ping", request_id=2), notification("notifications/x"), report, 5])
    await socket.wait_for(lambda: len(socket.heard) == 4)

    *progress, answers = socket.messages[1:]
    assert [1, 2] == [one["params"]["progress"] for one in progress]
    assert {1, 2, 3, None} == {answer.get("id") for answer in answers}
    assert INVALID_REQUEST == next(one["error"]["code"] for one in answers if "id" not in one)


async def test_a_batch_that_asks_for_nothing_is_not_answered(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery
) -> None:
    """JSON-RPC 2.0 section 6: an empty array is no answer; a call that was cancelled has none."""
    gate.door.scripts = {"slow": lasting(5)}
    socket = await opened(gate, nursery)
    await shake_hands(socket, "2025-03-26")
    socket.say([notification("notifications/x"), {"jsonrpc": "2.0", "id": 9, "result": {}}])
    socket.say([call("slow", 1)], notification("notifications/cancelled", {"requestId": 1}))
    await socket.asked(request("ping", request_id=2))
    await trio.sleep(9)

    assert (["slow"], ["hello", 2]) == (gate.door.cancelled, [one["id"] for one in socket.messages])


@pytest.mark.parametrize("version", ["2024-11-05", "2025-06-18", None], ids=str)
async def test_other_revisions_have_no_batches(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery, version: str | None
) -> None:
    """MCP 2025-06-18 changelog."""
    socket = await opened(gate, nursery)
    if version is not None:
        await shake_hands(socket, version)
    socket.say([call("get_me", 1)])
    await socket.wait_for(lambda: bool(socket.heard) and "error" in socket.messages[-1])

    assert (INVALID_REQUEST, False) == (socket.messages[-1]["error"]["code"], "id" in socket.messages[-1])
    assert [] == gate.door.requests


async def test_batches_that_hold_answers_back_are_few(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery
) -> None:
    """One slow call holds back the answers of all others in its batch, so memory would follow the asker's wish."""
    gate.door.scripts = {"slow": lasting(5)}
    socket = await opened(gate, nursery)
    await shake_hands(socket, "2025-03-26")
    for number in range(9):
        socket.say([call("slow", number)])
    await socket.wait_for(lambda: len(socket.heard) == 10)

    assert INVALID_REQUEST == socket.messages[1]["error"]["code"]
    assert [[number] for number in range(8)] == sorted([one["id"] for one in batch] for batch in socket.messages[2:])
    socket.say([call("slow", 1)])
    await socket.wait_for(lambda: len(socket.heard) == 11)
    assert 1 == socket.messages[10][0]["id"]


# ---- what is no message ---------------------------------------------------------------------------------------------


NO_MESSAGES = {
    "nothing": ("", PARSE_ERROR, None),
    "half": ("{", PARSE_ERROR, None),
    "a name twice": ('{"a": 1, "a": 2}', PARSE_ERROR, None),
    "an empty batch": ("[]", INVALID_REQUEST, None),
    "a number": ("5", INVALID_REQUEST, None),
    "no method": ('{"jsonrpc": "2.0", "id": 4, "method": 1}', INVALID_REQUEST, 4),
    "an unknown method": ('{"jsonrpc": "2.0", "id": 4, "method": "nonsense"}', -32601, 4),
    "a handshake without a version": ('{"jsonrpc": "2.0", "id": 4, "method": "initialize"}', -32602, 4),
}


@pytest.mark.parametrize("case", list(NO_MESSAGES))
async def test_what_is_no_message_is_answered_and_the_line_goes_on(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery, case: str
) -> None:
    """JSON-RPC 2.0 section 5: without an id where none could be read."""
    text, code, request_id = NO_MESSAGES[case]
    socket = await opened(gate, nursery)
    socket.say_text(text)
    await socket.wait_for(lambda: bool(socket.heard))
    alive = await socket.asked(modern("tools/list", "alive"))

    assert (code, request_id) == (socket.messages[0]["error"]["code"], socket.messages[0].get("id"))
    assert "result" in alive


async def test_a_message_above_the_bound_is_refused(
    autojump_clock: MockClock, make_gate: MakeGate, nursery: trio.Nursery
) -> None:
    """The same bound as for a body."""
    gate = await make_gate(max_body_bytes=100)
    socket = await opened(gate, nursery)
    socket.say_text(" " * 101)
    await socket.wait_for(lambda: bool(socket.heard))

    assert INVALID_REQUEST == socket.messages[0]["error"]["code"]


async def test_a_notification_is_never_answered(autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery) -> None:
    """JSON-RPC 2.0 section 4.1: not even with an error, or two programs could answer each other for ever."""
    socket = await opened(gate, nursery)
    unserved = modern_cancel(1)
    unserved["params"]["_meta"] = {"io.modelcontextprotocol/protocolVersion": "2199-01-01"}  # type: ignore[call-overload,index] # it is an object
    socket.say(notification("notifications/nonsense"), unserved)
    socket.say({"jsonrpc": "2.0", "error": {"code": -32700, "message": "yours"}})
    await socket.asked(modern("tools/list", 1))

    assert 1 == len(socket.heard)


async def test_a_binary_message_closes_the_socket(autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery) -> None:
    """RFC 6455 section 7.4.1: 1003 is for a kind of data that is not taken."""
    gate.door.scripts = {"slow": lasting(5)}
    socket = await opened(gate, nursery)
    socket.say(modern_call("slow", 1))
    socket.say_bytes(b"{}")

    assert (1003, "a JSON-RPC message is one text message") == await closed(socket)
    assert ["slow"] == gate.door.cancelled


# ---- how it ends ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("MCP-WS-05")
async def test_hanging_up_ends_every_call_at_once(autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery) -> None:
    """Promise 5: the work stops within a second; on a line in both eras, as nobody can come back to it."""
    gate.door.scripts = {"slow": lasting(50)}
    socket = await opened(gate, nursery)
    await shake_hands(socket)
    socket.say(call("slow", 1), modern_call("slow", 2), request("resources/subscribe", {"uri": "gitea://a"}, 3))
    await socket.answered(3)
    began = trio.current_time()
    socket.hang_up()
    await socket.over.wait()

    assert trio.current_time() - began < 1
    assert (["slow", "slow"], {}) == (gate.door.cancelled, gate.door.changes)
    statistics = gate.hub.statistics()
    assert (0, 0, 0, 0) == (
        statistics.sessions_open,
        statistics.calls_running,
        statistics.outbox_bytes,
        statistics.streams_open[StreamKind.LINE],
    )
    assert (None, None) == (socket.closed, socket.error)


async def test_a_reader_that_stands_still_is_cut(autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery) -> None:
    """Law: what one message blocks is bounded in time."""
    socket = await opened(gate, nursery)
    socket.stop_reading()
    began = trio.current_time()
    socket.say(modern("tools/list", 1))
    await socket.over.wait()

    assert 31 == round(trio.current_time() - began)  # 30 for the message, 1 for the close frame
    assert 1 == gate.hub.statistics().streams_cut_total


async def test_a_reader_with_too_much_before_it_is_cut(
    autojump_clock: MockClock, make_gate: MakeGate, nursery: trio.Nursery
) -> None:
    """Answers that pile up are bounded in number, and the asker learns why as soon as he reads."""
    gate = await make_gate(max_outbox_messages=2)
    socket = await opened(gate, nursery)
    socket.stop_reading()
    gate.door.scripts = {"slow": lasting(5)}
    socket.say(*(modern_call("slow", number) for number in range(4)))
    await trio.sleep(5.5)
    socket.read_on()

    assert (1008, "answers were not read in time") == await closed(socket)
    statistics = gate.hub.statistics()
    assert (1, 0, 0) == (statistics.streams_cut_total, statistics.sessions_open, statistics.outbox_bytes)


async def test_who_does_not_read_is_not_heard(autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery) -> None:
    """A client may send many requests before it reads the first answer; none of them is lost, and none is kept."""
    socket = await opened(gate, nursery)
    socket.stop_reading()
    socket.say(*(modern("tools/list", number) for number in range(300)))
    await trio.sleep(1)
    taken = socket.taken
    socket.read_on()
    await socket.answered(299)

    assert 17 == taken  # the upgrade, and as many messages as may wait unread
    assert list(range(300)) == [message["id"] for message in socket.messages]


async def test_a_drain_gives_what_is_owed_and_closes(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery
) -> None:
    """Calls in flight are answered, subscriptions end with their result, nobody new comes in."""
    gate.door.scripts = {"slow": lasting(5)}
    socket, resting = await opened(gate, nursery), await opened(gate, nursery, key="bob")
    await shake_hands(socket)
    wanted: Any = {"notifications": {"toolsListChanged": True}}
    socket.say(call("slow", 1), modern("subscriptions/listen", 2, wanted))
    await trio.sleep(1)
    began = trio.current_time()
    gate.hub.begin_drain()

    assert (1001, "the gate is ending") == await closed(resting)
    assert 0 == trio.current_time() - began
    assert not socket.over.is_set()
    newcomer = connect(gate, nursery)
    await newcomer.over.wait()
    assert "about to stop" in str(newcomer.error)
    assert "complete" == (await socket.answered(2))["result"]["resultType"]
    assert not socket.has_answer_to(1)
    await gate.hub.wait_lines_closed()
    assert (1001, "the gate is ending") == await closed(socket)
    assert "slow" == socket.answer_to(1)["result"]["structuredContent"]["tool"]
    assert 4 == round(trio.current_time() - began)


async def test_a_socket_that_is_accepted_in_a_drain_leaves_at_once(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery
) -> None:
    """Between its place and its first message a socket can meet the end of the gate."""
    socket = connect(gate, nursery)
    socket.stop_reading()
    await trio.sleep(1)
    gate.hub.begin_drain()
    socket.read_on()

    assert (1001, "the gate is ending") == await closed(socket)


async def test_a_gate_without_lines_waits_for_none(autojump_clock: MockClock, gate: Gate) -> None:
    """A restart of a gate that nobody debugs takes no longer for them."""
    began = trio.current_time()
    gate.hub.begin_drain()
    await gate.hub.wait_lines_closed()

    assert began == trio.current_time()


async def test_the_end_of_a_credential_closes_its_sockets_at_once(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery
) -> None:
    """Promise 1: a key that is gone does nothing any more; others are not touched."""
    gate.door.scripts = {"slow": lasting(50)}
    socket, other = await opened(gate, nursery), await opened(gate, nursery, key="bob")
    socket.say(modern_call("slow", 1))
    await trio.sleep(1)
    began = trio.current_time()
    gate.hub.end_sessions_of(frozenset({PrincipalId("key:ada")}))

    assert (1008, "the access of this credential has ended") == await closed(socket)
    assert (began, ["slow"]) == (trio.current_time(), gate.door.cancelled)
    assert "result" in await other.asked(modern("tools/list", 1))


async def test_a_socket_grows_old(autojump_clock: MockClock, make_gate: MakeGate, nursery: trio.Nursery) -> None:
    """A session of whatever kind ends one day, used or not."""
    gate = await make_gate(max_age_s=100)
    gate.door.scripts = {"slow": lasting(500)}
    socket = await opened(gate, nursery)
    socket.say(modern_call("slow", 1))

    assert (1001, "the session was open for too long; connect again") == await closed(socket)
    assert (100, ["slow"]) == (round(trio.current_time()), gate.door.cancelled)


@pytest.mark.parametrize(
    "document",
    [modern_call("slow", 1), request("resources/subscribe", {"uri": "gitea://a"}, 1)],
    ids=["a call", "a watched resource"],
)
async def test_a_socket_on_which_nothing_is_said_is_closed(
    autojump_clock: MockClock, make_gate: MakeGate, nursery: trio.Nursery, document: Any
) -> None:
    """A forgotten one costs a place for ever; one that waits for something is not forgotten."""
    gate = await make_gate(idle_s=100)
    gate.door.scripts = {"slow": lasting(250)}
    resting, waiting = await opened(gate, nursery), await opened(gate, nursery)
    waiting.say(document)
    await trio.sleep(50)
    await resting.asked(modern("tools/list", 1))

    assert (1001, "nothing was said for a long time") == await closed(resting)
    assert 150 == round(trio.current_time())
    assert not waiting.over.is_set()


async def test_a_bug_ends_its_own_socket(
    autojump_clock: MockClock, gate: Gate, nursery: trio.Nursery, capsys: pytest.CaptureFixture[str]
) -> None:
    """The session is contained: others go on, and the log has the incident."""
    socket, other = await opened(gate, nursery), await opened(gate, nursery)
    socket.breaks_with = ZeroDivisionError("a bug")
    socket.say(modern("tools/list", 1))

    assert (1011, "internal error") == await closed(socket)
    assert "incident" in capsys.readouterr().out
    assert "result" in await other.asked(modern("tools/list", 1))
