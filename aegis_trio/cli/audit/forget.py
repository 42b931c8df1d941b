"""`aegis-trio audit forget`: make a person's records nobody's, in a log that is written under pseudonyms."""

from __future__ import annotations

import argparse
import sys

from aegis_trio.audit.lost import LogUnavailable
from aegis_trio.audit.packing import fault_of
from aegis_trio.audit.pseudonyms import pii_folder, shred
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.cli.audit.sources import EXIT_UNREADABLE, add_settings_argument, log_path
from aegis_trio.cli.exit_codes import EXIT_INPUT_OUTPUT, EXIT_OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `audit forget` understands to *parser*."""
    add_settings_argument(parser)
    parser.add_argument("--user", metavar="LOGIN", required=True, help="the person's login at Gitea, in any case")


def run(arguments: argparse.Namespace) -> int:
    """Shred that person's keys; return 0, 3 when there is none, or 74 when the disk does not allow it."""
    path = log_path(arguments)
    try:
        shredded = shred(path, arguments.user, FileOps())
    except (LogUnavailable, OSError) as error:
        print(f"aegis-trio: the keys in {pii_folder(path)} are not all gone: {fault_of(error)}.", file=sys.stderr)
        return EXIT_INPUT_OUTPUT
    if shredded is None:
        print(
            f"aegis-trio: {pii_folder(path)} holds no key of {arguments.user}: no record names this person under a "
            "pseudonym, or it was forgotten before. What was written without AUDIT_PSEUDONYMS stands as it is.",
            file=sys.stderr,
        )
        return EXIT_UNREADABLE
    months = ", ".join(shredded.months)
    print(f"{len(shredded.months)} keys of {arguments.user} are gone ({months}).")
    print("No record can be traced to this person any more, and the log verifies as before.")
    print("The gate records it within a minute, or at its next start. Remove the keys from backups too.")
    return EXIT_OK
