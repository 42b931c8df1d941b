"""What tests of the configuration share: the least that a gate needs, and faults by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegis_trio.config.faults import ConfigurationFault, ConfigurationFaults
from aegis_trio.config.load import load_settings
from aegis_trio.config.settings import Settings

KEY = "a1b2c3d4" + "0" * 52 + "e1f2"
OTHER = "0f1e2d3c" + "1" * 52 + "b4a5"
HINT, OTHER_HINT = "a1b2c3d4...e1f2", "0f1e2d3c...b4a5"
LEAST = {"GITEA_URL": "https://git.example.com", "GITEA_TOKEN": "abcdef0123", "MCP_API_KEYS": KEY}


def load(env_file: Path | None = None, **changes: str) -> Settings:
    """Return the settings of the least environment with *changes*; an empty text unsets."""
    return load_settings(LEAST | changes, env_file)


def faults_of(env_file: Path | None = None, **changes: str) -> list[ConfigurationFault]:
    """Return what is wrong with the least environment with *changes*."""
    with pytest.raises(ConfigurationFaults) as caught:
        load_settings(LEAST | changes, env_file)
    return list(caught.value.faults)


def fault_of(env_file: Path | None = None, **changes: str) -> ConfigurationFault:
    """Return the one thing that is wrong."""
    (fault,) = faults_of(env_file, **changes)
    return fault


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    """Write *text* and return where."""
    path.write_bytes(text.encode())
    path.chmod(mode)
    return path
