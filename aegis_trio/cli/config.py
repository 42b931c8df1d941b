"""`aegis-trio config`: the settings that count, the origin of each, and everything that is wrong with them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from aegis_trio.cli.exit_codes import EXIT_CONFIGURATION, EXIT_OK
from aegis_trio.config.load import gather
from aegis_trio.config.reference import render_example, render_markdown
from aegis_trio.config.report import effective_document, effective_lines
from aegis_trio.config.sources import DEFAULT_ENV_FILE
from aegis_trio.gateway.tool_reference import render_tools_reference
from aegis_trio.telemetry.metric_reference import render_metrics_reference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `config` understands to *parser*."""
    parser.add_argument("--env-file", type=Path, default=DEFAULT_ENV_FILE, help="settings file (default: .env)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument("--example", action="store_true", help="print .env.example instead")
    form.add_argument("--markdown", action="store_true", help="print the reference of all settings instead")
    form.add_argument("--metrics", action="store_true", help="print the reference of all metrics instead")
    form.add_argument("--tools", action="store_true", help="print the reference of all tools instead")


def run(arguments: argparse.Namespace) -> int:
    """Print the configuration; return 78 when it could not be served with."""
    documents: dict[str, Callable[[], str]] = {
        "example": render_example,
        "markdown": render_markdown,
        "metrics": render_metrics_reference,
        "tools": render_tools_reference,
    }
    for name, render in documents.items():
        if getattr(arguments, name):
            print(render(), end="")
            return EXIT_OK
    gathered = gather(os.environ, arguments.env_file)
    if arguments.json:
        print(json.dumps(effective_document(gathered), indent=2))
    else:
        print("\n".join(effective_lines(gathered.effective)))
        for warning in gathered.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        for fault in gathered.faults:
            print(f"fault: {fault}", file=sys.stderr)
    return EXIT_CONFIGURATION if gathered.faults else EXIT_OK
