"""`aegis-trio console`: talk to a gate over its WebSocket debugging transport, by hand or in scripts.

Exit codes: 0 well, 1 a call failed or a replay differed, 64 usage, 69 no connection, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

import trio

from aegis_trio.cli.console import key as key_source
from aegis_trio.cli.console.address import Target, parse_target
from aegis_trio.cli.console.commands import Command
from aegis_trio.cli.console.conversation import Settings, run_conversation
from aegis_trio.cli.console.line_parser import BadLine, parse_line
from aegis_trio.cli.console.printer import Printer
from aegis_trio.cli.console.script import Script, given, piped
from aegis_trio.cli.usage import Usage, can_ask
from aegis_trio.config.faults import ConfigurationFaults, Misfit
from aegis_trio.config.parsing import seconds
from aegis_trio.config.reader import Reader
from aegis_trio.config.sources import DEFAULT_ENV_FILE, Sources
from aegis_trio.config.variables import listening
from aegis_trio.protocol.revisions import Era

DEFAULT_TIMEOUT_S: Final = 60.0
MAX_TIMEOUT_S: Final = 3600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `console` understands to *parser*."""
    parser.add_argument("--url", help="ws, wss, http or https URL (default: the gate's own, from PUBLIC_URL or PORT)")
    key_source.add_arguments(parser)
    parser.add_argument("-c", "--command", dest="lines", action="append", metavar="LINE", help="run this; repeatable")
    parser.add_argument("--json", action="store_true", help="print one JSON object per result")
    parser.add_argument("--era", choices=[era.value for era in Era], default=Era.MODERN.value, help="default: modern")
    parser.add_argument("--timeout", default=f"{DEFAULT_TIMEOUT_S:g}", metavar="SECONDS", help="for each answer")
    parser.add_argument("--frames", action="store_true", help="show every frame with its time")
    parser.add_argument("--env-file", type=Path, default=DEFAULT_ENV_FILE, help="settings file (default: .env)")


def run(arguments: argparse.Namespace) -> int:
    """Connect and do what is asked for; return the exit code."""
    is_interactive = arguments.lines is None and can_ask()
    if is_interactive and arguments.json:
        raise Usage("--json is for scripts: give commands by -c, or through a pipe.")
    commands = _parse_lines(arguments.lines)
    settings = Settings(
        target=_target(arguments),
        key=key_source.find_key(arguments, os.environ, can_ask=is_interactive),
        era=Era(arguments.era),
        version=version("aegis-trio"),
        patience_s=_patience_s(arguments.timeout),
        shows_frames=arguments.frames,
    )
    if arguments.key is not None:
        print(f"aegis-trio: {key_source.VISIBLE_KEY_WARNING}", file=sys.stderr)
    if settings.target.is_in_the_clear:
        print("aegis-trio: the key crosses the network in the clear: use wss:// or https://.", file=sys.stderr)
    if is_interactive:
        return _run_interactive(settings)
    script = Script(given(commands) if arguments.lines is not None else piped(sys.stdin.fileno()))
    return trio.run(partial(run_conversation, settings, script, Printer(as_json=arguments.json)))


def _run_interactive(settings: Settings) -> int:
    if importlib.util.find_spec("readline") is None:
        raise Usage("this Python has no readline: give commands by -c, or through a pipe.")
    from aegis_trio.cli.console.history import History, history_path  # noqa: PLC0415 -- needs readline, as above
    from aegis_trio.cli.console.interactive import Interactive  # noqa: PLC0415 -- the same
    from aegis_trio.cli.console.terminal import Terminal  # noqa: PLC0415 -- the same

    history = History(history_path(os.environ), settings.key)
    terminal = Terminal(history)
    speaker = Interactive(terminal)
    with terminal.opened():
        code = trio.run(partial(run_conversation, settings, speaker, Printer(as_json=False, notices=terminal.tell)))
    if history.fault is not None:
        print(f"aegis-trio: {history.fault}", file=sys.stderr)
    return code


def _parse_lines(lines: list[str] | None) -> list[Command]:
    try:
        return [parse_line(line) for line in lines or ()]
    except BadLine as bad_line:
        raise Usage(f"-c: {bad_line}") from None


def _target(arguments: argparse.Namespace) -> Target:
    raw_url: str | None = arguments.url
    try:
        return parse_target(_own_url(arguments.env_file) if raw_url is None else raw_url)
    except Misfit as misfit:
        raise Usage(f"--url {misfit}") from None


def _own_url(env_file: Path) -> str:
    """Return the URL of the gate that this folder configures."""
    reader = Reader(Sources(os.environ, env_file))
    url = reader.read(listening.PUBLIC_URL) or reader.read(listening.MCP_DOMAIN)
    port = reader.read(listening.PORT)
    faults = (*reader.sources.faults, *reader.faults)
    if faults:
        raise ConfigurationFaults(faults)
    return url or f"http://127.0.0.1:{port}"


def _patience_s(raw_timeout: str) -> float:
    try:
        return seconds(0.1, MAX_TIMEOUT_S)(raw_timeout)
    except Misfit as misfit:
        raise Usage(f"--timeout {misfit}") from None
