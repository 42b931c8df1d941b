"""Rotating and revoking keys of a gate that works: no restart, no signal, and nobody refused in the time of grace."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.e2e.gates import GateProcess, open_gate, run_command, settings
from tests.e2e.messages import use_tool
from tests.e2e.wire import host_of, open_wire
from tests.e2e.wire import request as raw_request
from tests.forge import open_forge

pytestmark = pytest.mark.e2e

PROMISE_S = 2.0  # a second, and as much again for a machine that does other things too
CALLERS = 3
CALLS = 10  # of each caller in each phase
DAY_AND_HOUR_NS = 25 * 3600 * 10**9
# The gate's wall clock goes as far ahead as a file says: the time of grace passes without waiting for it.
SHIFTED_CLOCK = """
import pathlib
from aegis_trio.model import clock
_now_ns = clock.SystemClock.now_ns
clock.SystemClock.now_ns = lambda self: _now_ns(self) + int(pathlib.Path({path!r}).read_text())
"""


@dataclass
class Stage:
    """A gate whose keys stand in files."""

    gate: GateProcess
    folder: Path
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def flags(self) -> list[str]:
        """Where commands find the same files."""
        return ["--env-file", str(self.folder / "gate.env"), "--keys-dir", str(self.folder / "keys")]

    async def command(self, *words: str) -> dict[str, Any]:
        """Run a command on the same files; return what it printed."""
        done = await run_command([*words, *self.flags, "--json"], {})
        assert 0 == done.returncode, done.stderr
        printed: dict[str, Any] = json.loads(done.stdout)
        return printed

    async def status_of(self, key: str) -> int:
        """Return what a call with *key* gets."""
        async with self.gate.client(key) as client:
            return (await use_tool(client, "get_me")).status_code

    async def call_on(self, key: str, until: trio.Event) -> None:
        """Call with *key* again and again, at least `CALLS` times, until told."""
        async with self.gate.client(key) as client:
            calls = 0
            while calls < CALLS or not until.is_set():
                self.statuses[(await use_tool(client, "get_me")).status_code] += 1
                calls += 1

    def pass_time(self, ns: int) -> None:
        """Let the gate's wall clock go ahead."""
        (self.folder / "ahead").write_text(str(ns))


@asynccontextmanager
async def _open_stage(folder: Path, *keys: str) -> AsyncIterator[Stage]:
    async with open_forge() as forge:
        given = settings(
            forge.url,
            forge.world.bot_token,
            folder,
            KEYS_DIR=str(folder / "keys"),
            CALLS_PER_MINUTE="100000",
            AEGIS_KEY_PEPPER="p" * 32,
        )
        del given["MCP_API_KEYS"]
        (folder / "keys").mkdir()
        (folder / "ahead").write_text("0")
        env_file = folder / "gate.env"
        env_file.touch(mode=0o600)
        env_file.write_text(f"MCP_API_KEYS={','.join(keys)}\n")
        before = SHIFTED_CLOCK.format(path=str(folder / "ahead"))
        async with open_gate(given, env_file=env_file, before=before) as gate:
            yield Stage(gate, folder)


async def test_rotation_under_load_refuses_nobody_until_the_grace_is_over(tmp_path: Path) -> None:
    """Callers change over when they like; a day later the old key is refused on its next request."""
    old = secrets.token_hex(32)
    async with _open_stage(tmp_path, old) as stage:
        everybody_has_changed = trio.Event()
        async with trio.open_nursery() as callers:
            for _ in range(CALLERS):
                callers.start_soon(stage.call_on, old, everybody_has_changed)
            made = await stage.command("rotate", "--grace")
            await stage.gate.wait_said('"keys_changed"')
            async with trio.open_nursery() as changed:
                enough = trio.Event()
                enough.set()
                for _ in range(CALLERS):
                    changed.start_soon(stage.call_on, made["key"], enough)
            everybody_has_changed.set()
        assert [200] == list(stage.statuses)
        assert 2 * CALLERS * CALLS <= stage.statuses[200]

        old_hint = f"{old[:8]}...{old[-4:]}"
        graceful = [one for one in stage.gate.audit_records("api_authentication") if one.get("key_state") == "grace"]
        assert ({old_hint}, {made["hint"]}) == (
            {one["key_hint"] for one in graceful},
            {one["replaced_by"] for one in graceful},
        )

        stage.pass_time(DAY_AND_HOUR_NS)
        assert (401, 200) == (await stage.status_of(old), await stage.status_of(made["key"]))
        denied = await stage.gate.wait_record("access_denied")
        assert ("invalid_api_key", "revoked") == (denied["reason"], denied["detail"])


async def test_a_revoked_key_loses_its_streams_and_its_access(tmp_path: Path) -> None:
    """By one command, while the gate runs: also for a key that stands in the settings."""
    gone, stays = secrets.token_hex(32), secrets.token_hex(32)
    async with _open_stage(tmp_path, gone, stays) as stage, open_wire(stage.gate.url) as stream:
        headers = {"Host": host_of(stage.gate.url), "Accept": "text/event-stream", "X-API-Key": gone}
        await stream.send(raw_request("GET", "/mcp/sse", headers))
        await stream.receive_until(b"event: endpoint\ndata: ")
        revoked = await stage.command("keys", "revoke", f"{gone[:8]}...{gone[-4:]}")
        await stage.gate.wait_said('"keys_changed"')
        with trio.fail_after(PROMISE_S):
            await stream.receive_until(b"0\r\n\r\n")
        assert (401, 200) == (await stage.status_of(gone), await stage.status_of(stays))
        assert not revoked["was_revoked"]
        record = await stage.gate.wait_record("keys_reloaded")
        assert [f"key:{revoked['kid']}"] == record["ended_principals"]


async def test_a_key_of_the_store_reaches_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    """Made while the gate runs, it works at once; what it lacks is named, and recorded."""
    async with _open_stage(tmp_path, secrets.token_hex(32)) as stage:
        pepper = tmp_path / "pepper.env"
        pepper.write_text(f"AEGIS_KEY_PEPPER={'p' * 32}\n")
        pepper.chmod(0o600)
        words = [
            "keygen",
            "--store",
            "--label",
            "build",
            "--repositories",
            "tidewater/harbor",
            "--tools",
            "get_*",
            "--json",
        ]
        done = await run_command([*words, "--env-file", str(pepper), "--keys-dir", str(tmp_path / "keys")], {})
        assert 0 == done.returncode, done.stderr
        key = json.loads(done.stdout)["key"]
        await stage.gate.wait_said('"keys_changed"')
        async with stage.gate.client(key) as client:
            inside = await use_tool(client, "get_repository_info", owner="tidewater", repo="harbor")
            outside = await use_tool(client, "get_repository_info", owner="tidewater", repo="payroll")
            unlisted = await use_tool(client, "list_repositories")
        assert (200, 403, 403) == (inside.status_code, outside.status_code, unlisted.status_code)
        assert 'add "tidewater/payroll" to its repositories' in outside.json()["error"]["remedy"]
        assert 'add "list_repositories" to its tools' in unlisted.json()["error"]["remedy"]
        await stage.gate.wait_record("access_denied", lambda one: one.get("needs") == "list_repositories")
        needs = [one["needs"] for one in stage.gate.audit_records("access_denied")]
        assert ["tidewater/payroll", "list_repositories"] == needs
