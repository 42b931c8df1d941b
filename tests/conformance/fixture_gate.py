"""The fixture gate: the real gate, from listener to audit log, that serves the conformance suite's fixtures.

    python -m tests.conformance.fixture_gate --port 0

prints one line of JSON, `{"url": …, "key": …}`, once it serves, and ends at SIGTERM. Only the catalogue is another one
than the product's; nothing of this is shipped.
"""

from __future__ import annotations

import argparse
import json
import secrets
import tempfile
from functools import partial
from pathlib import Path

import trio

from aegis_trio.config.load import load_settings
from aegis_trio.model.clock import SystemClock
from aegis_trio.supervisor.tree import Running, run_gate
from aegis_trio.telemetry.logs import configure_logging
from aegis_trio.transports.subscriptions import ListName
from tests.conformance.fixture_catalogue import build_catalogue
from tests.forge import open_forge


async def run_fixture_gate(port: int, state: Path) -> None:
    """Serve until a signal ends it."""
    key = secrets.token_hex(32)
    running: list[Running] = []

    def announce(name: ListName) -> None:
        running[0].announce_list(name)

    async with open_forge() as forge:
        environment = {
            "GITEA_URL": forge.url,
            "GITEA_TOKEN": forge.world.bot_token,
            "MCP_API_KEYS": key,
            "PORT": str(port),
            "ADMIN_PORT": "0",
            "AUDIT_LOG_PATH": str(state / "audit.log"),
            "LOG_LEVEL": "WARNING",
            # The suite is one impatient client: the limits on one principal would be what is tested.
            "MAX_CONCURRENT_CALLS": "0",
            "CALLS_PER_MINUTE": "0",
        }
        settings = load_settings(environment, None)
        clock = SystemClock()
        configure_logging(settings.telemetry, clock)
        async with trio.open_nursery() as nursery:
            gate = partial(run_gate, settings, clock=clock, catalogue=build_catalogue(announce))
            running.append(await nursery.start(gate))
            print(json.dumps({"url": f"{running[0].url}/mcp", "key": key}), flush=True)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="The gate, serving the fixtures of the conformance suite.")
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aegis-trio-fixtures-") as state:
        trio.run(run_fixture_gate, arguments.port, Path(state))


if __name__ == "__main__":
    main()
