"""Forms of a server: what is one, and what answers fit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.cli.console.asking import fill_in
from aegis_trio.cli.console.form import MAX_FIELDS, parse_answer, parse_form
from aegis_trio.config.faults import Misfit
from tests.cli.console.fake_server import EVIL, FORM
from tests.protocol.strategies import JSON_VALUES


def form(properties: Any, *required: str) -> dict[str, Any]:
    """Return the parameters of a form with these fields."""
    return {
        "message": "Well?",
        "requestedSchema": {"type": "object", "properties": properties, "required": [*required]},
    }


def answered(shape: dict[str, Any], raw_answer: str) -> Any:
    """Return what *raw_answer* means in a field of *shape*."""
    (field,) = parse_form(form({"it": shape})).fields
    return parse_answer(field, raw_answer)


@pytest.mark.parametrize(
    ("shape", "raw_answer", "value"),
    [
        ({"type": "string"}, "5", "5"),
        ({"type": "string", "minLength": 2, "maxLength": 3}, "abc", "abc"),
        ({"type": "string", "format": "email"}, "a@b.c", "a@b.c"),
        ({"type": "string", "format": "uri"}, "https://a/b", "https://a/b"),
        ({"type": "string", "format": "date"}, "2026-11-20", "2026-11-20"),
        ({"type": "string", "format": "date-time"}, "2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z"),
        ({"type": "string", "format": "unheard of"}, "x", "x"),
        ({"type": "string", "enum": ["a", "b"]}, "b", "b"),
        ({"type": "string", "oneOf": [{"const": "a", "title": "A"}]}, "a", "a"),
        ({"type": "integer", "minimum": 0}, "7", 7),
        ({"type": "number", "maximum": 3}, "2.5", 2.5),
        ({"type": "boolean"}, "y", True),
        ({"type": "boolean"}, "No", False),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, "b, a", ["b", "a"]),
        ({"type": "array", "items": {"type": "string"}, "minItems": 0}, "x", ["x"]),
    ],
    ids=repr,
)
def test_an_answer_has_the_type_of_its_field(shape: dict[str, Any], raw_answer: str, value: Any) -> None:
    """The server validates; a text where a number is wanted would only come back."""
    result = answered(shape, raw_answer)

    assert (type(value), value) == (type(result), result)


@pytest.mark.parametrize(
    ("shape", "raw_answer", "said"),
    [
        ({"type": "string", "minLength": 2}, "a", "at least 2"),
        ({"type": "string", "maxLength": 2}, "abc", "at most 2"),
        ({"type": "string", "format": "email"}, "a", "is no email"),
        ({"type": "string", "enum": ["a", "b"]}, "c", "one of a, b"),
        ({"type": "integer"}, "1.5", "not a whole number"),
        ({"type": "integer", "minimum": 1, "maximum": 5}, "6", "from 1 to 5"),
        ({"type": "number"}, "x", "not a number"),
        ({"type": "number"}, "nan", "not a number"),
        ({"type": "number"}, "1e999", "not a number"),
        ({"type": "boolean"}, "perhaps", "neither true nor false"),
        ({"type": "array", "items": {"enum": ["a"]}}, "a, b", "none of the choices"),
        ({"type": "array", "maxItems": 1}, "a, b", "at most 1"),
    ],
    ids=repr,
)
def test_an_answer_that_does_not_fit_is_told(shape: dict[str, Any], raw_answer: str, said: str) -> None:
    """The person is asked again."""
    with pytest.raises(Misfit) as caught:
        answered(shape, raw_answer)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"message": "x"},
        {"message": 5, "requestedSchema": {"properties": {}}},
        {"message": "x", "requestedSchema": {"properties": []}},
        {"mode": "url", "message": "x", "url": "https://evil.example", "elicitationId": "1"},
        form({"it": 5}),
        form({"it": {"type": "object"}}),
        form({"it": {"type": ["string"]}}),
        form({str(number): {"type": "string"} for number in range(MAX_FIELDS + 1)}),
    ],
    ids=lambda params: repr(params)[-60:],
)
async def test_what_is_no_form_is_declined(params: dict[str, Any]) -> None:
    """A person is not shown what cannot be understood, nor sent to an address by a server."""
    person = Answers("yes")

    assert {"action": "decline"} == await fill_in(params, person)
    assert [] == person.questions


@given(JSON_VALUES, st.text())
def test_a_field_of_anything_takes_an_answer_or_a_fault(shape: Any, raw_answer: str) -> None:
    """A hostile form must not end the session."""
    for whole in (shape, {"type": "string", **(shape if isinstance(shape, dict) else {"enum": shape})}):
        try:
            (field,) = parse_form(form({"it": whole}, "it")).fields
            assert field.hint is not None
            parse_answer(field, raw_answer)
        except Misfit:
            pass


class Answers:
    """Somebody who gives the answers of a test."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.questions: list[str] = []
        self.told: list[str] = []

    async def ask(self, question: str) -> str | None:
        self.questions.append(question)
        return self.answers.pop(0)

    def tell(self, text: str) -> None:
        self.told.append(text)


@pytest.mark.parametrize(
    ("answers", "result"),
    [
        (["yes", "Ann", "3"], {"action": "accept", "content": {"name": "Ann", "times": 3}}),
        (["Y", "Ann", ""], {"action": "accept", "content": {"name": "Ann", "times": 1}}),
        (["no"], {"action": "decline"}),
        ([""], {"action": "decline"}),
        ([None], {"action": "cancel"}),
        (["yes", None], {"action": "cancel"}),
        (["yes", "Ann", "x", "y", "z"], {"action": "cancel"}),
        (["yes", "", "Ann", "x", "2"], {"action": "accept", "content": {"name": "Ann", "times": 2}}),
    ],
    ids=repr,
)
async def test_a_person_accepts_declines_or_cancels(answers: list[str | None], result: dict[str, Any]) -> None:
    """Only what they typed, or a default that they saw, is sent."""
    person = Answers(*answers)

    assert result == await fill_in(FORM, person)
    assert [] == person.answers


async def test_an_optional_field_without_a_default_is_left_out_when_it_is_left_empty() -> None:
    """An empty text is not the same as none."""
    shape = {"a": {"type": "string", "title": "The A", "description": f"Say {EVIL}"}, "b": {"type": "integer"}}

    person = Answers("yes", "", "5")
    assert {"action": "accept", "content": {"b": 5}} == await fill_in(form(shape), person)
    assert "The A (text; optional): " == person.questions[1]
    several = {"c": {"type": "array", "items": {"enum": ["x", "y"]}}}
    person = Answers("yes", "x")
    assert {"action": "accept", "content": {"c": ["x"]}} == await fill_in(form(several, "c"), person)
    assert "c (some of x | y, with commas between): " == person.questions[1]
    person = Answers("yes", "", "5")
    await fill_in(form(shape), person)
    assert "\x1b" not in "".join([*person.questions, *person.told])


async def test_where_nobody_can_be_asked_a_form_is_declined() -> None:
    """Nobody answers for a person."""
    assert {"action": "decline"} == await fill_in(FORM, None)
