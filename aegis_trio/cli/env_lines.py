"""Setting variables in a text that people wrote: the line of a name that stands there, or a new one at the end.

Laws:
    1. Pure: text in, text out.
    2. Every other line stays as it is; of the changed one what stands before the value and a comment behind it stay.
    3. The edited text is read again by the reader that the gate uses; when it does not say what was meant, or says
       something else of another name, there is no edited text.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Final

from dotenv.parser import parse_stream

_PLAIN: Final = re.compile(r"[A-Za-z0-9._~:/@%+,=\[\]-]+", re.ASCII)
_BEHIND_NAME: Final = re.compile(
    # the gap, the value in quotes or bare, a comment and the end of the line
    r"""(?P<gap>[^\S\r\n]*)('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\r\n]*?)(?P<rest>(?:[^\S\r\n]+\#[^\r\n]*)?[^\S\r\n]*(?:\r\n|\n|\r)?)""",
    re.DOTALL,
)


def set_values(text: str, values: Mapping[str, str]) -> str | None:
    """Return *text* with *values* set; None when it is written in a way that cannot be edited safely."""
    edited = text
    for name, value in values.items():
        edited = _set(edited, name, value)
    return edited if read_values(edited) == {**read_values(text), **values} else None


def read_values(text: str) -> dict[str, str]:
    """Return every name of a settings file with its value, as the gate reads them; the last one counts."""
    return {
        binding.key: binding.value.strip()
        for binding in parse_stream(io.StringIO(text, newline=""))
        if binding.key is not None and binding.value is not None
    }


def line_of(name: str, value: str) -> str:
    """Return the line that sets *name*."""
    return f"{name}={_quoted(value)}"


def _set(text: str, name: str, value: str) -> str:
    position = 0
    place: tuple[int, int] | None = None
    for binding in parse_stream(io.StringIO(text, newline="")):
        raw = binding.original.string
        if binding.key == name and binding.value is not None:
            place = position + raw.index("=") + 1, position + len(raw)
        position += len(raw)
    if place is None:
        separator = "" if not text or text.endswith(("\n", "\r")) else "\n"
        return f"{text}{separator}{line_of(name, value)}\n"
    start, end = place
    found = _BEHIND_NAME.fullmatch(text[start:end])
    rest = "\n" if found is None else found["rest"]
    gap = "" if found is None else found["gap"]
    return f"{text[:start]}{gap}{_quoted(value)}{rest}{text[end:]}"


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
