"""The hub ends when nothing is owed to anybody, and what is in it ends with it."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from aegis_trio.model.call import Transport
from aegis_trio.model.errors import NotReady
from aegis_trio.model.identity import OwnerId, PrincipalId
from aegis_trio.model.json import JsonObject
from aegis_trio.protocol.jsonrpc import Reply, result_reply
from aegis_trio.protocol.revisions import NEWEST_LEGACY
from aegis_trio.protocol.sse import FAREWELL
from aegis_trio.protocol.steps import OpenSession
from aegis_trio.transports.desk import Desk
from aegis_trio.transports.hub import SessionHub, StreamKind
from aegis_trio.transports.session import SessionBody
from aegis_trio.transports.settings import SessionSettings
from tests.transports.conftest import MakeGate
from tests.transports.harness import Gate, call, initialize, lasting, modern_call, request

ADA = PrincipalId("key:ada")
HANDSHAKE = OpenSession(id=1, revision=NEWEST_LEGACY, client=None, capabilities={}, reply=result_reply(1, {}))


def unborn_session() -> SessionBody:
    """Return a session that does not run."""
    hub = SessionHub(SessionSettings())
    return SessionBody("id", ADA, transport=Transport.STREAMABLE_HTTP, revision=None, registry=hub)


class Deaf:
    """A listener and a sink that only counts."""

    def __init__(self) -> None:
        self.left = 0
        self.expected = 0
        self.released = 0
        self.replies: list[Reply] = []

    can_speak = False

    def leave(self) -> None:
        self.left += 1

    def notify(self, message: JsonObject) -> None:
        raise AssertionError("nothing is said to the deaf")

    def expect(self) -> None:
        self.expected += 1

    def answer(self, reply: Reply) -> None:
        self.replies.append(reply)

    def release(self) -> None:
        self.released += 1


async def test_a_drain_says_farewell_to_every_stream(autojump_clock: MockClock, gate: Gate) -> None:
    """Clients learn at once that they should connect elsewhere; the gate ends in under two seconds."""
    streams = [await gate.stream(await gate.session()) for _ in range(50)]
    streams += [await gate.stream(path="/mcp/sse") for _ in range(50)]
    gate.hub.begin_drain()
    with trio.fail_after(1):
        await gate.hub.wait_streams_closed()

    assert {FAREWELL} == {stream.chunks[-1] for stream in streams}
    assert all(stream.is_complete for stream in streams)


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_drain_lets_a_call_finish(autojump_clock: MockClock, gate: Gate, era: str) -> None:
    """What runs has its grace: the answer is sent, then the stream ends."""
    gate.door.scripts["slow"] = lasting(20)
    asked = (call("slow"), await gate.session()) if era == "legacy" else modern_call("slow")
    conversation = gate.post(*asked)
    await trio.sleep(10)
    gate.hub.begin_drain()
    closed_at: list[float] = []
    await gate.hub.wait_streams_closed()
    closed_at.append(trio.current_time())
    await conversation.over.wait()

    assert 1 == len(conversation.messages)
    assert conversation.is_complete


async def test_an_answer_that_is_ready_is_sent_even_when_the_hub_ends(autojump_clock: MockClock, gate: Gate) -> None:
    """The last call's end is what lets the hub end; its client must not hear 404 instead of the answer."""
    gate.door.scripts["slow"] = lasting(3)
    conversation = gate.post(call("slow", 6), await gate.session())
    await trio.sleep(1)
    gate.hub.begin_drain()
    await conversation.over.wait()

    assert (200, 6) == (conversation.status, conversation.json["id"])
    assert "result" in conversation.json


async def test_nobody_is_let_in_during_a_drain(autojump_clock: MockClock, gate: Gate) -> None:
    """503 and a hint; a stream that comes for an old session gets its farewell."""
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(3)
    running = gate.post(call("slow"), session)
    await trio.sleep(1)
    gate.hub.begin_drain()
    refused = await gate.asked(initialize())
    refused_stream = await gate.done("GET", "/mcp/sse", ("accept", "text/event-stream"))
    late_stream = await gate.stream(session)
    await late_stream.over.wait()
    await running.over.wait()

    assert 503 == refused.status
    assert isinstance(refused_stream.error, NotReady)
    assert FAREWELL == late_stream.chunks[-1]


async def test_the_hub_ends_after_the_drain(autojump_clock: MockClock) -> None:
    """The supervisor waits for it; it must not wait for sessions that merely rest."""
    hub = SessionHub(SessionSettings())
    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            await nursery.start(hub.run)
            session = await hub.open_session(ADA, HANDSHAKE)
            hub.begin_drain()
            await hub.wait_streams_closed()

    assert session.ended
    assert 0 == hub.statistics().sessions_open


async def test_the_hub_waits_for_calls_whose_clients_have_left(autojump_clock: MockClock, gate: Gate) -> None:
    """A disconnect was no cancel, so the call is in flight and has its grace."""
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(30)
    conversation = gate.post(call("slow"), session)
    await trio.sleep(1)
    conversation.hang_up()
    await conversation.over.wait()
    gate.hub.begin_drain()
    await trio.sleep(10)
    assert 1 == gate.hub.statistics().calls_running
    await trio.sleep(30)

    assert [] == gate.door.cancelled
    assert 0 == gate.hub.statistics().sessions_open


async def test_cancelling_the_hub_ends_everything_in_it(autojump_clock: MockClock) -> None:
    """When the grace is over, nothing stays behind."""
    hub = SessionHub(SessionSettings())
    sink = Deaf()

    async def run() -> Reply:
        await trio.sleep_forever()
        raise AssertionError

    async with trio.open_nursery() as nursery:
        await nursery.start(hub.run)
        session = await hub.open_session(ADA, HANDSHAKE)
        assert session.start_call(1, run, sink)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()

    assert (1, 1, []) == (sink.expected, sink.released, sink.replies)
    assert (0, 0) == (hub.statistics().sessions_open, hub.statistics().calls_running)


async def test_sessions_need_a_hub_that_runs(autojump_clock: MockClock) -> None:
    """The order of start is ours to keep."""
    with pytest.raises(RuntimeError, match="does not run"):
        await SessionHub(SessionSettings()).open_session(ADA, HANDSHAKE)


async def test_abandoned_sessions_leave_nothing_behind(autojump_clock: MockClock, gate: Gate) -> None:
    """A thousand clients that never say goodbye cost nothing after the idle limit."""
    tasks_before = trio.lowlevel.current_statistics().tasks_living
    for _ in range(1000):
        await gate.session()
    assert 1000 == gate.hub.statistics().sessions_open
    await trio.sleep(gate.settings.idle_s + gate.settings.reap_every_s)
    await trio.testing.wait_all_tasks_blocked()

    assert 0 == gate.hub.statistics().sessions_open
    assert 1000 == gate.hub.statistics().sessions_reaped_total
    assert tasks_before == trio.lowlevel.current_statistics().tasks_living


async def test_a_resting_stream_is_two_tasks(autojump_clock: MockClock, gate: Gate) -> None:
    """Ten thousand of them must fit: the request itself and its session, no watcher and no timer."""
    session = await gate.session()
    await trio.testing.wait_all_tasks_blocked()
    before = trio.lowlevel.current_statistics().tasks_living
    await gate.stream(session)
    await gate.stream(path="/mcp/sse")
    await trio.testing.wait_all_tasks_blocked()

    assert before + 2 == trio.lowlevel.current_statistics().tasks_living


async def test_statistics_tell_what_is_open(autojump_clock: MockClock, gate: Gate) -> None:
    """Dashboard and metrics read nothing else."""
    session = await gate.session()
    await gate.stream(session)
    await gate.stream(path="/mcp/sse")
    gate.door.scripts["slow"] = lasting(100)
    gate.post(call("slow"), session)
    await trio.sleep(1)
    statistics = gate.hub.statistics()

    assert (2, 2, 1) == (statistics.sessions_open, statistics.sessions_opened_total, statistics.calls_running)
    assert {kind: int(kind is not StreamKind.LINE) for kind in StreamKind} == statistics.streams_open


async def test_an_unknown_session_is_forgotten_twice_without_harm(autojump_clock: MockClock) -> None:
    """Its client, its age and the reaper may all end one session in the same moment."""
    hub = SessionHub(SessionSettings())
    session = hub.admit(ADA, Transport.HTTP_SSE)
    hub.forget(session)
    hub.forget(session)

    assert session.ended
    assert 0 == hub.statistics().sessions_open


async def test_a_session_that_has_ended_starts_no_call(autojump_clock: MockClock) -> None:
    """Our own misuse is a bug that shows."""
    session = unborn_session()

    async def run() -> Reply:
        return result_reply(1, {})

    with pytest.raises(RuntimeError, match="does not live"):
        session.start_call(1, run, Deaf())


async def test_whoever_comes_to_an_ended_session_is_sent_away(autojump_clock: MockClock) -> None:
    """Between finding a session and listening to it, it may have ended."""
    session, listener = unborn_session(), Deaf()
    session.end()
    with session.heard_by(listener):
        assert 1 == listener.left


async def test_a_crash_in_one_session_ends_that_session_alone(autojump_clock: MockClock, gate: Gate) -> None:
    """Promise 5, whatever the exception: the others run on, and so does the hub."""
    broken, bystander = await gate.session(), await gate.session()
    stream = await gate.stream(bystander)
    body = gate.hub.find_session(broken[1], ADA, Transport.STREAMABLE_HTTP)
    assert body is not None

    async def run() -> Reply:
        raise ValueError("injected")

    body.start_call(1, run, Deaf())
    await trio.testing.wait_all_tasks_blocked()

    assert 404 == (await gate.asked(request("ping"), broken)).status
    assert 200 == (await gate.asked(request("ping"), bystander)).status
    assert not stream.over.is_set()


async def test_a_request_whose_session_breaks_is_told_that_the_session_is_gone(
    autojump_clock: MockClock, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """202 would say that nothing is owed: its client would wait for ever for the answer that will not come."""
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(1000)
    waiting = gate.post(call("slow", 8), session, ("accept", "application/json"))
    await trio.sleep(1)

    async def perform(*_: object) -> Reply:
        await trio.lowlevel.checkpoint()
        raise ValueError("injected")

    monkeypatch.setattr(Desk, "perform", perform)
    with trio.fail_after(1):
        broken = await gate.asked(call("any", 9), session)
        await waiting.over.wait()

    assert [(404, 8), (404, 9)] == [(answer.status, answer.json["id"]) for answer in (waiting, broken)]
    assert ["slow"] == gate.door.cancelled


async def test_a_request_that_outlives_its_session_is_told_that_the_session_is_gone(
    autojump_clock: MockClock, make_gate: MakeGate
) -> None:
    """The greatest age of a session is reached in the middle of a call, too."""
    gate = await make_gate(max_age_s=100)
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(1000)
    waiting = gate.post(call("slow", 8), session, ("accept", "application/json"))
    with trio.fail_after(101):
        await waiting.over.wait()

    assert (404, 8) == (waiting.status, waiting.json["id"])
    assert 0 == gate.hub.statistics().calls_running


async def test_what_is_kept_ends_with_the_access() -> None:
    """Also of somebody for whom nothing runs; it is asked about as whoever has a session is."""

    class Kept:
        def __init__(self) -> None:
            self.left = {OwnerId("grant:1"), OwnerId("grant:2")}

        def owners(self) -> frozenset[OwnerId]:
            return frozenset(self.left)

        def forget(self, owners: frozenset[OwnerId]) -> None:
            self.left -= owners

    kept = Kept()
    hub = SessionHub(SessionSettings(), kept)
    assert {"grant:1", "grant:2"} == hub.owners()
    hub.end_sessions_of(frozenset({OwnerId("grant:1")}))

    assert {"grant:2"} == hub.owners()


async def test_everything_that_somebody_holds_ends_with_their_access() -> None:
    """Kept replies, and what Gitea has shown them: none of the rooms can be forgotten."""

    class Held:
        def __init__(self, *names: str) -> None:
            self.held = {OwnerId(name) for name in names}

        def owners(self) -> frozenset[OwnerId]:
            return frozenset(self.held)

        def forget(self, owners: frozenset[OwnerId]) -> None:
            self.held -= owners

    one, other = Held("alice", "bob"), Held("alice")
    hub = SessionHub(SessionSettings(), one, other)
    assert {"alice", "bob"} == hub.owners()
    hub.end_sessions_of(frozenset({OwnerId("alice")}))
    assert {"bob"} == hub.owners()
