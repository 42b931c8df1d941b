"""An excerpt: as many whole lines of a text as a reply can hold, and where to go on.

Laws:
    1. The text itself is never altered: joined excerpts are the file.
    2. What is left out is said, and `next` says how to get it, also within one endless line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.model.call import MAX_REPLY_BYTES
from aegis_trio.model.errors import InvalidArgument, ReplyTooLarge
from aegis_trio.model.json import JsonObject
from aegis_trio.toolsets.fitting import largest

_LINES: Final = re.compile(r"[^\n]*\n|[^\n]+")  # a line ends with a line feed, as git counts; nothing else ends one
_MAX_EXCERPT_BYTES: Final = MAX_REPLY_BYTES // 2  # a result holds its text twice


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What was asked for: lines and columns count from 1, `end_line` is included."""

    start_line: int = 1
    start_column: int = 1
    end_line: int | None = None


def split_lines(text: str) -> tuple[str, ...]:
    """Return the lines of *text*, each with its line feed."""
    return tuple(_LINES.findall(text))


def excerpt(
    lines: tuple[str, ...],
    wanted: Range,
    *,
    head: JsonObject,
    arguments: JsonObject,
    fits: Callable[[JsonObject], bool],
) -> JsonObject:
    """Return *head* with the wanted part of *lines*, or with its beginning and how to go on.

    Args:
        arguments: of the call, without the range; `next` repeats them.

    Raises:
        InvalidArgument: the range begins behind the end.
        ReplyTooLarge: not even one character fits beside *head* — names alone fill a reply.
    """
    pieces = _pieces(lines, wanted)

    def render(count: int, cut: int | None = None) -> JsonObject:
        """Show *count* whole pieces, or the first *cut* characters of the first one."""
        shown = pieces[:count] if cut is None else (pieces[0][:cut],)
        last = wanted.start_line + max(len(shown), 1) - 1
        reply = dict(head)
        reply["lines"] = len(lines)
        reply["start_line"] = wanted.start_line if lines else 0
        reply["end_line"] = last if lines else 0
        reply["content"] = "".join(shown)
        if wanted.start_column > 1:
            reply["start_column"] = wanted.start_column
        if count == len(pieces) and cut is None:
            return reply
        following: JsonObject = arguments | {"start_line": last + 1}
        if cut is not None:
            following = arguments | {"start_line": wanted.start_line, "start_column": wanted.start_column + cut}
            reply["line_cut"] = True
        if wanted.end_line is not None:
            following["end_line"] = wanted.end_line
        reply["shortened"] = True
        reply["next"] = following
        return reply

    possible = _count_within(pieces, _MAX_EXCERPT_BYTES)
    if possible == len(pieces) and fits(whole := render(len(pieces))):
        return whole
    count = largest(possible, lambda size: fits(render(size)))
    if count > 0:
        return render(count)
    longest = min(len(pieces[0]) - 1, _MAX_EXCERPT_BYTES) if pieces else 0
    cut = largest(longest, lambda size: fits(render(1, size)))
    if cut == 0:
        raise ReplyTooLarge("The names alone fill a reply.", "This file cannot be shown.")
    return render(1, cut)


def _pieces(lines: tuple[str, ...], wanted: Range) -> tuple[str, ...]:
    if wanted.start_line > max(len(lines), 1):
        raise InvalidArgument(
            "start_line", f"is behind the end; the file has {len(lines)} lines", "Give a smaller one, or leave it out."
        )
    chosen = lines[wanted.start_line - 1 : wanted.end_line]
    if wanted.start_column == 1:
        return chosen
    if not chosen or wanted.start_column > len(chosen[0]):
        raise InvalidArgument(
            "start_column",
            f"is behind the end; line {wanted.start_line} has {len(chosen[0]) if chosen else 0} characters",
            "Give a smaller one, or leave it out.",
        )
    return (chosen[0][wanted.start_column - 1 :], *chosen[1:])


def _count_within(pieces: tuple[str, ...], max_bytes: int) -> int:
    total = 0
    for index, piece in enumerate(pieces):
        total += len(piece.encode())
        if total > max_bytes:
            return index
    return len(pieces)
