"""The programs under load, each a process of its own on loopback, ended by its own process id."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import trio
from people import Person

HERE = Path(__file__).parent
START_DEADLINE_S = 60.0
OPEN_DEADLINE_S = 0.05  # of one stream: ten times what it takes on a busy machine
CALLBACK = "/oauth/callback"
_SERVE = ["-m", "aegis_trio", "serve", "--env-file", os.devnull]
_IDLE = [str(HERE / "gate.py")]
_URL = re.compile(rb"https?://127\.0\.0\.1:\d+")


@dataclass(frozen=True, slots=True)
class Program:
    """A running program: its address and its process id."""

    url: str
    pid: int

    def cpu_s(self) -> float:
        """Return the processor time it has used, user and system, in seconds.

        Source: proc(5), /proc/pid/stat fields 14 and 15.
        """
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_kb(self) -> int:
        """Return its resident memory in KB.

        Source: proc(5), /proc/pid/status VmRSS.
        """
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Forge:
    """The demo forge, and what opens it."""

    url: str
    token: str = field(repr=False)
    """Its bot's."""
    client_id: str
    """Of the gate's application there."""
    client_secret: str = field(repr=False)
    people: tuple[Person, ...]
    public_url: str
    """Of the one gate that its application is called back at."""


@asynccontextmanager
async def open_forge(state: Path) -> AsyncGenerator[Forge]:
    """Run the demo forge."""
    state_file, public_url = state / "forge.json", _free_address()
    async with _open([str(HERE / "forge.py"), str(state_file), f"{public_url}{CALLBACK}"], {}) as program:
        known = json.loads(state_file.read_text())
        yield Forge(
            url=program.url,
            token=known["bot_token"],
            client_id=known["client_id"],
            client_secret=known["client_secret"],
            people=tuple(Person(login=login, password=known["password"]) for login in known["people"]),
            public_url=public_url,
        )


@asynccontextmanager
async def open_big_forge(state: Path) -> AsyncGenerator[tuple[str, str]]:
    """Run a demo forge with a repository of 2,000 files; yield its address and its bot's token."""
    token_file = state / "big-forge.token"
    async with _open([str(HERE / "searching.py"), str(token_file)], {}) as program:
        yield program.url, token_file.read_text()


def _free_address() -> str:
    # It stands in the forge's table and in the gate's settings before anybody listens there.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@asynccontextmanager
async def open_gate(state: Path, forge_url: str, token: str, key: str) -> AsyncGenerator[Program]:
    """Run the gate as an operator does, with its limits off."""
    settings = _settings(state, forge_url, token, key)
    async with _open(_SERVE, settings) as gate:
        yield gate


@asynccontextmanager
async def open_idle_gate(
    state: Path, forge_url: str, token: str, key: str, *, audit_log: Path | None = None, is_recorded: bool = True
) -> AsyncGenerator[Program]:
    """Run the gate with the catalogue of gate.py, which asks nothing of the forge; its limits are off.

    Args:
        audit_log: where its log is, if not where every gate's is.
        is_recorded: whether its trail writes down what it is told.
    """
    settings = _settings(state, forge_url, token, key)
    if audit_log is not None:
        settings["AUDIT_LOG_PATH"] = str(audit_log)
    async with _open(_IDLE if is_recorded else [*_IDLE, "--unrecorded"], settings) as gate:
        yield gate


@asynccontextmanager
async def open_signin_gate(state: Path, forge: Forge, key: str, *, is_idle: bool) -> AsyncGenerator[Program]:
    """Run the gate of `open_gate`, or of `open_idle_gate`, with people who sign in."""
    settings = signin_settings(state, forge, key, OAUTH_FLOW="broker")
    async with _open(_IDLE if is_idle else _SERVE, settings) as gate:
        yield gate


@asynccontextmanager
async def open_bare() -> AsyncGenerator[Program]:
    """Run the hardened server with an application that answers at once."""
    async with _open([str(HERE / "bare.py")], {}) as bare:
        yield bare


class Holder:
    """Streams that holder.py keeps open."""

    def __init__(self, output: trio.lowlevel.FdStream | trio.abc.ReceiveStream) -> None:
        self._output = output
        self._seen = b""

    async def wait_event(self) -> float:
        """Wait until every stream has the next event; return the moment of the last, `perf_counter` seconds."""
        return float((await self.wait_word("event")).split()[1])

    async def wait_word(self, word: str) -> str:
        """Return the next line, which must begin with *word*.

        Raises:
            RuntimeError: it does not, or the holder has ended.
        """
        while b"\n" not in self._seen:
            chunk = await self._output.receive_some(65536)
            if not chunk:
                raise RuntimeError(f"the holder of the streams ended: {self._seen.decode(errors='replace')}")
            self._seen += chunk
        line, _, self._seen = self._seen.partition(b"\n")
        if not line.startswith(word.encode()):
            raise RuntimeError(f"the holder of the streams says {line!r} where {word} must stand")
        return line.decode()


@asynccontextmanager
async def open_holder(url: str, kind: str, count: int, key: str) -> AsyncGenerator[Holder]:
    """Keep *count* streams of *kind* open at the server of *url*."""
    command = [sys.executable, str(HERE / "holder.py"), url, kind, str(count)]
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(trio.run_process, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, check=False)
        )
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a process was started without the pipes that were ordered")
        await process.stdin.send_all(f"{key}\n".encode())
        holder = Holder(process.stdout)
        with trio.fail_after(START_DEADLINE_S + count * OPEN_DEADLINE_S):
            await holder.wait_word("open")
        yield holder
        await process.stdin.aclose()
        with trio.move_on_after(15):
            await process.wait()
        nursery.cancel_scope.cancel()


def signin_settings(state: Path, forge: Forge, keys: str, **more: str) -> dict[str, str]:
    """Return the settings of a gate that people sign in to, and that is called by its *keys* too."""
    return {
        **_settings(state, forge.url, forge.token, keys),
        "OAUTH_MODE": "true",
        "GITEA_OAUTH_CLIENT_ID": forge.client_id,
        "GITEA_OAUTH_CLIENT_SECRET": forge.client_secret,
        "PUBLIC_URL": forge.public_url,
        "PORT": str(urlsplit(forge.public_url).port),
        "STORE_PATH": str(state / "store" / "store.sqlite3"),
        # Everybody comes from this machine, and is not to be counted as one stranger.
        "TRUSTED_PROXIES": "127.0.0.1",
        **more,
    }


def _settings(state: Path, forge_url: str, token: str, key: str) -> dict[str, str]:
    return {
        "GITEA_URL": forge_url,
        "GITEA_TOKEN": token,
        "MCP_API_KEYS": key,
        "PORT": "0",
        "ADMIN_PORT": "0",
        "AUDIT_LOG_PATH": str(state / "audit.log"),
        "LOG_FORMAT": "json",
        "MAX_CONCURRENT_CALLS": "0",
        "CALLS_PER_MINUTE": "0",
        "MAX_SESSIONS_PER_PRINCIPAL": "12000",
    }


@asynccontextmanager
async def _open(arguments: list[str], settings: Mapping[str, str]) -> AsyncGenerator[Program]:
    environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    async with trio.open_nursery() as nursery:
        read_end, write_end = os.pipe()
        process: trio.Process = await nursery.start(
            partial(
                trio.run_process,
                [sys.executable, *arguments],
                env={**environment, **settings},
                stdout=write_end,
                stderr=write_end,
                check=False,
            )
        )
        os.close(write_end)
        output = trio.lowlevel.FdStream(read_end)
        with trio.fail_after(START_DEADLINE_S):
            url = await _wait_address(output)
        nursery.start_soon(_drain, output)
        yield Program(url, process.pid)
        process.terminate()
        with trio.move_on_after(15):
            await process.wait()
        nursery.cancel_scope.cancel()


async def _wait_address(output: trio.lowlevel.FdStream) -> str:
    seen = b""
    while True:
        chunk = await output.receive_some(65536)
        seen += chunk
        for line in seen.splitlines(keepends=True):
            found = _URL.search(line)
            if found and line.endswith(b"\n"):
                return found.group().decode()
        if not chunk:
            raise RuntimeError(f"the program ended: {seen.decode(errors='replace')}")


async def _drain(output: trio.lowlevel.FdStream) -> None:
    while await output.receive_some(65536):
        pass
