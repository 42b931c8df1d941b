"""Every row of the manifest, in the order in which the document lists them.

Not here: authorization, which is a chapter of its own (RFC 9728, RFC 8707, RFC 9207), and what only clients must do.
"""

from __future__ import annotations

from typing import Final

from tests.protocol.requirements import (
    channels,
    envelope,
    eras,
    errors,
    events,
    features,
    legacy,
    lists,
    rounds,
    streamable_http,
    tools,
)
from tests.protocol.requirements.requirement import Requirement

SECTIONS: Final[dict[str, tuple[Requirement, ...]]] = {
    "Requests and results": envelope.ROWS,
    "Errors": errors.ROWS,
    "Streamable HTTP": streamable_http.ROWS,
    "Questions to the client": rounds.ROWS,
    "Subscriptions, caching, pages": lists.ROWS,
    "Tools": tools.ROWS,
    "Resources, prompts, progress, log messages": features.ROWS,
    "WebSocket and standard streams": channels.ROWS,
    "The handshake era": legacy.ROWS,
    "HTTP with events, and older clients": events.ROWS,
    "Two eras at one address": eras.ROWS,
}
REQUIREMENTS: Final = tuple(row for rows in SECTIONS.values() for row in rows)
