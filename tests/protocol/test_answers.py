"""What a client may be asked, and which answers are answers: pure decisions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.peer import Question
from aegis_trio.protocol.answers import fault_of_answer, needed_capability
from aegis_trio.protocol.revisions import MODERN_VERSIONS, NEWEST_LEGACY, Era, Revision, find_revision

MODERN = find_revision(MODERN_VERSIONS[0], Era.MODERN)
assert MODERN is not None
BOTH: tuple[Revision, ...] = (NEWEST_LEGACY, MODERN)
FORM = Question("elicitation/create", {"message": "?", "requestedSchema": {"type": "object"}})
BY_ADDRESS = Question("elicitation/create", {"mode": "url", "message": "?", "url": "https://a.example/x"})
SAMPLE = Question("sampling/createMessage", {})
ROOTS = Question("roots/list", {})


@pytest.mark.parametrize(
    ("question", "declared", "needed"),
    [
        (FORM, {}, {"elicitation": {}}),
        (FORM, {"elicitation": None}, {"elicitation": {}}),
        (FORM, {"elicitation": {}}, {}),
        (FORM, {"elicitation": {"form": {}}}, {}),
        (FORM, {"elicitation": {"form": {}, "url": {}}}, {}),
        (FORM, {"elicitation": {"url": {}}}, {"elicitation": {"form": {}}}),
        (BY_ADDRESS, {}, {"elicitation": {"url": {}}}),
        (BY_ADDRESS, {"elicitation": {}}, {"elicitation": {"url": {}}}),
        (BY_ADDRESS, {"elicitation": {"form": {}}}, {"elicitation": {"url": {}}}),
        (BY_ADDRESS, {"elicitation": {"url": {}}}, {}),
        (SAMPLE, {"elicitation": {}}, {"sampling": {}}),
        (SAMPLE, {"sampling": {}}, {}),
        (ROOTS, {"sampling": {}}, {"roots": {}}),
        (ROOTS, {"roots": {"listChanged": True}}, {}),
    ],
)
def test_what_is_needed_is_what_was_not_declared(question: Question, declared: JsonObject, needed: JsonObject) -> None:
    """MCP 2026-07-28 client/elicitation#capabilities: an empty object means forms only."""
    assert needed == needed_capability(question, declared)


def test_a_method_that_no_client_has_is_our_bug() -> None:
    """Only three things can be asked."""
    with pytest.raises(ValueError, match="tools/call"):
        needed_capability(Question("tools/call", {}), {})


@pytest.mark.parametrize("revision", BOTH, ids=lambda revision: revision.version)
@pytest.mark.parametrize(
    ("question", "answer", "fault"),
    [
        (FORM, {"action": "decline"}, None),
        (FORM, {"action": "accept", "content": {"x": 1}}, None),
        (FORM, {"action": "later"}, "action"),
        (FORM, {"action": "accept", "content": {"x": {"deep": 1}}}, "content"),
        (BY_ADDRESS, {"action": "accept"}, None),
        (SAMPLE, {"role": "assistant", "model": "m", "content": {"type": "text", "text": "t"}}, None),
        (SAMPLE, {"role": "robot", "model": "m", "content": {"type": "text", "text": "t"}}, "role"),
        (ROOTS, {"roots": []}, None),
        (ROOTS, {"roots": [{"uri": 5}]}, "roots.0.uri"),
        (ROOTS, {}, "roots"),
    ],
)
def test_an_answer_follows_the_schema_of_its_revision(
    revision: Revision, question: Question, answer: JsonObject, fault: str | None
) -> None:
    """The modern era has the shapes of the newest legacy revision; a fault names the place."""
    found = fault_of_answer(question, answer, revision)

    assert (found is None) == (fault is None)
    assert (fault or "") in (found or "")


SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2, "pattern": "^[a-z]+$"},
        "size": {"type": "string", "enum": ["s", "m"]},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
    },
    "required": ["name"],
}


@pytest.mark.parametrize(
    ("content", "place", "rule"),
    [
        ({"name": "ab", "size": "m", "count": 9}, None, ""),
        ({"name": "a"}, "name", "minLength"),
        ({"name": "AB"}, "name", "pattern"),
        ({"name": "ab", "size": "xl"}, "size", "enum"),
        ({"name": "ab", "count": 0}, "count", "minimum"),
        ({"name": "ab", "count": "1"}, "count", "type"),
        ({"size": "m"}, "content", "required"),
        (None, "content", "required"),
    ],
)
def test_a_form_is_filled_in_as_it_was_asked(content: JsonValue, place: str | None, rule: str) -> None:
    """client/elicitation: the server validates; the fault names place and rule, and repeats nothing of the answer."""
    question = Question("elicitation/create", {"message": "?", "requestedSchema": SCHEMA})
    answer: JsonObject = {"action": "accept"} if content is None else {"action": "accept", "content": content}

    assert (None if place is None else f"{place}: breaks the rule {rule!r}") == fault_of_answer(
        question, answer, NEWEST_LEGACY
    )


@pytest.mark.parametrize("action", ["decline", "cancel"])
def test_whoever_declines_fills_in_nothing(action: str) -> None:
    """A form is checked only where it was accepted."""
    question = Question("elicitation/create", {"message": "?", "requestedSchema": SCHEMA})

    assert fault_of_answer(question, {"action": action}, NEWEST_LEGACY) is None


def test_an_old_revision_has_no_such_question() -> None:
    """Elicitation came with 2025-06-18."""
    oldest = find_revision("2024-11-05", Era.LEGACY)
    assert oldest is not None

    assert "2024-11-05 has no elicitation/create" == fault_of_answer(FORM, {"action": "decline"}, oldest)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from((FORM, BY_ADDRESS, SAMPLE, ROOTS, Question("elicitation/create", {"requestedSchema": SCHEMA}))),
    st.dictionaries(st.sampled_from(("action", "content", "role", "model", "roots", "x")), JSON, max_size=4),
    st.sampled_from(BOTH),
)
def test_whatever_comes_as_an_answer_is_judged(question: Question, answer: JsonObject, revision: Revision) -> None:
    """Property: any JSON is an answer or has a short fault; nothing is raised."""
    fault = fault_of_answer(question, answer, revision)

    assert fault is None or len(fault) < 300
