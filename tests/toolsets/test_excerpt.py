"""Excerpts: joined, they are the file; each fits; each says how to go on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.gateway.render import fits as fits_a_reply
from aegis_trio.model.errors import InvalidArgument, ReplyTooLarge
from aegis_trio.model.json import JsonObject, encode_json
from aegis_trio.toolsets.files.excerpt import Range, excerpt, split_lines

ARGUMENTS: JsonObject = {"owner": "o", "repo": "r", "path": "p"}


def _follow(text: str, room: int, end_line: int | None = None) -> list[JsonObject]:
    replies: list[JsonObject] = []
    wanted = Range(end_line=end_line)
    while True:
        reply = excerpt(
            split_lines(text),
            wanted,
            head={"path": "p"},
            arguments=ARGUMENTS,
            fits=lambda reply: len(encode_json(reply)) <= room,
        )
        assert len(encode_json(reply)) <= room
        replies.append(reply)
        following = reply.get("next")
        if following is None:
            return replies
        assert isinstance(following, dict)
        assert reply["shortened"] is True
        assert ARGUMENTS == {name: following[name] for name in ARGUMENTS}
        column = following.get("start_column", 1)
        assert isinstance(following["start_line"], int)
        assert isinstance(column, int)
        wanted = Range(start_line=following["start_line"], start_column=column, end_line=end_line)


@given(text=st.text(st.sampled_from('ab\né日😀"\\\t\r'), max_size=400), room=st.integers(300, 900))
def test_joined_excerpts_are_the_file(text: str, room: int) -> None:
    """Property: whatever the text and the room, following `next` gives every character once, in order."""
    assert text == "".join(str(reply["content"]) for reply in _follow(text, room))


@given(lines=st.lists(st.text("ab", max_size=5), min_size=1, max_size=30), end=st.integers(1, 30))
def test_a_range_ends_where_it_was_asked_to(lines: list[str], end: int) -> None:
    """Property: also over several excerpts, nothing behind end_line is shown."""
    text = "".join(f"{line}\n" for line in lines)
    shown = "".join(str(reply["content"]) for reply in _follow(text, 300, end))
    assert "".join(f"{line}\n" for line in lines[:end]) == shown


def _whole(text: str, wanted: Range) -> JsonObject:
    return excerpt(split_lines(text), wanted, head={}, arguments=ARGUMENTS, fits=fits_a_reply)


def test_lines_are_counted_as_git_counts_them() -> None:
    """Form feeds and Unicode's line ends are characters of a line; a missing last line feed ends nothing early."""
    assert ("a\x0cb\u2028\r\n", "\n", "c") == split_lines("a\x0cb\u2028\r\n\nc")


def test_an_empty_file_has_no_lines() -> None:
    """Said as such, not as an error."""
    assert {"lines": 0, "start_line": 0, "end_line": 0, "content": ""} == _whole("", Range())


def test_some_lines_in_the_middle() -> None:
    """The usual way to look at a function."""
    expected = {"lines": 4, "start_line": 2, "end_line": 3, "content": "b\nc\n"}
    assert expected == _whole("a\nb\nc\nd\n", Range(start_line=2, end_line=3))
    assert {"lines": 2, "start_line": 2, "end_line": 2, "content": "b\n"} == _whole(
        "a\nb\n", Range(start_line=2, end_line=9)
    )


def test_a_line_larger_than_a_reply_is_given_in_parts() -> None:
    """Minified code is one line; it must be readable to its end."""
    text = "x" * 30_000 + "\nlast\n"
    first = _whole(text, Range())

    assert (True, True, 1, 1) == (first["line_cut"], first["shortened"], first["start_line"], first["end_line"])
    shown = len(str(first["content"]))
    assert 20_000 < shown < 30_000
    assert ARGUMENTS | {"start_line": 1, "start_column": shown + 1} == first["next"]

    second = _whole(text, Range(start_column=shown + 1))
    assert ("x" * (30_000 - shown) + "\nlast\n", shown + 1, 2) == (
        second["content"],
        second["start_column"],
        second["end_line"],
    )


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Range(start_line=3), "start_line"),
        (Range(start_column=4), "start_column"),
        (Range(start_line=2, start_column=2), "start_column"),
    ],
    ids=["line", "column", "last line's column"],
)
def test_a_range_behind_the_end_is_an_argument_that_is_wrong(wanted: Range, field: str) -> None:
    """The true number stands in the rule."""
    with pytest.raises(InvalidArgument, match="is behind the end") as refusal:
        _whole("ab\nc", wanted)

    assert field == refusal.value.field


def test_a_column_of_an_empty_file_is_wrong_too() -> None:
    """There is no line to count in."""
    with pytest.raises(InvalidArgument, match="0 characters"):
        _whole("", Range(start_column=2))


def test_a_reply_without_room_for_one_character_is_a_fault() -> None:
    """Names alone could fill a reply; an endless loop of empty parts would be worse."""
    with pytest.raises(ReplyTooLarge):
        excerpt(("a\n", "b\n"), Range(), head={}, arguments={}, fits=lambda _: False)


def test_the_end_of_a_range_is_kept_in_next() -> None:
    """Otherwise the model would read on to the end of the file."""
    text = "".join("x" * 999 + "\n" for _ in range(50))
    part = _whole(text, Range(start_line=2, end_line=40))

    assert isinstance(part["end_line"], int)
    assert ARGUMENTS | {"start_line": part["end_line"] + 1, "end_line": 40} == part["next"]


def test_an_empty_file_without_room_is_a_fault() -> None:
    """Nothing to show, and no room to say so."""
    with pytest.raises(ReplyTooLarge):
        excerpt((), Range(), head={}, arguments={}, fits=lambda _: False)
