"""`aegis-trio demo`: the gate in front of an embedded demo forge, in one process, on loopback.

Everything is real but the forge: the same tree, the same audit log, the same front door. The forge's own
settings (`GITEA_URL`, `GITEA_TOKEN`) are the demo's; every other setting of the environment counts. `.env` is not read:
it configures the real gate. On loopback MCP over WebSocket is on, unless `WEBSOCKET_DEBUG=false` is set.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, final

import httpx
import trio

from aegis_trio.cli.clients.chatgpt import CHATGPT_NEEDS
from aegis_trio.cli.clients.claude import claude_code_command
from aegis_trio.cli.clients.editors import cursor, vscode
from aegis_trio.cli.clients.server import ENDPOINT, SERVER_NAME, Remote
from aegis_trio.cli.clients.terminals import curl_command
from aegis_trio.cli.exit_codes import EXIT_OK
from aegis_trio.cli.serve import contained
from aegis_trio.config.load import load_settings
from aegis_trio.config.parsing import is_loopback
from aegis_trio.config.settings import Settings
from aegis_trio.demo_forge.demo_world import build_demo_world
from aegis_trio.demo_forge.server import serve_forge
from aegis_trio.model.clock import SystemClock
from aegis_trio.model.json import JsonObject
from aegis_trio.model.secret import Secret
from aegis_trio.supervisor.garbage import tune_garbage_collector
from aegis_trio.supervisor.tree import Running, run_gate
from aegis_trio.telemetry.logs import configure_logging
from aegis_trio.transports.websocket import PATH as SOCKET_PATH

DEMO_GRACE_S: Final = 0.5  # Ctrl-C ends the demo within a second
CALL: Final[JsonObject] = {"tool": "list_repositories", "arguments": {"limit": 3}}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What was asked for on the command line."""

    port: int | None
    """None where the command line says nothing: `PORT` decides, else the default."""
    forge_port: int
    state: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `demo` understands to *parser*."""
    parser.add_argument("--port", type=_port, help="the gate's port (default: PORT, or 8080; 0: any free one)")
    parser.add_argument("--forge-port", type=_port, default=0, help="the demo forge's port (default: any free one)")
    parser.add_argument("--state", type=Path, help="keep key and audit log in this folder (default: a temporary one)")


def run(arguments: argparse.Namespace) -> int:
    """Run the demo until Ctrl-C; return the exit code."""
    with _state_folder(arguments.state) as state:
        choices = Choices(port=arguments.port, forge_port=arguments.forge_port, state=state)
        ended = EXIT_OK
        try:
            ended = contained(partial(trio.run, partial(run_demo, choices)))
        except* KeyboardInterrupt:  # before signals are caught, or a second Ctrl-C
            pass
    return ended


async def run_demo(choices: Choices) -> None:
    """Start the forge, then the gate before it, make one call, print how to go on, and serve.

    Raises:
        ConfigurationFaults: a setting of the environment is wrong.
        OSError: a port is taken.
    """
    clock = SystemClock()
    async with trio.open_nursery() as forge_nursery:
        world = build_demo_world()
        forge_url: str = await forge_nursery.start(partial(serve_forge, world, port=choices.forge_port))
        settings = demo_settings(choices, forge_url, Secret(world.bot_token))
        configure_logging(settings.telemetry, clock)
        tune_garbage_collector()
        async with trio.open_nursery() as gate_nursery:
            running: Running = await gate_nursery.start(partial(run_gate, settings, clock=clock, handle_signals=False))
            await gate_nursery.start(_drain_on_signal, running)
            key = _first_key(choices.state)
            answer = await _call(running.url, key)
            print(_introduction(settings, running.url, forge_url, key, answer), flush=True)
        forge_nursery.cancel_scope.cancel()


def demo_settings(choices: Choices, forge_url: str, bot_token: Secret) -> Settings:
    """Return the environment's settings, with those of the demo in place."""
    environment = {name: value for name, value in os.environ.items() if name != "GITEA_TOKEN_FILE"}
    environment |= {"GITEA_URL": forge_url, "GITEA_TOKEN": bot_token.reveal()}
    if choices.port is not None:
        environment["PORT"] = str(choices.port)
    environment.setdefault("AUDIT_LOG_PATH", str(choices.state / "audit.log"))
    environment.setdefault("ADMIN_PORT", "0")
    environment.setdefault("LOG_LEVEL", "WARNING")
    if not {"MCP_API_KEYS", "MCP_API_KEYS_FILE"} & set(environment):
        environment["MCP_API_KEYS"] = _demo_key(choices.state).reveal()
    settings = load_settings(environment, None)
    if "SHUTDOWN_GRACE_S" not in environment:
        settings = replace(settings, supervisor=replace(settings.supervisor, shutdown_grace_s=DEMO_GRACE_S))
    if "WEBSOCKET_DEBUG" not in environment and is_loopback(settings.web.host):
        # The console speaks to it; on loopback the demo is for whoever sits here.
        settings = replace(settings, web=replace(settings.web, websocket_debug=True))
    return settings


async def _drain_on_signal(running: Running, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as arrivals:
        task_status.started()
        async for _ in arrivals:
            running.begin_drain()
            return


async def _call(url: str, key: Secret) -> JsonObject:
    """Make one real call through the front door."""
    headers = {"Authorization": f"Bearer {key.reveal()}"}
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:  # noqa: S501  # our own process, by loopback
        answer = await client.post(f"{url}/mcp/tool/call", json=CALL, headers=headers)
    document: JsonObject = answer.json()
    return document


def _introduction(settings: Settings, url: str, forge_url: str, key: Secret, answer: JsonObject) -> str:
    rule = "─" * 78
    gate = Remote(url=url + ENDPOINT, key=key)
    socket = f"                 the WebSocket is {url.replace('http', 'ws', 1)}{SOCKET_PATH}"
    return "\n".join(
        (
            rule,
            f"aegis-trio demo: the gate is at   {gate.endpoint}",
            f"                 your key is      {key.reveal()}",
            f"                 the forge is at  {forge_url}   (embedded, in memory)",
            f"                 the audit log is {settings.audit.path}",
            *([socket] if settings.web.websocket_debug else []),
            rule,
            f"One call through the front door: {json.dumps(CALL)}",
            json.dumps(answer, indent=2, ensure_ascii=False),
            rule,
            "The same with curl:",
            curl_command(url, key, CALL),
            "",
            "Claude Code:",
            claude_code_command(SERVER_NAME, gate),
            "",
            "Cursor, in .cursor/mcp.json:",
            cursor(SERVER_NAME, gate).snippet or "",
            "",
            "VS Code, in .vscode/mcp.json:",
            vscode(SERVER_NAME, gate).snippet or "",
            "",
            "ChatGPT:",
            CHATGPT_NEEDS,
            rule,
            "Ctrl-C ends it.",
        )
    )


def _first_key(state: Path) -> Secret:
    """Return the key to show: the operator's first, or the demo's own."""
    given = os.environ.get("MCP_API_KEYS", "")
    if not given and "MCP_API_KEYS_FILE" in os.environ:
        given = Path(os.environ["MCP_API_KEYS_FILE"]).read_text()
    keys = [entry.strip() for entry in given.replace("\n", ",").split(",") if entry.strip()]
    return Secret(keys[0]) if keys else _demo_key(state)


def _demo_key(state: Path) -> Secret:
    """Return the demo's key, kept in *state* so that a second run has the same one."""
    path = state / "demo.key"
    if not path.exists():
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(secrets.token_hex(32))
    return Secret(path.read_text().strip())


@contextmanager
def _state_folder(chosen: Path | None) -> Generator[Path]:
    if chosen is not None:
        chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield chosen
        return
    with tempfile.TemporaryDirectory(prefix="aegis-trio-demo-") as folder:
        yield Path(folder)


def _port(raw_port: str) -> int:
    if not raw_port.isdigit() or int(raw_port) > 65535:
        raise argparse.ArgumentTypeError(f"{raw_port!r} is no port: give a number from 0 to 65535")
    return int(raw_port)
