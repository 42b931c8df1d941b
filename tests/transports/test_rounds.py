"""Modern calls that need answers are made again with them: MCP 2026-07-28 basic/patterns/mrtr."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.call import CallKind
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.peer import Peer, Question
from aegis_trio.model.toolspec import Risk
from aegis_trio.protocol.refusals import INVALID_PARAMS, MISSING_CAPABILITY
from aegis_trio.protocol.request_state import STATE_TTL_S
from aegis_trio.transports.desk import MAX_ROUNDS
from tests.transports.harness import Gate, make_spec, modern
from tests.transports.talking import (
    CAN_BE_ASKED,
    ROOTED,
    ROOTS,
    SAMPLE,
    SAMPLED,
    SURE,
    YES,
    asked_modern,
    asking,
    script_of,
)


async def asked_once(gate: Gate, **more: Any) -> Any:
    """Make the first round; return its result."""
    answer = await gate.asked(*asked_modern("ask", **more))
    assert (200, "input_required") == (answer.status, answer.json["result"]["resultType"])
    return answer.json["result"]


async def test_a_call_ends_with_its_question_and_is_made_again_with_the_answer(
    autojump_clock: MockClock, gate: Gate
) -> None:
    """The result names what is asked and carries the state; the second request has a new id and completes."""
    gate.door.scripts["ask"] = asking({"k": SURE})
    result = await asked_once(gate)
    answer = await gate.asked(*asked_modern("ask", answers={"k": YES}, state=result["requestState"]))

    assert {"k": {"method": SURE.method, "params": SURE.params}} == result["inputRequests"]
    assert "io.modelcontextprotocol/serverInfo" in result["_meta"]
    assert {"ttlMs", "cacheScope"}.isdisjoint(result)
    assert (200, "complete") == (answer.status, answer.json["result"]["resultType"])
    assert {"said": {"k": YES}} == answer.json["result"]["structuredContent"]


async def test_several_questions_are_asked_at_once_and_may_be_answered_in_parts(
    autojump_clock: MockClock, gate: Gate
) -> None:
    """What was answered stands in the state; only the rest is asked again (mrtr: missing responses)."""
    gate.door.scripts["ask"] = asking({"a": SURE, "b": SAMPLE, "c": ROOTS})
    first = await asked_once(gate)
    second = await asked_once(gate, answers={"b": SAMPLED}, state=first["requestState"])
    third = await gate.asked(*asked_modern("ask", answers={"a": YES, "c": ROOTED}, state=second["requestState"]))

    assert [{"a", "b", "c"}, {"a", "c"}] == [set(first["inputRequests"]), set(second["inputRequests"])]
    assert {"said": {"a": YES, "b": SAMPLED, "c": ROOTED}} == third.json["result"]["structuredContent"]


async def test_a_call_may_take_several_rounds(autojump_clock: MockClock, gate: Gate) -> None:
    """It runs from its beginning each time, and earlier answers come out of the state, not out of the request."""
    gate.door.scripts["ask"] = asking({"a": SURE}, {"b": ROOTS})
    first = await asked_once(gate)
    second = await asked_once(gate, answers={"a": YES}, state=first["requestState"])
    third = await gate.asked(
        *asked_modern("ask", answers={"b": ROOTED, "a": {"action": "decline"}}, state=second["requestState"])
    )

    assert {"b"} == set(second["inputRequests"])
    assert {"said": {"a": YES, "b": ROOTED}} == third.json["result"]["structuredContent"]


@pytest.mark.parametrize(
    "answers",
    [
        {"k": {"action": "accept", "content": {"sure": "perhaps"}}},
        {"k": {"action": "accept"}},
        {"k": ROOTED},
        {"other": YES},
        {},
    ],
)
async def test_what_is_no_answer_is_asked_again(autojump_clock: MockClock, gate: Gate, answers: JsonObject) -> None:
    """mrtr#server-requirements: wrong or missing responses SHOULD be asked again, extra ones are ignored."""
    gate.door.scripts["ask"] = asking({"k": SURE})
    first = await asked_once(gate)
    second = await asked_once(gate, answers=answers, state=first["requestState"])
    third = await gate.asked(*asked_modern("ask", answers={"k": YES, "x": YES}, state=second["requestState"]))

    assert {"k"} == set(second["inputRequests"])
    assert {"said": {"k": YES}} == third.json["result"]["structuredContent"]


@pytest.mark.parametrize("answers", [{"k": {}}, {"k": 5}, {"other": {"action": "perhaps"}}, [], 5])
async def test_what_no_client_feature_answers_is_refused(
    autojump_clock: MockClock, gate: Gate, answers: JsonValue
) -> None:
    """mrtr#error-handling: what breaks the schema SHOULD be an error; its confirmation stays unspent."""
    gate.door.tools = (replace(make_spec("ask"), risk=Risk.WRITE),)
    gate.door.scripts["ask"] = asking({"k": SURE})
    first = await asked_once(gate)
    broken = await gate.asked(*asked_modern("ask", answers=answers, state=first["requestState"]))
    again = await gate.asked(*asked_modern("ask", answers={"k": YES}, state=first["requestState"]))

    assert (400, INVALID_PARAMS) == (broken.status, broken.json["error"]["code"])
    assert {"said": {"k": YES}} == again.json["result"]["structuredContent"]


async def test_answers_without_a_state_are_answers_to_nothing(autojump_clock: MockClock, gate: Gate) -> None:
    """A model could agree in a person's name to a change that nobody was shown."""
    gate.door.tools = (replace(make_spec("ask"), risk=Risk.WRITE),)
    gate.door.scripts["ask"] = asking({"k": SURE})
    result = await asked_once(gate, answers={"k": YES})

    assert {"k"} == set(result["inputRequests"])


async def test_a_call_that_only_reads_takes_answers_as_they_come(autojump_clock: MockClock, gate: Gate) -> None:
    """Nothing follows from them but an answer; the conformance suite gives them so."""
    gate.door.scripts["ask"] = asking({"k": SURE})
    answer = await gate.asked(*asked_modern("ask", answers={"k": YES}))

    assert "complete" == answer.json["result"]["resultType"]


def tampered(state: str) -> list[str]:
    """Return texts that are almost *state*."""
    flipped = "A" if state[20] != "A" else "B"
    return ["", "x", state[:-8], state + "AAAA", state[:20] + flipped + state[21:], state.upper(), "é", "A" * 40_000]


async def test_a_state_of_somebody_elses_making_is_refused(autojump_clock: MockClock, gate: Gate) -> None:
    """mrtr: attacker-controlled, integrity-protected, rejected on failure: -32602 under 400, and nothing is run."""
    gate.door.scripts["ask"] = asking({"k": SURE})
    state = (await asked_once(gate))["requestState"]
    for raw_state in tampered(state):
        answer = await gate.asked(*asked_modern("ask", answers={"k": YES}, state=raw_state))

        assert (400, INVALID_PARAMS) == (answer.status, answer.json["error"]["code"])
        assert "requestState: not one of this request's" in answer.json["error"]["message"]
    assert 1 == len(gate.door.requests)


@pytest.mark.parametrize("difference", ["principal", "arguments", "tool", "method", "time"])
async def test_a_state_is_of_one_caller_one_request_and_ten_minutes(
    autojump_clock: MockClock, gate: Gate, difference: str
) -> None:
    """A confirmation of one thing must not confirm another."""
    gate.door.scripts |= {"ask": asking({"k": SURE}), "other": asking({"k": SURE})}
    state = (await asked_once(gate, path="a"))["requestState"]
    again: JsonObject = {"k": YES}
    asked = asked_modern("ask", answers=again, state=state, path="a")
    key = "ada"
    match difference:
        case "principal":
            key = "bob"
        case "arguments":
            asked = asked_modern("ask", answers=again, state=state, path="b")
        case "tool":
            asked = asked_modern("other", answers=again, state=state, path="a")
        case "method":
            params: JsonObject = {"name": "ask", "arguments": {"path": "a"}, "inputResponses": again}
            asked = (*modern("prompts/get", {**params, "requestState": state}), ("mcp-name", "ask"))
        case _:
            await trio.sleep(STATE_TTL_S + 1)
    answer = await gate.asked(*asked, key=key)

    assert (400, INVALID_PARAMS) == (answer.status, answer.json["error"]["code"])
    assert 1 == len(gate.door.requests)


async def test_a_state_holds_for_nearly_ten_minutes(autojump_clock: MockClock, gate: Gate) -> None:
    """A person who reads the form first is not late; what `_meta` says may change in between."""
    gate.door.scripts["ask"] = asking({"k": SURE})
    state = (await asked_once(gate))["requestState"]
    await trio.sleep(STATE_TTL_S - 2)
    answer = await gate.asked(*asked_modern("ask", answers={"k": YES}, state=state, meta={"progressToken": 4}))

    assert {"said": {"k": YES}} == answer.json["result"]["structuredContent"]


@pytest.mark.parametrize(("risk", "second"), [(Risk.READ, 200), (Risk.WRITE, 400), (Risk.DESTRUCTIVE, 400)])
async def test_a_confirmation_is_used_once_where_something_is_changed(
    autojump_clock: MockClock, gate: Gate, risk: Risk, second: int
) -> None:
    """One yes is one deletion; reading twice does no harm."""
    gate.door.tools = (replace(make_spec("ask"), risk=risk),)
    gate.door.scripts["ask"] = asking({"k": SURE})
    state = (await asked_once(gate))["requestState"]
    answers = [await gate.asked(*asked_modern("ask", answers={"k": YES}, state=state)) for _ in range(2)]

    assert [200, second] == [answer.status for answer in answers]
    assert (2 if second == 400 else 3) == len(gate.door.requests)


async def test_a_call_that_asks_without_end_is_ended(autojump_clock: MockClock, gate: Gate) -> None:
    """A person's patience is bounded, and so is a state."""
    gate.door.scripts["ask"] = asking({"k": SURE})
    state: JsonValue = None
    for _ in range(MAX_ROUNDS):
        state = (await asked_once(gate, answers={}, state=state))["requestState"]
    answer = await gate.asked(*asked_modern("ask", answers={}, state=state))

    assert (400, INVALID_PARAMS) == (answer.status, answer.json["error"]["code"])
    assert "begin again" in answer.json["error"]["message"]


async def test_answers_that_do_not_fit_a_state_are_refused_in_words(autojump_clock: MockClock, gate: Gate) -> None:
    """A state travels with each further request; what would not come back is not given away."""
    gate.door.scripts["ask"] = asking({"a": ROOTS}, {"b": SURE})
    first = await asked_once(gate)
    huge: JsonObject = {"roots": [{"uri": f"file:///{'x' * 30_000}"}]}
    answer = await gate.asked(*asked_modern("ask", answers={"a": huge}, state=first["requestState"]))

    assert (400, INVALID_PARAMS) == (answer.status, answer.json["error"]["code"])
    assert "remedy" in answer.json["error"]["data"]


@pytest.mark.parametrize(
    ("declared", "question", "required"),
    [
        ({}, SURE, {"elicitation": {}}),
        ({"elicitation": {"url": {}}}, SURE, {"elicitation": {"form": {}}}),
        ({"elicitation": {}}, Question("elicitation/create", {"mode": "url"}), {"elicitation": {"url": {}}}),
        ({"elicitation": {}}, SAMPLE, {"sampling": {}}),
        ({}, ROOTS, {"roots": {}}),
    ],
)
async def test_a_client_is_asked_only_what_this_request_declares(
    autojump_clock: MockClock, gate: Gate, declared: JsonObject, question: Question, required: JsonObject
) -> None:
    """basic/index#error-codes: -32021 under 400, with a ClientCapabilities object."""
    gate.door.scripts["ask"] = asking({"k": question})
    answer = await gate.asked(*asked_modern("ask", capabilities=declared))

    assert (400, MISSING_CAPABILITY) == (answer.status, answer.json["error"]["code"])
    assert required == answer.json["error"]["data"]["requiredCapabilities"]


async def test_all_that_is_missing_is_named_at_once(autojump_clock: MockClock, gate: Gate) -> None:
    """A client that adds one capability should not meet the next refusal."""
    gate.door.scripts["ask"] = asking({"a": SURE, "b": ROOTS})
    answer = await gate.asked(*asked_modern("ask", capabilities={}))

    assert {"elicitation": {}, "roots": {}} == answer.json["error"]["data"]["requiredCapabilities"]


@pytest.mark.parametrize(
    ("method", "params", "kind"),
    [("prompts/get", {"name": "ask"}, CallKind.PROMPT), ("resources/read", {"uri": "ask"}, CallKind.RESOURCE)],
)
async def test_prompts_and_resources_may_ask_too(
    autojump_clock: MockClock, gate: Gate, method: str, params: JsonObject, kind: CallKind
) -> None:
    """mrtr: tools/call, prompts/get and resources/read may answer input_required."""
    gate.door.scripts["ask"] = asking({"k": SURE})
    meta: JsonObject = {"io.modelcontextprotocol/clientCapabilities": CAN_BE_ASKED}
    name = ("mcp-name", "ask")
    first = await gate.asked(*modern(method, params, meta=meta), name)
    again: JsonObject = {
        **params,
        "inputResponses": {"k": YES},
        "requestState": first.json["result"]["requestState"],
    }
    second = await gate.asked(*modern(method, again, meta=meta), name)

    assert "complete" == second.json["result"]["resultType"]
    assert [kind, kind] == [asked.kind for asked in gate.door.requests]


async def test_a_round_may_speak_before_it_asks(autojump_clock: MockClock, gate: Gate) -> None:
    """The question is the result at the end of the stream; never a request on it (streamable-http)."""

    async def run(peer: Peer) -> JsonValue:
        await peer.report(1, 2)
        return dict(await peer.ask({"k": SURE}))

    gate.door.scripts["ask"] = script_of(run)
    answer = await gate.asked(*asked_modern("ask", meta={"progressToken": "p"}))

    assert ["notifications/progress", None] == [message.get("method") for message in answer.messages]
    assert "input_required" == answer.messages[1]["result"]["resultType"]
