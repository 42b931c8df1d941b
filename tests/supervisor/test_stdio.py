"""The tree of `aegis-trio stdio`: one client, one audit log of its own, and an end in order."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from aegis_trio.audit.lost import LogIsHeld
from aegis_trio.audit.reader import verify_chain
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.trail import open_audit_trail
from aegis_trio.audit.verify import verify_log
from aegis_trio.config.stdio import StdioSettings, load_stdio_settings
from aegis_trio.demo_forge.faults import Fault
from aegis_trio.model.clock import SystemClock
from aegis_trio.model.json import JsonValue
from aegis_trio.supervisor.core import RefusedSetting
from aegis_trio.supervisor.last_resort import LastResort
from aegis_trio.supervisor.stdio import run_stdio
from aegis_trio.transports.line import LineEnd
from tests.audit.signed import KEY
from tests.forge import RunningForge, open_forge
from tests.transports.harness import call, notification, request
from tests.transports.lines import modern, modern_call, modern_cancel

pytestmark = pytest.mark.sockets

PATIENCE_S = 60.0


class Program:
    """The client at the other end of the two ways."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[bytes](1000)
        self.said = b""
        self._news = trio.Event()

    @property
    def messages(self) -> list[Any]:
        """Everything that was said, a line each."""
        return [json.loads(line) for line in self.said.splitlines()]

    def ask(self, *documents: JsonValue) -> None:
        """Write requests, a line each."""
        for document in documents:
            self._send.send_nowait(json.dumps(document).encode() + b"\n")

    def end(self) -> None:
        """Close the output to the server."""
        self._send.close()

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something that was said makes *condition* true."""
        with trio.fail_after(PATIENCE_S):
            while not condition():
                self._news = trio.Event()
                await self._news.wait()

    async def receive_some(self) -> bytes:
        """Be the server's input."""
        try:
            return await self._receive.receive()
        except trio.EndOfChannel:
            return b""

    async def send_all(self, data: bytes) -> None:
        """Be the server's output."""
        await trio.lowlevel.checkpoint()
        self.said += data
        self._news.set()


def settings_for(url: str, token: str, home: Path, **changes: str) -> StdioSettings:
    """Return what a user sets."""
    return load_stdio_settings({"GITEA_URL": url, "GITEA_TOKEN": token, "HOME": str(home), **changes}, None)


@asynccontextmanager
async def opened(home: Path, **changes: str) -> AsyncGenerator[tuple[RunningForge, Program, list[LineEnd]]]:
    """Run the program in front of a forge until the block ends; the list gets how it ended."""
    ends: list[LineEnd] = []
    async with open_forge() as forge:
        program = Program()
        settings = settings_for(forge.url, forge.world.bot_token, home, **changes)

        async def run() -> None:
            ends.append(await run_stdio(settings, program, clock=SystemClock(), handle_signals=False))

        with trio.fail_after(PATIENCE_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(run)
                yield forge, program, ends


def records(path: Path, event: str) -> list[Any]:
    """Return the records of *event* in the log at *path*."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if line["event"] == event]


@pytest.mark.requirement("MCP-STDIO-06")
async def test_what_was_asked_before_the_end_is_answered(tmp_path: Path) -> None:
    """A script writes all it wants to know and closes; both eras, and nothing of it goes unrecorded."""
    async with opened(tmp_path) as (_, program, ends):
        program.ask(call("get_me", 1), modern_call("get_me", 2), request("ping", request_id=3))
        program.end()

    assert [LineEnd.LEFT] == ends
    assert {1, 2, 3} == {message["id"] for message in program.messages}
    assert "mcp-bot" == next(m for m in program.messages if m["id"] == 2)["result"]["structuredContent"]["login"]
    log = tmp_path / ".local/state/aegis-trio/audit.log"
    calls = records(log, "tool_invocation")
    assert [("local", "local", "stdio")] * 2 == [(c["principal"], c["client_ip"], c["transport"]) for c in calls]
    assert (1, 1) == (len(records(log, "service_started")), len(records(log, "service_stopped")))
    assert [] == records(log, "api_authentication")
    assert None is verify_chain(log).fault
    assert 0 == log.with_name("root.key").stat().st_mode & 0o077


async def test_a_subscription_ends_with_the_input(tmp_path: Path) -> None:
    """It would be owed for ever."""
    async with opened(tmp_path) as (_, program, ends):
        program.ask(modern("subscriptions/listen", 1, {"notifications": {"toolsListChanged": True}}))
        program.end()

    assert [LineEnd.LEFT] == ends
    assert "complete" == program.messages[-1]["result"]["resultType"]


@pytest.mark.requirement("MCP-STDIO-03")
async def test_what_takes_longer_than_the_grace_is_cancelled_and_recorded(tmp_path: Path) -> None:
    """The client is gone; the process must not be the one that stays."""
    async with opened(tmp_path, SHUTDOWN_GRACE_S="0") as (forge, program, ends):
        forge.faults.order(Fault(hold=trio.Event()), path="/user/repos")
        program.ask(call("list_repositories", 1))
        await forge.requests.wait_for(lambda record: record.raw_path.endswith("/user/repos"))
        program.end()

    assert ([LineEnd.LEFT], b"") == (ends, program.said)
    [outcome] = records(tmp_path / ".local/state/aegis-trio/audit.log", "tool_invocation")
    assert ("error", "cancelled") == (outcome["result"], outcome["status"])


@pytest.mark.requirement("MCP-STDIO-05")
@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_cancelled_call_ends_and_is_never_answered(tmp_path: Path, era: str) -> None:
    """On a line a posted cancellation is the only way: it reaches the forge, and nothing more is said."""
    async with opened(tmp_path) as (forge, program, _):
        forge.faults.order(Fault(hold=trio.Event()), path="/user/repos")
        program.ask(call("list_repositories", 1) if era == "legacy" else modern_call("list_repositories", 1))
        await forge.requests.wait_for(lambda record: record.raw_path.endswith("/user/repos"))
        cancel = notification("notifications/cancelled", {"requestId": 1})
        program.ask(cancel if era == "legacy" else modern_cancel(1))
        await _answered(program)
        program.end()

    assert [0] == [message["id"] for message in program.messages]
    [outcome] = records(tmp_path / ".local/state/aegis-trio/audit.log", "tool_invocation")
    assert "cancelled" == outcome["status"]


async def test_processes_at_the_same_time_have_logs_of_their_own(tmp_path: Path) -> None:
    """Clients start one for each window; whoever comes later goes on in a log that is free."""
    folder = tmp_path / ".local/state/aegis-trio"
    async with opened(tmp_path) as (_, first, _):
        await _answered(first)
        async with opened(tmp_path) as (_, second, _):
            await _answered(second)
            assert {"audit.log", "audit-2.log", "root.key"} == {path.name for path in folder.iterdir()}
            second.end()
        first.end()
    async with opened(tmp_path) as (_, third, _):
        third.end()

    assert [2, 1] == [len(records(folder / name, "service_started")) for name in ("audit.log", "audit-2.log")]


async def test_a_log_of_the_users_own_is_not_exchanged_for_another(tmp_path: Path) -> None:
    """He will look for the records where he said."""
    path = tmp_path / "mine.log"
    async with open_audit_trail(AuditSettings(path=path), clock=SystemClock()):
        settings = settings_for("http://127.0.0.1:1", "abcdef0123", tmp_path, AUDIT_LOG_PATH=str(path))
        with pytest.raises(LogIsHeld, match="AUDIT_LOG_PATH"):
            await run_stdio(settings, Program(), clock=SystemClock(), handle_signals=False)


async def test_a_log_that_is_named_is_signed_where_a_key_is_set(tmp_path: Path) -> None:
    """A person who proves what his assistant did needs no gate for it."""
    path = tmp_path / "mine.log"
    async with opened(tmp_path, AUDIT_LOG_PATH=str(path), AUDIT_SIGNING_KEY=KEY.reveal()) as (_, program, _):
        program.ask(call("get_me", 1))
        program.end()

    findings = verify_log([path], path, keys=[KEY.verifier])
    assert (None, 0) == (findings.fault, findings.unsigned)
    assert findings.covered == findings.records > 2


async def test_processes_are_not_without_number(tmp_path: Path) -> None:
    """A program that starts us again and again must see that, not fill the folder."""
    settings = settings_for("http://127.0.0.1:1", "abcdef0123", tmp_path)
    settings = replace(settings, audit_paths=settings.audit_paths[:2])
    async with AsyncExitStack() as held:
        for path in settings.audit_paths:
            await held.enter_async_context(open_audit_trail(AuditSettings(path=path), clock=SystemClock()))
        with pytest.raises(LogIsHeld, match="audit-2"):
            await run_stdio(settings, Program(), clock=SystemClock(), handle_signals=False)


async def test_a_site_administrators_token_is_refused(tmp_path: Path) -> None:
    """`sudo` would make a reader everybody."""
    async with open_forge() as forge:
        settings = settings_for(forge.url, forge.world.tokens["admin"], tmp_path)
        with pytest.RaisesGroup(pytest.RaisesExc(RefusedSetting, match="GITEA_TOKEN")):
            await run_stdio(settings, Program(), clock=SystemClock(), handle_signals=False)


async def test_a_forge_that_is_away_does_not_keep_the_program_from_starting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A laptop on a train: the client still lists the tools, and each call says what is wrong."""
    program, ends = Program(), []
    settings = replace(settings_for("http://127.0.0.1:1", "abcdef0123", tmp_path), warnings=("A word.",))
    program.ask(request("tools/list", request_id=1), call("get_me", 2))
    program.end()
    ends.append(await run_stdio(settings, program, clock=SystemClock(), handle_signals=False))

    assert [LineEnd.LEFT] == ends
    by_id = {message["id"]: message for message in program.messages}
    assert by_id[1]["result"]["tools"]
    assert "Gitea cannot be asked" in json.dumps(by_id[2])
    assert "A word." in capsys.readouterr().out


async def test_signals_end_it_in_order(tmp_path: Path) -> None:
    """The first asks: what is owed is given, nothing new is begun. The second does not wait. HUP means nothing here."""
    forced = trio.Event()
    ends: list[LineEnd] = []
    resort = LastResort(lambda _: forced.set())
    async with open_forge() as forge:
        settings = settings_for(forge.url, forge.world.bot_token, tmp_path, SHUTDOWN_GRACE_S="50")
        program, release = Program(), trio.Event()

        async def run() -> None:
            ends.append(await run_stdio(settings, program, clock=SystemClock(), last_resort=resort))

        forge.faults.order(Fault(hold=release), path="/user/repos")
        with trio.fail_after(PATIENCE_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(run)
                program.ask(call("list_repositories", 1))
                await forge.requests.wait_for(lambda record: record.raw_path.endswith("/user/repos"))
                os.kill(os.getpid(), signal.SIGHUP)
                os.kill(os.getpid(), signal.SIGTERM)
                await trio.testing.wait_all_tasks_blocked(0.01)
                program.ask(call("get_me", 2))
                await program.wait_for(lambda: bool(program.messages))
                os.kill(os.getpid(), signal.SIGINT)
                await forced.wait()
                release.set()
    resort.disarm()

    assert [LineEnd.LEFT] == ends
    assert [2, 1] == [message["id"] for message in program.messages]
    assert "ending" in json.dumps(program.messages[0])
    assert program.messages[1]["result"]["isError"] is False


async def test_without_a_last_resort_the_second_signal_cancels(tmp_path: Path) -> None:
    """Where the process must live on, the tree still ends at once."""
    async with open_forge() as forge:
        settings = settings_for(forge.url, forge.world.bot_token, tmp_path, SHUTDOWN_GRACE_S="50")
        program = Program()
        forge.faults.order(Fault(hold=trio.Event()), path="/user/repos")
        with trio.fail_after(PATIENCE_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(run_stdio, settings, program, clock=SystemClock()))
                program.ask(call("list_repositories", 1))
                await forge.requests.wait_for(lambda record: record.raw_path.endswith("/user/repos"))
                for _ in range(2):
                    os.kill(os.getpid(), signal.SIGTERM)
                    await trio.testing.wait_all_tasks_blocked(0.01)

    assert b"" == program.said


async def _answered(program: Program) -> None:
    program.ask(request("ping", request_id=0))
    await program.wait_for(lambda: bool(program.said))
