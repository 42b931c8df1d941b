"""Choosing fields and form of a list: the same for every list, and never a guess."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.call import ToolReply
from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.json import JsonObject, encode_json
from aegis_trio.model.toolspec import CostClass, Toolset
from aegis_trio.toolsets.arguments import PageLimit, PageNumber
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.listing import Listing, take_choice
from aegis_trio.toolsets.paging import Page, reply_with_page
from aegis_trio.toolsets.tool import read_tool
from tests.toolsets.canned import CannedForge, context_for, json_answer

THINGS = Listing("things", ("id", "title", "labels", "more"))
REPLY: JsonObject = {
    "things": [
        {"id": 1, "title": 'a,"b"', "labels": ["x", "y"]},
        {"id": 2, "title": "line\nbreak", "labels": []},
    ],
    "total": 2,
    "has_next": True,
    "next": {"page": 2, "limit": 2},
}


def _shaped(**chosen: Any) -> Any:
    return take_choice(THINGS, chosen)[0].shape(REPLY)


def test_without_a_choice_nothing_changes() -> None:
    """And the arguments of the tool itself are left alone."""
    choice, others = take_choice(THINGS, {"owner": "acme"})

    assert REPLY is choice.shape(REPLY)
    assert {"owner": "acme"} == others


def test_fields_are_picked_in_the_order_asked_for() -> None:
    """What an entry does not have is left out of it; `next` repeats the choice."""
    shaped = _shaped(fields="title, id,title more")

    assert [["title", "id"], ["title", "id"]] == [list(entry) for entry in shaped["things"]]
    assert {"page": 2, "limit": 2, "fields": "title, id,title more"} == shaped["next"]


def test_csv_is_read_by_whoever_reads_csv() -> None:
    """Columns that are empty in the whole page are left out; lists are joined."""
    shaped = _shaped(format="csv")

    rows = list(csv.reader(io.StringIO(shaped["things"])))
    assert [["id", "title", "labels"], ["1", 'a,"b"', "x; y"], ["2", "line\nbreak", ""]] == rows
    assert (2, True) == (shaped["total"], shaped["has_next"])
    assert "csv" == shaped["next"]["format"]


def test_csv_of_chosen_fields() -> None:
    """Both at once."""
    assert "labels,id\nx; y,1\n,2\n" == _shaped(format="csv", fields="labels,id")["things"]


@pytest.mark.parametrize(
    ("chosen", "rule"),
    [
        ({"fields": "id,nonsense\u202e"}, "names a field that this list does not have"),
        ({"fields": " , "}, "names no field"),
        ({"fields": ["id"]}, "must be a string"),
        ({"fields": "i" * 401}, "at most 400"),
        ({"format": "xml"}, "none of the words"),
    ],
)
def test_a_wrong_choice_is_answered_with_what_there_is(chosen: Any, rule: str) -> None:
    """Nothing is guessed, and nothing that was sent is repeated."""
    with pytest.raises(InvalidArgument, match=rule) as refusal:
        _shaped(**chosen)

    assert "json or csv" in refusal.value.remedy or "id,title,labels,more" in refusal.value.remedy
    assert "\u202e" not in str(refusal.value)


@given(texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=20), max_size=5))
def test_any_text_comes_back_from_csv(texts: list[str]) -> None:
    """Property: quoting loses nothing."""
    entries: list[Any] = [{"id": index, "title": text} for index, text in enumerate(texts)]
    shaped: Any = take_choice(THINGS, {"format": "csv", "fields": "id,title"})[0].shape({"things": entries})

    rows = list(csv.DictReader(io.StringIO(shaped["things"], newline="")))
    assert texts == [row["title"] for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arguments:
    page: PageNumber = 1
    limit: PageLimit = 20


async def _list(context: ToolContext, call: _Arguments) -> ToolReply:
    await trio.lowlevel.checkpoint()
    entries: tuple[JsonObject, ...] = tuple({"id": n, "title": "t" * 100} for n in range(call.limit))
    page = Page(entries=entries, number=call.page, limit=call.limit, total=100, has_next=True)
    return reply_with_page("things", {}, page, arguments={}, fits=context.fits)


async def test_a_page_is_measured_as_it_is_sent() -> None:
    """Of two short fields more entries fit than of everything."""
    tool = read_tool(
        name="list_things", title="Things", description="Lists.", toolset=Toolset.ISSUES, cost=CostClass.CHEAP,
        timeout_s=1.0, scopes=frozenset(), gitea_scopes=frozenset(), arguments=_Arguments,
        parse=lambda arguments: arguments, handler=_list, example={}, lists=THINGS,
    )  # fmt: skip
    context = context_for(CannedForge(lambda _asked: json_answer({})), fits=lambda reply: len(encode_json(reply)) < 900)

    whole: Any = (await tool.prepare({}).run(context)).structured
    few: Any = (await tool.prepare({"fields": "id"}).run(context)).structured

    assert (True, 5) == (whole["shortened"], len(whole["things"]))
    assert ("shortened" not in few, 20) == (True, len(few["things"]))
    assert {"page": 2, "limit": 20, "fields": "id"} == few["next"]
