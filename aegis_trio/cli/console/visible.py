r"""Visible text: what a hostile server sent, made fit for a terminal.

Laws:
    1. Nothing that a terminal would obey passes: control characters, escapes, bidirectional and invisible ones are
       written as `\x1b`, `\u202e`, `\U000e0041`.
    2. Nothing is dropped: a debugging tool must show what was there.
"""

from __future__ import annotations

import json
import re
from typing import Final

from aegis_trio.model.json import JsonValue
from aegis_trio.policy.untrusted import clean_prose

_NOT_PLAIN: Final = re.compile(r"[^\x20-\x7e]")
_NOT_PLAIN_LINES: Final = re.compile(r"[^\n\t\x20-\x7e]")


def visible_line(raw: str) -> str:
    """Return *raw* in one line of visible characters."""
    return _NOT_PLAIN.sub(_escape, raw)


def visible_text(raw: str) -> str:
    """Return *raw* in visible characters, line feeds and tabs."""
    return _NOT_PLAIN_LINES.sub(_escape, raw)


def fit_encoding(text: str, encoding: str) -> str:
    """Return *text* with escapes for the letters that a terminal of *encoding* does not have."""
    return text.encode(encoding, "backslashreplace").decode(encoding)


def json_line(value: JsonValue) -> str:
    """Return *value* as one line of ASCII JSON, for programs."""
    # Source: RFC 8259 section 7 lets DEL stand unescaped, and so does the encoder.
    return json.dumps(value, ensure_ascii=True, allow_nan=False).replace("\x7f", "\\u007f")


def json_text(value: JsonValue) -> str:
    """Return *value* as JSON for people: indented, with the letters of every script."""
    return visible_text(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2))


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    # Threat: an escape sequence moves the cursor, renames the window or types on the person's behalf; a bidirectional
    # control turns a name around.
    if character.isprintable() and clean_prose(character) == character:
        return character
    return character.encode("unicode_escape").decode("ascii")
