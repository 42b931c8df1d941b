"""Requests as Gitea reads them: the raw path, Go's reading of the query, and each path part decoded once.

Laws:
    1. The path is split while it is still escaped, so that `%2F` never makes a segment; `//` collapses before.
    2. A part is decoded once; bytes that are no UTF-8 travel as lone surrogates and leave as U+FFFD.
    3. A pair of the query that holds `;` or a broken escape does not exist.

Not here: HTTP itself (wire.py) and which route a path means (router.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import quote_plus, unquote_to_bytes

from aegis_trio.model.json import JsonValue

_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SLASHES: Final = re.compile("/{2,}")


@final
@dataclass(frozen=True, slots=True)
class Query:
    """The pairs of a query string in their order, decoded."""

    pairs: tuple[tuple[str, str], ...]

    def first(self, key: str) -> str:
        """Return the first value of *key*, or nothing; keys are case-sensitive."""
        return next((value for name, value in self.pairs if name == key), "")

    def has(self, key: str) -> bool:
        """Tell whether *key* was given, even without a value."""
        return any(name == key for name, _ in self.pairs)

    def encoded_with(self, key: str, value: str) -> str:
        """Return the query with *key* set to one *value*, sorted by key.

        Source: net/url Values.Encode, with which Gitea builds its Link headers.
        """
        kept = [(name, old) for name, old in self.pairs if name != key]
        ordered = sorted([*kept, (key, value)], key=lambda pair: pair[0])
        return "&".join(f"{_escape(name)}={_escape(each)}" for name, each in ordered)


def parse_query(raw_query: str) -> Query:
    """Read a query string as Go does.

    Source: net/url ParseQuery.
    """
    return Query(tuple(_pairs(raw_query.split("&"))))


def _pairs(raw_pairs: Iterable[str]) -> Iterable[tuple[str, str]]:
    for raw_pair in raw_pairs:
        if not raw_pair or ";" in raw_pair or _BROKEN_ESCAPE.search(raw_pair):
            continue
        raw_name, _, raw_value = raw_pair.partition("=")
        yield unescape(raw_name.replace("+", " ")), unescape(raw_value.replace("+", " "))


def _escape(text: str) -> str:
    return quote_plus(text, safe="-_.~", errors="surrogateescape")


def unescape(raw_part: str) -> str:
    """Decode percent escapes once; what is no UTF-8 stays as lone surrogates."""
    if "%" not in raw_part and raw_part.isascii():
        return raw_part
    return unquote_to_bytes(raw_part.encode("latin-1", "replace")).decode("utf-8", "surrogateescape")


def has_broken_escape(raw_path: str) -> bool:
    """Tell whether a percent sign stands without its two digits: Go answers 400 before any handler runs."""
    return _BROKEN_ESCAPE.search(raw_path) is not None


def normalised(raw_path: str) -> str:
    """Collapse `//` and drop a slash at the end, on the escaped path.

    Source: gitea modules/web/router.go normalizeRequestPath.
    """
    return _SLASHES.sub("/", raw_path).rstrip("/") or "/"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came over the wire: latin-1 text for the target, lower-case header names."""

    method: str
    raw_path: str
    raw_query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return the first header called *name* (lower case)."""
        return next((value for key, value in self.headers if key == name), None)


def form_of(request: Request) -> Query:
    """Read a body that is a form or a JSON object, whose texts count as fields.

    Source: gitea modules/web/middleware/binding, which takes either.
    """
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return parse_query(request.body.decode("latin-1"))
    try:
        document: JsonValue = json.loads(request.body)
    except ValueError:
        return Query(())
    fields = document if isinstance(document, dict) else {}
    return Query(tuple((name, value) for name, value in fields.items() if isinstance(value, str)))
