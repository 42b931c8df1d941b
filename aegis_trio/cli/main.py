"""The command line: which command is meant, and how every way out of it becomes an exit code.

A command's module has two functions:

    def add_arguments(parser: argparse.ArgumentParser) -> None
    def run(arguments: argparse.Namespace) -> int

`arguments.clock` is the wall clock. `run` may raise `Usage` (64), `ConfigurationFaults` (78), `OSError` (74) and
`KeyboardInterrupt` (130); each becomes a sentence on standard error. No traceback is shown unless asked for.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Final, NoReturn, Protocol, cast, final

from aegis_trio import __version__
from aegis_trio.cli.exit_codes import (
    EXIT_BUG,
    EXIT_CONFIGURATION,
    EXIT_INPUT_OUTPUT,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_PIPE,
    EXIT_USAGE,
)
from aegis_trio.cli.usage import Usage
from aegis_trio.config.faults import ConfigurationFaults
from aegis_trio.model.clock import SystemClock, WallClock

PROGRAM: Final = "aegis-trio"

COMMANDS: Final = {
    "serve": ("aegis_trio.cli.serve", "serve, as the environment and .env say"),
    "stdio": ("aegis_trio.cli.stdio", "serve the one client that starts it, over standard input and output"),
    "demo": ("aegis_trio.cli.demo", "serve in front of an embedded demo forge"),
    "doctor": ("aegis_trio.cli.doctor", "check a configuration without serving"),
    "config": ("aegis_trio.cli.config", "show the settings that count and where each comes from"),
    "connect": ("aegis_trio.cli.connect", "print what a client must be told to reach the gate"),
    "keygen": ("aegis_trio.cli.keygen", "make an API key"),
    "rotate": ("aegis_trio.cli.rotate", "replace an API key in the settings file"),
    "keys": ("aegis_trio.cli.api_keys.program", "list, revoke and import API keys, and make their pepper"),
    "key-age": ("aegis_trio.cli.key_age", "say which API keys expire soon; for cron"),
    "oauth": ("aegis_trio.cli.oauth.program", "set signing in up, and look at, or end, what was granted"),
    "audit": ("aegis_trio.cli.audit.program", "sign, verify, prove, witness, search and export the audit log"),
    "block": ("aegis_trio.cli.block", "see, add and remove blocks of addresses"),
    "console": ("aegis_trio.cli.console.program", "talk to a gate over its WebSocket, by hand or in scripts"),
}


class Command(Protocol):
    """What a command's module offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the command understands."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; return the exit code."""
        ...


@final
class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # Invariant: 2, argparse's own code, means "expired" here.
        self.print_usage(sys.stderr)
        print(f"{self.prog}: {message}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE)


def main(argv: Sequence[str] | None = None, *, clock: WallClock | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments after the program's name; those of the process when None.
        clock: the wall clock; the machine's when None.

    Returns:
        int: the exit code.
    """
    raw_arguments = sys.argv[1:] if argv is None else list(argv)
    return contained(raw_arguments, SystemClock() if clock is None else clock)


def contained(raw_arguments: list[str], clock: WallClock) -> int:
    """Run one command; every way out of it becomes an exit code and, for people, a sentence."""
    try:
        return _dispatch(raw_arguments, clock)
    except SystemExit as end:  # argparse ends --help and faults of usage this way
        return end.code if isinstance(end.code, int) else EXIT_OK
    except Usage as fault:
        return _tell(str(fault), EXIT_USAGE)
    except ConfigurationFaults as faults:
        for found in faults.faults:
            _tell(str(found), EXIT_CONFIGURATION)
        return EXIT_CONFIGURATION
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        _detach_standard_output()
        return EXIT_PIPE
    except OSError as fault:
        where = "" if fault.filename is None else f"{fault.filename}: "
        return _tell(f"{where}{fault.strerror or fault}", EXIT_INPUT_OUTPUT)
    except Exception as fault:  # noqa: BLE001 -- the edge of the process: a user gets a sentence, not a traceback
        if "--traceback" in raw_arguments:
            traceback.print_exception(fault)
        return _tell(
            f"a bug ended the command ({type(fault).__name__}). Run it again with --traceback and report that.",
            EXIT_BUG,
        )


def _dispatch(raw_arguments: list[str], clock: WallClock) -> int:
    chosen = next((word for word in raw_arguments if not word.startswith("-")), None)
    parser = _Parser(prog=PROGRAM, description="The gate between AI assistants and a self-hosted Gitea.")
    parser.add_argument("--version", action="version", version=_version_line())
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    command: Command | None = None
    for name, (module, meaning) in COMMANDS.items():
        under = commands.add_parser(name, help=meaning, description=f"{meaning[0].upper()}{meaning[1:]}.")
        if name == chosen:
            # Trade: only the chosen command is imported, as serving brings half of the package along.
            command = cast("Command", importlib.import_module(module))
            command.add_arguments(under)
        under.add_argument("--traceback", action="store_true", help="show where a bug happened")
    commands.add_parser("version", help="print the version")
    arguments = parser.parse_args(raw_arguments)
    arguments.clock = clock
    if command is None:
        print(_version_line())
        return EXIT_OK
    code = command.run(arguments)
    sys.stdout.flush()
    return code


def _version_line() -> str:
    return f"{PROGRAM} {__version__}"


def _tell(sentence: str, code: int) -> int:
    print(f"{PROGRAM}: {sentence}", file=sys.stderr)
    return code


def _detach_standard_output() -> None:
    # Source: Python documentation, signal, "Note on SIGPIPE": the interpreter flushes once more at its end.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
