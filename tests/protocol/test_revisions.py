"""The table says of every revision what its specification says."""

from __future__ import annotations

import pytest
from mcp_types.methods import CLIENT_NOTIFICATIONS, CLIENT_REQUESTS
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, KNOWN_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from aegis_trio.protocol.revisions import (
    LEGACY_VERSIONS,
    MODERN_VERSIONS,
    REVISIONS,
    CallOwner,
    Era,
    Revision,
    find_revision,
    negotiate,
)


def by_version(revision: Revision) -> str:
    """Name a case after its revision."""
    return revision.version


@pytest.mark.requirement("MCP-ERA-09")
def test_the_table_has_a_row_for_each_released_revision() -> None:
    """A revision that the types know and the table does not would be refused to its clients."""
    assert KNOWN_PROTOCOL_VERSIONS == tuple(revision.version for revision in REVISIONS)
    assert HANDSHAKE_PROTOCOL_VERSIONS == LEGACY_VERSIONS
    assert MODERN_PROTOCOL_VERSIONS == MODERN_VERSIONS


@pytest.mark.requirement("MCP-CHG-01", "MCP-ERA-09")
@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
def test_methods_are_those_of_the_schema(revision: Revision) -> None:
    """The method table of the wire types is an independent reading of the same schemas."""
    requests = {method for method, version in CLIENT_REQUESTS if version == revision.version}
    notifications = {method for method, version in CLIENT_NOTIFICATIONS if version == revision.version}

    assert requests == revision.requests
    assert notifications == revision.notifications


@pytest.mark.requirement("MCP-HTTP-16", "MCP-SESS-09")
@pytest.mark.parametrize("revision", REVISIONS, ids=by_version)
def test_hanging_up_cancels_exactly_where_the_revision_says_so(revision: Revision) -> None:
    """MCP 2025-11-25 basic/transports, item 6 (is not); 2026-07-28 streamable-http#cancellation (is)."""
    expected = CallOwner.REQUEST if revision.version == "2026-07-28" else CallOwner.SESSION

    assert expected is revision.call_owner


@pytest.mark.requirement("MCP-L2503-01")
def test_only_one_revision_has_batches() -> None:
    """MCP 2025-03-26 basic/index#batching; removed by the changelog of 2025-06-18."""
    assert ["2025-03-26"] == [revision.version for revision in REVISIONS if revision.receives_batches]


@pytest.mark.requirement("MCP-NEG-01")
@pytest.mark.parametrize("version", LEGACY_VERSIONS)
def test_a_supported_version_is_echoed(version: str) -> None:
    """MCP 2025-11-25 basic/lifecycle#version-negotiation."""
    assert version == negotiate(version).version


@pytest.mark.requirement("MCP-NEG-01", "MCP-NEG-02")
@pytest.mark.parametrize("version", ["2026-07-28", "1.0", "", "2099-01-01", "zzz"])
def test_any_other_version_is_answered_with_our_newest_handshake_revision(version: str) -> None:
    """The same section: never 2026-07-28, which has no handshake."""
    assert "2025-11-25" == negotiate(version).version


@pytest.mark.requirement("MCP-NEG-02")
def test_a_revision_is_found_in_its_own_era_only() -> None:
    """A modern version named in a handshake must not bring modern rules into a session."""
    assert find_revision("2026-07-28", Era.LEGACY) is None
    assert find_revision("2025-11-25", Era.MODERN) is None
    assert "2026-07-28" == getattr(find_revision("2026-07-28", Era.MODERN), "version", None)
