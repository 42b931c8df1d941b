"""Answers in few words: only fields that say something, and every text made fit to stand beside ours.

Laws:
    1. A field that is empty (no text, no entries, false, the zero time) is left out; 0 is a number and stays.
    2. Times are UTC, ISO 8601, to the second: `2026-02-13T10:00:00Z`, whatever offset Gitea writes.
    3. People's texts are cleaned of what cannot be seen (policy/untrusted.py), and not cut: what does not fit into
       one reply is continued (gateway), not shortened. Only names and titles have a length.

Not here: lists and their pages (listing.py, paging.py), and documents of resources (resources/documents.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.policy.untrusted import clean_line, clean_prose, plain_url, shorten

_LINE_CHARACTERS: Final = 512  # Gitea takes 255 for a title; a migrated one may be longer
_NAME_CHARACTERS: Final = 64
_NEVER_BEFORE: Final = 1970  # Go's zero time is of year 1; forges are younger than the epoch


def compact(fields: JsonObject) -> JsonObject:
    """Return *fields* without the empty ones; numbers stay whatever they are."""
    return {name: value for name, value in fields.items() if _says_something(value)}


def line(raw: str) -> str:
    """Return a title or another short text in one line; beyond 512 characters it ends in `…`."""
    return shorten(clean_line(raw), _LINE_CHARACTERS)


def name(raw: str) -> str:
    """Return a login, a label or another name; beyond 64 characters it ends in `…`."""
    return shorten(clean_line(raw), _NAME_CHARACTERS)


def names(raw_names: Iterable[str]) -> list[JsonValue]:
    """Return each of *raw_names* as `name` does."""
    return [name(raw) for raw in raw_names]


def prose(raw: str) -> str:
    """Return a body or comment, whole."""
    return clean_prose(raw)


def link(raw_url: str) -> str:
    """Return the address where a person reads it; empty when Gitea gave none, or one that holds a credential."""
    return plain_url(raw_url) or ""


def moment(raw: str) -> str:
    """Return a time of Gitea's in UTC; empty for none, the zero time, and what is no time.

    Source: RFC 3339, as Go's time.Time writes JSON.
    """
    try:
        when = datetime.fromisoformat(raw)
    except ValueError:
        return ""
    if when.tzinfo is None or when.year < _NEVER_BEFORE:
        return ""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _says_something(value: JsonValue) -> bool:
    return not (value is None or value is False or value in ("", [], {}))
