"""The interactive console on a real terminal: completion, Ctrl-C, forms, history, and how it is left."""

from __future__ import annotations

import os
import pty
import stat
import sys
import termios
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from aegis_trio.cli.console.interactive import Interactive
from tests.cli.console.conversations import ROOT
from tests.cli.console.fake_server import KEY, PATIENCE_S, FakeServer, open_fake_server

pytestmark = [pytest.mark.sockets, pytest.mark.slow]

# A terminal sends SIGINT to those whose controlling terminal it is.
START = (
    "import fcntl, runpy, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "sys.argv = ['aegis-trio', *sys.argv[1:]]; runpy.run_module('aegis_trio', run_name='__main__')"
)
PROMPT = "aegis> "


@dataclass
class Person:
    """Somebody before a terminal in which the console runs."""

    stream: trio.lowlevel.FdStream
    process: trio.Process
    attributes: list[Any]
    slave: int
    seen: str = ""
    ended: trio.Event = field(default_factory=trio.Event)

    async def types(self, keys: str) -> None:
        await self.stream.send_all(keys.encode())

    async def types_bytes(self, keys: bytes) -> None:
        await self.stream.send_all(keys)

    async def sees(self, words: str) -> str:
        """Wait for *words*; return what stood before them, and forget it."""
        with trio.fail_after(PATIENCE_S):
            while words not in self.seen:
                self.seen += (await self.stream.receive_some(4096)).decode("utf-8", "replace")
        before, _, self.seen = self.seen.partition(words)
        return before

    async def waits_for_end(self) -> int:
        """Wait until the console has ended; return its exit code."""
        with trio.fail_after(PATIENCE_S):
            return await self.process.wait()


@asynccontextmanager
async def open_terminal(server: FakeServer, home: Path, *arguments: str, **more: str) -> AsyncGenerator[Person]:
    """Run the console in a terminal for the time of a block."""
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    environ |= {"HOME": str(home), "AEGIS_CONSOLE_KEY": KEY, "TERM": "xterm", "INPUTRC": os.devnull, "LANG": "C.UTF-8"}
    environ["PYTHONPATH"] = str(ROOT)
    environ |= more
    async with trio.lowlevel.FdStream(master) as stream, trio.open_nursery() as nursery:
        process = await nursery.start(
            partial(
                trio.run_process,
                [sys.executable, "-c", START, "console", "--url", server.url, *arguments],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=environ,
                start_new_session=True,
                check=False,
            )
        )
        try:
            yield Person(stream, process, before, slave)
        finally:
            if process.returncode is None:
                process.kill()
            os.close(slave)


async def test_a_person_completes_calls_interrupts_answers_and_leaves(tmp_path: Path) -> None:
    """What a tool of debugging must do under the hands: each of these, once broken, loses somebody's work."""
    async with open_fake_server() as server, open_terminal(server, tmp_path) as person:
        assert "fake 1, MCP 2026-07-28" in await person.sees(PROMPT)

        # Completion of a name and of an argument.
        await person.types("call ec\t")
        await person.sees("call echo ")
        await person.types("te\t")
        await person.sees("text=")
        await person.types("hi\r")
        await person.sees('{"text": "hi"}\\x1b]0;owned\\x07\\u202eevil')
        await person.sees(PROMPT)

        # Ctrl-C while a call runs ends the call, and the server is told.
        await person.types("call slow\r")
        await person.sees("slow has begun")
        await person.types("\x03")
        await person.sees("interrupted; the server was told")
        await person.sees(PROMPT)
        await server.wait_cancelled(1)

        # Ctrl-C at the prompt clears the line; what stood there is not run.
        called = server.methods().count("tools/call")
        await person.types("call get_me")
        await person.sees("call get_me")
        await person.types("\x03")
        await person.sees(PROMPT)
        await person.types("frames off\r")
        await person.sees("frames are not shown")
        await person.sees(PROMPT)
        assert called == server.methods().count("tools/call")

        # A line that is no command costs a sentence; a line with the key in it works, and is not kept.
        await person.types("cal get_me\r")
        await person.sees("Did you mean call?")
        await person.sees(PROMPT)
        await person.types(f"call echo text={KEY}\r")
        await person.sees("(ok")
        await person.sees(PROMPT)

        # A form: asked field by field, checked, with the default that was shown.
        await person.types("call ask\r")
        assert "\\x1b]0;owned" in await person.sees("Answer it?")
        await person.types("yes\r")
        await person.sees("name (text): ")
        await person.types("Ann\r")
        await person.sees("times (whole number; optional) [1]: ")
        await person.types("x\r")
        await person.sees("That is not a whole number.")
        await person.sees("[1]: ")
        await person.types("\r")
        await person.sees('"action": "accept", "content": {"name": "Ann", "times": 1}')
        await person.sees(PROMPT)

        # Ctrl-C in a form cancels the form, not the console.
        await person.types("call ask\r")
        await person.sees("Answer it?")
        await person.types("\x03")
        await person.sees('"action": "cancel"')
        await person.sees(PROMPT)

        # Twice Ctrl-C leaves.
        await person.types("\x03")
        await person.sees(PROMPT)
        await person.types("\x03")
        assert 0 == await person.waits_for_end()
        assert person.attributes == termios.tcgetattr(person.slave)

    history = tmp_path / ".local/state/aegis-trio/console_history"
    lines = history.read_text().splitlines()
    assert ["call echo text=hi", "call slow", "frames off", "cal get_me", "call ask", "call ask"] == lines
    assert 0o600 == stat.S_IMODE(history.stat().st_mode)
    assert 0o700 == stat.S_IMODE(history.parent.stat().st_mode)


async def test_a_server_that_hangs_up_ends_the_line_that_is_being_typed(tmp_path: Path) -> None:
    """Nobody should type on for a dead connection, or be left with a terminal that swallows Ctrl-C."""
    async with open_fake_server() as server, open_terminal(server, tmp_path, "--era", "legacy") as person:
        await person.sees(PROMPT)
        await person.types("\x1b[31")  # a key that readline ponders over
        await person.types("call get_")
        await person.sees("call get_")

        server.hang_up.set()

        await person.sees("The server has hung up (1001 GOING_AWAY).")
        assert 69 == await person.waits_for_end()
        assert person.attributes == termios.tcgetattr(person.slave)


async def test_ctrl_d_leaves_and_history_comes_back(tmp_path: Path) -> None:
    """The last command of yesterday is one key away; notices come above the line that is being typed."""
    async with open_fake_server() as server:
        async with open_terminal(server, tmp_path) as person:
            await person.sees(PROMPT)
            await person.types("call get_me\r")
            await person.sees("tidewater-bot")
            await person.sees(PROMPT)
            await person.types("\x04")
            assert 0 == await person.waits_for_end()
        async with open_terminal(server, tmp_path) as person:
            await person.sees(PROMPT)
            await person.types("\x1b[A")
            await person.sees("call get_me")
            server.tells.set()
            await person.sees("The server says notifications/tools/list_changed.")
            await person.sees("aegis> call get_me")
            await person.types("\r")
            await person.sees("tidewater-bot")
            await person.sees(PROMPT)
            await person.types("quit\r")
            assert 0 == await person.waits_for_end()


async def test_a_server_without_tools_can_be_talked_to(tmp_path: Path) -> None:
    """Completion knows nothing then; everything else works. A home that cannot be written to costs the history."""
    (tmp_path / ".local").write_text("")
    strict = {"PYTHONIOENCODING": "utf-8:strict"}
    async with open_fake_server() as server, open_terminal(server, tmp_path, **strict) as person:
        server.lacks = frozenset({"tools/list"})
        assert "The tools cannot be listed: error -32601" in await person.sees(PROMPT)
        await person.types("\r")
        await person.sees(PROMPT)
        await person.types("call get_")
        await person.types_bytes(b"\xff\r")
        await person.sees("not UTF-8 text")
        await person.sees(PROMPT)
        await person.types("call ask\r")
        await person.sees("Answer it?")
        await person.types("\x04")
        await person.sees('"action": "cancel"')
        await person.sees(PROMPT)
        await person.types("quit\r")
        assert 0 == await person.waits_for_end()
        await person.sees("The history is not kept")


class _Stub:
    """A terminal and a session, as far as a signal looks at them."""

    is_reading = False
    runs = False

    def interrupt(self) -> bool:
        return self.runs


def test_a_signal_means_what_is_going_on() -> None:
    """Before the first prompt the end, while a command runs that command's, at the prompt half of a farewell."""
    stub = _Stub()
    speaker = Interactive(stub)  # type: ignore[arg-type] # what a signal looks at
    session: Any = stub

    assert 130 == speaker.interrupted(session)
    speaker._has_begun = True
    stub.runs = True
    assert [None, None, None] == [speaker.interrupted(session) for _ in range(3)]
    stub.is_reading = True  # a form is being filled in
    assert [None, 0] == [speaker.interrupted(session) for _ in range(2)]


async def test_signals_from_elsewhere(tmp_path: Path) -> None:
    """`kill` must find a console that ends, and leaves the terminal usable."""
    async with open_fake_server() as server, open_terminal(server, tmp_path) as person:
        await person.sees(PROMPT)
        person.process.terminate()
        assert 130 == await person.waits_for_end()
        assert person.attributes == termios.tcgetattr(person.slave)


async def test_ctrl_c_before_the_first_prompt_ends_it(tmp_path: Path) -> None:
    """A server that takes its time must not hold anybody."""
    async with open_fake_server() as server, open_terminal(server, tmp_path) as person:
        server.discovers_slowly = True
        await server.wait_asked()
        await person.types("\x03")
        assert 130 == await person.waits_for_end()
