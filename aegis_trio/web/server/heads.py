"""Heads of requests that no application should see: a status for each rule that one breaks.

Laws:
    1. Pure: fields in, a status or None out; nothing here raises on hostile input.
    2. Only what breaks HTTP, or a limit, or this server's promise stands here; what a request means does not.

Source: RFC 9110, RFC 9112, RFC 9113.
"""

from __future__ import annotations

import re
from typing import Final

import h11
from wsproto.handshake import WEBSOCKET_VERSION

from aegis_trio.web.server.limits import ConnectionLimits

_FIELD_OVERHEAD_BYTES: Final = 4  # ": " and the line's end

_WEBSOCKET_KEY: Final = re.compile(rb"[A-Za-z0-9+/]{22}==")  # source: RFC 6455 section 4.1: 16 bytes in base64
WEBSOCKET_OFFER: Final = (
    (b"upgrade", b"websocket"),
    (b"connection", b"upgrade"),
    (b"sec-websocket-version", WEBSOCKET_VERSION),
)

Fields = list[tuple[bytes, bytes]]


def find_http11_fault(request: h11.Request, limits: ConnectionLimits) -> int | None:
    """Return the status with which an HTTP/1.1 request must be refused; h11 has parsed it already."""
    if request.http_version not in {b"1.0", b"1.1"}:
        return 505
    if request.method == b"CONNECT":
        return 501  # this server is no proxy, and h11 would stop reading HTTP after a 200
    size = len(request.target)
    framings = 0
    for name, value in request.headers:
        size += len(name) + len(value) + _FIELD_OVERHEAD_BYTES
        # Threat: two servers that disagree about the end of a body read two different requests.
        # Source: RFC 9112 section 6.3, rule 3.
        framings += name in {b"content-length", b"transfer-encoding"}
        if name.startswith(b"sec-websocket-") and not value.isascii():
            return 400
    if framings > 1:
        return 400
    if wants_websocket(request.method, list(request.headers)):
        refusal = _find_websocket_fault(list(request.headers), has_body=framings > 0)
        if refusal is not None:
            return refusal
    return _find_excess(size, len(request.headers), limits)


def find_http2_fault(pseudo: dict[bytes, bytes], fields: Fields, limits: ConnectionLimits) -> int | None:
    """Return the status with which an HTTP/2 request must be refused; h2 has checked what is mandatory."""
    method, path = pseudo.get(b":method", b""), pseudo.get(b":path", b"")
    if method == b"CONNECT":
        return 501  # no proxy; and WebSocket over HTTP/2 (RFC 8441) is not offered
    if not (method.isascii() and path.isascii() and path.startswith((b"/", b"*"))):
        return 400
    size = sum(len(name) + len(value) + _FIELD_OVERHEAD_BYTES for name, value in fields)
    return _find_excess(size, len(fields), limits)


def wants_websocket(method: bytes, fields: Fields) -> bool:
    """Return whether a request asks to become a WebSocket. Source: RFC 6455 section 4.1."""
    if method != b"GET":
        return False
    tokens = {
        (name, token.strip().lower())
        for name, value in fields
        if name in {b"connection", b"upgrade"}
        for token in value.split(b",")
    }
    return {(b"connection", b"upgrade"), (b"upgrade", b"websocket")} <= tokens


def _find_websocket_fault(fields: Fields, *, has_body: bool) -> int | None:
    """Return the status with which an upgrade must be refused before any application sees it.

    Source: RFC 6455 sections 4.2.1 and 4.4 (426 names the version we speak); RFC 9110 section 7.8.
    """
    offers = [value.strip().lower() for name, value in fields if name == b"upgrade"]
    keys = [value.strip() for name, value in fields if name == b"sec-websocket-key"]
    versions = [value.strip() for name, value in fields if name == b"sec-websocket-version"]
    # Threat: what one server takes for a body, the next takes for frames of a socket that it believes open.
    if has_body or offers != [b"websocket"] or len(keys) != 1 or len(versions) > 1:
        return 400
    if _WEBSOCKET_KEY.fullmatch(keys[0]) is None:
        return 400
    return None if versions == [WEBSOCKET_VERSION] else 426


def _find_excess(size: int, count: int, limits: ConnectionLimits) -> int | None:
    return 431 if size > limits.max_header_bytes or count > limits.max_header_count else None
