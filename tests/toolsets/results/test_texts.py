"""Texts of a kept reply: every part is what the text is, and whatever is asked has an answer or a rule."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.json import encode_json
from aegis_trio.toolsets.results.texts import (
    count_lines,
    largest_part,
    line_offset,
    lines_with,
    longest_text,
    replaced,
    text_at,
)

TEXTS = st.text(max_size=200) | st.lists(st.sampled_from(["a", "\n", "é", "🦊", "\ud800", '"']), max_size=300).map(
    "".join
)
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda child: st.lists(child, max_size=4) | st.dictionaries(st.text("ab/~0", max_size=3), child, max_size=4),
    max_leaves=20,
)
DOCUMENTS: Any = st.dictionaries(st.text("ab/~1", max_size=3), VALUES, max_size=4)


@given(text=TEXTS, room=st.integers(8, 400))
def test_parts_joined_are_the_text(text: str, room: int) -> None:
    """Property: for any text and room, character for character, and it ends."""
    offset, parts = 0, []
    while offset < len(text):
        end = largest_part(text, offset, len(text), lambda part: len(encode_json(part)) <= room)
        assert end > offset
        parts.append(text[offset:end])
        offset = end

    assert text == "".join(parts)


def test_a_part_ends_with_its_line_where_one_is_near() -> None:
    """A model reads lines; half a line at the end of every part is half understood."""
    assert 30 == largest_part("x" * 29 + "\n" + "y" * 99, 0, 129, lambda part: len(part) <= 40)
    assert 40 == largest_part("x" * 9 + "\n" + "y" * 99, 0, 109, lambda part: len(part) <= 40)


@given(document=DOCUMENTS)
def test_the_longest_text_is_found_and_can_be_replaced(document: Any) -> None:
    """Property: the pointer leads to it, whatever names are on the way, and the rest stays as it was."""
    before = json.dumps(document)
    pointer, size = longest_text(document)
    if not pointer:
        assert 0 == size
        return
    text = text_at(document, pointer)
    assert len(encode_json(text)) == size
    changed = replaced(document, pointer, "new")

    assert "new" == text_at(changed, pointer)
    assert document == replaced(changed, pointer, text)
    assert before == json.dumps(document)


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("", '{"a/b":[{"~c":"x"},7],"d":"y"}'),
        ("/a~1b/0/~0c", "x"),
        ("/a~1b/1", "7"),
        ("/a~1b", '[{"~c":"x"},7]'),
        ("/d", "y"),
    ],
)
def test_a_pointer_leads_to_a_text(pointer: str, expected: str) -> None:
    """A string is itself, anything else its JSON."""
    assert expected == text_at({"a/b": [{"~c": "x"}, 7], "d": "y"}, pointer)


@pytest.mark.parametrize(
    ("pointer", "rule", "remedy"),
    [
        ("a", "not a JSON pointer", "Begin it with /"),
        ("/e", "leads to nothing", "a/b, d"),
        ("/a~1b/2", "leads to nothing", "a list of 2"),
        ("/a~1b/-", "leads to nothing", "a list of 2"),
        ("/a~1b/01", "leads to nothing", "a list of 2"),
        ("/d/e", "no parts", "last part"),
    ],
)
def test_a_pointer_that_leads_nowhere_is_told_what_is_there(pointer: str, rule: str, remedy: str) -> None:
    """The next one is right."""
    with pytest.raises(InvalidArgument, match=rule) as refusal:
        text_at({"a/b": [{"~c": "x"}, 7], "d": "y"}, pointer)

    assert remedy in refusal.value.remedy


@given(text=TEXTS)
def test_lines_are_counted_and_found(text: str) -> None:
    """Property: every line begins where it is said to."""
    lines = text.split("\n")
    lines = lines[:-1] if lines[-1] == "" else lines

    assert len(lines) == count_lines(text)
    for number, line in enumerate(lines, 1):
        offset = line_offset(text, number)
        assert offset is not None
        assert text[offset:].startswith(line)
    assert None is line_offset(text, len(lines) + 2)


@given(text=TEXTS, word=st.sampled_from(["a", "é", "\n", "a\na", "aa", "🦊"]), offset=st.integers(0, 50))
def test_every_line_with_the_word_is_found_once(text: str, word: str, offset: int) -> None:
    """Property: at its own place, and none is missed."""
    found = list(lines_with(text, word, offset))

    assert all(text.startswith(word, one.offset) and one.offset >= offset for one in found)
    assert [one.line for one in found] == sorted({one.line for one in found})
    assert [text.count("\n", 0, one.offset) + 1 for one in found] == [one.line for one in found]
    if "\n" not in word:
        rest = text[offset:].split("\n")
        assert sum(word in line for line in rest) == len(found)
        assert all(word in one.text for one in found)


def test_an_endless_line_is_shown_around_the_word() -> None:
    """Minified code would else fill the reply with one hit."""
    (found,) = lines_with("x" * 5000 + "here" + "y" * 5000, "here", 0)

    assert (1, 5000, 300) == (found.line, found.offset, len(found.text))
    assert "here" in found.text
