"""Answers of this room: pages, redirects, documents, and the errors of OAuth as JSON.

Laws:
    1. What holds a code, a token or somebody's name is kept by no cache, and its address goes to nobody as Referer.
    2. A page loads one style sheet of ours and nothing else, stands in no frame, and its forms post to us alone.

Threat: click-jacking of the consent, and markup that a client smuggles into its name (RFC 9700 section 4.16).
"""

from __future__ import annotations

from typing import Final

from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.gateway.render import RETRY_SOON_S
from aegis_trio.model.asgi import Scope, Send
from aegis_trio.model.json import JsonObject
from aegis_trio.web.errors import HttpAnswer, json_answer

# Trade: Chromium holds every redirect behind a form to `form-action`, down to the last one, and where a login or
# a client leads from its own address nobody can list. So forms post to us, and the answer to a form is never a redirect
# to somebody else but a page that goes on (pages.py, `onward`).
# Source: CSP level 3 section 6.4.1; w3c/webappsec-csp issue 8.
PAGE_POLICY: Final = (
    b"default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PRIVATE: Final = ((b"cache-control", b"no-store"), (b"referrer-policy", b"no-referrer"))
DOCUMENT_FRESH_S: Final = 300  # as long as clients remember a discovery
STYLE_FRESH_S: Final = 86_400  # its address changes with its content

Extra = tuple[bytes, bytes]


def page_answer(status: int, html: bytes, *extra: Extra) -> HttpAnswer:
    """Return a page for a person."""
    headers = (
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(html)).encode()),
        (b"content-security-policy", PAGE_POLICY),
        (b"x-frame-options", b"DENY"),
        *PRIVATE,
        *extra,
    )
    return HttpAnswer(status, headers, html)


def see_other(address: str, *extra: Extra) -> HttpAnswer:
    """Send the browser to *address* by GET, whatever it came with.

    Source: RFC 9700 section 4.12: 307 would post a form again, to the client.
    """
    headers = ((b"location", address.encode("ascii")), (b"content-length", b"0"), *PRIVATE, *extra)
    return HttpAnswer(303, headers, b"")


def kept_answer(body: bytes, content_type: bytes, fresh_s: int) -> HttpAnswer:
    """Return what everybody may see, and caches may keep for *fresh_s* seconds."""
    headers = (
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", f"public, max-age={fresh_s}".encode()),
    )
    return HttpAnswer(200, headers, body)


def call_answer(status: int, body: JsonObject, *extra: Extra) -> HttpAnswer:
    """Return the JSON answer of an endpoint for clients.

    Source: RFC 6749 section 5.1 (Cache-Control and Pragma).
    """
    return json_answer(status, body, (b"pragma", b"no-cache"), *extra)


def error_answer(refusal: OAuthRefused, status: int, *extra: Extra) -> HttpAnswer:
    """Return a refusal as clients read it.

    Source: RFC 6749 section 5.2, RFC 7591 section 3.2.2.
    """
    return call_answer(status, {"error": refusal.code.value, "error_description": refusal.description}, *extra)


def later_answer(status: int, description: str, retry_after_s: int = RETRY_SOON_S) -> HttpAnswer:
    """Tell a client to come again."""
    refusal = OAuthRefused(OAuthCode.TEMPORARILY_UNAVAILABLE, description)
    return error_answer(refusal, status, (b"retry-after", str(retry_after_s).encode()))


async def give(scope: Scope, send: Send, answer: HttpAnswer) -> None:
    """Send *answer*, without its body to HEAD."""
    await send({"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)})
    body = b"" if scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body, "more_body": False})
