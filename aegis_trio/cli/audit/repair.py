"""`aegis-trio audit repair --accept-loss`: go on after a loss, with a signed record of it."""

from __future__ import annotations

import argparse
import sys

from aegis_trio.audit.lost import AuditLost, LogUnavailable
from aegis_trio.audit.repair import accept_loss
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.cli.audit.sources import add_settings_argument, signing_settings
from aegis_trio.cli.exit_codes import EXIT_INPUT_OUTPUT, EXIT_OK
from aegis_trio.cli.usage import Usage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `audit repair` understands to *parser*."""
    add_settings_argument(parser)
    parser.add_argument(
        "--accept-loss", action="store_true", help="yes: records are missing or changed, and the log goes on"
    )


def run(arguments: argparse.Namespace) -> int:
    """Repair; return 0, or 74 when it cannot be done."""
    path, key = signing_settings(arguments)
    if not arguments.accept_loss:
        raise Usage("--accept-loss is needed: find out first who changed the log; `audit verify` says where.")
    if key is None:
        raise Usage("AUDIT_SIGNING_KEY is not set; a log that nobody signs begins anew when it is moved away.")
    try:
        repaired = accept_loss(path, key, arguments.clock, FileOps())
    except (AuditLost, LogUnavailable) as fault:
        print(f"aegis-trio: {fault}", file=sys.stderr)
        return EXIT_INPUT_OUTPUT
    if repaired is None:
        print(f"Nothing is wrong with {path}, as far as a start looks; nothing was done.")
        return EXIT_OK
    print(f"{repaired.reason}\n")
    print(f"The file is now {repaired.rejected}: keep it as evidence.")
    print(f"The log goes on with record {repaired.seq}, which is signed and says so.")
    return EXIT_OK
