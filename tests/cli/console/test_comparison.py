"""Where two answers differ."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from aegis_trio.cli.console.comparison import MAX_DIFFERENCES, compare
from tests.protocol.strategies import JSON_VALUES


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        (1, 1.0, []),
        (1, True, ["x: was 1, is true"]),
        (0, False, ["x: was 0, is false"]),
        ("1", 1, ['x: was "1", is 1']),
        (None, {}, ["x: was null, is {}"]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, ["x.a.b[1]: was 2, is 3"]),
        ({"a": 1}, {"b": 1}, ["x.a: was 1, is nothing", "x.b: was nothing, is 1"]),
        ([1, 2], [1], ["x: was 2 items, is 1 items"]),
        ("abc", "abd", ['x: was "abc", is "abd"']),
        ("-" * 500 + "a\x1b", "-" * 500 + "ö", [f'x: was "…{"-" * 20}a\\u001b", is "…{"-" * 20}ö"']),
    ],
    ids=repr,
)
def test_each_difference_names_its_place(was: Any, now: Any, told: list[str]) -> None:
    """A person looks there."""
    assert told == [str(difference) for difference in compare(was, now, where="x", shape=False)]


@pytest.mark.parametrize(
    ("was", "now", "count"),
    [
        ({"at": "10:00", "n": [1]}, {"at": "11:00", "n": [2, 3]}, 0),
        ({"at": "10:00"}, {"at": 11}, 1),
        ({"at": "10:00"}, {}, 1),
        ([{"a": 1}], [{"b": 1}, {"a": 1}], 2),
    ],
    ids=repr,
)
def test_by_shape_only_members_and_types_count(was: Any, now: Any, count: int) -> None:
    """Answers with times and ids in them can be compared too."""
    assert count == len(compare(was, now, where="x", shape=True))


@given(JSON_VALUES, JSON_VALUES)
def test_everything_equals_itself_and_differences_are_found_from_both_sides(one: Any, other: Any) -> None:
    """No value is overlooked, and none is invented."""
    assert () == compare(one, one, where="x", shape=False)
    there, back = (compare(*pair, where="x", shape=False) for pair in ((one, other), (other, one)))

    assert {each.where for each in there} == {each.where for each in back}


def test_the_report_is_bounded() -> None:
    """With the first few, a person sees what is wrong."""
    differences = compare([0] * 1000, [1] * 1000, where="x", shape=False)

    assert MAX_DIFFERENCES == len(differences)
    assert {"where": "x[0]", "was": "0", "now": "1"} == differences[0].as_document()
