"""Texts of a kept reply: found by a JSON pointer, given in parts, by lines, or where a word stands.

Laws:
    1. Parts are what the text is: joined in the order of their offsets they are the whole, character for character.
    2. Every part has at least one character, so following `next` ends.
    3. Offsets count characters (Unicode code points), lines count from 1 and end at a line feed.

Source: RFC 6901 (JSON pointer).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, cast, final

from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.toolsets.fitting import largest

_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_SHOWN_CHARACTERS: Final = 300  # of a line in which a word was found
_BEFORE_CHARACTERS: Final = 100  # of them before the word, where the line is longer


@final
@dataclass(frozen=True, slots=True)
class Found:
    """A line in which a word stands."""

    line: int
    offset: int
    """Of the word."""
    text: str


def text_at(document: JsonObject, pointer: str) -> str:
    """Return the text at *pointer*: a string itself, of anything else its JSON; the whole for the empty pointer.

    Raises:
        InvalidArgument: not a pointer, or nothing stands there; says what stands where it ended.
    """
    if pointer and not pointer.startswith("/"):
        raise InvalidArgument("pointer", "is not a JSON pointer", "Begin it with /, such as /issues/0/title.")
    value: JsonValue = document
    for raw_token in pointer.split("/")[1:]:
        value = _step(value, raw_token.replace("~1", "/").replace("~0", "~"))
    return value if isinstance(value, str) else encode_json(value).decode()


def longest_text(document: JsonObject) -> tuple[str, int]:
    """Return the pointer to the longest string of *document*, and its bytes as JSON; empty and 0 when it has none."""
    pointer, size = "", 0
    for place, text in _strings(document, ""):
        if len(text) > size // 6:  # JSON takes six bytes for a character at most; most texts are not measured
            length = len(encode_json(text))
            if length > size:
                pointer, size = place, length
    return pointer, size


def replaced(document: JsonObject, pointer: str, text: str) -> JsonObject:
    """Return *document* with *text* at *pointer*, which must lead to a string in it."""
    return cast("JsonObject", _with(document, pointer.split("/")[1:], text))


def largest_part(text: str, begin: int, end: int, fits: Callable[[str], bool]) -> int:
    """Return where a part of *text* from *begin* ends: as late as it *fits*, at a line's end where one is near.

    Args:
        begin: below *end*.
        fits: true for shorter texts where it is true for longer ones.

    Returns:
        int: from *begin* + 1 to *end*.
    """
    if fits(text[begin:end]):
        return end
    size = max(1, largest(end - 1 - begin, lambda size: fits(text[begin : begin + size])))
    line_end = text.rfind("\n", begin, begin + size) + 1
    return line_end if line_end - begin > size // 2 else begin + size


def count_lines(text: str) -> int:
    """Return how many lines *text* has; what follows the last line feed is one if it is not empty."""
    return text.count("\n") + (1 if text and not text.endswith("\n") else 0)


def line_offset(text: str, line: int) -> int | None:
    """Return where line *line* (from 1) begins; None when there are fewer lines. The end counts as the line after."""
    offset = 0
    for _ in range(line - 1):
        found = text.find("\n", offset)
        if found < 0:
            return None
        offset = found + 1
    return offset


def lines_with(text: str, word: str, offset: int) -> Iterator[Found]:
    """Yield each line from *offset* on in which *word* stands, once."""
    line, counted = 1, 0
    while (place := text.find(word, offset)) >= 0:
        begin = text.rfind("\n", 0, place) + 1
        end = text.find("\n", place)
        end = len(text) if end < 0 else end
        line, counted = line + text.count("\n", counted, begin), begin
        if end - begin > _SHOWN_CHARACTERS:
            begin = max(begin, place - _BEFORE_CHARACTERS)
            end = min(end, begin + _SHOWN_CHARACTERS)
        yield Found(line, place, text[begin:end])
        following = text.find("\n", place + len(word))
        if following < 0:
            return
        offset = following + 1


def _step(value: JsonValue, token: str) -> JsonValue:
    match value:
        case dict() if token in value:
            return value[token]
        case list() if _INDEX.fullmatch(token) and int(token) < len(value):
            return value[int(token)]
        case dict():
            # The names are ours, or of what the caller was given already; a reply has few.
            names = ", ".join(list(value)[:30])
            raise InvalidArgument("pointer", "leads to nothing", f"Where it ends there are: {names or 'no fields'}.")
        case list():
            raise InvalidArgument("pointer", "leads to nothing", f"Where it ends is a list of {len(value)} entries.")
        case _:
            raise InvalidArgument("pointer", "leads behind a value that has no parts", "Leave out its last part.")


def _strings(value: JsonValue, pointer: str) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield pointer, value
        case dict():
            for name, child in value.items():
                yield from _strings(child, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")
        case list():
            for index, child in enumerate(value):
                yield from _strings(child, f"{pointer}/{index}")
        case _:
            pass


def _with(value: JsonValue, tokens: list[str], text: str) -> JsonValue:
    """Return *value* with *text* where *tokens* lead; only what is on the way is copied."""
    if not tokens:
        return text
    token, *rest = tokens
    match value:
        case dict():
            name = token.replace("~1", "/").replace("~0", "~")
            return {**value, name: _with(value[name], rest, text)}
        case list():
            index = int(token)
            return [*value[:index], _with(value[index], rest, text), *value[index + 1 :]]
        case _:
            raise ValueError("the pointer was not made by walking this document")
