"""What a running call says before its answer: progress and log messages, in both eras."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.peer import LogLevel, Peer
from aegis_trio.protocol.ladder import META_LOG_LEVEL
from aegis_trio.protocol.refusals import INVALID_PARAMS
from aegis_trio.transports.peers import FREE_REPORTS, MIN_PROGRESS_GAP_S
from tests.transports.harness import Gate, Script, call, modern_call, request
from tests.transports.talking import asked_modern, call_with, script_of

ERAS = ("legacy", "modern")


def reporting(*values: float, total: float | None = None, pause_s: float = 1.0) -> Script:
    """Return a script that reports *values*, with a pause after each."""

    async def run(peer: Peer) -> JsonValue:
        for value in values:
            await peer.report(value, total, f"at {value:g}" if value % 2 else None)
            await trio.sleep(pause_s)
        return None

    return script_of(run)


def logging_all() -> Script:
    """Return a script that logs one message of each severity."""

    async def run(peer: Peer) -> JsonValue:
        for level in LogLevel:
            await peer.log(level, {"l": level.value}, "forge" if level is LogLevel.INFO else None)
        return None

    return script_of(run)


async def messages_of(
    gate: Gate, era: str, tool: str, *, token: JsonValue = None, level: str | None = None
) -> list[JsonObject]:
    """Call *tool* and return the params of everything that came before its answer."""
    if era == "legacy":
        session = await gate.session()
        if level is not None:
            await gate.asked(request("logging/setLevel", {"level": level}), session)
        answer = await gate.asked(call_with(tool, token=token), session, ("accept", "text/event-stream"))
    else:
        meta: JsonObject = {} if token is None else {"progressToken": token}
        if level is not None:
            meta[META_LOG_LEVEL] = level
        answer = await gate.asked(*asked_modern(tool, meta=meta), ("accept", "text/event-stream"))
    assert "result" in answer.messages[-1]
    return [message["params"] for message in answer.messages[:-1]]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("token", ["t", 7, "", 0])
async def test_progress_carries_the_token_of_its_request(
    autojump_clock: MockClock, gate: Gate, era: str, token: JsonValue
) -> None:
    """basic/utilities/progress: the token, how far, how far it goes, and words; what is not known is left out."""
    gate.door.scripts["go"] = reporting(1, 2, total=2)
    params = await messages_of(gate, era, "go", token=token)

    assert [
        {"progressToken": token, "progress": 1, "total": 2, "message": "at 1"},
        {"progressToken": token, "progress": 2, "total": 2},
    ] == params


@pytest.mark.parametrize("era", ERAS)
async def test_nobody_is_told_who_gave_no_token(autojump_clock: MockClock, gate: Gate, era: str) -> None:
    """Only a request with a token has progress."""
    gate.door.scripts["go"] = reporting(1, 2)

    assert [] == await messages_of(gate, era, "go")


@pytest.mark.parametrize("token", [True, None, 1.5, [1], {"a": 1}])
async def test_a_token_is_a_text_or_an_integer(autojump_clock: MockClock, gate: Gate, token: JsonValue) -> None:
    """Anything else is refused or is no token; it never comes back."""
    gate.door.scripts["go"] = reporting(1, 2)
    session = await gate.session()
    params: JsonObject = {"name": "go", "arguments": {}, "_meta": {"progressToken": token}}
    answer = await gate.asked(request("tools/call", params), session)

    assert "progress" not in answer.text.replace("progressToken", "")


@pytest.mark.parametrize("era", ERAS)
async def test_progress_only_grows(autojump_clock: MockClock, gate: Gate, era: str) -> None:
    """The value MUST increase with each notification; what does not is left out."""
    gate.door.scripts["go"] = reporting(1, 1, 0.5, 2, 2, -1, 3)

    assert [1, 2, 3] == [params["progress"] for params in await messages_of(gate, era, "go", token=1)]


async def test_a_chatty_tool_is_thinned_out(autojump_clock: MockClock, gate: Gate) -> None:
    """Progress SHOULD be limited in rate; a short call may report each step, and the last word is always said."""
    many = 200
    gate.door.scripts["go"] = reporting(*range(1, many + 1), total=many, pause_s=MIN_PROGRESS_GAP_S / 5)
    told = [params["progress"] for params in await messages_of(gate, "legacy", "go", token=1)]

    assert [*range(1, FREE_REPORTS + 1)] == told[:FREE_REPORTS]
    assert many == told[-1]
    assert 30 <= len(told) - FREE_REPORTS <= 38


@pytest.mark.parametrize("era", ERAS)
async def test_nothing_is_said_after_the_answer(autojump_clock: MockClock, gate: Gate, era: str) -> None:
    """Progress MUST stop after completion, whatever a tool left running."""
    peers: list[Peer] = []

    async def run(peer: Peer) -> JsonValue:
        peers.append(peer)
        await peer.report(1)
        return None

    gate.door.scripts["go"] = script_of(run)
    session = await gate.session()
    if era == "legacy":
        answer = await gate.asked(call_with("go", token=1), session)
    else:
        answer = await gate.asked(*asked_modern("go", meta={"progressToken": 1, META_LOG_LEVEL: "debug"}))
    await peers[0].report(2)
    await peers[0].log(LogLevel.ALERT, "late")
    await trio.sleep(10)

    assert 2 == len(answer.messages)
    assert "result" in answer.messages[1]


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_that_speaks_to_a_reader_of_one_document_is_answered_all_the_same(
    autojump_clock: MockClock, gate: Gate, era: str
) -> None:
    """What belongs before the answer is dropped where there is no place for it."""
    gate.door.scripts["go"] = reporting(1, 2)
    session = await gate.session()
    if era == "legacy":
        answer = await gate.asked(call_with("go", token=1), session, ("accept", "application/json"))
    else:
        asked = asked_modern("go", meta={"progressToken": 1})
        answer = await gate.asked(*asked, ("accept", "application/json"))

    assert (200, "application/json") == (answer.status, answer.headers["content-type"])
    assert "result" in answer.json


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("level", "count"), [("debug", 8), ("info", 7), ("warning", 5), ("emergency", 1)])
async def test_log_messages_come_from_the_severity_on_that_was_chosen(
    autojump_clock: MockClock, gate: Gate, era: str, level: str, count: int
) -> None:
    """RFC 5424 severities; a session chooses with logging/setLevel, a modern request in its `_meta`."""
    gate.door.scripts["go"] = logging_all()
    params = await messages_of(gate, era, "go", level=level)

    assert [one.value for one in LogLevel][-count:] == [one["level"] for one in params]
    assert {"level": "emergency", "data": {"l": "emergency"}} == params[-1]


async def test_a_log_message_may_name_its_logger(autojump_clock: MockClock, gate: Gate) -> None:
    """server/utilities/logging: `logger` is optional."""
    gate.door.scripts["go"] = logging_all()
    params = await messages_of(gate, "legacy", "go", level="info")

    assert {"level": "info", "data": {"l": "info"}, "logger": "forge"} == params[0]


async def test_a_modern_request_that_does_not_ask_hears_no_log(autojump_clock: MockClock, gate: Gate) -> None:
    """basic/index#meta: notifications/message only where `logLevel` stands."""
    gate.door.scripts["go"] = logging_all()

    assert [] == await messages_of(gate, "modern", "go")


async def test_a_session_that_chose_nothing_hears_from_info_on(autojump_clock: MockClock, gate: Gate) -> None:
    """The server may decide; the choice of one session is no other's."""
    gate.door.scripts["go"] = logging_all()
    quiet = await gate.session()
    set_level = await gate.asked(request("logging/setLevel", {"level": "alert"}), quiet)
    params = await messages_of(gate, "legacy", "go")

    assert (200, {}) == (set_level.status, set_level.json["result"])
    assert 7 == len(params)


@pytest.mark.parametrize("level", ["loud", "", "INFO", 3, None, {}])
async def test_a_severity_that_is_none_is_refused(autojump_clock: MockClock, gate: Gate, level: JsonValue) -> None:
    """server/utilities/logging: -32602; under 400 where the level stands in `_meta`."""
    session = await gate.session()
    legacy = await gate.asked(request("logging/setLevel", {"level": level}), session)
    modern_answer = await gate.asked(*asked_modern("go", meta={META_LOG_LEVEL: level}))

    assert (200, INVALID_PARAMS) == (legacy.status, legacy.json["error"]["code"])
    assert (200 if level is None else 400) == modern_answer.status
    if level is not None:
        assert INVALID_PARAMS == modern_answer.json["error"]["code"]


async def test_a_call_of_a_session_never_hears_what_another_says(autojump_clock: MockClock, gate: Gate) -> None:
    """Messages belong to the stream of their request, also when two calls of one session run at once."""
    session = await gate.session()
    gate.door.scripts |= {"a": reporting(1, 3, 5), "b": reporting(2, 4)}
    first = gate.post(call_with("a", 1, token="a"), session)
    second = gate.post(call_with("b", 2, token="b"), session)
    await first.over.wait()
    await second.over.wait()

    assert ["a", "a", "a"] == [message["params"]["progressToken"] for message in first.messages[:-1]]
    assert ["b", "b"] == [message["params"]["progressToken"] for message in second.messages[:-1]]
    assert [1, 2] == [first.messages[-1]["id"], second.messages[-1]["id"]]


async def test_a_bug_after_a_word_is_an_answer_on_the_stream(autojump_clock: MockClock, gate: Gate) -> None:
    """The stream has begun, so its status cannot say it; the message does."""

    async def run(peer: Peer) -> JsonValue:
        await peer.report(1)
        raise ValueError("token=hunter2")

    gate.door.scripts["go"] = script_of(run)
    session = await gate.session()
    legacy = await gate.asked(call_with("go", token=1), session)
    modern_answer = await gate.asked(*asked_modern("go", meta={"progressToken": 1}))

    for answer in (legacy, modern_answer):
        assert (200, -32603) == (answer.status, answer.messages[-1]["error"]["code"])
        assert "hunter2" not in answer.text
    assert 200 == (await gate.asked(call("get_me"), session)).status
    assert 200 == (await gate.asked(*modern_call("get_me"))).status
