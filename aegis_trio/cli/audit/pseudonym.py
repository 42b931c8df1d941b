"""`aegis-trio audit pseudonym`: the names that somebody may have in the log, one a line, for `grep -F -f`."""

from __future__ import annotations

import argparse
import sys

from aegis_trio.audit.pseudonyms import FIELDS, pii_folder, pseudonyms_of
from aegis_trio.cli.audit.sources import EXIT_UNREADABLE, add_settings_argument, log_path
from aegis_trio.cli.exit_codes import EXIT_OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `audit pseudonym` understands to *parser*."""
    add_settings_argument(parser)
    parser.add_argument("value", metavar="VALUE", help="such as an address, in full")
    parser.add_argument("--field", choices=FIELDS, default=FIELDS[0], help="where it stands (default: client_ip)")


def run(arguments: argparse.Namespace) -> int:
    """Print the names; return 0, or 3 when there is no key."""
    path = log_path(arguments)
    names = dict.fromkeys(name for _, name in pseudonyms_of(path, arguments.field, arguments.value))
    if not names:
        print(f"aegis-trio: there are no keys in {pii_folder(path)}.", file=sys.stderr)
        return EXIT_UNREADABLE
    print("\n".join(names))
    return EXIT_OK
