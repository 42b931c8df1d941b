"""`aegis-trio console` as a program: what it takes, and every way out of it."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import trio

from aegis_trio.cli.console import program
from aegis_trio.cli.console.commands import USAGE
from aegis_trio.cli.exit_codes import (
    EXIT_CALL_FAILED,
    EXIT_CONFIGURATION,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_UNAVAILABLE,
    EXIT_USAGE,
)
from tests.cli.console.conversations import ROOT
from tests.cli.console.fake_server import KEY, PATIENCE_S, open_fake_server
from tests.cli.places import run
from tests.docs.documents import document, rows


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["-c", "nonsense"], "aegis-trio: -c: There is no command “nonsense”."),
        (["-c", "tools", "-c", "call"], "the name is missing"),
        (["-c", "tools"], "the key is missing: give --key-file or AEGIS_CONSOLE_KEY"),
        (["-c", "tools", "--no-key", "--url", "ftp://x"], "--url is not a ws, wss, http or https URL"),
        (["-c", "tools", "--no-key", "--timeout", "0"], "--timeout is not a number of seconds from 0.1 to 3600"),
        (["-c", "tools", "--no-key", "--era", "stone"], "stone"),
        (["-c", "tools", "--no-key", "--key", "x"], "not allowed with"),
    ],
)
def test_what_is_asked_for_wrongly_is_64_before_anything_is_sent(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake in the last command of a script must not be found after the first ran."""
    assert 64 == run("console", *argv)
    assert said in capsys.readouterr().err


def test_json_is_for_scripts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A prompt on standard output would not be JSON."""
    monkeypatch.setattr(program, "can_ask", lambda: True)

    assert 64 == run("console", "--json")
    assert "give commands by -c" in capsys.readouterr().err


def test_a_python_without_readline_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Some builds have none; scripts need none."""
    monkeypatch.setattr(program, "can_ask", lambda: True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert 64 == run("console", "--no-key")
    assert "has no readline" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("env", "url"),
    [
        ("", "http://127.0.0.1:8080"),
        ("PORT=9000\n", "http://127.0.0.1:9000"),
        ("PUBLIC_URL=https://gate.example/sub\nPORT=9000\n", "https://gate.example/sub"),
        ("MCP_DOMAIN=gate.example\n", "https://gate.example"),
    ],
)
def test_the_gate_of_this_folder_is_the_default(env: str, url: str, folder: Path) -> None:
    """The operator stands where `.env` stands."""
    (folder / ".env").write_text(env)

    assert url == program._own_url(Path(".env"))


def test_a_setting_that_cannot_be_used_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """78, as everywhere."""
    (folder / ".env").write_text("PORT=many\n")

    assert 78 == run("console", "--no-key", "-c", "tools")
    assert "PORT=many" in capsys.readouterr().err


def test_the_guide_has_every_option_command_and_exit_code() -> None:
    """What is not in the guide is not found; what is only there does not exist."""
    guide = document("docs/console.md")
    parser = argparse.ArgumentParser(add_help=False)
    program.add_arguments(parser)
    options = {action.option_strings[0] for action in parser._actions}
    codes = [EXIT_OK, EXIT_CALL_FAILED, EXIT_USAGE, EXIT_UNAVAILABLE, EXIT_CONFIGURATION, EXIT_INTERRUPTED]

    assert options == {row[0].split()[0] for row in rows(guide.section("Start"))}
    words = [word for row in rows(guide.section("Commands")) for word in re.findall(r"(?:^|`)([a-z]+)", row[0])]
    assert set(USAGE) == set(words)
    assert [str(code) for code in codes] == [row[0] for row in rows(guide.section("Scripts")) if row[0].isdigit()]


async def console(url: str, *argv: str, stdin: bytes = b"", key: str = KEY) -> subprocess.CompletedProcess[bytes]:
    """Run the program itself."""
    with trio.fail_after(PATIENCE_S):
        return await trio.run_process(
            [sys.executable, "-m", "aegis_trio", "console", "--url", url, *argv],
            stdin=stdin,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            env={**os.environ, "AEGIS_CONSOLE_KEY": key, "PYTHONPATH": str(ROOT)},
        )


@pytest.mark.sockets
@pytest.mark.slow
async def test_the_program_itself_ends_with_the_code_and_prints_json_alone() -> None:
    """As scripts see it: from -c, from a pipe, with a wrong key, with nobody there."""
    async with open_fake_server() as server:
        well = await console(server.url, "--json", "-c", "call get_me", "--frames")
        piped = await console(server.url, stdin=b"call fail\n")
        wrong = await console(server.url, "-c", "call get_me", "--key", "w" * 40)
        url = server.url
    nobody = await console(url, "-c", "call get_me")

    assert (0, True) == (well.returncode, json.loads(well.stdout)["ok"])
    assert well.stderr.decode().startswith("→")
    assert (1, b"") == (piped.returncode, piped.stderr)
    assert b"no such thing\n(the tool failed" in piped.stdout
    assert (69, b"") == (wrong.returncode, wrong.stdout)
    assert b"can be read by every user of this machine" in wrong.stderr
    assert b"wwww" not in wrong.stderr
    assert (69, b"") == (nobody.returncode, nobody.stdout)
    assert b"Traceback" not in well.stderr + piped.stderr + wrong.stderr + nobody.stderr


@pytest.mark.sockets
@pytest.mark.slow
async def test_a_pipe_that_stays_open_holds_nobody() -> None:
    """Ctrl-C while the next line is awaited: 130, at once, and the interpreter ends cleanly."""
    async with open_fake_server() as server, trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(
                trio.run_process,
                [sys.executable, "-m", "aegis_trio", "console", "--url", server.url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                check=False,
                env={**os.environ, "AEGIS_CONSOLE_KEY": KEY, "PYTHONPATH": str(ROOT)},
            )
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        await process.stdin.send_all(b"call get_me\n")
        with trio.fail_after(PATIENCE_S):
            assert b"tidewater-bot" in await process.stdout.receive_some()
            process.send_signal(signal.SIGINT)
            code = await process.wait()
            error = await process.stderr.receive_some()

    assert (130, b"") == (code, error)


def test_a_key_in_the_clear_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads the network has the key."""

    async def nothing(*_: object) -> int:
        await trio.lowlevel.checkpoint()
        return 0

    monkeypatch.setattr(program, "run_conversation", nothing)

    assert 0 == run("console", "--no-key", "-c", "tools", "--url", "http://gate.example")
    assert "in the clear" in capsys.readouterr().err
