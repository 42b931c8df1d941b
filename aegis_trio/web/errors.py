"""Faults as HTTP: the only place where one becomes a status, headers and a body.

Laws:
    1. The body is a JSON object whose `message` is the text that the guides promise (`Invalid API key`).
    2. A 401 always carries a challenge; 429 and 503 always say when to come back.
    3. Nothing but the fault's own words is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.gateway.render import RETRY_SOON_S, fault_body
from aegis_trio.model.errors import (
    AuditUnavailable,
    Fault,
    NotReady,
    TooMany,
    Unauthenticated,
    UpstreamBusy,
    UpstreamPaused,
)
from aegis_trio.model.fault_rows import row_of
from aegis_trio.model.json import JsonObject, encode_json

JSON: Final = b"application/json"


@final
@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole HTTP answer: status, headers in lower case, body."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def json_answer(status: int, body: JsonObject, *extra: tuple[bytes, bytes]) -> HttpAnswer:
    """Return *body* as an answer that no cache keeps."""
    encoded = encode_json(body)
    headers = (
        (b"content-type", JSON),
        (b"content-length", str(len(encoded)).encode()),
        (b"cache-control", b"no-store"),
        *extra,
    )
    return HttpAnswer(status, headers, encoded)


def fault_headers(fault: Fault) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers that *fault* adds to an answer.

    Source: RFC 9110 sections 11.6.1 (WWW-Authenticate) and 10.2.3 (Retry-After); RFC 6750 section 3.
    """
    match fault:
        case Unauthenticated():
            return ((b"www-authenticate", b"Bearer"),)
        case TooMany() | UpstreamPaused():
            return ((b"retry-after", str(fault.retry_after_s).encode()),)
        case NotReady() | AuditUnavailable() | UpstreamBusy():
            return ((b"retry-after", str(RETRY_SOON_S).encode()),)
        case _:
            return ()


def fault_answer(fault: Fault) -> HttpAnswer:
    """Return *fault* as an HTTP answer."""
    body = fault_body(fault)
    return json_answer(row_of(fault).http_status, {"error": body.pop("code"), **body}, *fault_headers(fault))


def plain_answer(status: int, error: str, message: str, *extra: tuple[bytes, bytes]) -> HttpAnswer:
    """Return an answer of the HTTP layer itself, such as 404 for an unknown path."""
    return json_answer(status, {"error": error, "message": message}, *extra)
