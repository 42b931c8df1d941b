"""Pages: nothing is skipped or shown twice, whatever fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.json import JsonObject, encode_json
from aegis_trio.toolsets.paging import Page, reply_with_page


def _page(entries: list[JsonObject], number: int, limit: int, maximum: int) -> Page:
    """Return the page as a Gitea would whose own maximum is *maximum*."""
    size = min(limit, maximum)
    start = (number - 1) * size
    shown = tuple(entries[start : start + size])
    return Page(entries=shown, number=number, limit=limit, total=len(entries), has_next=start + size < len(entries))


@given(
    sizes=st.lists(st.integers(0, 60), max_size=60),
    limit=st.integers(1, 50),
    maximum=st.integers(1, 60),
    room=st.integers(200, 3000),
)
def test_following_next_shows_every_entry_once(sizes: list[int], limit: int, maximum: int, room: int) -> None:
    """Property: for any entries, limits and room, the pages joined are the list."""
    entries: list[JsonObject] = [{"n": index, "x": "x" * size} for index, size in enumerate(sizes)]
    shown: list[object] = []
    number = 1
    for _ in range(len(entries) + 1):
        reply = reply_with_page(
            "entries",
            {},
            _page(entries, number, limit, maximum),
            arguments={"owner": "o"},
            fits=lambda reply: len(encode_json(reply)) <= room,
        ).structured
        assert isinstance(reply["entries"], list)
        shown += reply["entries"]
        following = reply["next"]
        if following is None:
            assert reply["has_next"] is False
            break
        assert isinstance(following, dict)
        assert {"owner": "o"} | {"page": following["page"], "limit": following["limit"]} == following
        assert isinstance(following["page"], int)
        assert isinstance(following["limit"], int)
        number, limit = following["page"], following["limit"]
    else:
        pytest.fail("next does not end")

    assert entries == shown


def test_a_shortened_page_says_so() -> None:
    """A model must not take a part for the whole."""
    page = _page([{"x": "x" * 100} for _ in range(10)], 1, 10, 50)
    reply = reply_with_page(
        "entries", {"head": 1}, page, arguments={}, fits=lambda r: len(encode_json(r)) < 800
    ).structured

    assert (True, True, {"page": 2, "limit": 5}, 10) == (
        reply["shortened"],
        reply["has_next"],
        reply["next"],
        reply["total"],
    )
    assert 1 == reply["head"]


def test_a_whole_page_is_not_called_shortened() -> None:
    """The word would send a model looking for what is not there."""
    reply = reply_with_page("entries", {}, _page([{}], 1, 10, 50), arguments={}, fits=lambda _: True).structured
    assert {"entries": [{}], "page": 1, "total": 1, "has_next": False, "next": None} == reply


def test_an_unknown_total_is_null_with_a_reason() -> None:
    """A guess would be believed."""
    page = Page(entries=({},), number=1, limit=1, total=None, has_next=True)
    reply = reply_with_page("entries", {}, page, arguments={}, fits=lambda _: True).structured

    assert None is reply["total"]
    assert "did not say" in str(reply["total_unknown"])


def test_an_entry_that_never_fits_is_given_alone() -> None:
    """The gateway keeps it and gives its beginning; the next page begins behind it."""
    page = _page([{"n": 0}, {"n": 1}], 1, 2, 50)
    reply = reply_with_page("entries", {}, page, arguments={}, fits=lambda _: False).structured

    assert ([{"n": 0}], True, {"page": 2, "limit": 1}) == (reply["entries"], reply["shortened"], reply["next"])
