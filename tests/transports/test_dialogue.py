"""What a session's client is asked while a call runs: MCP 2025-11-25 client/{elicitation,sampling,roots}."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.json import JsonObject
from aegis_trio.model.peer import Question
from aegis_trio.protocol.refusals import INVALID_PARAMS
from tests.transports.harness import Gate, call, notification, request
from tests.transports.talking import (
    CAN_BE_ASKED,
    ROOTED,
    ROOTS,
    SAMPLE,
    SAMPLED,
    SURE,
    YES,
    asking,
    error_of,
    heard,
    lost,
    result_of,
    resumed,
)

QUESTIONS = {"elicitation": (SURE, YES), "sampling": (SAMPLE, SAMPLED), "roots": (ROOTS, ROOTED)}


@pytest.mark.parametrize("capability", QUESTIONS)
async def test_a_client_is_asked_on_the_stream_of_its_call(
    autojump_clock: MockClock, gate: Gate, capability: str
) -> None:
    """basic/transports item 6: the request comes before the response, and its answer is a POST of its own."""
    question, answer = QUESTIONS[capability]
    session = await gate.session(capabilities={capability: {}})
    gate.door.scripts["ask"] = asking({"k": question})
    stream = gate.post(call("ask"), session)
    (asked,) = await heard(stream, 1)
    taken = await gate.asked(result_of(asked, answer), session)
    await stream.over.wait()

    assert (question.method, question.params) == (asked["method"], asked["params"])
    assert (202, "") == (taken.status, taken.text)
    assert {"said": {"k": answer}} == stream.messages[1]["result"]["structuredContent"]


async def test_several_questions_come_one_after_the_other(autojump_clock: MockClock, gate: Gate) -> None:
    """A person reads one form at a time; each question has an id of its own."""
    session = await gate.session(capabilities=CAN_BE_ASKED)
    gate.door.scripts["ask"] = asking({"a": SURE, "b": ROOTS}, {"c": SAMPLE})
    stream = gate.post(call("ask"), session)
    for count, answer in enumerate((YES, ROOTED, SAMPLED), start=1):
        messages = await heard(stream, count)
        assert count == len(messages)
        await gate.asked(result_of(messages[-1], answer), session)
    await stream.over.wait()

    assert 3 == len({message["id"] for message in stream.messages[:3]})
    assert {"said": {"a": YES, "b": ROOTED, "c": SAMPLED}} == stream.messages[3]["result"]["structuredContent"]


async def test_a_client_that_refuses_with_an_error_is_reported(autojump_clock: MockClock, gate: Gate) -> None:
    """The model reads that nobody answered, and what it can do."""
    session = await gate.session(capabilities=CAN_BE_ASKED)
    gate.door.scripts["ask"] = asking({"k": SURE})
    stream = gate.post(call("ask"), session)
    (asked,) = await heard(stream, 1)
    await gate.asked(error_of(asked), session)
    await stream.over.wait()

    result = stream.messages[1]["result"]
    assert result["isError"]
    assert "refused elicitation/create" in result["content"][0]["text"]


@pytest.mark.parametrize(
    ("question", "answer", "place"),
    [
        (SURE, {"action": "accept", "content": {"sure": "yes"}}, "sure"),
        (SURE, {"action": "accept", "content": {}}, "content"),
        (SURE, {"action": "accept"}, "content"),
        (SURE, {"action": "perhaps"}, "action"),
        (SURE, {}, "action"),
        (SAMPLE, {"role": "assistant"}, ""),
        (ROOTS, {"roots": "secret-text"}, "roots"),
    ],
)
async def test_an_answer_of_the_wrong_form_is_none(
    autojump_clock: MockClock, gate: Gate, question: Question, answer: JsonObject, place: str
) -> None:
    """What a stranger says is checked before a tool sees it; the text names the place and repeats nothing of it."""
    session = await gate.session(capabilities=CAN_BE_ASKED)
    gate.door.scripts["ask"] = asking({"k": question})
    stream = gate.post(call("ask"), session)
    (asked,) = await heard(stream, 1)
    await gate.asked(result_of(asked, answer), session)
    await stream.over.wait()

    result = stream.messages[1]["result"]
    assert result["isError"]
    assert "cannot be used" in result["content"][0]["text"]
    assert place in result["content"][0]["text"]
    assert "secret-text" not in stream.messages[1]["result"]["content"][0]["text"]


@pytest.mark.parametrize("answer", [{"action": "decline"}, {"action": "cancel"}])
async def test_a_person_may_say_no(autojump_clock: MockClock, gate: Gate, answer: JsonObject) -> None:
    """Declining is an answer, and the tool's to understand."""
    session = await gate.session(capabilities=CAN_BE_ASKED)
    gate.door.scripts["ask"] = asking({"k": SURE})
    stream = gate.post(call("ask"), session)
    (asked,) = await heard(stream, 1)
    await gate.asked(result_of(asked, answer), session)
    await stream.over.wait()

    assert {"said": {"k": answer}} == stream.messages[1]["result"]["structuredContent"]


async def test_only_the_session_that_was_asked_can_answer(autojump_clock: MockClock, gate: Gate) -> None:
    """An answer of another session, for another id or without one is accepted and changes nothing."""
    session, other = await gate.session(capabilities=CAN_BE_ASKED), await gate.session(capabilities=CAN_BE_ASKED)
    bobs = await gate.session(key="bob")
    gate.door.scripts["ask"] = asking({"k": SURE})
    stream = gate.post(call("ask"), session)
    (asked,) = await heard(stream, 1)
    for answer, to, key in (
        (result_of(asked, YES), other, "ada"),
        (result_of(asked, YES), bobs, "bob"),
        (result_of({"id": "aegis-0"}, YES), session, "ada"),
        (result_of({"id": 1}, YES), session, "ada"),
        ({"jsonrpc": "2.0", "error": {"code": 1, "message": "m"}}, session, "ada"),
    ):
        assert 202 == (await gate.asked(answer, to, key=key)).status
    strange = await gate.asked(result_of(asked, YES), session, key="bob")
    await trio.sleep(60)

    assert (404, 1) == (strange.status, len(stream.messages))
    await gate.asked(result_of(asked, {"action": "decline"}), session)
    await stream.over.wait()
    assert {"said": {"k": {"action": "decline"}}} == stream.messages[1]["result"]["structuredContent"]


async def test_the_first_answer_counts(autojump_clock: MockClock, gate: Gate) -> None:
    """Two answers that arrive at once are no way to take the first one back; a late one is ignored."""
    session = await gate.session("2025-03-26", capabilities=CAN_BE_ASKED)
    gate.door.scripts["ask"] = asking({"k": ROOTS})
    stream = gate.post(call("ask"), session)
    (asked,) = await heard(stream, 1)
    await gate.asked([result_of(asked, ROOTED), error_of(asked)], session)
    await stream.over.wait()
    late = await gate.asked(error_of(asked), session)

    assert {"said": {"k": ROOTED}} == stream.messages[1]["result"]["structuredContent"]
    assert 202 == late.status


@pytest.mark.parametrize(
    ("declared", "question", "named"),
    [
        ({}, SURE, "elicitation"),
        ({"elicitation": {"url": {}}}, SURE, "elicitation"),
        ({"elicitation": {}}, SAMPLE, "sampling"),
        ({"sampling": {}}, ROOTS, "roots"),
        ({"elicitation": {}}, Question("elicitation/create", {"mode": "url"}), "elicitation"),
    ],
)
async def test_a_client_is_not_asked_what_it_did_not_declare(
    autojump_clock: MockClock, gate: Gate, declared: JsonObject, question: Question, named: str
) -> None:
    """client/elicitation#capabilities: the model reads which capability is missing; -32021 is not of this era."""
    session = await gate.session(capabilities=declared)
    gate.door.scripts["ask"] = asking({"k": question})
    answer = await gate.asked(call("ask"), session)

    assert answer.json["result"]["isError"]
    assert f"did not declare: {named}" in answer.json["result"]["content"][0]["text"]


async def test_elsewhere_than_in_a_tool_a_missing_capability_is_invalid_params(
    autojump_clock: MockClock, gate: Gate
) -> None:
    """A prompt has no result that could say it, and legacy clients know no -32021."""
    session = await gate.session()
    gate.door.scripts["ask"] = asking({"k": SURE})
    answer = await gate.asked(request("prompts/get", {"name": "ask"}), session)

    assert (200, INVALID_PARAMS) == (answer.status, answer.json["error"]["code"])
    assert {"elicitation": {}} == answer.json["error"]["data"]["requiredCapabilities"]


async def test_a_revision_without_the_question_says_so(autojump_clock: MockClock, gate: Gate) -> None:
    """2025-03-26 has no elicitation, whatever a client declares; its answer has no shape to be checked by."""
    session = await gate.session("2025-03-26", capabilities=CAN_BE_ASKED)
    gate.door.scripts["ask"] = asking({"k": SURE})
    stream = gate.post(call("ask"), session)
    while not stream.over.is_set():
        await trio.sleep(1)
        if stream.messages and not stream.over.is_set():
            await gate.asked(result_of(stream.messages[0], YES), session)

    assert stream.messages[-1]["result"]["isError"]
    assert "elicitation" in stream.messages[-1]["result"]["content"][0]["text"]


async def test_a_client_that_takes_one_document_cannot_be_asked(autojump_clock: MockClock, gate: Gate) -> None:
    """There is no way to it before the answer; waiting would never end."""
    session = await gate.session(capabilities=CAN_BE_ASKED)
    gate.door.scripts["ask"] = asking({"k": SURE})
    answer = await gate.asked(call("ask"), session, ("accept", "application/json"))

    assert answer.json["result"]["isError"]
    assert "text/event-stream" in answer.json["result"]["content"][0]["text"]


@pytest.mark.parametrize("ending", ["cancelled", "deleted"])
async def test_a_question_is_taken_back_when_its_call_is_cancelled(
    autojump_clock: MockClock, gate: Gate, ending: str
) -> None:
    """basic/utilities/cancellation: whoever asked says that it asks no more, so that no form stays open for nothing."""
    session = await gate.session(capabilities=CAN_BE_ASKED)
    gate.door.scripts["ask"] = asking({"k": SURE})
    stream = gate.post(call("ask", "c"), session)
    (asked,) = await heard(stream, 1)
    if ending == "cancelled":
        await gate.asked(notification("notifications/cancelled", {"requestId": "c"}), session)
    else:
        await gate.done("DELETE", "/mcp", session)
    await stream.over.wait()

    taken_back = {"requestId": asked["id"], "reason": "the call ended"}
    said_last = [] if ending == "deleted" else [("notifications/cancelled", taken_back)]
    assert said_last == [(message["method"], message["params"]) for message in stream.messages[1:]]
    assert stream.is_complete
    assert ["ask"] == gate.door.cancelled
    if ending == "cancelled":
        assert 202 == (await gate.asked(result_of(asked, YES), session)).status


async def test_a_question_finds_the_client_that_comes_back_for_it(autojump_clock: MockClock, gate: Gate) -> None:
    """The stream broke while the person was asked: the question, or its answer, is not lost."""
    session = await gate.session(capabilities=CAN_BE_ASKED)
    gate.door.scripts["ask"] = asking({"a": SURE}, {"b": ROOTS})
    stream = gate.post(call("ask"), session)
    (asked,) = await heard(stream, 1)
    event_id = await lost(stream)
    await gate.asked(result_of(asked, YES), session)
    await trio.sleep(1)
    rest = resumed(gate, session, event_id)
    (also_asked,) = await heard(rest, 1)
    await gate.asked(result_of(also_asked, ROOTED), session)
    await rest.over.wait()

    assert {"said": {"a": YES, "b": ROOTED}} == rest.messages[1]["result"]["structuredContent"]
