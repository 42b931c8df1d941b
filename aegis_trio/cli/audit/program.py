"""`aegis-trio audit …`: one subcommand for each thing that is done with a log.

Law: `verify`, `prove` and `check-proof` need no key that signs, no server and no network.
"""

from __future__ import annotations

import argparse
from typing import Final

from aegis_trio.cli.audit import (
    check_proof,
    export,
    forget,
    init,
    prove,
    pseudonym,
    repair,
    show,
    stats,
    verify,
    witness,
)
from aegis_trio.cli.main import Command
from aegis_trio.cli.usage import Usage

COMMANDS: Final[dict[str, tuple[Command, str]]] = {
    "init": (init, "make the key that signs checkpoints, and sign what is there"),
    "verify": (verify, "check a log: every line, the chain, the signatures, and copies of checkpoints"),
    "prove": (prove, "make a file that proves one record without the log"),
    "check-proof": (check_proof, "check such a file, without the log"),
    "witness": (witness, "cosign the checkpoints of other machines' logs, when they only grow"),
    "show": (show, "show records, by what is asked for, and as they are written"),
    "stats": (stats, "sum records up: authentications, calls, refusals, addresses"),
    "export": (export, "hand records to a SIEM: syslog, OCSF or ECS, each at least once"),
    "pseudonym": (pseudonym, "print the names that somebody may have in a log under pseudonyms"),
    "forget": (forget, "make a person's records nobody's, in a log under pseudonyms"),
    "repair": (repair, "go on with a signed log after a loss, with a record of it"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `audit` understands to *parser*."""
    commands = parser.add_subparsers(dest="audit_command", metavar="COMMAND")
    for name, (command, meaning) in COMMANDS.items():
        under = commands.add_parser(name, help=meaning, description=f"{meaning[0].upper()}{meaning[1:]}.")
        command.add_arguments(under)
        under.add_argument("--traceback", action="store_true", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; return its exit code."""
    if arguments.audit_command is None:
        raise Usage(f"name what to do: aegis-trio audit {{{','.join(COMMANDS)}}}.")
    command, _ = COMMANDS[arguments.audit_command]
    return command.run(arguments)
