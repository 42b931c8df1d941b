"""Settings of tools: nothing is opened unless it is named."""

from __future__ import annotations

import pytest

from aegis_trio.config.faults import ConfigurationFaults
from aegis_trio.config.load import load_settings
from aegis_trio.config.stdio import load_stdio_settings
from aegis_trio.toolsets.operations.exposure import Sensitive
from aegis_trio.toolsets.settings import ToolSettings

LEAST = {"GITEA_URL": "https://git.example.com", "GITEA_TOKEN": "a" * 40, "MCP_API_KEYS": "b" * 64}


def test_by_default_nothing_is_opened() -> None:
    """The default must be right for whoever sets nothing."""
    assert ToolSettings() == load_settings(LEAST, None).tools
    assert ToolSettings() == load_stdio_settings(LEAST | {"HOME": "/home/alice"}, None).tools


def test_groups_are_opened_by_name() -> None:
    """Whatever their case, and only those."""
    opened = LEAST | {"SENSITIVE_OPERATIONS": "hooks, Registration_Tokens"}
    expected = ToolSettings(opened=frozenset({Sensitive.HOOKS, Sensitive.REGISTRATION_TOKENS}))

    assert expected == load_settings(opened, None).tools
    assert expected == load_stdio_settings(opened | {"HOME": "/home/alice"}, None).tools


@pytest.mark.parametrize("raw", ["all", "*", "hooks;keys", "admin", "tokens", "true"])
def test_what_is_no_group_is_refused(raw: str) -> None:
    """There is no word for all of them: each is a decision."""
    with pytest.raises(ConfigurationFaults, match=r"is not a group of operations.*registration_tokens"):
        load_settings(LEAST | {"SENSITIVE_OPERATIONS": raw}, None)
