"""`aegis-trio demo`: its settings; what it prints and serves is told by tests/e2e/test_demo.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegis_trio.cli.demo import Choices, demo_settings
from aegis_trio.model.secret import Secret


def has_socket(folder: Path) -> bool:
    """Return whether the demo has MCP over WebSocket."""
    choices = Choices(port=0, forge_port=0, state=folder)
    return demo_settings(choices, "http://127.0.0.1:1", Secret("abcdef0123")).web.websocket_debug


def test_the_demo_has_a_websocket_for_the_console(folder: Path) -> None:
    """Debugging is what a demo is for, and only this machine can reach it."""
    assert has_socket(folder)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("WEBSOCKET_DEBUG", "false", False),
        ("WEBSOCKET_DEBUG", "true", True),
        ("HOST", "192.0.2.1", False),
    ],
    ids=["switched off", "switched on", "on a network"],
)
def test_the_environment_decides(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, *, expected: bool
) -> None:
    """What is shown to a network is chosen, never assumed."""
    monkeypatch.setenv(variable, value)

    assert expected == has_socket(folder)
