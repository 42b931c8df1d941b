"""The opening of an HTTP/2 connection: the settings and windows that it is held to from then on.

Law: the connection's window holds all streams' windows, so that a stream which is not read blocks no other.

Source: RFC 9113 sections 3.4 (what is sent first), 6.5.2 (settings), 6.9 (windows).
"""

from __future__ import annotations

from typing import Final

from h2.connection import H2Connection
from h2.settings import SettingCodes, Settings

from aegis_trio.web.server.limits import ConnectionLimits

MAX_STREAM_ID: Final = 2**31 - 1  # and the largest window
_DEFAULT_WINDOW_BYTES: Final = 65_535  # source: RFC 9113 section 6.9.2


def set_limits(connection: H2Connection, limits: ConnectionLimits) -> None:
    """Tell h2 what to advertise, and what to refuse."""
    connection.local_settings = Settings(
        client=False,
        initial_values={
            SettingCodes.MAX_CONCURRENT_STREAMS: limits.advertised_streams,
            SettingCodes.MAX_HEADER_LIST_SIZE: limits.max_header_bytes,
            SettingCodes.INITIAL_WINDOW_SIZE: limits.max_stream_buffer_bytes,
        },
    )
    # Above what we advertise a request is refused alone; this second limit, at which h2 gives up the whole
    # connection, stops what cannot even be decoded in bounded memory.
    connection.decoder.max_header_list_size = 2 * limits.max_header_bytes


def begin(connection: H2Connection, limits: ConnectionLimits) -> None:
    """Make the frames that come first."""
    connection.initiate_connection()
    together = limits.max_streams * limits.max_stream_buffer_bytes
    if together > _DEFAULT_WINDOW_BYTES:
        connection.increment_flow_control_window(min(together, MAX_STREAM_ID) - _DEFAULT_WINDOW_BYTES)
