"""Scopes: the one table of what a person can grant, in words for people, for clients and for Gitea.

Laws:
    1. Scopes are spelled as Gitea's, so that one vocabulary serves consent, tokens, tools and the forge.
    2. What stands in no row is dropped; nothing that a client says ever reaches Gitea's consent.
    3. Writing contains reading of the same area, and nothing else contains anything.
    4. Gitea is asked for one constant set in each deployment: it keeps a grant's first scope whatever is asked later,
       so narrowing is ours, for each token and each call.

Source: gitea models/auth/access_token_scope.go; `admin`, `activitypub` and `all` are never asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

OFFLINE_ACCESS: Final = "offline_access"
"""Asks for a refresh token; means nothing to Gitea, where it would widen a grant to everything."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeRow:
    """One scope of ours."""

    scope: str
    words: str
    """What a person reads on the consent page, behind "may"."""
    writes: bool
    by_default: bool
    """Whether a client that names no scope gets it."""


SCOPES: Final = (
    ScopeRow(scope="read:repository", words="read repositories that you can see", writes=False, by_default=True),
    ScopeRow(scope="read:issue", words="read issues and pull requests", writes=False, by_default=True),
    ScopeRow(scope="read:user", words="read your profile", writes=False, by_default=True),
    ScopeRow(scope="read:organization", words="read your organisations and teams", writes=False, by_default=True),
    ScopeRow(scope="read:notification", words="read your notifications", writes=False, by_default=False),
    ScopeRow(scope="read:package", words="read packages", writes=False, by_default=False),
    ScopeRow(scope="read:misc", words="read templates and settings of the server", writes=False, by_default=False),
    ScopeRow(
        scope="write:repository", words="change files and settings of repositories", writes=True, by_default=False
    ),
    ScopeRow(scope="write:issue", words="write issues, comments and reviews", writes=True, by_default=False),
    ScopeRow(scope="write:notification", words="mark your notifications as read", writes=True, by_default=False),
)
_BY_NAME: Final = {row.scope: row for row in SCOPES}
_OPENID: Final = ("openid", "profile")


def offered_scopes(*, write_mode: bool) -> tuple[str, ...]:
    """Return every scope that this deployment can grant, in the order of the table."""
    return tuple(row.scope for row in SCOPES if write_mode or not row.writes)


def default_scopes() -> tuple[str, ...]:
    """Return what a client gets that names no scope."""
    return tuple(row.scope for row in SCOPES if row.by_default)


def choose_scopes(raw_words: Iterable[str], *, write_mode: bool) -> tuple[str, ...]:
    """Return the scopes that a client may be granted for the words it sent, in the order of the table.

    Unknown words are dropped (RFC 6749 section 3.3 lets a server ignore them, and says so by the granted scope);
    nothing known means the default.
    """
    asked = set(raw_words)
    chosen = tuple(scope for scope in offered_scopes(write_mode=write_mode) if scope in asked)
    return chosen or default_scopes()


def gitea_scopes(*, write_mode: bool) -> tuple[str, ...]:
    """Return the constant words that Gitea is asked for in this deployment; never empty, never a client's."""
    return (*_OPENID, *whole_scopes(write_mode=write_mode))


def whole_scopes(*, write_mode: bool) -> tuple[str, ...]:
    """Return the fewest scopes that stand for everything in this deployment.

    A scope for writing stands for reading of its area too, as it does in Gitea. Clients that sign in at Gitea itself
    have to ask for all of it at once: what a grant lacks it never gets.
    """
    offered = offered_scopes(write_mode=write_mode)
    writing = {scope.partition(":")[2] for scope in offered if scope.startswith("write:")}
    return tuple(scope for scope in offered if scope.startswith("write:") or scope.partition(":")[2] not in writing)


def is_same_grant(raw_granted: str, *, write_mode: bool) -> bool:
    """Return whether the scope of a grant in Gitea is exactly the constant set, whatever its order.

    Threat: an older grant may hold everything; Gitea keeps it silently.
    """
    return set(raw_granted.replace(",", " ").split()) == set(gitea_scopes(write_mode=write_mode))


def words_of(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return *scopes* in words for people, reading first."""
    return tuple(_BY_NAME[scope].words for scope in sorted(scopes, key=lambda one: (_BY_NAME[one].writes, one)))


def writes_anything(scopes: Iterable[str]) -> bool:
    """Return whether one of *scopes* changes something."""
    return any(_BY_NAME[scope].writes for scope in scopes)
