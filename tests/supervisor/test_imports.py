"""What a process loads: memory and code within reach that nobody asked for are found here."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("loaded", "absent"),
    [
        # A gate that knows API keys alone needs no store of grants, no signatures of Gitea's, no pages of consent.
        ("aegis_trio.cli.serve", {"aegis_trio.supervisor.signin", "aegis_trio.store.sqlite", "jwt", "sqlite3"}),
        # An extra that is not set up is not looked at.
        ("aegis_trio.cli.serve", {"opentelemetry", "opentelemetry.sdk", "aegis_trio.telemetry.otel", "requests"}),
        ("aegis_trio.cli.stdio", {"aegis_trio.supervisor.signin", "aegis_trio.store.sqlite", "jwt", "sqlite3"}),
        # Commands for keys run in cron jobs and pipes: they begin in a tenth of a second.
        ("aegis_trio.cli.main", {"aegis_trio.supervisor", "aegis_trio.web", "trio", "httpx", "structlog", "quart"}),
        ("aegis_trio.cli.keygen", {"aegis_trio.supervisor", "aegis_trio.web", "trio", "httpx", "structlog", "quart"}),
        ("aegis_trio.cli.rotate", {"aegis_trio.supervisor", "aegis_trio.web", "trio", "httpx", "structlog", "quart"}),
        ("aegis_trio.cli.key_age", {"aegis_trio.supervisor", "aegis_trio.web", "trio", "httpx", "structlog", "quart"}),
    ],
)
def test_a_process_loads_what_it_needs(loaded: str, absent: set[str]) -> None:
    """An import at the top of a module is easily added, and its weight is seen by nobody."""
    program = f"import sys, {loaded}; print(*sys.modules)"
    # Coverage, which would measure this process too, loads much itself.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    ran = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    modules = set(ran.stdout.split())
    assert loaded in modules
    assert set() == absent & modules
