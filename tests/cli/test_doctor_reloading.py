"""The doctor says what a running gate takes over, and what needs a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegis_trio.cli.checkup.machine import check_keys
from aegis_trio.cli.checkup.reloading import check_reloading
from aegis_trio.config.load import gather
from aegis_trio.model.clock import SetClock
from tests.cli.places import HINT, KEY, NOW_NS, known

SETTINGS = {"GITEA_URL": "https://x", "GITEA_TOKEN": "abcdef", "MCP_API_KEYS": KEY}


@pytest.mark.parametrize(
    ("environ", "restart"), [(SETTINGS, ["GITEA_TOKEN", "MCP_API_KEYS"]), ({}, []), ({"GITEA_URL": "https://y"}, [])]
)
def test_keys_in_the_environment_need_a_restart(environ: dict[str, str], restart: list[str], folder: Path) -> None:
    """And those in a file do not; the way out of restarts is named."""
    env_file = folder / ".env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in SETTINGS.items()))

    finding = check_reloading(gather(environ, env_file).effective)

    assert bool(restart) is ("needs a restart" in finding.message)
    assert bool(restart) is ("MCP_API_KEYS_FILE" in finding.message)
    assert all(name in finding.message for name in restart)


def test_a_revoked_key_is_no_alarm(folder: Path) -> None:
    """It was ended on purpose."""
    known(folder / "keys", KEY, expires_days=-3, revoked_ns=NOW_NS)
    settings = gather(SETTINGS, None).settings
    assert settings is not None
    assert [f"{HINT} is revoked."] == [finding.message for finding in check_keys(settings, SetClock(NOW_NS))]
