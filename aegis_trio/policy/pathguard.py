"""The path guard: the last look at a request line before it leaves towards Gitea.

Requests are built from parsed refs, each segment encoded by itself. This room builds the target from such segments,
and compares what the HTTP library is about to send with what was built, because libraries and servers clean paths
behind our back: httpx resolves `..`, Gitea collapses `//`.

Laws:
    1. What leaves is byte for byte what was built, for the configured scheme, host, port and prefix.
    2. Every request matches a `Route`: fixed words, a fixed number of variables, a fixed set of query keys.
    3. A violation is our own bug, never a client's doing: hostile arguments were refused when they were parsed.

Not here: what a valid owner, path or ref is (model/refs.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, final
from urllib.parse import quote, unquote_to_bytes

# Source: gitea services/auth/oauth2.go:85-94 (token, access_token win over the header), routers/api/v1/api.go:108.
BANNED_QUERY_KEYS: Final = frozenset({"sudo", "token", "access_token"})
ONE: Final = "*"
"""Stands in a route for one variable segment."""
REST: Final = "**"
"""Stands at the end of a route for one or more variable segments."""


class WirePathViolation(RuntimeError):
    """A request was built that must not leave; the message names the rule, not the path."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WireBase:
    """Where Gitea's API stands."""

    scheme: str
    host: str
    port: int
    prefix: str
    """Path before the segments, such as `/api/v1` or `/gitea/api/v1`; no slash at its end."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation's own template; a request outside it does not leave."""

    segments: tuple[str, ...]
    query_keys: frozenset[str] = field(default=frozenset())
    repeated_keys: frozenset[str] = field(default=frozenset())
    """Those of `query_keys` that may stand several times, as lists do."""

    def __post_init__(self) -> None:
        if REST in self.segments[:-1]:
            raise ValueError(f"{REST} stands only at the end of a route")
        if self.query_keys & BANNED_QUERY_KEYS:
            raise ValueError("a route never takes sudo, token or access_token")
        if not self.repeated_keys <= self.query_keys:
            raise ValueError("what may stand several times is a query key of the route")

    @property
    def template(self) -> str:
        """The route as people write it, with `{}` for what varies; nothing of any request stands in it."""
        return "".join(f"/{'{}' if segment in (ONE, REST) else segment}" for segment in self.segments)

    def admits(self, segments: tuple[str, ...]) -> bool:
        """Return whether *segments*, as they stand on the wire, are this route's."""
        pattern = self.segments
        if pattern and pattern[-1] == REST:
            pattern = pattern[:-1] + (ONE,) * max(1, len(segments) - len(pattern) + 1)
        return len(pattern) == len(segments) and all(
            word in (ONE, segment) for word, segment in zip(pattern, segments, strict=True)
        )


def build_target(base: WireBase, segments: tuple[str, ...], query: tuple[tuple[str, str], ...]) -> str:
    """Return the request target for *segments*, each already percent-encoded, and *query*, which is not.

    `;` becomes %3B: Go drops a whole pair that holds a bare one, and the default branch would be served.

    Source: RFC 3986 section 3; go net/url parseQuery.
    """
    path = "/".join((base.prefix, *segments))
    if not query:
        return path
    return path + "?" + "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in query)


def check_wire_path(
    base: WireBase, route: Route, *, built: str, scheme: str, host: str, port: int, raw_path: bytes
) -> None:
    """Look at a request that is about to leave.

    Args:
        built: the target from `build_target`.
        scheme: what the HTTP library would use; host, port and raw_path likewise.

    Raises:
        WirePathViolation: something differs from what was built, or stands outside *route* — our bug.
    """
    # 1. same server  2. same bytes  3. plain characters  4. no segment that means another  5. the route  6. the query
    if (scheme, host, port) != (base.scheme, base.host, base.port):
        raise WirePathViolation("the request would go to another server")
    if raw_path != built.encode():
        raise WirePathViolation("the HTTP library changed the path")
    if any(not 0x21 <= byte <= 0x7E or byte in b'\\;#"<>^`{|}' for byte in raw_path):
        raise WirePathViolation("the target holds a character that must be encoded")
    path, _, raw_query = built.partition("?")
    if not path.startswith(base.prefix + "/"):
        raise WirePathViolation("the path stands outside the API")
    segments = tuple(path[len(base.prefix) + 1 :].split("/"))
    for segment in segments:
        _check_segment(segment)
    if not route.admits(segments):
        raise WirePathViolation("the path is not of its route")
    _check_query(route, raw_query)


def _check_segment(segment: str) -> None:
    decoded = unquote_to_bytes(segment)
    # Threat: "" and ".." reach another endpoint, also where a proxy decodes before Gitea does.
    if any(part in {b"", b".", b".."} for part in decoded.split(b"/")):
        raise WirePathViolation("the path holds an empty or dot segment")
    if any(byte < 0x20 or byte == 0x7F for byte in decoded):
        raise WirePathViolation("the path holds a control character")


def _check_query(route: Route, raw_query: str) -> None:
    keys = [pair.partition("=")[0] for pair in raw_query.split("&")] if raw_query else []
    single = [key for key in keys if key not in route.repeated_keys]
    if len(single) != len(set(single)):
        raise WirePathViolation("a query key stands twice")
    # The banned keys are never in query_keys (Route refuses them); compared as Go reads them, percent forms decoded.
    if any(unquote_to_bytes(key).decode("utf-8", "replace") not in route.query_keys for key in keys):
        raise WirePathViolation("a query key is not of its route")
