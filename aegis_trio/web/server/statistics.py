"""What a server counts: a tally that its connections write, and the frozen value that others read.

Law: nothing outside this package reads the tally; dashboard and metrics read `ServerStatistics` only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatistics:
    """One server's state at one moment; all but the first two only grow."""

    open_connections: int
    open_addresses: int
    accepted: int
    refused_in_all: int  # above max_connections
    refused_per_address: int  # above max_connections_per_address
    refused_streams: int  # HTTP/2 streams above max_streams
    failed_handshakes: int
    cut_reading_slowly: int  # did not take what we sent
    cut_idle: int  # kept alive for too long, or a request's head that dripped in
    cut_resetting: int  # too many HTTP/2 resets
    cut_pipelining: int  # too much sent ahead
    cut_silent: int  # WebSockets that answered no ping
    cut_by_drain: int  # still open when the grace was over
    stream_resets: int
    malformed_requests: int
    application_faults: int
    contained_faults: int  # faults of a connection itself: each is a bug of ours, or of a library
    accept_failures: int  # no file descriptor was left, or the network failed


@final
@dataclass(slots=True)
class Tally:
    """The same counts while they grow."""

    accepted: int = 0
    refused_in_all: int = 0
    refused_per_address: int = 0
    refused_streams: int = 0
    failed_handshakes: int = 0
    cut_reading_slowly: int = 0
    cut_idle: int = 0
    cut_resetting: int = 0
    cut_pipelining: int = 0
    cut_silent: int = 0
    cut_by_drain: int = 0
    stream_resets: int = 0
    malformed_requests: int = 0
    application_faults: int = 0
    contained_faults: int = 0
    accept_failures: int = 0

    def freeze(self, *, open_connections: int, open_addresses: int) -> ServerStatistics:
        """Return what was counted so far, with what is open now."""
        return ServerStatistics(
            open_connections=open_connections,
            open_addresses=open_addresses,
            accepted=self.accepted,
            refused_in_all=self.refused_in_all,
            refused_per_address=self.refused_per_address,
            refused_streams=self.refused_streams,
            failed_handshakes=self.failed_handshakes,
            cut_reading_slowly=self.cut_reading_slowly,
            cut_idle=self.cut_idle,
            cut_resetting=self.cut_resetting,
            cut_pipelining=self.cut_pipelining,
            cut_silent=self.cut_silent,
            cut_by_drain=self.cut_by_drain,
            stream_resets=self.stream_resets,
            malformed_requests=self.malformed_requests,
            application_faults=self.application_faults,
            contained_faults=self.contained_faults,
            accept_failures=self.accept_failures,
        )
