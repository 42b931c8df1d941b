"""`aegis-trio serve`: the real thing, configured only by the environment, `.env` and secret files.

Exit codes: 0 clean, 70 bug, 74 audit lost, 75 forced (by the last resort), 78 configuration.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import cast

import structlog
import trio

from aegis_trio.audit.lost import AuditLost, LogCannotOpen
from aegis_trio.cli.exit_codes import EXIT_BUG, EXIT_CONFIGURATION, EXIT_INPUT_OUTPUT, EXIT_OK
from aegis_trio.config.faults import ConfigurationFaults
from aegis_trio.config.load import load_settings
from aegis_trio.model.clock import SystemClock
from aegis_trio.supervisor.core import RefusedSetting
from aegis_trio.supervisor.garbage import tune_garbage_collector
from aegis_trio.supervisor.last_resort import LastResort
from aegis_trio.supervisor.tree import run_gate
from aegis_trio.telemetry.logs import configure_logging

log = structlog.get_logger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `serve` understands to *parser*."""
    parser.add_argument("--env-file", type=Path, default=Path(".env"), help="settings file (default: .env)")


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal ends it; return the exit code."""
    env_file: Path = arguments.env_file
    settings = load_settings(os.environ, env_file)
    clock = SystemClock()
    configure_logging(settings.telemetry, clock)
    last_resort = LastResort()
    tune_garbage_collector()
    gate = partial(
        run_gate,
        settings,
        clock=clock,
        reload_settings=partial(load_settings, os.environ, env_file),
        last_resort=last_resort,
    )
    try:
        return contained(partial(trio.run, gate))
    finally:
        last_resort.disarm()


def contained(program: Callable[[], None]) -> int:
    """Run *program* to its end and return the exit code: every way out has one."""
    try:
        program()
    except Exception as fault:  # noqa: BLE001  # the process's edge: whatever escapes has its exit code
        return explain_end(fault)
    return EXIT_OK


def explain_end(fault: BaseException) -> int:
    """Tell the operator why the gate ended, and return the exit code for it."""
    leaves = list(_leaves(fault))
    for leaf in leaves:
        match leaf:
            case RefusedSetting() | ConfigurationFaults() | LogCannotOpen():
                print(f"aegis-trio: {leaf}", file=sys.stderr)
                return EXIT_CONFIGURATION
            case AuditLost():
                print(f"aegis-trio: {leaf}", file=sys.stderr)
                return EXIT_INPUT_OUTPUT
            case _:
                pass
    log.critical("ended_by_a_bug", exception="".join(traceback.format_exception(fault)))
    return EXIT_BUG


def _leaves(fault: BaseException) -> Iterator[BaseException]:
    if isinstance(fault, BaseExceptionGroup):
        for member in cast("BaseExceptionGroup[BaseException]", fault).exceptions:
            yield from _leaves(member)
    else:
        yield fault
