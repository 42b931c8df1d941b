"""SIGHUP: what the settings file says about keys holds at once, and a file that is wrong changes nothing."""

from __future__ import annotations

import json
import secrets
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trio

from aegis_trio.demo_forge.faults import Fault
from aegis_trio.demo_forge.request_log import RequestRecord
from tests.e2e.gates import GateProcess, open_gate, settings
from tests.e2e.messages import call, modern, open_session, request, use_tool
from tests.e2e.wire import Wire, host_of, open_wire
from tests.e2e.wire import request as raw_request
from tests.forge import RunningForge, open_forge

pytestmark = pytest.mark.e2e

PROMISE_S = 2.0  # a second, and as much again for a machine that does other things too


@dataclass(frozen=True)
class Stage:
    """A gate whose keys stand in a file, and the forge behind it."""

    gate: GateProcess
    forge: RunningForge
    env_file: Path

    def write_keys(self, keys: Sequence[str]) -> None:
        """Write the settings file."""
        self.env_file.write_text(f"# keys of this gate\nMCP_API_KEYS = {','.join(keys)}\n")

    async def reload(self, keys: Sequence[str]) -> None:
        """Write the settings file and make the gate read it."""
        self.write_keys(keys)
        times = sum('"reloaded"' in line for line in self.gate.log)
        self.gate.process.send_signal(signal.SIGHUP)
        await self.gate.wait_said('"reloaded"', times=times + 1)

    async def status_of(self, key: str) -> int:
        """Return what a call with *key* gets."""
        async with self.gate.client(key) as client:
            return (await use_tool(client, "get_me")).status_code


@asynccontextmanager
async def _open_stage(folder: Path, keys: Sequence[str]) -> AsyncIterator[Stage]:
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, folder)
        del given["MCP_API_KEYS"]
        env_file = folder / "gate.env"
        env_file.touch(mode=0o600)
        env_file.write_text(f"MCP_API_KEYS={','.join(keys)}\n")
        async with open_gate(given, env_file=env_file) as gate:
            yield Stage(gate, forge, env_file)
        assert 0 == gate.process.returncode


@asynccontextmanager
async def _open_sse(stage: Stage, key: str) -> AsyncIterator[tuple[Wire, str]]:
    async with open_wire(stage.gate.url) as wire:
        headers = {"Host": host_of(stage.gate.url), "Accept": "text/event-stream", "X-API-Key": key}
        await wire.send(raw_request("GET", "/mcp/sse", headers))
        await wire.receive_until(b"event: endpoint\ndata: ")
        yield wire, (await wire.receive_until(b"\n")).decode().strip()


@asynccontextmanager
async def _open_listening(stage: Stage, key: str, session: dict[str, str]) -> AsyncIterator[Wire]:
    async with open_wire(stage.gate.url) as wire:
        headers = {"Host": host_of(stage.gate.url), "X-API-Key": key, **session}
        await wire.send(raw_request("GET", "/mcp", headers))
        assert b" 200 " in await wire.receive_until(b"\r\n\r\n")
        yield wire


def _held(record: RequestRecord) -> bool:
    return record.raw_path.endswith("/user/repos")


async def test_removing_a_key_ends_its_streams_and_its_access_at_once(tmp_path: Path) -> None:
    """Whoever revokes a key after a leak must not wait for the thief to hang up; other keys notice nothing."""
    gone, stays = secrets.token_hex(32), secrets.token_hex(32)
    async with (
        _open_stage(tmp_path, [gone, stays]) as stage,
        _open_sse(stage, gone) as (lost, _),
        _open_sse(stage, stays) as (kept, endpoint),
        stage.gate.client(gone) as thief,
        stage.gate.client(stays) as client,
    ):
        session = await open_session(thief)
        async with _open_listening(stage, gone, session) as listening:
            await stage.reload([stays])
            with trio.fail_after(PROMISE_S):
                assert (await lost.receive_until(b"0\r\n\r\n")).endswith(b"0\r\n\r\n")
                assert (await listening.receive_until(b"0\r\n\r\n")).endswith(b"0\r\n\r\n")
            refused = await thief.post("/mcp", json=call("get_me"), headers=session)
        assert (401, "Invalid API key") == (refused.status_code, refused.json()["message"])
        assert 401 == await stage.status_of(gone)
        assert 200 == await stage.status_of(stays)
        assert 202 == (await client.post(endpoint, json=request("ping", request_id=9))).status_code
        with trio.fail_after(30):
            await kept.receive_until(b'"id":9')


@pytest.mark.parametrize("way_in", ["modern", "session", "http_sse", "rest"])
async def test_removing_a_key_ends_its_calls_at_once(tmp_path: Path, way_in: str) -> None:
    """A call that still runs would bring its answer to somebody who may not have it any more."""
    gone, stays = secrets.token_hex(32), secrets.token_hex(32)
    listing = call("list_repositories")
    async with _open_stage(tmp_path, [gone, stays]) as stage, stage.gate.client(gone) as client:
        release = trio.Event()
        stage.forge.faults.order(Fault(hold=release), path="/user/repos")
        async with _open_sse(stage, gone) as (_, endpoint), trio.open_nursery() as nursery:
            session = await open_session(client)
            answers: list[httpx.Response] = []

            async def ask() -> None:
                match way_in:
                    case "modern":
                        body, headers = modern(listing)
                        answers.append(await client.post("/mcp", json=body, headers=headers))
                    case "session":
                        answers.append(await client.post("/mcp", json=listing, headers=session))
                    case "http_sse":
                        await client.post(endpoint, json=listing)
                    case _:
                        answers.append(await use_tool(client, "list_repositories"))

            nursery.start_soon(ask)
            with trio.fail_after(30):
                record = await stage.forge.requests.wait_for(_held)
            await stage.reload([stays])
            with trio.fail_after(PROMISE_S):
                await record.done.wait()
        assert record.client_left
        release.set()
        outcome = await stage.gate.wait_record("tool_invocation")
    assert ("error", "cancelled") == (outcome["result"], outcome["status"])
    assert [] == [answer.status_code for answer in answers if answer.status_code not in {401, 404}]


async def test_a_key_that_was_added_works_at_once(tmp_path: Path) -> None:
    """Rotation with a grace needs no restart, and so no end of anybody's streams."""
    first, second = secrets.token_hex(32), secrets.token_hex(32)
    async with _open_stage(tmp_path, [first]) as stage, _open_sse(stage, first) as (wire, endpoint):
        assert 401 == await stage.status_of(second)
        await stage.reload([first, second])
        assert [200, 200] == [await stage.status_of(first), await stage.status_of(second)]
        async with stage.gate.client(first) as client:
            assert 202 == (await client.post(endpoint, json=request("ping", request_id=9))).status_code
        with trio.fail_after(30):
            await wire.receive_until(b'"id":9')


@pytest.mark.parametrize(
    "content",
    ["MCP_API_KEYS=too-short-canary\n", "MCP_API_KEYS=\n", "MCP_API_KEY={key}\n", "GITEA_URL\x00=\n", None],
    ids=["a short key", "no key", "a misspelled name", "garbage", "no file"],
)
async def test_a_faulty_reload_changes_nothing(tmp_path: Path, content: str | None) -> None:
    """A typing mistake in the middle of a rotation must not lock everybody out, and is told without a secret."""
    key = secrets.token_hex(32)
    async with _open_stage(tmp_path, [key]) as stage, _open_sse(stage, key) as (wire, endpoint):
        if content is None:
            stage.env_file.unlink()
        else:
            stage.env_file.write_text(content.format(key=key))
        stage.gate.process.send_signal(signal.SIGHUP)
        await stage.gate.wait_said('"reload_refused"')
        assert 200 == await stage.status_of(key)
        async with stage.gate.client(key) as client:
            assert 202 == (await client.post(endpoint, json=request("ping", request_id=9))).status_code
        with trio.fail_after(30):
            await wire.receive_until(b'"id":9')
        said = "\n".join(stage.gate.log)
        assert "too-short-canary" not in said
        assert key not in said
        assert "Traceback" not in said
        assert all(json.loads(line) for line in stage.gate.log)
        await stage.reload([key])
