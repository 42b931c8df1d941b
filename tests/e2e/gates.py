"""A whole gate as an operator runs it: a process of its own, configured by its environment, ended by its id.

async with open_gate(settings(forge.url, token, state)) as gate:
    ...  # ask gate.url, look at gate.audit_records(), end it with gate.process.terminate()
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import trio

START_DEADLINE_S = 90.0  # importing everything on a slow, shared machine, under coverage
END_DEADLINE_S = 30.0
POLL_S = 0.02
_SERVING = re.compile(r'"url": "([^"]+)"')
_ADMIN = re.compile(r'"admin_url": "([^"]+)"')


@dataclass
class GateProcess:
    """A gate that serves, and what it said so far."""

    process: trio.Process
    settings: Mapping[str, str]
    url: str = ""
    admin_url: str = ""
    log: list[str] = field(default_factory=list)
    lot: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)

    async def wait_said(self, words: str, *, times: int = 1) -> None:
        """Wait until *times* lines of its log hold *words*."""
        with trio.fail_after(END_DEADLINE_S):
            while sum(words in line for line in self.log) < times:
                await self.lot.park()

    @property
    def key(self) -> str:
        """The first of its API keys."""
        return self.settings["MCP_API_KEYS"].split(",")[0]

    @property
    def authorization(self) -> dict[str, str]:
        """The header that its first key makes."""
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def audit_path(self) -> Path:
        """Its audit log."""
        return Path(self.settings["AUDIT_LOG_PATH"])

    def audit_records(self, event: str | None = None) -> list[dict[str, Any]]:
        """Return the whole records of its audit log, all or of one event; those of sealed files, too."""
        sealed = sorted(self.audit_path.parent.glob(f"{self.audit_path.name}.{'[0-9]' * 20}"))
        text = "".join(file.read_text() for file in [*sealed, self.audit_path])
        whole, _, _ = text.rpartition("\n")  # a batch may be under way
        lines = [json.loads(line) for line in whole.splitlines()]
        return [line for line in lines if event is None or line["event"] == event]

    async def wait_record(
        self, event: str, wanted: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any]:
        """Wait until the audit log holds a record of *event* that is *wanted*; return the first."""
        with trio.fail_after(END_DEADLINE_S):
            while not (found := [record for record in self.audit_records(event) if wanted(record)]):  # noqa: ASYNC110 -- another process: it sends no event
                await trio.sleep(POLL_S)
            return found[0]

    async def wait_end(self) -> int:
        """Wait for its end and return its exit code."""
        with trio.fail_after(END_DEADLINE_S):
            return await self.process.wait()

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        """Return an HTTP client that carries *key*, its first one when None."""
        headers = {"Authorization": f"Bearer {self.key if key is None else key}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=60)

    async def metrics(self) -> dict[str, float]:
        """Return what the operator's listener says, by name and labels."""
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            text = (await client.get(f"{self.admin_url}/metrics")).text
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in lines}


def settings(forge_url: str, token: str, state: Path, **more: str) -> dict[str, str]:
    """Return what an operator would set, with ports and paths of this test's own."""
    return {
        "GITEA_URL": forge_url,
        "GITEA_TOKEN": token,
        "MCP_API_KEYS": secrets.token_hex(32),
        "PORT": "0",
        "ADMIN_PORT": "0",
        "AUDIT_LOG_PATH": str(state / "audit.log"),
        "LOG_FORMAT": "json",
        **more,
    }


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return a process environment that holds *given* and nothing else of ours."""
    kept = {"PATH", "HOME", "LANG", "TMPDIR", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "PYTHONPATH"}
    return {name: value for name, value in os.environ.items() if name in kept} | dict(given)


def command(*arguments: str) -> list[str]:
    """Return the command line of `aegis-trio` with *arguments*."""
    return [sys.executable, "-m", "aegis_trio", *arguments]


async def run_command(arguments: list[str], given: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Run a command of `aegis-trio` to its end."""
    with trio.fail_after(2 * START_DEADLINE_S):
        return await trio.run_process(
            command(*arguments), env=environment(given), check=False, capture_stderr=True, capture_stdout=True
        )


@asynccontextmanager
async def open_gate(
    given: Mapping[str, str], *, env_file: Path = Path(os.devnull), before: str = ""
) -> AsyncIterator[GateProcess]:
    """Run `aegis-trio serve` until the block ends; a gate that still runs then is ended by SIGTERM.

    Args:
        given: its environment.
        env_file: its settings file.
        before: Python that the process runs first, to break something inside it.

    Raises:
        AssertionError: it did not start; the message is what it said.
    """
    async with trio.open_nursery() as nursery:
        served = command("serve", "--env-file", str(env_file))
        if before:
            served[1:3] = ["-c", f"{before}\nimport sys\nfrom aegis_trio.__main__ import main\nsys.exit(main())"]
        start = partial(
            trio.run_process,
            served,
            env=environment(given),
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            capture_stderr=False,
            check=False,
        )
        process: trio.Process = await nursery.start(start)
        gate = GateProcess(process, given)
        serving = trio.Event()
        nursery.start_soon(_listen, gate, serving)
        with trio.move_on_after(START_DEADLINE_S):
            await serving.wait()
        assert gate.url, f"the gate did not start: {gate.log}"
        try:
            yield gate
        finally:
            with trio.CancelScope(shield=True):
                if process.returncode is None:
                    process.terminate()
                with trio.move_on_after(END_DEADLINE_S):
                    await process.wait()
                if process.returncode is None:
                    process.kill()
        nursery.cancel_scope.cancel()


async def _listen(gate: GateProcess, serving: trio.Event) -> None:
    assert gate.process.stderr is not None
    rest = b""
    try:
        async for chunk in gate.process.stderr:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                text = line.decode(errors="replace")
                gate.log.append(text)
                gate.lot.unpark_all()
                if '"serving"' in text:
                    gate.url = _found(_SERVING, text)
                    gate.admin_url = _found(_ADMIN, text)
                    serving.set()
    finally:
        if rest:
            gate.log.append(rest.decode(errors="replace"))
        serving.set()


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    assert match is not None, text
    return match.group(1)
