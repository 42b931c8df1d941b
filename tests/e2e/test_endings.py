"""However the gate ends, it ends as promised: in order, in time, with the right exit code, and nothing half done."""

from __future__ import annotations

import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import trio

from aegis_trio.audit.reader import verify_chain
from aegis_trio.demo_forge.demo_world import build_demo_world
from aegis_trio.demo_forge.faults import Fault
from aegis_trio.demo_forge.request_log import RequestRecord
from aegis_trio.demo_forge.server import serve_forge
from aegis_trio.demo_forge.world import World
from tests.e2e.gates import GateProcess, open_gate, run_command, settings
from tests.forge import open_forge

pytestmark = pytest.mark.e2e

STREAMS = 500
STREAMS_END_S = 30.0  # far below the grace that is set; it takes a fraction of a second on a quiet machine


def _is_listing(record: RequestRecord) -> bool:
    return record.raw_path.endswith("/user/repos")


@asynccontextmanager
async def _open_forge_at(port: int, world: World) -> AsyncIterator[None]:
    """Serve *world* at *port*."""
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve_forge, world, port=port))
        yield
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def _open_streams(gate: GateProcess, count: int) -> AsyncIterator[list[trio.SocketStream]]:
    """Open *count* SSE sessions."""
    parts = urlsplit(gate.url)
    request = (
        f"GET /mcp/sse HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {gate.key}\r\n"
        "Accept: text/event-stream\r\n\r\n"
    ).encode()
    streams = [await trio.open_tcp_stream(parts.hostname or "", parts.port or 0) for _ in range(count)]
    try:
        for stream in streams:
            await stream.send_all(request)
        for stream in streams:
            seen = b""
            while b"event: endpoint" not in seen:
                seen += await stream.receive_some(65536)
        yield streams
    finally:
        for stream in streams:
            await trio.aclose_forcefully(stream)


async def test_sigterm_ends_open_streams_in_order_and_exits_with_0(tmp_path: Path) -> None:
    """Every stream gets its end in good order and in time; the audit log's last word is the clean end."""
    async with (
        open_forge() as forge,
        open_gate(settings(forge.url, forge.world.bot_token, tmp_path, SHUTDOWN_GRACE_S="50")) as gate,
        _open_streams(gate, STREAMS) as streams,
    ):
        began = trio.current_time()
        gate.process.terminate()
        said = [b""] * STREAMS

        async def listen(number: int, stream: trio.SocketStream) -> None:
            async for chunk in stream:
                said[number] += chunk

        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for number, stream in enumerate(streams):
                    nursery.start_soon(listen, number, stream)
        assert 0 == await gate.wait_end()
        took_s = trio.current_time() - began
        assert [] == [text for text in said if not text.endswith(b"0\r\n\r\n")]
    assert took_s < STREAMS_END_S, took_s
    assert "service_stopped" == gate.audit_records()[-1]["event"]


async def test_a_call_in_flight_gets_its_grace(tmp_path: Path) -> None:
    """SIGTERM does not tear a call: its answer arrives, and its outcome stands in the log."""
    async with open_forge() as forge, open_gate(settings(forge.url, forge.world.bot_token, tmp_path)) as gate:
        release = trio.Event()
        forge.faults.order(Fault(hold=release), path="/user/repos")
        answers: list[httpx.Response] = []

        async def call() -> None:
            async with gate.client() as client:
                answers.append(await client.post("/mcp/tool/call", json={"tool": "list_repositories"}))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            await forge.requests.wait_for(_is_listing)
            gate.process.terminate()
            await gate.wait_said('"draining"')
            release.set()
        assert 0 == await gate.wait_end()
    assert answers[0].json()["success"] is True
    assert "success" == gate.audit_records("tool_invocation")[0]["result"]


async def test_a_second_signal_ends_it_at_once_with_75(tmp_path: Path) -> None:
    """The operator's word is final, whatever still runs."""
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path, SHUTDOWN_GRACE_S="50")
        async with open_gate(given) as gate, trio.open_nursery() as nursery:
            forge.faults.order(Fault(hold=trio.Event()), path="/user/repos")

            async def call() -> None:
                async with gate.client() as client:
                    with pytest.raises(httpx.TransportError):
                        await client.post("/mcp/tool/call", json={"tool": "list_repositories"})

            nursery.start_soon(call)
            await forge.requests.wait_for(_is_listing)
            gate.process.send_signal(signal.SIGTERM)
            await gate.wait_said('"draining"')
            gate.process.send_signal(signal.SIGTERM)
            assert 75 == await gate.wait_end()


_SHIELDED = "with trio.CancelScope(shield=True): await trio.sleep_forever()"
_STUCK_AT_THE_END = "try: await trio.sleep_forever()\n    finally: time.sleep(600)"
_STUCK = "time.sleep(600)"


@pytest.mark.parametrize("body", [_SHIELDED, _STUCK_AT_THE_END, _STUCK], ids=["shielded", "stuck at its end", "stuck"])
async def test_a_gate_that_cannot_end_itself_is_ended_by_the_last_resort_with_75(tmp_path: Path, body: str) -> None:
    """A bug may ignore its cancellation, or hold the event loop for ever; a container must not hang on it."""
    breaking = (
        "import dataclasses, os, time, trio\n"
        "import aegis_trio.toolsets.catalogue as catalogue\n"
        "from aegis_trio.model.toolspec import PreparedCall\n"
        "async def run(context):\n"
        "    os.write(2, b'running\\n')\n"
        f"    {body}\n"
        "def prepare(raw):\n"
        "    return PreparedCall(places={}, run=run)\n"
        "broken = tuple(dataclasses.replace(spec, prepare=prepare) for spec in catalogue.CATALOGUE.tools)\n"
        "catalogue.CATALOGUE = dataclasses.replace(catalogue.CATALOGUE, tools=broken)"
    )
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path, SHUTDOWN_GRACE_S="0.2")
        async with open_gate(given, before=breaking) as gate, trio.open_nursery() as nursery:

            async def call() -> None:
                async with gate.client() as client:
                    with pytest.raises(httpx.TransportError):
                        await client.post("/mcp/tool/call", json={"tool": "get_me"})

            nursery.start_soon(call)
            await gate.wait_said("running")
            began = trio.current_time()
            gate.process.terminate()
            assert 75 == await gate.wait_end()
            took_s = trio.current_time() - began
    assert took_s < 0.2 + 2.0 + 20.0, took_s
    assert None is verify_chain(gate.audit_path).fault


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"MCP_API_KEYS": ""}, ["No API keys configured"]),
        ({"MCP_API_KEYS": "short"}, ["MCP_API_KEYS", "32"]),
        ({"GITEA_URL": ""}, ["GITEA_URL"]),
        ({"GITEA_URL": "ftp://x", "PORT": "none"}, ["GITEA_URL", "PORT"]),
        ({"MCP_API_KEY": "x"}, ["MCP_API_KEY", "MCP_API_KEYS"]),
        ({"AUTH_ENABLED": "false", "HOST": "::"}, ["AUTH_ENABLED"]),
        ({"WRITE_MODE": "true"}, ["WRITE_MODE"]),
    ],
    ids=["no keys", "short key", "no gitea", "two faults", "misspelled", "open to all", "absent feature"],
)
async def test_a_wrong_configuration_is_78_and_says_what_to_do(
    tmp_path: Path, change: dict[str, str], words: list[str]
) -> None:
    """Every fault at once, each by the name of its variable, and no traceback."""
    given = {**settings("http://127.0.0.1:9", "0" * 40, tmp_path), **change}
    ended = await run_command(["serve", "--env-file", "/dev/null"], given)
    assert 78 == ended.returncode
    said = ended.stderr.decode()
    for word in words:
        assert word in said
    assert "Traceback" not in said


async def test_a_port_that_is_taken_is_78_and_named(tmp_path: Path) -> None:
    """The sentence names the port and the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = await run_command(
            ["serve", "--env-file", "/dev/null"], settings("http://127.0.0.1:9", "0" * 40, tmp_path, PORT=port)
        )
    assert 78 == ended.returncode
    assert port in ended.stderr.decode()
    assert "Traceback" not in ended.stderr.decode()


async def test_a_site_administrators_token_is_refused_at_the_start(tmp_path: Path) -> None:
    """`sudo` would make the bot everybody."""
    async with open_forge() as forge:
        ended = await run_command(
            ["serve", "--env-file", "/dev/null"], settings(forge.url, forge.world.tokens["admin"], tmp_path)
        )
    assert 78 == ended.returncode
    assert "administrator" in ended.stderr.decode()


async def test_a_second_gate_on_one_log_is_refused(tmp_path: Path) -> None:
    """Two writers would break the chain."""
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path)
        async with open_gate(given):
            ended = await run_command(["serve", "--env-file", "/dev/null"], given)
    assert 74 == ended.returncode
    assert "AUDIT_LOG_PATH" in ended.stderr.decode()


async def test_a_gate_without_its_forge_is_up_but_not_ready_and_heals(tmp_path: Path) -> None:
    """While Gitea cannot be asked, calls are refused and readiness says why."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    world = build_demo_world()
    given = settings(f"http://127.0.0.1:{port}", world.bot_token, tmp_path)
    async with open_gate(given) as gate, gate.client() as client:
        assert 200 == (await client.get("/healthz")).status_code
        ready = await client.get("/readyz")
        assert (503, ["gitea_unreachable"]) == (ready.status_code, ready.json()["reasons"])
        refused = await client.post("/mcp/tool/call", json={"tool": "list_repositories"})
        assert (503, "not_ready") == (refused.status_code, refused.json()["error"]["code"])
        async with _open_forge_at(port, world):
            await gate.wait_said('"state": "usable"')
            healed = await client.post("/mcp/tool/call", json={"tool": "list_repositories"})
            assert healed.json()["success"] is True
