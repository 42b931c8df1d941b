"""What people type as the gate's address leads to its WebSocket."""

from __future__ import annotations

import pytest

from aegis_trio.cli.console.address import parse_target
from aegis_trio.config.faults import Misfit


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("ws://127.0.0.1:8080/mcp/ws", "ws://127.0.0.1:8080/mcp/ws"),
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/mcp/ws"),
        ("http://127.0.0.1:8080/", "ws://127.0.0.1:8080/mcp/ws"),
        ("https://mcp.example.com/mcp", "wss://mcp.example.com/mcp/ws"),
        ("WSS://MCP.example.com", "wss://mcp.example.com/mcp/ws"),
        ("http://[::1]:8080", "ws://[::1]:8080/mcp/ws"),
        ("http://host:0080", "ws://host/mcp/ws"),
        ("http://host", "ws://host/mcp/ws"),
        ("https://host/sub/mcp/", "wss://host/sub/mcp/ws"),
        ("https://host/sub/mcp/ws/", "wss://host/sub/mcp/ws"),
    ],
)
def test_every_form_of_the_address_is_taken(typed: str, url: str) -> None:
    """It is copied from the demo, from a client's configuration, or from PUBLIC_URL."""
    assert url == parse_target(typed).url


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("127.0.0.1:8080", "is not a ws, wss, http or https URL"),
        ("ftp://host", "is not a ws, wss, http or https URL"),
        ("http://", "is not a ws, wss, http or https URL"),
        ("http://host:99999", "is not a ws, wss, http or https URL"),
        ("http://[::1", "is not a ws, wss, http or https URL"),
        ("http://u:p@host", "holds a user, query or fragment"),
        ("http://host/?api_key=x", "AEGIS_CONSOLE_KEY"),
        ("http://host/#x", "holds a user, query or fragment"),
        ("http://hö.st", "holds a character"),
        ("http://host/a b", "holds a character"),
    ],
)
def test_what_is_no_address_says_what_to_give(typed: str, said: str) -> None:
    """A key in an address would end in histories and logs."""
    with pytest.raises(Misfit) as caught:
        parse_target(typed)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "is_in_the_clear"),
    [("http://127.0.0.1", False), ("http://localhost", False), ("http://host", True), ("https://host", False)],
)
def test_a_key_in_the_clear_is_noticed(typed: str, is_in_the_clear: bool) -> None:  # noqa: FBT001 -- a table
    """Whoever reads the network has the key."""
    assert is_in_the_clear == parse_target(typed).is_in_the_clear
