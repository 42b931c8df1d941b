"""What is kept for a client that lost its stream is bounded in number, time and bytes, and never at a reader's cost."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from tests.transports.conftest import MakeGate
from tests.transports.harness import Conversation, Gate, call, lasting, request
from tests.transports.talking import heard, logging, lost, resumed, said


def kept(gate: Gate, session: tuple[str, str]) -> int:
    """Return how many streams the session keeps."""
    return len(gate.session_of(session).streams)


async def test_a_stream_is_kept_for_five_minutes_after_its_answer(autojump_clock: MockClock, gate: Gate) -> None:
    """A client that comes back later is told so, and the bytes are free again."""
    session = await gate.session()
    gate.door.scripts["talk"] = logging(1, 1)
    for after_s, status in ((290, 200), (320, 400)):
        stream = gate.post(call("talk"), session)
        await heard(stream, 1)
        event_id = await lost(stream)
        await trio.sleep(2 + after_s)
        rest = resumed(gate, session, event_id)
        await rest.over.wait()

        assert status == rest.status
    await trio.sleep(320)
    assert (0, 0) == (kept(gate, session), gate.hub.statistics().outbox_bytes)


async def test_a_stream_is_kept_for_as_long_as_its_call_runs(autojump_clock: MockClock, gate: Gate) -> None:
    """The time begins when nothing is owed any more: a long call is what resuming is for."""
    session = await gate.session()
    gate.door.scripts["slow"] = lasting(1500)
    stream = gate.post(call("slow"), session)
    await stream.wait_for(lambda: bool(stream.chunks))
    event_id = await lost(stream)
    await trio.sleep(1550)
    rest = resumed(gate, session, event_id)
    await rest.over.wait()

    assert [[1]] == said(rest.messages)


async def test_a_session_keeps_a_bounded_number_of_streams(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """The one that has waited longest for its client makes room."""
    gate = await make_gate(max_kept_streams=3)
    session = await gate.session()
    gate.door.scripts["talk"] = logging(1)
    for number in range(6):
        await gate.asked(call("talk", number), session)
    statuses: list[int] = []
    for number in range(1, 7):
        rest = resumed(gate, session, f"{number}-0")
        await rest.over.wait()
        statuses.append(rest.status)

    assert [400, 400, 200, 200, 200, 200] == statuses  # the newest, and three before it


async def test_what_ended_last_is_kept_longest(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """A call that took long is not dropped first because its stream was opened first."""
    gate = await make_gate(max_kept_streams=2)
    session = await gate.session()
    gate.door.scripts |= {"long": lasting(60), "talk": logging(1)}
    long = gate.post(call("long", "long"), session)
    await long.wait_for(lambda: bool(long.chunks))
    event_id = await lost(long)
    for number in range(3):
        await gate.asked(call("talk", number), session)
    await trio.sleep(60)
    for number in range(2):
        await gate.asked(call("talk", number), session)
    rest = resumed(gate, session, event_id)
    await rest.over.wait()

    assert [["long"]] == said(rest.messages)


async def test_an_answer_is_never_dropped_before_it_was_read(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """Promise 6: a reader that is slow gets its answer or a broken stream, and never a good end without an answer."""
    gate = await make_gate(max_kept_streams=1, keep_streams_s=30)
    session = await gate.session()
    gate.door.scripts |= {"talk": logging(1, 1)}
    slow = gate.post(call("talk", "slow"), session)
    await heard(slow, 1)
    slow.stop_reading()
    await trio.sleep(5)
    for number in range(3):
        await gate.asked(call("talk", number), session)
    await trio.sleep(60)
    slow.read_on()
    await slow.over.wait()

    assert [0, 1, ["slow"]] == said(slow.messages)
    assert slow.is_complete


async def test_streams_of_a_session_that_nobody_reads_do_not_gather(
    autojump_clock: MockClock, make_gate: MakeGate
) -> None:
    """A client that opens GET streams and loses them all day would have the gate keep every one of them."""
    gate = await make_gate(max_kept_streams=3)
    session = await gate.session()
    for _ in range(20):
        await lost(await gate.stream(session))
    few = kept(gate, session)
    await trio.sleep(320)

    assert few <= 4
    assert 0 == kept(gate, session)


async def test_a_stream_that_its_client_still_reads_is_never_dropped(
    autojump_clock: MockClock, make_gate: MakeGate
) -> None:
    """However old it is, and however many others there are."""
    gate = await make_gate(max_kept_streams=1, keep_streams_s=30)
    session = await gate.session()
    gate.door.scripts["talk"] = logging(1)
    stream = await gate.stream(session)
    await trio.sleep(100)
    for number in range(5):
        await gate.asked(call("talk", number), session)
    await gate.announce_lists()
    await heard(stream, 3)

    assert 3 == len(stream.messages)


async def test_what_is_only_kept_makes_room_for_what_waits(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """One client that loses streams must not have others cut: all that is kept goes first, oldest first."""
    gate = await make_gate(max_outboxes_bytes=1_200)
    lossy, reader = await gate.session(), await gate.session(key="bob")
    gate.door.scripts |= {"talk": logging(1), "more": logging(*[0.0] * 4)}
    for number in range(8):
        stream = gate.post(call("talk", number), lossy)
        await heard(stream, 1)
        await lost(stream)
        await trio.sleep(2)
    of_bob = gate.post(call("more", "b"), reader, key="bob")
    of_bob.stop_reading()
    await trio.sleep(5)
    full = gate.hub.statistics().outbox_bytes
    of_bob.read_on()
    await of_bob.over.wait()
    oldest, newest = resumed(gate, lossy, "1-0"), resumed(gate, lossy, "8-0")
    await oldest.over.wait()
    await newest.over.wait()

    assert 600 < full <= 1_200
    assert [0, 1, 2, 3, ["b"]] == said(of_bob.messages)
    assert (400, [0, [7]]) == (oldest.status, said(newest.messages))
    assert 0 == gate.hub.statistics().streams_cut_total


@pytest.mark.parametrize("reader", ["slow", "gone"])
async def test_a_stream_that_holds_too_much_is_cut(autojump_clock: MockClock, make_gate: MakeGate, reader: str) -> None:
    """A tool that talks on and a reader that is gone: the bound holds, and whoever comes back is told in words."""
    gate = await make_gate(max_outbox_messages=5)
    session = await gate.session()
    gate.door.scripts["talk"] = logging(*[1.0] * 20)
    stream = gate.post(call("talk"), session)
    await heard(stream, 1)
    if reader == "slow":
        stream.stop_reading()
    else:
        await lost(stream)
    await trio.sleep(10)
    cut = gate.hub.statistics()
    stream.read_on()
    await stream.over.wait()
    rest = resumed(gate, session, "1-1")
    await rest.over.wait()
    await trio.sleep(30)

    assert (1, 0) == (cut.streams_cut_total, cut.outbox_bytes)
    assert 400 == rest.status
    assert not stream.is_complete
    assert [] == gate.door.cancelled
    assert 0 == gate.hub.statistics().calls_running


async def test_a_stream_that_is_cut_before_its_first_byte_is_no_good_end(
    autojump_clock: MockClock, make_gate: MakeGate
) -> None:
    """The head of the answer may block as well; an end in good order would say that there is no answer."""
    gate = await make_gate(max_outbox_messages=3)
    session = await gate.session()
    gate.door.scripts["talk"] = logging(*[0.1] * 10)
    stream = Conversation.of(call("talk"))
    stream.stop_reading()
    gate.serve(stream, session)
    await trio.sleep(10)
    stream.read_on()
    await stream.over.wait()

    assert (200, False) == (stream.status, stream.is_complete)
    assert 1 == gate.hub.statistics().streams_cut_total


async def test_bytes_of_a_reader_in_good_health_are_bounded_too(autojump_clock: MockClock, make_gate: MakeGate) -> None:
    """What was sent is kept while there is room, and makes room before anything is cut."""
    gate = await make_gate(max_outbox_messages=4)
    session = await gate.session()
    gate.door.scripts["talk"] = logging(*[1.0] * 10)
    stream = gate.post(call("talk"), session)
    await stream.over.wait()
    early, late = resumed(gate, session, "1-2"), resumed(gate, session, "1-8")
    await early.over.wait()
    await late.over.wait()

    assert [*range(10), [1]] == said(stream.messages)
    assert (400, [8, 9, [1]]) == (early.status, said(late.messages))
    assert 0 == gate.hub.statistics().streams_cut_total


async def test_a_client_that_left_before_the_stream_began_costs_nothing_in_the_end(
    autojump_clock: MockClock, gate: Gate
) -> None:
    """It has no id to come back by; what its call says is kept as long as the rest, and no longer."""
    session = await gate.session()
    gate.door.scripts["late"] = lasting(1)
    stream = gate.post(call("late"), session)
    await trio.sleep(0.1)
    stream.hang_up()
    await stream.over.wait()
    await trio.sleep(400)

    assert (0, 0) == (stream.status, kept(gate, session))
    assert 0 == gate.hub.statistics().outbox_bytes
    assert 200 == (await gate.asked(request("ping"), session)).status


async def test_a_stream_that_is_stuck_does_not_hold_the_place_of_others(
    autojump_clock: MockClock, make_gate: MakeGate
) -> None:
    """Told to leave, it cannot say farewell; the next one to make room is the oldest that still can."""
    gate = await make_gate(max_streams_per_session=2)
    session = await gate.session()
    stuck = await gate.stream(session)
    stuck.stop_reading()
    await trio.sleep(20)
    streams = [await gate.stream(session) for _ in range(4)]
    await trio.sleep(1)

    assert [True, True, False, False] == [stream.over.is_set() for stream in streams]
    assert not stuck.over.is_set()
