"""`aegis-trio doctor`: is everything there that serving needs? Looks, and changes nothing.

With `--send-test-alert` it also sends every alert target one message.

Exit codes: 0 when nothing failed (warnings are allowed), 78 when something did.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Final, TextIO

import trio

from aegis_trio.cli.checkup.alerts import check_alerts
from aegis_trio.cli.checkup.finding import Finding, Health, failure, warning, well
from aegis_trio.cli.checkup.forge import check_forge
from aegis_trio.cli.checkup.machine import check_machine
from aegis_trio.cli.checkup.reloading import check_reloading
from aegis_trio.cli.checkup.signin import check_signin
from aegis_trio.cli.exit_codes import EXIT_CONFIGURATION, EXIT_OK
from aegis_trio.config.load import Gathered, gather
from aegis_trio.config.settings import Settings
from aegis_trio.config.sources import DEFAULT_ENV_FILE
from aegis_trio.model.clock import WallClock

_COLOURS: Final = {Health.OK: "\x1b[32m", Health.WARNING: "\x1b[33m", Health.FAILURE: "\x1b[31m"}
_PLAIN: Final = "\x1b[0m"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `doctor` understands to *parser*."""
    parser.add_argument("--env-file", type=Path, default=DEFAULT_ENV_FILE, help="settings file (default: .env)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--send-test-alert", action="store_true", help="send every alert target one message")


def run(arguments: argparse.Namespace) -> int:
    """Look at everything and print it; return 78 when something failed."""
    gathered = gather(os.environ, arguments.env_file)
    findings = _configuration(gathered)
    if gathered.settings is not None:
        findings.append(check_reloading(gathered.effective))
        findings.extend(_examine(gathered.settings, arguments.clock, send_alert=arguments.send_test_alert))
    failed = any(finding.health is Health.FAILURE for finding in findings)
    if arguments.json:
        print(json.dumps({"ok": not failed, "checks": [finding.as_document() for finding in findings]}, indent=2))
    else:
        coloured = wants_colour(sys.stdout)
        for finding in findings:
            print(_line(finding, coloured=coloured))
    return EXIT_CONFIGURATION if failed else EXIT_OK


def wants_colour(stream: TextIO) -> bool:
    """Return whether *stream* is a terminal that likes colours.

    Source: no-color.org.
    """
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _configuration(gathered: Gathered) -> list[Finding]:
    findings = [failure("configuration", f"{fault.variable}: {fault.rule}.", fault.remedy) for fault in gathered.faults]
    findings.extend(warning("configuration", sentence, "") for sentence in gathered.warnings)
    return findings or [well("configuration", "Every setting can be used.")]


def _examine(settings: Settings, clock: WallClock, *, send_alert: bool) -> list[Finding]:
    return [
        *check_machine(settings, clock),
        *trio.run(check_forge, settings, clock),
        *trio.run(check_signin, settings, clock),
        *trio.run(partial(check_alerts, settings, clock, send=send_alert)),
    ]


def _line(finding: Finding, *, coloured: bool) -> str:
    word = f"{finding.health.value:<7}"
    if coloured:
        word = f"{_COLOURS[finding.health]}{word}{_PLAIN}"
    remedy = f" → {finding.remedy}" if finding.remedy else ""
    return f"{word}  {finding.check}: {finding.message}{remedy}"
