"""`aegis-trio stdio` as clients start it: a process with two pipes, in a folder that is not ours."""

from __future__ import annotations

import json
import signal
import subprocess
import tomllib
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from aegis_trio.demo_forge.faults import Fault
from tests.e2e.gates import END_DEADLINE_S, START_DEADLINE_S, command, environment, run_command
from tests.e2e.messages import call, initialize, modern, notification, request
from tests.e2e.test_clients import _use
from tests.forge import RunningForge, open_forge

pytestmark = pytest.mark.e2e

# What prints where it should not: Python, the descriptor itself, and a program that we start.
NOISY = """
import os, subprocess
from aegis_trio.supervisor import stdio
quiet = stdio.check_upstream
async def noisy(upstream):
    print("noise by print", flush=True)
    os.write(1, b"noise by descriptor\\n")
    subprocess.run(["echo", "noise by a program"], check=True)
    await quiet(upstream)
stdio.check_upstream = noisy
"""


def given(forge: RunningForge, home: Path, **more: str) -> dict[str, str]:
    """Return what a client's configuration passes on."""
    return {"GITEA_URL": forge.url, "GITEA_TOKEN": forge.world.bot_token, "HOME": str(home), **more}


class Running:
    """A process that serves us, and everything that it said."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self.said = b""
        self.complained = b""

    async def ask(self, *documents: Any) -> None:
        """Write messages, a line each."""
        for document in documents:
            await self.write(json.dumps(document).encode() + b"\n")

    async def write(self, data: bytes) -> None:
        """Write bytes as they are."""
        assert self.process.stdin is not None
        await self.process.stdin.send_all(data)

    async def answer(self) -> Any:
        """Wait for the next line."""
        assert self.process.stdout is not None
        with trio.fail_after(START_DEADLINE_S):
            while b"\n" not in self.said:
                chunk = await self.process.stdout.receive_some()
                assert chunk, self.complained
                self.said += chunk
        line, _, self.said = self.said.partition(b"\n")
        return json.loads(line)

    async def rest(self) -> list[Any]:
        """Wait for the end of the output; return the messages that are left."""
        assert self.process.stdout is not None
        with trio.fail_after(END_DEADLINE_S):
            while chunk := await self.process.stdout.receive_some():
                self.said += chunk
        return [json.loads(line) for line in self.said.splitlines()]

    async def ended(self) -> int:
        """Wait for the end; return the exit code."""
        with trio.fail_after(END_DEADLINE_S):
            return await self.process.wait()


@asynccontextmanager
async def running(settings: Mapping[str, str], *, before: str = "", is_deaf: bool = False) -> AsyncGenerator[Running]:
    """Start the program as a client does; it has ended, or is killed, at the end of the block.

    Args:
        settings: its environment.
        before: Python that the process runs first, to break something inside it.
        is_deaf: whether nobody listens to what it complains of.
    """
    served = command("stdio")
    if before:
        served[1:3] = ["-c", f"{before}\nimport sys\nfrom aegis_trio.__main__ import main\nsys.exit(main())"]
    async with trio.open_nursery() as nursery:
        start = partial(
            trio.run_process,
            served,
            env=environment(settings),
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
        )
        program = Running(await nursery.start(start))

        async def listen() -> None:
            assert program.process.stderr is not None
            if is_deaf:
                await program.process.stderr.aclose()
                return
            async for chunk in program.process.stderr:
                program.complained += chunk

        nursery.start_soon(listen)
        try:
            yield program
        finally:
            if program.process.returncode is None:
                program.process.kill()


# ---- other people's clients -----------------------------------------------------------------------------------------


@pytest.mark.requirement("MCP-STDIO-06")
@pytest.mark.parametrize(
    ("mode", "version"), [("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28"), ("auto", "2026-07-28")]
)
async def test_the_official_client_speaks_both_eras(tmp_path: Path, mode: Any, version: str) -> None:
    """Whatever revision a client brings, the same tools answer; a good run has nothing to say on standard error."""
    async with open_forge() as forge:
        program, *arguments = command("stdio")
        server = StdioServerParameters(
            command=program, args=arguments, env=environment(given(forge, tmp_path)), cwd="/"
        )
        with (tmp_path / "errors").open("w+") as errors:
            async with Client(stdio_client(server, errlog=errors), mode=mode) as client:
                assert version == client.protocol_version
                await _use(client)
            errors.seek(0)
            assert "" == errors.read()
    log = (tmp_path / ".local/state/aegis-trio/audit.log").read_text()
    records = [json.loads(line) for line in log.splitlines()]
    calls = [record for record in records if record["event"] == "tool_invocation"]
    assert {("stdio", "local", "local")} == {(one["transport"], one["principal"], one["client_ip"]) for one in calls}
    assert "service_stopped" == records[-1]["event"]


@pytest.mark.parametrize("client", ["claude-desktop", "codex"])
async def test_what_connect_prints_starts_a_server(tmp_path: Path, client: str) -> None:
    """Pasted as it is, with the token in its place, in an environment that knows no shell."""
    async with open_forge() as forge:
        printed = await run_command(
            ["connect", client, "--transport", "stdio", "--env-file", "/dev/null", "--json"], {"GITEA_URL": forge.url}
        )
        snippet = json.loads(printed.stdout)["snippet"]
        if client == "codex":
            entry = tomllib.loads(snippet)["mcp_servers"]["gitea"]
            entry["env"] |= dict.fromkeys(entry["env_vars"], forge.world.bot_token)
        else:
            entry = json.loads(snippet)["mcpServers"]["gitea"]
            entry["env"]["GITEA_TOKEN"] = forge.world.bot_token
        hello = "\n".join(json.dumps(one) for one in (initialize(), call("get_me"))).encode()
        with trio.fail_after(START_DEADLINE_S):
            ended = await trio.run_process(
                [entry["command"], *entry["args"]],
                env={**entry["env"], "HOME": str(tmp_path)},
                cwd="/",
                stdin=hello,
                capture_stdout=True,
            )
    assert ["2025-11-25", "mcp-bot"] == [
        message["result"].get("protocolVersion") or message["result"]["structuredContent"]["login"]
        for message in map(json.loads, ended.stdout.splitlines())
    ]


# ---- what is on standard output -------------------------------------------------------------------------------------


@pytest.mark.requirement("MCP-STDIO-02")
async def test_nothing_but_messages_is_on_standard_output(tmp_path: Path) -> None:
    """One line of anybody else's, and the client has lost its server; logs and noise go to standard error."""
    async with open_forge() as forge, running(given(forge, tmp_path, LOG_LEVEL="DEBUG"), before=NOISY) as program:
        body, _ = modern(call("get_me", request_id="modern"))
        await program.ask(initialize(), notification("notifications/initialized"), call("get_me", {}, 1), body)
        assert program.process.stdin is not None
        await program.process.stdin.aclose()
        messages = await program.rest()
        assert 0 == await program.ended()

    assert [0, 1, "modern"] == sorted((message["id"] for message in messages), key=str)
    for noise in (b"noise by print", b"noise by descriptor", b"noise by a program", b"serving"):
        assert noise in program.complained


@pytest.mark.requirement("MCP-STDIO-01")
async def test_what_is_no_line_of_ours_is_refused_and_the_next_one_served(tmp_path: Path) -> None:
    """Nobody can tell which request it was, so the answer has no id; more than 4 MiB are never kept."""
    async with open_forge() as forge, running(given(forge, tmp_path)) as program:
        await program.write(b"x" * 5_000_000 + b"\n")
        assert -32600 == (await program.answer())["error"]["code"]
        await program.write(b"\xff\xfe{}\n")
        assert -32700 == (await program.answer())["error"]["code"]
        await program.write(b"\n\r\n")
        await program.ask(request("ping", request_id=5))
        assert {"jsonrpc": "2.0", "id": 5, "result": {}} == await program.answer()


# ---- how it ends ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("MCP-STDIO-03")
async def test_it_ends_with_its_input_and_answers_first(tmp_path: Path) -> None:
    """Closing our input is how clients say goodbye; they kill whoever is there two seconds later."""
    async with open_forge() as forge, running(given(forge, tmp_path, SHUTDOWN_GRACE_S="50")) as program:
        release = trio.Event()
        forge.faults.order(Fault(hold=release), path="/user/repos")
        await program.ask(call("list_repositories", request_id=1))
        await forge.requests.wait_for(lambda record: record.raw_path.endswith("/user/repos"))
        assert program.process.stdin is not None
        await program.process.stdin.aclose()
        release.set()
        assert [1] == [message["id"] for message in await program.rest()]
        assert 0 == await program.ended()
    assert b"" == program.complained


async def test_a_call_that_hangs_does_not_keep_it(tmp_path: Path) -> None:
    """The grace is short, and the forge is told by the closed connection."""
    async with open_forge() as forge, running(given(forge, tmp_path)) as program:
        forge.faults.order(Fault(hold=trio.Event()), path="/user/repos")
        await program.ask(call("list_repositories", request_id=1))
        await forge.requests.wait_for(lambda record: record.raw_path.endswith("/user/repos"))
        assert program.process.stdin is not None
        await program.process.stdin.aclose()
        assert 0 == await program.ended()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
async def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """A client that gives up says so by a signal; the audit log ends well."""
    async with open_forge() as forge, running(given(forge, tmp_path)) as program:
        await program.ask(request("ping", request_id=1))
        await program.answer()
        program.process.send_signal(number)
        assert 0 == await program.ended()
    assert b"" == program.complained
    log = tmp_path / ".local/state/aegis-trio/audit.log"
    assert "service_stopped" == json.loads(log.read_text().splitlines()[-1])["event"]


async def test_it_ends_when_nobody_reads_its_answers(tmp_path: Path) -> None:
    """Half a client is none."""
    async with open_forge() as forge, running(given(forge, tmp_path)) as program:
        await program.ask(request("ping", request_id=1))
        await program.answer()
        assert program.process.stdout is not None
        await program.process.stdout.aclose()
        await program.ask(request("ping", request_id=2))
        assert 0 == await program.ended()
    assert b"" == program.complained


async def test_it_outlives_whoever_read_its_log(tmp_path: Path) -> None:
    """A client may close standard error; the calls that would be logged there go on."""
    async with (
        open_forge() as forge,
        running(given(forge, tmp_path, LOG_LEVEL="DEBUG"), is_deaf=True) as program,
    ):
        for number in range(3):
            await program.ask(call("get_me", request_id=number))
            assert number == (await program.answer())["id"]
        assert program.process.stdin is not None
        await program.process.stdin.aclose()
        assert 0 == await program.ended()


async def test_it_outlives_a_log_that_it_shares_with_its_answers(tmp_path: Path) -> None:
    """`2>&1` mixes both, as whoever starts it so wants; neither breaks the other."""
    asked = b"".join(json.dumps(request("tools/list", request_id=number)).encode() + b"\n" for number in range(100))
    async with open_forge() as forge:
        with trio.fail_after(START_DEADLINE_S):
            ended = await trio.run_process(
                command("stdio"),
                env=environment(given(forge, tmp_path, LOG_LEVEL="INFO", LOG_FORMAT="json")),
                stdin=asked,
                capture_stdout=True,
                stderr=subprocess.STDOUT,
            )
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert list(range(100)) == [line["id"] for line in lines if "jsonrpc" in line]
    assert {"serving", "stopped"} <= {line["event"] for line in lines if "event" in line}
