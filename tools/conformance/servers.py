"""Servers: what is under test, started as a program of its own, and asked whether it answers.

A program under test says on stdout where it serves and which key opens it: the fixture gate as one JSON object in a
line, the demo in its own words.

Law: `ask` speaks MCP as a client does, in both eras, with the key and without. Only who refuses the latter is under
test; a server that lets everybody in would pass the suite with any key.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, cast, final

import httpx
import trio

from conformance.needs import Inventory

START_DEADLINE_S: Final = 90.0  # importing everything on a slow, shared machine
END_DEADLINE_S: Final = 15.0
ANSWER_DEADLINE_S: Final = 30.0
MODERN: Final = "2026-07-28"
LEGACY: Final = "2025-11-25"
_ACCEPT: Final = {"Accept": "application/json, text/event-stream"}
_METHOD_NOT_FOUND: Final = -32601
_DEMO: Final = re.compile(
    r"the gate is at +(?P<url>\S+)\n.*?your key is +(?P<key>\S+)\n.*?^Ctrl-C", re.DOTALL | re.MULTILINE
)
_KEPT: Final = frozenset({"PATH", "HOME", "LANG", "TMPDIR", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"})


class Untestable(Exception):
    """There is nothing to test, or nothing to test with; the text is the sentence to show."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server: where its MCP endpoint is, and the key that opens it."""

    url: str
    key: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that serves: how it is started, and how it says where it serves."""

    name: str
    command: tuple[str, ...]
    settings: Mapping[str, str]
    find: Callable[[str], Server | None]


def find_json(said: str) -> Server | None:
    """Find the line `{"url": …, "key": …}` in what a program *said*."""
    for line in said.splitlines():
        if line.startswith("{") and line.endswith("}"):
            document = cast("dict[str, object]", json.loads(line))
            url, key = document.get("url"), document.get("key")
            if isinstance(url, str) and isinstance(key, str):
                return Server(url=url, key=key)
    return None


def find_demo(said: str) -> Server | None:
    """Find address and key in what the demo *said*, once it has said everything."""
    found = _DEMO.search(said)
    return Server(url=found["url"], key=found["key"]) if found else None


FIXTURES: Final = Program(
    name="fixtures",
    command=(sys.executable, "-m", "tests.conformance.fixture_gate", "--port", "0"),
    settings={},
    find=find_json,
)
# The suite is one impatient client: without these, the limits on one principal would be what is tested.
PRODUCT: Final = Program(
    name="product",
    command=(sys.executable, "-m", "aegis_trio", "demo", "--port", "0"),
    settings={"MAX_CONCURRENT_CALLS": "0", "CALLS_PER_MINUTE": "0"},
    find=find_demo,
)


@asynccontextmanager
async def open_server(program: Program) -> AsyncGenerator[Server]:
    """Run *program* until the block ends.

    Raises:
        Untestable: it did not say where it serves, or had ended by itself before the block did.
    """
    environment = {name: value for name, value in os.environ.items() if name in _KEPT}
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(
                trio.run_process,
                program.command,
                env={**environment, **program.settings},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                check=False,
            )
        )
        try:
            server = await _wait_serving(process, program)
            nursery.start_soon(_drain, process)
            yield server
            if process.returncode is not None:
                raise Untestable(f"{program.name}: the server ended by itself, with status {process.returncode}")
        finally:
            with trio.CancelScope(shield=True):
                await _end(process)
        nursery.cancel_scope.cancel()


async def _wait_serving(process: trio.Process, program: Program) -> Server:
    said = b""
    with trio.move_on_after(START_DEADLINE_S):
        while chunk := await _output(process).receive_some():
            said += chunk
            server = program.find(said.decode(errors="replace"))
            if server is not None:
                return server
    raise Untestable(f"{program.name}: {' '.join(program.command)} did not say where it serves; see above")


async def _drain(process: trio.Process) -> None:
    while await _output(process).receive_some():
        pass


def _output(process: trio.Process) -> trio.abc.ReceiveStream:
    if process.stdout is None:
        raise RuntimeError("the program was started without a pipe")
    return process.stdout


async def _end(process: trio.Process) -> None:
    if process.returncode is None:
        process.terminate()
    with trio.move_on_after(END_DEADLINE_S):
        await process.wait()
    if process.returncode is None:
        process.kill()


# ---------------------------------------------------------------------------------------- asking it


async def ask(server: Server) -> Inventory:
    """Ask *server*, as a client of each era, whether it is there; return what it lists.

    Raises:
        Untestable: it does not answer, or not as a server that guards its door.
    """
    authorization = {"Authorization": f"Bearer {server.key}"}
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_DEADLINE_S) as client:
            refused = await client.post(server.url, json=_initialize(), headers=_ACCEPT)
            if refused.status_code != 401:
                raise Untestable(f"{server.url} answers {refused.status_code} to a request without a key, and not 401")
            client.headers.update(authorization)
            await _shake_hands(client, server.url)
            tools = await _list(client, server.url, "tools/list", "tools", "name")
            prompts = await _list(client, server.url, "prompts/list", "prompts", "name")
            resources = await _list(client, server.url, "resources/list", "resources", "uri")
            templates = await _list(client, server.url, "resources/templates/list", "resourceTemplates", "uriTemplate")
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        raise Untestable(f"{server.url} does not answer: {str(fault) or type(fault).__name__}") from fault
    if not tools:
        raise Untestable(f"{server.url} lists no tools, so that nothing of it can be tested")
    return Inventory(tools=tools, prompts=prompts, resources=resources | templates)


def _initialize() -> Mapping[str, object]:
    info = {"name": "conformance", "version": "1"}
    params = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": info}
    return {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}


async def _shake_hands(client: httpx.AsyncClient, url: str) -> None:
    """Open a session as a legacy client does, and end it."""
    answer = await client.post(url, json=_initialize(), headers=_ACCEPT)
    result = _field(_message(answer), "result")
    if _field(result, "protocolVersion") != LEGACY:
        raise Untestable(f"{url} answers `initialize` with {answer.status_code}: {answer.text[:200]}")
    session = answer.headers.get("mcp-session-id")
    if session is not None:
        await client.delete(url, headers={"Mcp-Session-Id": session, "MCP-Protocol-Version": LEGACY})


async def _list(client: httpx.AsyncClient, url: str, method: str, field: str, name: str) -> frozenset[str]:
    """Return the names in the first page of a list; none where the server has no such list."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "conformance", "version": "1"},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": meta}}
    answer = await client.post(
        url, json=body, headers={**_ACCEPT, "MCP-Protocol-Version": MODERN, "Mcp-Method": method}
    )
    message = _message(answer)
    if _field(_field(message, "error"), "code") == _METHOD_NOT_FOUND:
        return frozenset()
    listed = _field(_field(message, "result"), field)
    if not isinstance(listed, list):
        raise Untestable(f"{url} answers `{method}` with {answer.status_code}: {answer.text[:200]}")
    names = (_field(entry, name) for entry in cast("list[object]", listed))
    return frozenset(entry for entry in names if isinstance(entry, str))


def _message(answer: httpx.Response) -> object:
    """Return the last JSON-RPC message of *answer*, which may be a stream of events; None where there is none."""
    text = answer.text
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        text = next((line[5:] for line in reversed(text.splitlines()) if line.startswith("data:")), "")
    try:
        return cast("object", json.loads(text))
    except ValueError:
        return None


def _field(document: object, name: str) -> object:
    return cast("dict[str, object]", document).get(name) if isinstance(document, dict) else None
