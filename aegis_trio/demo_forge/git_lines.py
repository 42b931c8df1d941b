"""Lines: which of them two versions of a file have in common, as git finds it.

Laws:
    1. The script is a shortest one; where several are, groups of changed lines slide as git lets them slide.
    2. The work is bounded: versions that differ almost everywhere are refused.

Source: Myers, "An O(ND) Difference Algorithm" (1986); git xdiff/xdiffi.c, xdl_change_compact and its indent heuristic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

MAX_EDITS: Final = 1500  # about a second of work
_MAX_INDENT: Final = 200
_MAX_BLANKS: Final = 20
_MAX_SLIDING: Final = 100


class TooDifferent(Exception):
    """Two versions of a file have so little in common that finding it would take too long."""


def split_lines(data: bytes) -> list[bytes]:
    """Cut bytes into lines, each with its end; the last may have none."""
    return data.splitlines(keepends=True) if b"\r" not in data else _by_newline(data)


def _by_newline(data: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in data.split(b"\n")]
    last = lines.pop().removesuffix(b"\n")
    return [*lines, last] if last else lines


def changed_marks(before: Sequence[bytes], after: Sequence[bytes]) -> tuple[list[bool], list[bool]]:
    """Mark the lines that went and those that came.

    Raises:
        TooDifferent: more than `MAX_EDITS` lines in the part that differs.
    """
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    old, new = [False] * len(before), [False] * len(after)
    kept = _kept(before[start : len(before) - end], after[start : len(after) - end])
    kept_old, kept_new = {start + a for a, _ in kept}, {start + b for _, b in kept}
    for marks, length, known in ((old, len(before), kept_old), (new, len(after), kept_new)):
        for index in range(start, length - end):
            marks[index] = index not in known
    _compact(before, old, new)
    _compact(after, new, old)
    return old, new


def _kept(before: Sequence[bytes], after: Sequence[bytes]) -> list[tuple[int, int]]:
    if not before or not after:
        return []
    trail: list[dict[int, int]] = []
    furthest = {1: 0}
    for edits in range(MAX_EDITS + 1):
        trail.append(dict(furthest))
        for diagonal in range(-edits, edits + 1, 2):
            down = diagonal == -edits or (diagonal != edits and furthest[diagonal - 1] < furthest[diagonal + 1])
            x = furthest[diagonal + 1] if down else furthest[diagonal - 1] + 1
            y = x - diagonal
            while x < len(before) and y < len(after) and before[x] == after[y]:
                x, y = x + 1, y + 1
            furthest[diagonal] = x
            if x >= len(before) and y >= len(after):
                return _walk_back(trail, len(before), len(after))
    raise TooDifferent


def _walk_back(trail: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    for edits in range(len(trail) - 1, -1, -1):
        furthest, diagonal = trail[edits], x - y
        down = diagonal == -edits or (diagonal != edits and furthest[diagonal - 1] < furthest[diagonal + 1])
        before_diagonal = diagonal + 1 if down else diagonal - 1
        before_x = furthest[before_diagonal] if edits else 0
        before_y = before_x - before_diagonal if edits else 0
        while x > before_x and y > before_y:
            x, y = x - 1, y - 1
            kept.append((x, y))
        x, y = before_x, before_y
    return kept


# ------------------------------------------------------------------------------------------ sliding
@final
@dataclass(slots=True)
class _Group:
    """A run of changed lines, from `start` to before `end`; may be empty between two lines that are kept."""

    start: int
    end: int


def _first(marks: Sequence[bool]) -> _Group:
    end = 0
    while end < len(marks) and marks[end]:
        end += 1
    return _Group(0, end)


def _following(marks: Sequence[bool], group: _Group) -> bool:
    if group.end >= len(marks):
        return False
    group.start = group.end + 1
    group.end = group.start
    while group.end < len(marks) and marks[group.end]:
        group.end += 1
    return True


def _previous(marks: Sequence[bool], group: _Group) -> None:
    group.end = group.start - 1
    group.start = group.end
    while group.start > 0 and marks[group.start - 1]:
        group.start -= 1


def _slide_down(lines: Sequence[bytes], marks: list[bool], group: _Group) -> bool:
    if group.end < len(lines) and lines[group.start] == lines[group.end]:
        marks[group.start], marks[group.end] = False, True
        group.start, group.end = group.start + 1, group.end + 1
        while group.end < len(marks) and marks[group.end]:
            group.end += 1
        return True
    return False


def _slide_up(lines: Sequence[bytes], marks: list[bool], group: _Group) -> bool:
    if group.start > 0 and lines[group.start - 1] == lines[group.end - 1]:
        group.start, group.end = group.start - 1, group.end - 1
        marks[group.start], marks[group.end] = True, False
        while group.start > 0 and marks[group.start - 1]:
            group.start -= 1
        return True
    return False


def _compact(lines: Sequence[bytes], marks: list[bool], other_marks: list[bool]) -> None:
    group, other = _first(marks), _first(other_marks)
    while True:
        if group.start != group.end:
            _place(lines, marks, other_marks, group, other)
        if not _following(marks, group):
            return
        _following(other_marks, other)


def _place(lines: Sequence[bytes], marks: list[bool], other_marks: list[bool], group: _Group, other: _Group) -> None:
    while True:
        size, matching = group.end - group.start, -1
        while _slide_up(lines, marks, group):
            _previous(other_marks, other)
        earliest = group.end
        if other.end > other.start:
            matching = group.end
        while _slide_down(lines, marks, group):
            _following(other_marks, other)
            if other.end > other.start:
                matching = group.end
        if size == group.end - group.start:
            break
    if group.end == earliest:
        return
    if matching != -1:
        # Better beside what came or went in the other version.
        while other.end == other.start:
            _slide_up(lines, marks, group)
            _previous(other_marks, other)
        return
    best = _best_end(lines, group, earliest)
    while group.end > best:
        _slide_up(lines, marks, group)
        _previous(other_marks, other)


def _best_end(lines: Sequence[bytes], group: _Group, earliest: int) -> int:
    """Find where the group reads best: beside blank lines, and not in the middle of a block."""
    size, best, best_score = group.end - group.start, -1, (0, 0)
    shift = max(earliest, group.end - size - 1, group.end - _MAX_SLIDING)
    for end in range(shift, group.end + 1):
        top, bottom = _score(lines, end - size), _score(lines, end)
        score = (top[0] + bottom[0], top[1] + bottom[1])
        if best == -1 or _compared(score, best_score) <= 0:
            best, best_score = end, score
    return best


def _compared(one: tuple[int, int], other: tuple[int, int]) -> int:
    indent = (one[0] > other[0]) - (one[0] < other[0])
    return 60 * indent + one[1] - other[1]


def _indent(line: bytes) -> int:
    indent = 0
    for byte in line:
        if byte not in b" \t\n\r\v\f":
            return indent
        if byte == 0x20:
            indent += 1
        elif byte == 0x09:
            indent += 8 - indent % 8
        if indent >= _MAX_INDENT:
            return _MAX_INDENT
    return -1


def _around(lines: Sequence[bytes], index: int, step: int) -> tuple[int, int]:
    """Count blank lines in one direction, and the indent of the first that is not blank."""
    blanks, index = 0, index + step
    while 0 <= index < len(lines):
        indent = _indent(lines[index])
        if indent != -1:
            return blanks, indent
        blanks += 1
        if blanks == _MAX_BLANKS:
            return blanks, 0
        index += step
    return blanks, -1


def _score(lines: Sequence[bytes], split: int) -> tuple[int, int]:
    """Return the effective indent and the penalty of a cut before line *split*; less is better."""
    is_end = split >= len(lines)
    indent = -1 if is_end else _indent(lines[split])
    pre_blank, pre_indent = _around(lines, split, -1)
    post_blank, post_indent = _around(lines, split, 1)
    penalty = 0
    if pre_indent == -1 and pre_blank == 0:
        penalty += 1
    if is_end:
        penalty += 21
    post_total = 1 + post_blank if indent == -1 else 0
    total = pre_blank + post_total
    penalty += -30 * total + 6 * post_total
    effective = indent if indent != -1 else post_indent
    any_blank = total != 0
    if effective in {-1, pre_indent} or pre_indent == -1:
        pass
    elif effective > pre_indent:
        penalty += 10 if any_blank else -4
    elif post_indent != -1 and post_indent > effective:
        penalty += 17 if any_blank else 24
    else:
        penalty += 17 if any_blank else 23
    return effective, penalty
