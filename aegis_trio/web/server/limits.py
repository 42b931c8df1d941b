"""The limits of a connection: what any peer may cost us, each with its unit and its precedent.

Laws:
    1. Every number that bounds a peer stands here; no other room of this package invents one.
    2. A value that exists is usable: zero and negative numbers are refused.

Not here: the size of a request's body and what a caller may do per minute; those know the caller, and live
behind authentication.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """What one connection, one address and all of them together may hold."""

    write_deadline_s: float = 30.0
    """A peer must take each 64 KiB within this time. Precedent: nginx send_timeout 60 s, Apache mod_reqtimeout."""

    keep_alive_s: float = 30.0
    """From the end of one request to the complete head of the next; also bounds a head that drips in.
    Precedent: nginx keepalive_timeout 75 s, client_header_timeout 60 s; halved, as nothing waits on us."""

    handshake_s: float = 10.0
    """For the TLS handshake. Precedent: Go net/http, which bounds it by ReadHeaderTimeout (Caddy: 10 s)."""

    disconnect_grace_s: float = 2.0
    """What an application may still run after its peer hung up, and how long we listen to a peer that we
    answered before its body was whole. Precedent: nginx lingering_timeout 5 s."""

    max_connections: int = 12_000
    """In all; above the 10,000 idle streams this product promises. Precedent: HAProxy maxconn, same order."""

    max_connections_per_address: int = 2_000
    """From one address, or one /64 of IPv6. Many people share one egress. Precedent: HAProxy's guides, 10 to 2,000."""

    max_streams: int = 100
    """Requests at once on one HTTP/2 connection; above it a stream is refused and may be retried.
    Precedent: RFC 9113 section 6.5.2 recommends no fewer than 100."""

    advertised_streams: int = 1_000
    """What SETTINGS_MAX_CONCURRENT_STREAMS says. A client that goes beyond it loses its whole connection,
    so it is far above what we refuse stream by stream. Precedent: nghttp2 and Envoy keep the two apart."""

    max_stream_buffer_bytes: int = 256 * 1024
    """What one request may hold here: sent by the peer and not yet read by the application.
    Precedent: Go's http2 server, 1 MiB per stream; Envoy 256 KiB in its hardening guide for edge proxies."""

    max_queued_messages: int = 32
    """WebSocket messages received and not yet read by the application. Precedent: websockets' max_queue 16."""

    max_websocket_message_bytes: int = 1024 * 1024
    """One WebSocket message, text counted in UTF-8. Precedent: websockets' max_size 1 MiB."""

    max_websocket_frames: int = 1_000
    """Of one WebSocket message; an empty frame holds no byte, but costs time. Precedent: ws' maxFragments."""

    websocket_message_s: float = 30.0
    """From the first bytes of a WebSocket message to its last. Precedent: nginx client_body_timeout 60 s."""

    websocket_ping_s: float = 20.0
    """Between two pings. Precedent: websockets' ping_interval 20 s."""

    websocket_pong_s: float = 20.0
    """From a ping until anything at all must have come back. Precedent: websockets' ping_timeout 20 s."""

    websocket_close_s: float = 1.0
    """For the peer's half of a closing handshake. Precedent: websockets' close_timeout 10 s; a drain has less."""

    max_resets: int = 200
    """Streams that a peer may open and reset at once (CVE-2023-44487); above it the connection ends with
    ENHANCE_YOUR_CALM. Precedent: nghttp2 since 1.57 allows 1,000, Go ties it to the 250 handlers it runs."""

    resets_refilled_per_s: float = 33.0
    """How fast that allowance comes back. Precedent: nghttp2 since 1.57, 33 a second."""

    max_pipelined_bytes: int = 64 * 1024
    """Sent by an HTTP/1.1 peer while its request is still being answered. Precedent: one read of the socket."""

    max_header_bytes: int = 32 * 1024
    """The request line and all fields of one request. Precedent: nginx 4 times 8 KiB."""

    max_header_count: int = 100
    """Fields of one request. Precedent: Apache's LimitRequestFields 100."""

    def __post_init__(self) -> None:
        """Refuse what would switch a limit off by accident."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ValueError(f"{field.name}: must be above 0, not {value}. Leave it out for the default.")
        if self.advertised_streams < self.max_streams:
            raise ValueError(
                f"advertised_streams: {self.advertised_streams} is below max_streams {self.max_streams}. "
                "Advertise at least what is allowed."
            )
