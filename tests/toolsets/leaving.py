"""What of a request would leave for the forge, after the guard has looked at it as the client has it look."""

from __future__ import annotations

import httpx

from aegis_trio.gitea.settings import origin_of, wire_base
from aegis_trio.policy.pathguard import Route, build_target, check_wire_path

BASE = wire_base("https://git.example.com/gitea")


def what_leaves(route: Route, segments: tuple[str, ...], query: tuple[tuple[str, str], ...]) -> tuple[str, list[str]]:
    """Return the path below the API's own, and the keys of the query, in their order; raises what the guard does."""
    built = build_target(BASE, segments, query)
    url = httpx.URL(origin_of(BASE) + built)
    check_wire_path(
        BASE,
        route,
        built=built,
        scheme=url.scheme,
        host=url.host,
        port=url.port or 443,
        raw_path=url.raw_path,
    )
    path, _, raw_query = url.raw_path.decode().partition("?")
    return path.removeprefix("/gitea/api/v1/"), [pair.partition("=")[0] for pair in raw_query.split("&") if pair]
