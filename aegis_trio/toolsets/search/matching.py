"""Matching: the lines of many files that a pattern matches, in a thread, a part at a time.

Law: a part is bounded, so that a cancelled call leaves a thread that ends soon by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import trio

from aegis_trio.gitea.git import TreeEntry
from aegis_trio.gitea.threads import Threads
from aegis_trio.toolsets.files.showing import Reason, text_of_bytes
from aegis_trio.toolsets.search.patterns import Pattern

THREADS: Final = 2
MAX_LINE_CHARACTERS: Final = 300
_MAX_MATCHES_A_FILE: Final = 200  # more of one file say nothing new, and hide the others

_threads: Final = Threads("aegis_trio.toolsets.search.matching", THREADS)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A line that matches, with those around it."""

    repository: str
    path: str
    line: int
    first_line: int
    """Number of the first line of `text`."""
    text: str


@final
@dataclass(frozen=True, slots=True)
class Matched:
    """What a part of a corpus gave."""

    hits: tuple[Hit, ...]
    searched: int
    left_out: Counter[Reason]


async def match_files(
    pattern: Pattern, repository: str, files: Sequence[tuple[TreeEntry, bytes]], around: int
) -> Matched:
    """Return the hits in *files*.

    Args:
        around: lines of context on each side.
    """
    return await trio.to_thread.run_sync(
        _match, pattern, repository, files, around, abandon_on_cancel=True, limiter=_threads.limiter()
    )


def _match(pattern: Pattern, repository: str, files: Sequence[tuple[TreeEntry, bytes]], around: int) -> Matched:
    hits: list[Hit] = []
    left_out: Counter[Reason] = Counter()
    for entry, content in files:
        text = text_of_bytes(content)
        if isinstance(text, Reason):
            left_out[text] += 1
            continue
        for count, (line, begin, end) in enumerate(pattern.lines_of(content), 1):
            hits.append(_hit(repository, entry.path, content, (line, begin, end), around))
            if count == _MAX_MATCHES_A_FILE:
                break
    return Matched(tuple(hits), len(files) - left_out.total(), left_out)


def _hit(repository: str, path: str, content: bytes, where: tuple[int, int, int], around: int) -> Hit:
    line, begin, end = where
    first = line
    for _ in range(around):
        if begin == 0:
            break
        begin = content.rfind(b"\n", 0, begin - 1) + 1
        first -= 1
    for _ in range(around):
        if end >= len(content) - 1:
            break
        behind = content.find(b"\n", end + 1)
        end = len(content) if behind < 0 else behind
    lines = content[begin:end].decode(errors="replace").split("\n")
    text = "\n".join(_short(one) for one in lines)
    return Hit(repository=repository, path=path, line=line, first_line=first, text=text)


def _short(line: str) -> str:
    return line if len(line) <= MAX_LINE_CHARACTERS else line[:MAX_LINE_CHARACTERS] + "…"
