"""What a server counts: a tally that its connections write, and the frozen value that others read.

Law: nothing outside this package reads the tally; dashboard and metrics read `ServerStatistics` only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatistics:
    """One server's state at one moment; what only grows ends in `_total`."""

    open_connections: int
    open_addresses: int
    accepted_total: int
    refused_in_all_total: int  # above max_connections
    refused_per_address_total: int  # above max_connections_per_address
    refused_streams_total: int  # HTTP/2 streams above max_streams
    failed_handshakes_total: int
    cut_reading_slowly_total: int  # did not take what we sent
    cut_idle_total: int  # kept alive for too long, or a request's head that dripped in
    cut_resetting_total: int  # too many HTTP/2 resets
    cut_pipelining_total: int  # too much sent ahead
    open_websockets: int
    websockets_total: int  # upgrades that were accepted
    failed_websockets_total: int  # frames that break the protocol, or a message beyond its bounds
    cut_silent_total: int  # WebSockets that answered no ping
    cut_by_drain_total: int  # still open when the grace was over
    stream_resets_total: int
    malformed_requests_total: int
    application_faults_total: int
    contained_faults_total: int  # faults of a connection itself: each is a bug of ours, or of a library
    accept_failures_total: int  # no file descriptor was left, or the network failed


@final
@dataclass(slots=True)
class Tally:
    """The same counts while they grow."""

    accepted_total: int = 0
    refused_in_all_total: int = 0
    refused_per_address_total: int = 0
    refused_streams_total: int = 0
    failed_handshakes_total: int = 0
    cut_reading_slowly_total: int = 0
    cut_idle_total: int = 0
    cut_resetting_total: int = 0
    cut_pipelining_total: int = 0
    open_websockets: int = 0
    websockets_total: int = 0
    failed_websockets_total: int = 0
    cut_silent_total: int = 0
    cut_by_drain_total: int = 0
    stream_resets_total: int = 0
    malformed_requests_total: int = 0
    application_faults_total: int = 0
    contained_faults_total: int = 0
    accept_failures_total: int = 0

    def freeze(self, *, open_connections: int, open_addresses: int) -> ServerStatistics:
        """Return what was counted so far, with what is open now."""
        return ServerStatistics(
            open_connections=open_connections,
            open_addresses=open_addresses,
            accepted_total=self.accepted_total,
            refused_in_all_total=self.refused_in_all_total,
            refused_per_address_total=self.refused_per_address_total,
            refused_streams_total=self.refused_streams_total,
            failed_handshakes_total=self.failed_handshakes_total,
            cut_reading_slowly_total=self.cut_reading_slowly_total,
            cut_idle_total=self.cut_idle_total,
            cut_resetting_total=self.cut_resetting_total,
            cut_pipelining_total=self.cut_pipelining_total,
            open_websockets=self.open_websockets,
            websockets_total=self.websockets_total,
            failed_websockets_total=self.failed_websockets_total,
            cut_silent_total=self.cut_silent_total,
            cut_by_drain_total=self.cut_by_drain_total,
            stream_resets_total=self.stream_resets_total,
            malformed_requests_total=self.malformed_requests_total,
            application_faults_total=self.application_faults_total,
            contained_faults_total=self.contained_faults_total,
            accept_failures_total=self.accept_failures_total,
        )
