"""`aegis-trio stdio`: for one client on this machine, which starts the program and speaks to it over its pipes.

Standard output carries messages and nothing else: it is taken away from everything that prints, whose words go to
standard error. There is no key; the token of GITEA_TOKEN decides what is seen.

Exit codes: 0 when the client or a signal ended it, 70 bug, 74 audit lost or output not read, 75 forced,
78 configuration.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, TextIO, cast, final

import structlog
import trio

from aegis_trio.cli.exit_codes import EXIT_BUG, EXIT_INPUT_OUTPUT, EXIT_OK
from aegis_trio.cli.serve import contained
from aegis_trio.cli.usage import Usage
from aegis_trio.config.stdio import StdioSettings, load_stdio_settings
from aegis_trio.supervisor.last_resort import LastResort
from aegis_trio.supervisor.stdio import run_stdio
from aegis_trio.telemetry.logs import configure_logging
from aegis_trio.transports.line import LineEnd
from aegis_trio.transports.stdio import open_ways

INPUT_FD: Final = 0
OUTPUT_FD: Final = 1
ERROR_FD: Final = 2

log = structlog.get_logger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `stdio` understands to *parser*."""
    parser.add_argument(
        "--env-file",
        type=Path,
        help="settings file (default: none, as the folder that a client starts programs in is not yours to trust)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until the input ends or a signal comes; return the exit code."""
    if None in {sys.stdin, sys.stdout, sys.stderr}:
        raise Usage("stdio speaks over standard input and output, and logs to standard error: open all three.")
    settings = load_stdio_settings(os.environ, arguments.env_file)
    configure_logging(settings.telemetry, arguments.clock, cast("TextIO", _Errors()))
    last_resort = LastResort()
    ends: list[LineEnd] = []

    async def serve(input_fd: int, output_fd: int) -> None:
        async with open_ways(input_fd, output_fd, shared_fd=ERROR_FD) as ways:
            ends.append(await run_stdio(settings, ways, clock=arguments.clock, last_resort=last_resort))

    try:
        with _own_descriptors() as (input_fd, output_fd):
            code = contained(partial(trio.run, partial(serve, input_fd, output_fd)))
    finally:
        last_resort.disarm()
    return code or _code_of(ends[0], settings)


def _code_of(end: LineEnd, settings: StdioSettings) -> int:
    match end:
        case LineEnd.CUT:
            log.error("output_not_read", waited_s=settings.sessions.write_within_s)
            return EXIT_INPUT_OUTPUT
        case LineEnd.BROKE:
            return EXIT_BUG
        case _:
            return EXIT_OK


@final
class _Errors(io.TextIOBase):
    """Standard error, as long as somebody reads it: a log that cannot be written ends no call."""

    def write(self, text: str) -> int:
        """Write, or give up standard error for good."""
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            # Invariant: what the stream still holds can be flushed now, and the interpreter ends without a fault.
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, ERROR_FD)
            os.close(null)
        return len(text)


@contextmanager
def _own_descriptors() -> Generator[tuple[int, int]]:
    """Take both ways out of everybody's reach: who reads finds nothing, who prints speaks to standard error."""
    # Invariant: one line of anybody else's on standard output, and the client has lost its server.
    input_fd, output_fd = os.dup(INPUT_FD), os.dup(OUTPUT_FD)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, INPUT_FD)
    os.close(null)
    os.dup2(ERROR_FD, OUTPUT_FD)
    yield input_fd, output_fd
