"""Answers: the bytes that Gitea would have sent, with the many faces of its errors.

Laws:
    1. JSON looks as Go's encoder writes it (`<`, `>` and `&` escaped, a newline at the end), so that lengths agree.
    2. Error bodies are exactly the recorded ones; their texts are Gitea's, wrong and odd ones included.

Not here: who gets which answer (forge.py and areas/*).
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.model.json import JsonValue

Headers = tuple[tuple[str, str], ...]

# Source: gitea services/context/api.go; every route of /api/v1 and of the web carries it.
NO_CACHING: Final = "max-age=0, private, must-revalidate, no-transform"
JSON_TYPE: Final = "application/json;charset=utf-8"
TEXT_TYPE: Final = "text/plain; charset=utf-8"
_SURROGATES: Final = re.compile("[\ud800-\udfff]")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One response; `cache_control` is `None` for the few answers that do not carry that header."""

    status: int
    headers: Headers = ()
    body: bytes = b""
    content_type: str | None = None
    cache_control: str | None = NO_CACHING

    def all_headers(self) -> Headers:
        """Return the headers in the order in which Gitea's look."""
        first: Headers = () if self.cache_control is None else (("Cache-Control", self.cache_control),)
        kind: Headers = () if self.content_type is None else (("Content-Type", self.content_type),)
        return (*first, *kind, *self.headers)


@final
class Refusal(Exception):
    """Raised by a guard or a lookup when the request is answered there and then."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def go_json(value: JsonValue) -> bytes:
    """Return *value* as Go's `json.Encoder` writes it.

    Source: encoding/json, HTML escaping and the replacement of invalid UTF-8 by U+FFFD.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return _SURROGATES.sub(r"\\ufffd", text).encode() + b"\n"


def json_answer(value: JsonValue, *, status: int = 200, headers: Headers = ()) -> Answer:
    """Answer with a JSON document."""
    return Answer(status=status, headers=headers, body=go_json(value), content_type=JSON_TYPE)


def text_answer(status: int, text: str, *, headers: Headers = (), content_type: str = TEXT_TYPE) -> Answer:
    """Answer with plain text."""
    return Answer(status=status, headers=headers, body=text.encode(), content_type=content_type)


def api_error(status: int, message: str, root_url: str) -> Answer:
    """Answer with `{"message", "url"}`, the usual face of an error."""
    return json_answer({"message": message, "url": f"{root_url}api/swagger"}, status=status)


def bare_error(status: int, message: str) -> Answer:
    """Answer with `{"message"}` alone, as account states and sudo are refused."""
    return json_answer({"message": message}, status=status)


def not_found(
    root_url: str, message: str = "not found", errors: Sequence[str] | None = None, *, headers: Headers = ()
) -> Answer:
    """Answer 404 with `{"errors", "message", "url"}`, the face of a thing that a known route did not find."""
    listed: JsonValue = None if errors is None else list(errors)
    body: JsonValue = {"errors": listed, "message": message, "url": f"{root_url}api/swagger"}
    return json_answer(body, status=404, headers=headers)


def unknown_path() -> Answer:
    """Answer 404 as for a path that no route of the API has."""
    return text_answer(404, "404 page not found\n")


def unknown_page() -> Answer:
    """Answer 404 as outside of the API."""
    return text_answer(404, "Not found.\n", content_type="text/plain;charset=utf-8")


def method_not_allowed(allowed: str) -> Answer:
    """Answer 405: no body, and an `Allow` that names one of the methods only."""
    return Answer(status=405, headers=(("Allow", allowed),))


def not_proven(method: str, template: str) -> Answer:
    """Answer 501 where Gitea has a route and this forge has no recorded exchange to go by."""
    message = (
        f"the demo forge has no answer for {method} {template}: no recorded exchange of a real Gitea proves one yet"
    )
    return bare_error(501, message)


def moved(status: int, location: str, *, as_page: bool, headers: Headers = ()) -> Answer:
    """Redirect to *location*, as Gitea writes it.

    Args:
        status: 301 for a renamed repository, 302 for a file that lies elsewhere, 307 for a renamed user or
            organisation, 303 on pages.
        as_page: GET carries a small page that names the place.

    Source: net/http Redirect.
    """
    headers = (("Location", location), *headers)
    if not as_page:
        return Answer(status=status, headers=headers)
    words = {301: "Moved Permanently", 302: "Found", 303: "See Other", 307: "Temporary Redirect"}[status]
    page = f'<a href="{html.escape(location, quote=True)}">{words}</a>.\n\n'
    return text_answer(status, page, headers=headers, content_type="text/html; charset=utf-8")
