"""Untrusted text: what Gitea's users wrote, made fit to be shown to a model beside our own words.

Laws:
    1. What is invisible does not pass: bidirectional controls, zero-width and tag characters, control characters.
       They carry instructions that a person who reads along cannot see, or turn text around.
    2. Nothing visible is changed, and nothing is shortened without a mark.

Not here: file contents, which are shown as they are (toolsets/files), and secrets in text (a later room).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import urlsplit

_SHORTENED: Final = "…"
# Source: Unicode 15 general category Cf is every format character, bidirectional, zero-width and tag ones included
# (TR36 section 3.6, TR9 section 2); these visible ones of that category stay.
_VISIBLE_FORMATS: Final = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd")
# Invisible, though not of category Cf: fillers, variation selectors that can carry bytes, the combining joiner.
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0d\uffa0\U000e0000-\U000e0fff]"
)
_LINE_ENDS: Final = re.compile("\r\n?|[\u0085\u2028\u2029]")
_PLAIN: Final = re.compile(r"[\n\t\x20-\x7e]*")
_REPLACEMENT: Final = "\ufffd"
_RELATIVE_URL: Final = re.compile(r"(?:\.{1,2}/)+[A-Za-z0-9._/-]{1,200}")


def clean_prose(raw: str) -> str:
    """Return *raw* without what cannot be seen; line ends become a line feed, lone surrogates U+FFFD.

    Source: Unicode TR36 section 3; the tag characters of "ASCII smuggling" are U+E0000…U+E007F.
    """
    if _PLAIN.fullmatch(raw):
        return raw
    kept = (_clean_character(character) for character in _INVISIBLE.sub("", _LINE_ENDS.sub("\n", raw)))
    return "".join(kept)


def clean_line(raw: str) -> str:
    """Return *raw* as `clean_prose` does, in one line."""
    return " ".join(clean_prose(raw).split())


def holds_hidden_characters(raw: str) -> bool:
    """Return whether `clean_prose` would change *raw*, or it spans lines: for names that must stay exact."""
    return clean_prose(raw) != raw or "\n" in raw or "\t" in raw


def shorten(text: str, max_characters: int) -> str:
    """Return *text*, or its beginning with a mark in the last place when it is longer than *max_characters*."""
    if len(text) <= max_characters:
        return text
    return text[: max_characters - len(_SHORTENED)] + _SHORTENED


def plain_url(raw: str) -> str | None:
    """Return *raw* when it is an address that holds no credential, else None.

    Accepted are http and https without user, password, query or fragment, and relative addresses (`../x.git`).

    Source: RFC 3986 section 3.2.1: user information stands before `@`.
    """
    if _RELATIVE_URL.fullmatch(raw):
        return raw
    if len(raw) > 2048 or not all(0x21 <= ord(character) <= 0x7E for character in raw):
        return None
    try:
        parts = urlsplit(raw)
    except ValueError:  # brackets that are no IPv6 address
        return None
    if parts.scheme not in {"http", "https"} or not parts.netloc or "@" in raw or parts.query or parts.fragment:
        return None
    return raw


def _clean_character(character: str) -> str:
    match unicodedata.category(character):
        case "Cs":
            return _REPLACEMENT
        case "Cc":
            return character if character in "\n\t" else ""
        case "Cf":
            return character if character in _VISIBLE_FORMATS else ""
        case _:
            return character
