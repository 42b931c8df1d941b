"""What tests of `oauth setup` share: the command beside a forge, and the files of the working folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import trio

from aegis_trio.cli.env_lines import read_values
from aegis_trio.demo_forge.sign_ins import Application
from tests.cli.places import run
from tests.forge import RunningForge

PUBLIC = "https://mcp.example.com"
CALLBACK = f"{PUBLIC}/oauth/callback"
NAME = "aegis-trio"
HERE = Path()
ENV, SECRET, TOKEN, NOWHERE = Path(".env"), Path("secrets/oauth"), Path("token"), Path("nowhere")


async def setup(forge: RunningForge, *flags: str, public_url: str = PUBLIC) -> int:
    """Run the command beside *forge*; return its exit code."""
    given = ("--gitea-url", forge.url, "--public-url", public_url, "--state-dir", "state")
    return await trio.to_thread.run_sync(partial(run, "oauth", "setup", *given, *flags))


def ours(forge: RunningForge) -> list[Application]:
    """Return the applications that people made."""
    return [each for each in forge.world.sign_ins.applications.values() if each.owner_id]


def written() -> dict[str, str]:
    """Return what the settings file says."""
    return read_values(ENV.read_text())


def as_token(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """Give *token* by the environment."""
    monkeypatch.setenv("AEGIS_SETUP_TOKEN", token)
