"""Editing one entry of a list in a text that people wrote: everything around it stays as it is.

Laws:
    1. Pure: text in, text out; nothing is read or written.
    2. Outside of the entry, not one character changes: quotes, spaces, comments, order and line ends stay.
    3. The edited text is read again by the reader that the gate uses; when it does not say what was meant, there is
       no edited text.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from dotenv.parser import parse_stream

from aegis_trio.config.parsing import split_entries

_BOM: Final = "\ufeff"
_BEFORE: Final = r"(?<![^\s,'\"=])"
_BEHIND: Final = r"(?![^\s,'\"#=])"


@final
@dataclass(frozen=True, slots=True)
class Span:
    """Where in a text the entries of one list stand."""

    start: int
    end: int


def whole(text: str) -> Span:
    """Return the span of a file that is nothing but one list."""
    return Span(0, len(text))


def span_in_env(text: str, name: str) -> Span | None:
    """Return where the value of *name* stands in a settings file, with what follows it on its line; None without."""
    position = len(text) - len(text.removeprefix(_BOM))
    found: Span | None = None
    for binding in parse_stream(io.StringIO(text, newline="")):
        raw = binding.original.string
        if binding.key == name and binding.value is not None:
            start = position + raw.index("=") + 1
            # The last one counts, also when it is empty: then the name is not set.
            found = Span(start, position + len(raw)) if binding.value.strip() else None
        position += len(raw)
    return found


def value_in_env(text: str, name: str) -> str:
    """Return the value of *name* in a settings file as the gate reads it; empty when it is not set."""
    value = ""
    for binding in parse_stream(io.StringIO(text, newline="")):
        if binding.key == name and binding.value is not None:
            value = binding.value.strip()
    return value


def replace_entry(text: str, span: Span, old: str, new: str, read: Callable[[str], str]) -> str | None:
    """Return *text* with the entry *old* in *span* replaced by *new*.

    Args:
        text: the whole file.
        span: where the list stands.
        old: the entry, whole.
        new: what stands there instead; a comma in it makes two entries.
        read: returns the list's value from a whole file.

    Returns:
        str | None: None when the edit would not read back as meant.
    """
    found = re.search(_BEFORE + re.escape(old) + _BEHIND, text[span.start : span.end])
    if found is None:
        return None
    start = span.start + found.start()
    edited = text[:start] + new + text[start + len(old) :]
    before, after = split_entries(read(text)), split_entries(read(edited))
    return edited if old in before and after == _expected(before, old, new) else None


def _expected(before: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    expected: list[str] = []
    replaced = False
    for entry in before:
        if not replaced and entry == old:
            expected.extend(new.split(","))
            replaced = True
        else:
            expected.append(entry)
    return tuple(expected)
