"""The choice among candidates, and what can be read of what was typed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.gateway.render import rendered_bytes
from aegis_trio.model.call import MAX_REPLY_BYTES, CallKind, ToolReply
from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.refs import RepositoryRef
from aegis_trio.toolsets.completions.completion import MAX_VALUES, Candidates, Chosen, completed, read_chosen


def test_what_begins_with_it_comes_before_what_holds_it() -> None:
    """Without regard to case, each in the order in which it was found, and once."""
    found = completed(Candidates(values=("Crowbar", "website", "barge", "BARN", "tide", "barge")), "bar")

    assert {"values": ["barge", "BARN", "Crowbar"], "hasMore": False, "total": 3} == found


@pytest.mark.requirement("MCP-COMPL-01")
def test_more_than_a_hundred_are_not_shown_and_said() -> None:
    """A MUST of the specification."""
    found = completed(Candidates(values=tuple(f"b{number}" for number in range(150))), "")

    assert (MAX_VALUES, True, 150) == (len(found["values"]), found["hasMore"], found["total"])  # type: ignore[arg-type]  # a list


def test_a_total_that_is_not_known_is_left_out() -> None:
    """A guess would be believed."""
    found = completed(Candidates(values=("a",), is_complete=False), "")

    assert {"values": ["a"], "hasMore": True} == found


def test_a_name_that_hides_something_is_not_offered() -> None:
    """It would be chosen for the name that it looks like."""
    assert [] == completed(Candidates(values=("ma\u200bin", "a\nb", "\ud800")), "")["values"]


def test_long_values_stay_within_a_reply() -> None:
    """A hundred paths of four kilobytes are no suggestion."""
    values = tuple(f"{number}" + "é" * 2000 for number in range(100))
    found = completed(Candidates(values=values), "")

    assert rendered_bytes(ToolReply(found), CallKind.COMPLETION) < MAX_REPLY_BYTES
    assert found["hasMore"] is True


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, Chosen(value="x")),
        ({"owner": "", "repo": ""}, Chosen(value="x")),
        ({"owner": "o"}, Chosen(value="x", owner="o")),
        ({"repo": "r"}, Chosen(value="x")),
        ({"owner": "o", "repo": "r"}, Chosen(value="x", owner="o", repository=RepositoryRef("o", "r"))),
        ({"instance": "MAIN", "ref": "HEAD"}, Chosen(value="x")),
        ({"instance": "other", "owner": "o"}, Chosen(value="x", owner="o", is_usable=False)),
        ({"owner": "../x"}, Chosen(value="x", is_usable=False)),
        ({"owner": "o", "repo": ".."}, Chosen(value="x", is_usable=False)),
        ({"owner": "o", "repo": "r", "ref": "main~1"}, Chosen(value="x", is_usable=False)),
        ({"owner": 7, "repo": ["r"]}, Chosen(value="x")),
        ({"number": "5", "anything": "else"}, Chosen(value="x")),
    ],
)
def test_what_was_chosen_before_is_read_as_far_as_it_can_be(chosen: dict[str, Any], expected: Chosen) -> None:
    """A client sends whatever stands in its form; nothing of it is an error."""
    assert expected == read_chosen({**chosen, "value": "x"})


def test_what_is_longer_than_any_name_is_refused() -> None:
    """Nobody typed that."""
    with pytest.raises(InvalidArgument, match="longer than"):
        read_chosen({"value": "x" * 5000})


@given(values=st.lists(st.text(max_size=12), max_size=130), word=st.text(max_size=3))
def test_every_suggestion_is_a_candidate_that_fits(values: list[str], word: str) -> None:
    """Property: nothing is made up, nothing stands twice, and there are never more than a hundred."""
    found: Any = completed(Candidates(values=tuple(values)), word)["values"]

    assert len(found) == len(set(found)) <= MAX_VALUES
    assert set(found) <= set(values)
    assert all(word.casefold() in one.casefold() for one in found)
