"""A limit that exists limits."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from aegis_trio.web.server.limits import ConnectionLimits


@pytest.mark.parametrize("name", [field.name for field in fields(ConnectionLimits)])
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_cannot_be_switched_off_by_accident(name: str, value: int) -> None:
    """Zero reads as "unlimited" to some and as "nothing" to others; here it is an error that names the field."""
    limits: dict[str, Any] = {name: value}

    with pytest.raises(ValueError, match=name):
        ConnectionLimits(**limits)


def test_no_fewer_streams_are_advertised_than_are_allowed() -> None:
    """A client that goes beyond what was advertised loses its whole connection, so that may never come first."""
    with pytest.raises(ValueError, match="advertised_streams"):
        ConnectionLimits(max_streams=100, advertised_streams=99)


def test_the_defaults_are_those_that_were_promised() -> None:
    """These numbers stand in the documentation."""
    limits = ConnectionLimits()

    assert (30.0, 12_000, 2_000) == (
        limits.write_deadline_s,
        limits.max_connections,
        limits.max_connections_per_address,
    )
    assert (100, 1_000, 256 * 1024) == (limits.max_streams, limits.advertised_streams, limits.max_stream_buffer_bytes)
    assert (30.0, 10.0, 1024 * 1024) == (limits.keep_alive_s, limits.handshake_s, limits.max_websocket_message_bytes)
