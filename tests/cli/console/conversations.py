"""What tests of the console share: a script that talks to the fake server in this process."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from aegis_trio.cli.console.address import parse_target
from aegis_trio.cli.console.conversation import Settings, run_conversation
from aegis_trio.cli.console.line_parser import parse_line
from aegis_trio.cli.console.printer import Printer
from aegis_trio.cli.console.script import Script, given
from aegis_trio.model.secret import Secret
from aegis_trio.protocol.revisions import Era
from tests.cli.console.fake_server import KEY, PATIENCE_S, FakeServer

ROOT = Path(__file__).resolve().parents[3]


def settings(
    url: str,
    *,
    era: Era = Era.MODERN,
    key: str | None = KEY,
    patience_s: float = PATIENCE_S,
    shows_frames: bool = False,
) -> Settings:
    """Return how to talk to the server at *url*."""
    return Settings(
        target=parse_target(url),
        key=None if key is None else Secret(key),
        era=era,
        version="0",
        patience_s=patience_s,
        shows_frames=shows_frames,
    )


async def run_script(
    server: FakeServer,
    *lines: str,
    era: Era = Era.MODERN,
    key: str | None = KEY,
    patience_s: float = PATIENCE_S,
    shows_frames: bool = False,
    as_json: bool = False,
) -> int:
    """Run *lines* against *server*; return the exit code. What is printed is for `capsys`."""
    chosen = settings(server.url, era=era, key=key, patience_s=patience_s, shows_frames=shows_frames)
    script = Script(given([parse_line(line) for line in lines]))
    return await partial(run_conversation, chosen, script, Printer(as_json=as_json))()
