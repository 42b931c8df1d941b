"""Patterns: what a search looks for, and in which paths, as RE2 reads them.

Laws:
    1. A pattern is a stranger's: RE2 takes time in proportion to the text, and no more memory than it is given.
    2. Nothing of a pattern outlives its search; the library's own cache would hold 128 of them.
    3. A match stands within one line.

Source: RE2 wiki, Syntax; re2.h (Options).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Final, Protocol, cast, final

from aegis_trio.model.errors import InvalidArgument

_MAX_PATTERN_MEMORY: Final = 2 * 1024 * 1024
_SYNTAX: Final = "RE2 knows no look-around and no backreferences; for plain text leave regex out."


class _Match(Protocol):
    def span(self) -> tuple[int, int]: ...


class _Compiled(Protocol):
    def search(self, text: bytes, pos: int = ...) -> _Match | None: ...

    def fullmatch(self, text: bytes) -> _Match | None: ...


class _Options(Protocol):
    max_mem: int
    log_errors: bool
    literal: bool
    never_nl: bool
    never_capture: bool
    case_sensitive: bool


class _Library(Protocol):
    error: type[Exception]

    def Options(self) -> _Options: ...  # noqa: N802 -- the library's own name

    def compile(self, pattern: bytes, options: _Options) -> _Compiled: ...

    def purge(self) -> None: ...


# The library has no types of its own: this is what is used of it.
_RE2: Final = cast("_Library", importlib.import_module("re2"))


@final
class Pattern:
    """What to look for in the lines of files."""

    def __init__(self, query: str, *, is_regex: bool, ignores_case: bool) -> None:
        """Read a query.

        Raises:
            InvalidArgument: it is no regular expression of RE2's, or needs too much memory.
        """
        # `(?m)`: `^` and `$` are the ends of a line.
        text = f"(?m){query}" if is_regex else query
        try:
            self._compiled = _compile(text, literal=not is_regex, case_sensitive=not ignores_case)
        except _RE2.error:
            raise InvalidArgument("query", "is no regular expression that RE2 takes", _SYNTAX) from None
        if self._compiled.search(b"") is not None:
            raise InvalidArgument("query", "matches nothing at all", "Give a pattern that needs a character.")

    def lines_of(self, content: bytes) -> Iterator[tuple[int, int, int]]:
        """Yield each line that matches: its number from 1, where it begins, and where its line feed is."""
        at, line, counted = 0, 1, 0
        while at < len(content):
            match = self._compiled.search(content, at)
            if match is None:
                return
            start = match.span()[0]
            line += content.count(b"\n", counted, start)
            begin = content.rfind(b"\n", 0, start) + 1
            end = content.find(b"\n", start)
            end = len(content) if end < 0 else end
            counted = start
            yield line, begin, end
            at = end + 1


@final
class PathGlob:
    """Which paths are searched: `*` and `?` within a part, `**` over parts; without a slash, a file's name anywhere."""

    def __init__(self, glob: str) -> None:
        """Read a glob; every text is one."""
        self._is_name = "/" not in glob.strip("/")
        self._compiled = _compile(_translated(glob.strip("/")), literal=False, case_sensitive=True)

    def admits(self, path: str) -> bool:
        """Return whether the file at *path* is searched."""
        subject = path.rpartition("/")[2] if self._is_name else path
        return self._compiled.fullmatch(subject.encode()) is not None


def _translated(glob: str) -> str:
    made, at = "(?s)", 0
    while at < len(glob):
        if glob.startswith("**/", at):
            made, at = made + "(?:.*/)?", at + 3
        elif glob.startswith("**", at):
            made, at = made + ".*", at + 2
        elif glob[at] in "*?":
            made, at = made + {"*": "[^/]*", "?": "[^/]"}[glob[at]], at + 1
        else:
            made, at = made + _escaped(glob[at]), at + 1
    return made


def _escaped(character: str) -> str:
    return character if character.isalnum() or ord(character) > 0x7F else f"\\x{ord(character):02x}"


def _compile(text: str, *, literal: bool, case_sensitive: bool) -> _Compiled:
    options = _RE2.Options()
    options.max_mem = _MAX_PATTERN_MEMORY
    options.log_errors = False
    options.never_capture = True
    options.never_nl = True
    options.literal = literal
    options.case_sensitive = case_sensitive
    try:
        return _RE2.compile(text.encode(), options)
    finally:
        _RE2.purge()
