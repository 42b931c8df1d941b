"""Heads of requests that no application should see: a status for each rule that one breaks.

Laws:
    1. Pure: fields in, a status or None out; nothing here raises on hostile input.
    2. Only what breaks HTTP, or a limit, or this server's promise stands here; what a request means does not.

Source: RFC 9110, RFC 9112, RFC 9113.
"""

from __future__ import annotations

from typing import Final

import h11

from aegis_trio.web.server.limits import ConnectionLimits

_FIELD_OVERHEAD_BYTES: Final = 4  # ": " and the line's end

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


def _find_excess(size: int, count: int, limits: ConnectionLimits) -> int | None:
    return 431 if size > limits.max_header_bytes or count > limits.max_header_count else None
