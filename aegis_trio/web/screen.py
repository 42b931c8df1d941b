"""The screen before every route: Host, Origin, method, size. Pure: a request's head in, an answer or None out.

A WebSocket's upgrade is screened as a request is, with paths of its own.

Laws:
    1. A Host that is not ours is refused (421), on every path but health checks: DNS rebinding ends here.
    2. An Origin that is present must be allowed (403); absent is fine, because only browsers send it. Places may say
       otherwise: public documents are for every page, and pages of ours judge who posts their forms themselves.
    3. Methods that a path does not have are 405 with `Allow`; paths that do not exist are 404.
    4. A declared body above the bound is refused (413) before it is read.

Source: MCP 2026-07-28 basic/transports/streamable-http#security (Origin, DNS rebinding); RFC 9110 sections
15.5.20 (421) and 15.5.6 (405); Fetch standard, CORS protocol.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, final
from urllib.parse import urlsplit

from aegis_trio.protocol.json_reader import MAX_DOCUMENT_BYTES
from aegis_trio.web.errors import HttpAnswer, plain_answer
from aegis_trio.web.settings import LOOPBACK_HOSTS, WebSettings

MAX_BODY_BYTES: Final = MAX_DOCUMENT_BYTES  # what the reader would refuse is not received
HEALTH_PATHS: Final = frozenset({"/health", "/healthz", "/readyz"})

ROUTES: Final[dict[str, frozenset[str]]] = {
    "/": frozenset({"GET", "HEAD"}),
    "/health": frozenset({"GET", "HEAD"}),
    "/healthz": frozenset({"GET", "HEAD"}),
    "/readyz": frozenset({"GET", "HEAD"}),
    "/mcp": frozenset({"POST", "GET", "DELETE"}),
    "/mcp/sse": frozenset({"GET", "POST", "DELETE"}),
    "/mcp/messages": frozenset({"POST"}),
    "/mcp/tools": frozenset({"GET"}),
    "/mcp/tool/call": frozenset({"POST"}),
}


class Visitors(Enum):
    """Whose pages in a browser may call a place."""

    LISTED = auto()  # those of ALLOWED_ORIGINS
    EVERYBODY = auto()  # any page, without credentials of the browser
    OURS = auto()  # our own pages alone; the route looks at who posts a form


@final
@dataclass(frozen=True, slots=True)
class Place:
    """A path that is there beside `ROUTES`."""

    methods: frozenset[str]
    visitors: Visitors = Visitors.LISTED


# Source: RFC 9110 section 7.2, RFC 3986 section 3.2: a name or a bracketed address, and perhaps a port; no userinfo.
_NAME_AND_PORT: Final = re.compile(r"(?P<name>\[[^\]@]*\]|[^:@\[\]]*)(?::[0-9]{0,5})?")

_NOWHERE: Final[Mapping[str, Place]] = {}

Headers = Sequence[tuple[bytes, bytes]]
_CORS_HEADERS: Final = (
    b"authorization, content-type, accept, x-api-key, mcp-protocol-version, mcp-session-id, "
    b"mcp-method, mcp-name, last-event-id"
)
_EXPOSED: Final = (
    b"access-control-expose-headers",
    b"mcp-session-id, mcp-protocol-version, www-authenticate, retry-after, ratelimit, ratelimit-policy",
)


def screen(
    method: str, path: str, headers: Headers, settings: WebSettings, places: Mapping[str, Place] = _NOWHERE
) -> HttpAnswer | None:
    """Return the refusal of this request's head, or None when a route may have it.

    Args:
        places: what is there beside `ROUTES`.
    """
    place = place_at(path, places)
    refusal = None if path in HEALTH_PATHS else _host_refusal(headers, settings)
    if place is None or place.visitors is Visitors.LISTED:
        refusal = refusal or _origin_refusal(headers, settings)
    if refusal is not None:
        return refusal
    if place is None:
        return _not_found()
    cors = cors_of(place, headers)
    if method == "OPTIONS" and cors:
        return HttpAnswer(204, (*cors, *_preflight_headers(place.methods)), b"")
    if method not in place.methods:
        allow = ", ".join(sorted(place.methods)).encode()
        return plain_answer(405, "method_not_allowed", "This path does not have that method.", (b"allow", allow))
    return _body_refusal(headers)


def place_at(path: str, places: Mapping[str, Place]) -> Place | None:
    """Return what is at *path*, or None."""
    methods = ROUTES.get(path)
    return places.get(path) if methods is None else Place(methods)


def cors_of(place: Place | None, headers: Headers) -> tuple[tuple[bytes, bytes], ...]:
    """Return what an answer of *place* carries for the browser, once its head has passed the screen.

    Source: Fetch standard, CORS protocol: `*` never goes with cookies.
    """
    origins = [value for name, value in headers if name == b"origin"]
    if not origins or (place is not None and place.visitors is Visitors.OURS):
        return ()
    if place is not None and place.visitors is Visitors.EVERYBODY:
        return ((b"access-control-allow-origin", b"*"), _EXPOSED)
    return cors_headers(origins[0])


def screen_upgrade(path: str, headers: Headers, settings: WebSettings, paths: Container[str]) -> HttpAnswer | None:
    """Return the refusal of an upgrade to WebSocket, or None when the route at *path* may have it.

    Threat: a browser opens a WebSocket to any host for any page, and asks nobody first (RFC 6455 section 10.2).

    Args:
        paths: where a WebSocket may be opened.
    """
    refusal = _host_refusal(headers, settings) or _origin_refusal(headers, settings)
    if refusal is not None:
        return refusal
    return None if path in paths else _not_found()


def host_of(headers: Headers) -> str | None:
    """Return the one Host of a request in lower case, or None when it is missing, doubled or unreadable."""
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1:
        return None
    try:
        return hosts[0].decode("ascii").strip().lower()
    except UnicodeDecodeError:
        return None


def host_allowed(host: str, settings: WebSettings) -> bool:
    """Return whether *host* (lower case, perhaps with a port) is one of ours."""
    return host in settings.allowed_hosts or _without_port(host) in settings.allowed_hosts


def origin_allowed(raw_origin: bytes, settings: WebSettings) -> bool:
    """Return whether a browser's page from *raw_origin* may call."""
    try:
        origin = raw_origin.decode("ascii").strip().lower()
        parts = urlsplit(origin)
    except (UnicodeDecodeError, ValueError):
        return False
    if origin in settings.allowed_origins:
        return True
    # A page served from this machine may call a gate that only this machine can reach.
    only_loopback = settings.allowed_hosts <= LOOPBACK_HOSTS
    is_bare = parts.scheme in {"http", "https"} and origin == f"{parts.scheme}://{parts.netloc}"
    return only_loopback and is_bare and _without_port(parts.netloc) in LOOPBACK_HOSTS


def cors_headers(raw_origin: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Return what an allowed origin's answer carries."""
    return (
        (b"access-control-allow-origin", raw_origin),
        _EXPOSED,
        (b"vary", b"Origin"),
    )


def _host_refusal(headers: Headers, settings: WebSettings) -> HttpAnswer | None:
    host = host_of(headers)
    if host is not None and host_allowed(host, settings):
        return None
    return plain_answer(
        421, "misdirected_request", "This host name is not served here. The operator sets it in ALLOWED_HOSTS."
    )


def _origin_refusal(headers: Headers, settings: WebSettings) -> HttpAnswer | None:
    origins = [value for name, value in headers if name == b"origin"]
    if not origins or (len(origins) == 1 and origin_allowed(origins[0], settings)):
        return None
    return plain_answer(403, "origin_refused", "This origin may not call. The operator sets it in ALLOWED_ORIGINS.")


def _not_found() -> HttpAnswer:
    return plain_answer(404, "not_found", "There is nothing at this path. The MCP endpoint is /mcp.")


def _preflight_headers(methods: frozenset[str]) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"access-control-allow-methods", ", ".join(sorted(methods)).encode()),
        (b"access-control-allow-headers", _CORS_HEADERS),
        (b"access-control-max-age", b"600"),
        (b"content-length", b"0"),
    )


def _body_refusal(headers: Headers) -> HttpAnswer | None:
    lengths = [value for name, value in headers if name == b"content-length"]
    for length in lengths:
        if not length.isdigit():
            return plain_answer(400, "bad_request", "Content-Length is not a number.")
        if int(length[:20]) > MAX_BODY_BYTES:
            return plain_answer(413, "too_large", f"A request body has at most {MAX_BODY_BYTES} bytes.")
    return None


def _without_port(host: str) -> str:
    """Return the name of a Host; what is no name with a port stays as it is, and so is nobody's."""
    found = _NAME_AND_PORT.fullmatch(host)
    return found["name"] if found else host
