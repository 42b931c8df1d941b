"""Media types: what a file is called to an application, guessed from its name and from whether it is text.

Laws:
    1. The guess never contradicts the bytes: text is never called an image, bytes are never called text.
    2. Nothing that a program could run as it shows it is called by its name.

Source: RFC 2046 section 4.1.4 and 4.5 (what is not known is text/plain or application/octet-stream).
"""

from __future__ import annotations

import mimetypes
from typing import Final

PLAIN_TEXT: Final = "text/plain"
BYTES: Final = "application/octet-stream"
MARKDOWN: Final = "text/markdown"
JSON: Final = "application/json"

# Made of Python's own table: the machine's would make answers differ from one to the next.
_KNOWN: Final = mimetypes.MimeTypes()
# What older tables lack.
_MORE: Final = {"md": MARKDOWN, "markdown": MARKDOWN, "webp": "image/webp", "woff2": "font/woff2"}
_SEEN_OR_HEARD: Final = ("image/", "audio/", "video/", "font/")
_DRAWING: Final = "image/svg+xml"  # a document with scripts, whatever its name says
_GZIP: Final = "application/gzip"
_ARCHIVES: Final = frozenset({"application/pdf", "application/zip", "application/x-tar", _GZIP})
# Text types that no application runs by itself; every other text is called plain.
# Threat: an application that renders what it is given would run a stranger's HTML, SVG or script as its own page.
_TEXTS: Final = frozenset({JSON, MARKDOWN, "text/csv", "text/tab-separated-values", "text/x-python"})


def text_type(name: str) -> str:
    """Return what a file that is text is called."""
    guess = _guess(name)
    return guess if guess in _TEXTS else PLAIN_TEXT


def bytes_type(name: str) -> str:
    """Return what a file that is no text is called."""
    guess = _guess(name)
    if guess is None or guess == _DRAWING or not (guess in _ARCHIVES or guess.startswith(_SEEN_OR_HEARD)):
        return BYTES
    return guess


def _guess(name: str) -> str | None:
    ending = name.rpartition(".")[2].lower()
    if ending in _MORE:
        return _MORE[ending]
    # A leading word keeps the table from reading a name as a URL: `data:text/html,x` is a file name here.
    guess, encoding = _KNOWN.guess_type(f"x.{ending}", strict=False)
    if encoding is None:
        return guess
    return _GZIP if encoding == "gzip" else BYTES
