"""Renames: whether a redirect of Gitea's says "this repository has another name now", and which.

Gitea answers 301 for a renamed or transferred repository, and 307 for a renamed owner, with the whole new path.
Anything else in `Location` (another server, another endpoint, another question) is not followed.

Source: gitea services/context/repo.go:349, services/context/context_response.go:29.
"""

from __future__ import annotations

from urllib.parse import unquote

from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.refs import RepositoryRef, parse_repository
from aegis_trio.policy.pathguard import WireBase

_FIXED_SEGMENTS = 3  # repos, owner, name


def renamed_repository(
    base: WireBase,
    origin: str,
    segments: tuple[str, ...],
    query: tuple[tuple[str, str], ...],
    raw_location: str | None,
) -> RepositoryRef | None:
    """Return the repository that *raw_location* names, when it asks the same question there; else None.

    Args:
        origin: scheme, host and port of the configured Gitea.
        segments: of the request that was redirected, percent-encoded; *query* likewise, not encoded.
    """
    if raw_location is None or len(segments) < _FIXED_SEGMENTS or segments[0] != "repos":
        return None
    # 1. the same server  2. the API's prefix  3. as many segments, the same after owner and name  4. a valid name
    path = raw_location.removeprefix(origin) if raw_location.startswith(f"{origin}/") else raw_location
    path, question_mark, raw_query = path.partition("?")
    if not path.startswith(f"{base.prefix}/") or bool(query) != bool(question_mark and raw_query):
        return None
    found = path[len(base.prefix) + 1 :].split("/")
    # Compared decoded: Go may choose another spelling of the same bytes.
    same_tail = [unquote(part) for part in found[_FIXED_SEGMENTS:]] == [
        unquote(part) for part in segments[_FIXED_SEGMENTS:]
    ]
    if len(found) < _FIXED_SEGMENTS or found[0] != "repos" or not same_tail:
        return None
    try:
        return parse_repository(unquote(found[1]), unquote(found[2]))
    except InvalidArgument:
        return None
