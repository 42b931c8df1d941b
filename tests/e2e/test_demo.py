"""The demo does what it prints: its curl works as printed, its configurations connect, and it leaves nothing behind."""

from __future__ import annotations

import json
import re
import secrets
import shlex
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trio
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from aegis_trio.audit.reader import verify_chain
from tests.e2e.gates import END_DEADLINE_S, START_DEADLINE_S, command, environment

pytestmark = pytest.mark.e2e

LAST_LINE = "Ctrl-C ends it."
END_S = 1.0
SLACK_S = 14.0  # for a slow machine that does other things too


@dataclass
class Demo:
    """A demo that runs, and what it printed."""

    process: trio.Process
    printed: str

    def after(self, title: str) -> str:
        """Return what stands behind the line that begins with *title*, up to an empty line or a rule."""
        match = re.search(rf"^{re.escape(title)}[^\n]*\n(.*?)(?=\n\n|\n─)", self.printed, re.DOTALL | re.MULTILINE)
        assert match is not None, self.printed
        return match.group(1)

    def named(self, words: str) -> str:
        """Return what stands behind *words* in their line."""
        match = re.search(rf"{re.escape(words)} +(\S+)", self.printed)
        assert match is not None, self.printed
        return match.group(1)

    async def interrupt(self) -> tuple[int, float]:
        """Press Ctrl-C; return the exit code and the seconds that it took."""
        began = trio.current_time()
        self.process.send_signal(signal.SIGINT)
        with trio.fail_after(END_DEADLINE_S):
            code = await self.process.wait()
        return code, trio.current_time() - began


@asynccontextmanager
async def _open_demo(folder: Path, *arguments: str, given: Mapping[str, str] | None = None) -> AsyncIterator[Demo]:
    """Run the demo with *folder* as the place for temporary files, up to the last line of what it prints."""
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(
                trio.run_process,
                command("demo", "--port", "0", *arguments),
                env={**environment(given or {}), "TMPDIR": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
        )
        assert process.stdout is not None
        printed = b""
        with trio.move_on_after(START_DEADLINE_S):
            while LAST_LINE.encode() not in printed and (chunk := await process.stdout.receive_some()):
                printed += chunk
        demo = Demo(process, printed.decode())
        assert LAST_LINE in demo.printed, demo.printed
        try:
            yield demo
            # What it says at its end belongs to what it printed.
            with trio.move_on_after(END_DEADLINE_S):
                while chunk := await process.stdout.receive_some():
                    demo.printed += chunk.decode()
        finally:
            if process.returncode is None:
                process.kill()


def _left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_the_demo_prints_what_works_and_ends_without_a_trace(
    tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    """The first minute with the product: everything on that screen is pasted somewhere, so all of it is true."""
    require_program("curl")
    async with _open_demo(tmp_path) as demo:
        mcp_url, key = demo.named("the gate is at"), demo.named("your key is")
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/mcp", mcp_url)
        assert re.fullmatch(r"[0-9a-f]{64}", key)
        assert demo.named("the audit log is").startswith(str(tmp_path))

        # The call that it made, and the same again, exactly as printed, by a shell.
        shown = json.loads(demo.after("One call through the front door"))
        assert shown["success"] is True
        with trio.fail_after(END_DEADLINE_S):
            run = await trio.run_process(["sh", "-c", demo.after("The same with curl")], capture_stdout=True)
        again = json.loads(run.stdout)
        assert shown["result"] == again["result"]
        assert shown["correlation_id"] != again["correlation_id"]

        # The configurations, as their programs would read them.
        claude = shlex.split(demo.after("Claude Code"))
        assert ["claude", "mcp", "add", "--transport", "http", "gitea", mcp_url, "--header"] == claude[:-1]
        cursor = json.loads(demo.after("Cursor"))["mcpServers"]["gitea"]
        code = json.loads(demo.after("VS Code"))["servers"]["gitea"]
        assert "http" == code.pop("type")
        assert cursor == code
        name, _, value = claude[-1].partition(": ")
        assert cursor["headers"] == {name: value}
        assert await _list_tools(cursor["url"], cursor["headers"])
        assert "HTTPS" in demo.after("ChatGPT")

        ended, took_s = await demo.interrupt()
    assert (0, True) == (ended, took_s < END_S + SLACK_S), took_s
    assert demo.printed.rstrip().endswith(LAST_LINE), "it says nothing more at its end"
    assert [] == _left_in(tmp_path)


async def test_a_demo_with_an_open_stream_ends_as_quickly(tmp_path: Path) -> None:
    """An assistant that stays connected must not keep Ctrl-C waiting."""
    async with _open_demo(tmp_path) as demo:
        url = demo.named("the gate is at")
        headers = {"Authorization": f"Bearer {demo.named('your key is')}"}
        async with (
            httpx2.AsyncClient(headers=headers, trust_env=False, timeout=60) as client,
            client.stream("GET", f"{url}/sse") as stream,
        ):
            assert 200 == stream.status_code
            ended, took_s = await demo.interrupt()
    assert (0, True) == (ended, took_s < END_S + SLACK_S), took_s
    assert "Traceback" not in demo.printed


async def test_a_state_folder_keeps_key_and_audit_log(tmp_path: Path) -> None:
    """What was pasted into a client yesterday works today, and yesterday's log goes on."""
    state, temporary = tmp_path / "state", tmp_path / "tmp"
    temporary.mkdir()
    keys: list[str] = []
    for _ in range(2):
        async with _open_demo(temporary, "--state", str(state)) as demo:
            keys.append(demo.named("your key is"))
            assert str(state / "audit.log") == demo.named("the audit log is")
            assert 0 == (await demo.interrupt())[0]
    assert keys[0] == keys[1]
    records = [json.loads(line) for line in (state / "audit.log").read_text().splitlines()]
    assert 2 == sum(record["event"] == "service_started" for record in records)
    assert None is verify_chain(state / "audit.log").fault
    assert 0 == (state / "demo.key").stat().st_mode & 0o077
    assert keys[0] not in (state / "audit.log").read_text()
    assert [] == _left_in(temporary)


async def test_the_operators_own_keys_are_used(tmp_path: Path) -> None:
    """Whoever sets MCP_API_KEYS for the demo is shown that key, and no other is made."""
    first, second = secrets.token_hex(32), secrets.token_hex(32)
    async with _open_demo(tmp_path, given={"MCP_API_KEYS": f"{first},{second}"}) as demo:
        assert first == demo.named("your key is")
        assert await _list_tools(demo.named("the gate is at"), {"X-API-Key": second})
        assert 0 == (await demo.interrupt())[0]
    assert [] == _left_in(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "given", "code", "words"),
    [
        (["--port", "99999"], {}, 64, "99999"),
        ([], {"MCP_API_KEYS": "short"}, 78, "MCP_API_KEYS"),
        ([], {"PORT": "none"}, 78, "PORT"),
    ],
    ids=["no such port", "a short key", "a port that is none"],
)
async def test_a_demo_that_cannot_start_says_why(
    tmp_path: Path, arguments: list[str], given: dict[str, str], code: int, words: str
) -> None:
    """One sentence, an exit code, no traceback and no files."""
    with trio.fail_after(START_DEADLINE_S):
        ended = await trio.run_process(
            command("demo", *arguments),
            env={**environment(given), "TMPDIR": str(tmp_path)},
            check=False,
            capture_stderr=True,
            capture_stdout=True,
        )
    said = ended.stderr.decode()
    assert (code, True, False) == (ended.returncode, words in said, "Traceback" in said), said
    assert [] == _left_in(tmp_path)


async def _list_tools(url: str, headers: dict[str, Any]) -> list[str]:
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        return [tool.name for tool in (await client.list_tools()).tools]
