"""What the operator may choose about sessions and streams, and the bounds that nobody needs to choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from aegis_trio.protocol.json_reader import MAX_DOCUMENT_BYTES


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """Bounds of sessions, streams and bodies; durations in seconds."""

    max_sessions_per_principal: int = 1000
    max_sessions: int = 12_000  # as many as the gate takes connections
    idle_s: float = 1800.0
    """How long a session may rest with no request, stream or running call."""
    max_age_s: float = 86_400.0
    max_body_bytes: int = MAX_DOCUMENT_BYTES
    body_deadline_s: float = 10.0
    """How long a request may take to send its body."""
    keep_alive_s: float = 15.0  # below the 30 to 60 s after which proxies close a silent connection
    json_within_s: float = 5.0
    """How long a call may take before its answer becomes a stream, so that keep-alives can flow."""
    resumable_within_s: float = 0.2
    """The same where a stream can be resumed: only once it has begun can a client that lost it come back for it."""
    keep_streams_s: float = 300.0
    """How long the stream of a finished request is kept for a client that lost it."""
    max_kept_streams: int = 32
    """Streams that a session keeps for that, the oldest finished ones dropped first."""
    max_watches: int = 64
    """Resources that one session watches."""
    max_subscriptions: int = 16
    """Streams of changes that one line holds at once; over HTTP each needs a connection."""
    write_within_s: float = 30.0
    """How long a line's reader may take for one message. Precedent: the server's own deadline for writing."""
    max_streams_per_session: int = 4  # a client that reconnects leaves at most its last ones behind
    max_outbox_messages: int = 64  # twice the calls that one principal may run at once
    max_outbox_bytes: int = 2 * 1024 * 1024
    """What waits for a slow reader of HTTP+SSE before it is cut: the replies of 32 calls at once, 48 KB each, fit."""
    max_outboxes_bytes: int = 64 * 1024 * 1024  # an eighth of the container's memory
    """What waits for all slow readers together; above it, whoever has something waiting and gets more is cut."""
    reap_every_s: float = 10.0
    messages_path: str = "/mcp/messages"
    """Where HTTP+SSE clients are told to post, as they see it from outside."""
    allow_query_api_key: bool = False
    """Whether `?api_key=` is a credential on /mcp/sse."""
