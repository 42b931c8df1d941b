"""The table of revisions: one row for each, with everything in which they differ for a server.

Laws:
    1. Nothing else in the gate compares version strings; code asks the row.
    2. Revisions are an enumerated set in the order of their release, not text to be compared.

Not here: what the gate itself implements of a revision (dispatch.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final


class Era(StrEnum):
    """Whether a client opens with a handshake, or states everything in each request.

    Source: MCP 2026-07-28 basic/versioning#terminology.
    """

    LEGACY = "legacy"
    MODERN = "modern"


class CallOwner(StrEnum):
    """What a running call belongs to, and so what ends it."""

    SESSION = "session"  # a disconnect is no cancel
    REQUEST = "request"  # closing the response is the cancel


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One released revision of the Model Context Protocol."""

    version: str
    era: Era
    call_owner: CallOwner
    receives_batches: bool
    primes_streams: bool
    """Whether a stream that can be resumed begins with an event that only gives an id."""
    requests: frozenset[str]
    """Methods that a client may ask for."""
    notifications: frozenset[str]
    """Notifications that a client may send."""
    content_types: frozenset[str]
    """Types of content blocks that a client of this revision knows."""


_COMMON: Final = frozenset(
    {
        "completion/complete",
        "prompts/get",
        "prompts/list",
        "resources/list",
        "resources/read",
        "resources/templates/list",
        "tools/call",
        "tools/list",
    }
)
# Source: MCP 2026-07-28 changelog: what the handshake era had and the stateless one lost.
_LEGACY_REQUESTS: Final = _COMMON | {
    "initialize",
    "logging/setLevel",
    "ping",
    "resources/subscribe",
    "resources/unsubscribe",
}
_MODERN_REQUESTS: Final = _COMMON | {"server/discover", "subscriptions/listen"}
_LEGACY_NOTIFICATIONS: Final = frozenset(
    {
        "notifications/cancelled",
        "notifications/initialized",
        "notifications/progress",
        "notifications/roots/list_changed",
    }
)
_FIRST_CONTENT: Final = frozenset({"text", "image", "resource"})

REVISIONS: Final = (
    Revision(
        version="2024-11-05",
        era=Era.LEGACY,
        call_owner=CallOwner.SESSION,
        receives_batches=False,
        primes_streams=False,
        requests=_LEGACY_REQUESTS,
        notifications=_LEGACY_NOTIFICATIONS,
        content_types=_FIRST_CONTENT,
    ),
    Revision(
        version="2025-03-26",
        era=Era.LEGACY,
        # Source: MCP 2025-03-26 basic/transports#sending-messages-to-the-server, item 6.
        call_owner=CallOwner.SESSION,
        # Source: MCP 2025-03-26 basic/index#batching ("MUST support receiving"); gone again in 2025-06-18.
        receives_batches=True,
        primes_streams=False,
        requests=_LEGACY_REQUESTS,
        notifications=_LEGACY_NOTIFICATIONS,
        content_types=_FIRST_CONTENT | {"audio"},
    ),
    Revision(
        version="2025-06-18",
        era=Era.LEGACY,
        call_owner=CallOwner.SESSION,
        receives_batches=False,
        primes_streams=False,
        requests=_LEGACY_REQUESTS,
        notifications=_LEGACY_NOTIFICATIONS,
        content_types=_FIRST_CONTENT | {"audio", "resource_link"},
    ),
    Revision(
        version="2025-11-25",
        era=Era.LEGACY,
        # Source: MCP 2025-11-25 basic/transports#sending-messages-to-the-server, item 6.
        call_owner=CallOwner.SESSION,
        receives_batches=False,
        # Source: MCP 2025-11-25 basic/transports#sending-messages-to-the-server, item 6 ("SHOULD immediately").
        primes_streams=True,
        requests=_LEGACY_REQUESTS,
        notifications=_LEGACY_NOTIFICATIONS,
        content_types=_FIRST_CONTENT | {"audio", "resource_link"},
    ),
    Revision(
        version="2026-07-28",
        era=Era.MODERN,
        # Source: MCP 2026-07-28 basic/transports/streamable-http#cancellation.
        call_owner=CallOwner.REQUEST,
        receives_batches=False,
        primes_streams=False,
        requests=_MODERN_REQUESTS,
        notifications=frozenset({"notifications/cancelled"}),
        content_types=_FIRST_CONTENT | {"audio", "resource_link"},
    ),
)
"""Every released revision, oldest first."""

_BY_VERSION: Final = {revision.version: revision for revision in REVISIONS}
OLDEST: Final = REVISIONS[0]
LEGACY_VERSIONS: Final = tuple(revision.version for revision in REVISIONS if revision.era is Era.LEGACY)
MODERN_VERSIONS: Final = tuple(revision.version for revision in REVISIONS if revision.era is Era.MODERN)
NEWEST_LEGACY: Final = _BY_VERSION[LEGACY_VERSIONS[-1]]


def find_revision(version: str, era: Era) -> Revision | None:
    """Return the revision called *version* if it is of *era*."""
    revision = _BY_VERSION.get(version)
    return revision if revision is not None and revision.era is era else None


def negotiate(requested: str) -> Revision:
    """Return the revision that `initialize` agrees on: the one asked for, or our newest that has a handshake.

    Source: MCP 2025-11-25 basic/lifecycle#version-negotiation.
    """
    return find_revision(requested, Era.LEGACY) or NEWEST_LEGACY
