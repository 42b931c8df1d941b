"""MCP over WebSocket, by somebody else's client, in front of a whole gate."""

from __future__ import annotations

import json
import secrets
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, WebSocketConnection, wrap_client_stream

from aegis_trio.demo_forge.faults import Fault
from aegis_trio.demo_forge.request_log import RequestRecord
from tests.e2e.gates import END_DEADLINE_S, GateProcess, open_gate, run_command, settings
from tests.e2e.messages import call, initialize, modern, notification, request
from tests.forge import open_forge

pytestmark = pytest.mark.e2e

ON = {"WEBSOCKET_DEBUG": "true"}


def _is_listing(record: RequestRecord) -> bool:
    return record.raw_path.endswith("/user/repos")


@asynccontextmanager
async def _open(
    gate: GateProcess, *headers: tuple[str, str], key: str | None = None, path: str = "/mcp/ws"
) -> AsyncGenerator[WebSocketConnection]:
    """Open a socket with the first key of *gate*, or with another one.

    On a connection of our own: the client's would stay open where the upgrade is refused.
    """
    lines = [("Authorization", f"Bearer {key or gate.key}"), *headers]
    encoded = [(name.encode(), value.encode()) for name, value in lines]
    parts = urlsplit(gate.url)
    stream = await trio.open_tcp_stream(parts.hostname or "", parts.port or 0)
    async with trio.open_nursery() as nursery:
        try:
            socket = await wrap_client_stream(nursery, stream, parts.netloc, path, extra_headers=encoded)
            yield socket
            with trio.move_on_after(END_DEADLINE_S):
                await socket.aclose()
        finally:
            await trio.aclose_forcefully(stream)
            nursery.cancel_scope.cancel()


async def _ask(socket: WebSocketConnection, document: dict[str, Any]) -> Any:
    await socket.send_message(json.dumps(document))
    return await _next(socket)


async def _next(socket: WebSocketConnection) -> Any:
    with trio.fail_after(END_DEADLINE_S):
        return json.loads(await socket.get_message())


async def _closed(socket: WebSocketConnection) -> int:
    with trio.fail_after(END_DEADLINE_S), pytest.raises(ConnectionClosed) as closed:
        await socket.get_message()
    assert closed.value.reason is not None
    return closed.value.reason.code


async def _refused(gate: GateProcess, *headers: tuple[str, str], **more: str) -> ConnectionRejected:
    with pytest.RaisesGroup(ConnectionRejected, flatten_subgroups=True) as caught:
        async with _open(gate, *headers, **more):
            pass
    found: Any = caught.value
    while isinstance(found, ExceptionGroup):
        [found] = found.exceptions
    assert isinstance(found, ConnectionRejected)
    return found


async def test_one_socket_carries_both_eras(tmp_path: Path) -> None:
    """As the console uses it; the operator reads in log and trail that it is on and what went through."""
    async with open_forge() as forge, open_gate(settings(forge.url, forge.world.bot_token, tmp_path, **ON)) as gate:
        async with _open(gate) as socket:
            modern_call, _ = modern(call("get_me", request_id=1))
            answer = await _ask(socket, modern_call)
            assert ("complete", "mcp-bot") == (
                answer["result"]["resultType"],
                answer["result"]["structuredContent"]["login"],
            )
            assert "2025-11-25" == (await _ask(socket, initialize()))["result"]["protocolVersion"]
            await socket.send_message(json.dumps(notification("notifications/initialized")))
            assert "mcp-bot" == (await _ask(socket, call("get_me")))["result"]["structuredContent"]["login"]
            assert {} == (await _ask(socket, request("ping", request_id=2)))["result"]
            assert -32700 == (await _ask_text(socket, "no JSON"))["error"]["code"]
        assert {"websocket"} == {record["transport"] for record in gate.audit_records("tool_invocation")}
        assert any("WEBSOCKET_DEBUG is true" in line for line in gate.log)


@pytest.mark.requirement("MCP-WS-04")
async def test_strangers_get_no_socket(tmp_path: Path) -> None:
    """Credential, origin and path are judged before the upgrade, with the answers of every other path."""
    async with open_forge() as forge, open_gate(settings(forge.url, forge.world.bot_token, tmp_path, **ON)) as gate:
        wrong = await _refused(gate, key=secrets.token_hex(32))
        assert (401, "Invalid API key") == (wrong.status_code, json.loads(wrong.body or b"")["message"])
        assert (b"www-authenticate", b"Bearer") in (wrong.headers or ())
        assert 401 == (await _refused(gate, key=gate.key[:-1] + "x", path=f"/mcp/ws?api_key={gate.key}")).status_code
        assert 403 == (await _refused(gate, ("Origin", "https://evil.example.com"))).status_code
        assert 404 == (await _refused(gate, path="/mcp/ws/")).status_code
        async with gate.client() as client:
            assert 426 == (await client.get("/mcp/ws")).status_code
        assert [] == gate.audit_records("tool_invocation")


async def test_there_is_no_such_path_unless_it_is_switched_on(tmp_path: Path) -> None:
    """It is for debugging: a gate in production has one way in less."""
    async with open_forge() as forge, open_gate(settings(forge.url, forge.world.bot_token, tmp_path)) as gate:
        assert 404 == (await _refused(gate)).status_code
        async with gate.client() as client:
            assert 404 == (await client.get("/mcp/ws")).status_code
        assert not any("WEBSOCKET_DEBUG" in line for line in gate.log)


async def test_hanging_up_stops_the_work_at_the_forge(tmp_path: Path) -> None:
    """Promise 5, through every room: the forge sees its client leave."""
    async with open_forge() as forge, open_gate(settings(forge.url, forge.world.bot_token, tmp_path, **ON)) as gate:
        forge.faults.order(Fault(hold=trio.Event()), path="/user/repos")
        async with _open(gate) as socket:
            await socket.send_message(json.dumps(call("list_repositories")))
            await forge.requests.wait_for(_is_listing)
        record = await gate.wait_record("tool_invocation")
        assert ("error", "cancelled") == (record["result"], record["status"])


async def test_a_drain_answers_what_is_owed_and_says_goodbye(tmp_path: Path) -> None:
    """The call takes longer than farewells do, and still gets its answer; 1001 tells the client to come back."""
    async with open_forge() as forge, open_gate(settings(forge.url, forge.world.bot_token, tmp_path, **ON)) as gate:
        release = trio.Event()
        forge.faults.order(Fault(hold=release), path="/user/repos")
        async with _open(gate) as socket, _open(gate) as resting:
            await socket.send_message(json.dumps(call("list_repositories", request_id=7)))
            await forge.requests.wait_for(_is_listing)
            gate.process.send_signal(signal.SIGTERM)
            assert 1001 == await _closed(resting)
            await gate.wait_said('"lines_owed"')
            release.set()
            assert 7 == (await _next(socket))["id"]
            assert 1001 == await _closed(socket)
        assert 0 == await gate.wait_end()


async def test_a_key_that_goes_takes_its_sockets_along(tmp_path: Path) -> None:
    """Within a second of the reload, with a call under way; others stay."""
    first, second = secrets.token_hex(32), secrets.token_hex(32)
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path, **ON)
        del given["MCP_API_KEYS"]
        env_file = tmp_path / "gate.env"
        env_file.touch(mode=0o600)
        env_file.write_text(f"MCP_API_KEYS={first},{second}\n")
        async with (
            open_gate(given, env_file=env_file) as gate,
            _open(gate, key=first) as gone,
            _open(gate, key=second) as stays,
        ):
            forge.faults.order(Fault(hold=trio.Event()), path="/user/repos")
            await gone.send_message(json.dumps(call("list_repositories")))
            await forge.requests.wait_for(_is_listing)
            env_file.write_text(f"MCP_API_KEYS={second}\n")
            gate.process.send_signal(signal.SIGHUP)
            assert 1008 == await _closed(gone)
            assert {} == (await _ask(stays, request("ping")))["result"]


async def test_the_console_is_its_client(tmp_path: Path) -> None:
    """Both were made by one description; this is where they meet, in both eras."""
    async with open_forge() as forge, open_gate(settings(forge.url, forge.world.bot_token, tmp_path, **ON)) as gate:
        for era in ("modern", "legacy"):
            asked = ["console", "--url", gate.url, "--era", era, "-c", "call get_me", "--json"]
            ended = await run_command(asked, {"AEGIS_CONSOLE_KEY": gate.key})
            assert (0, True) == (ended.returncode, b"mcp-bot" in ended.stdout), ended
        assert ["websocket"] * 2 == [record["transport"] for record in gate.audit_records("tool_invocation")]


async def _ask_text(socket: WebSocketConnection, text: str) -> Any:
    await socket.send_message(text)
    return await _next(socket)
