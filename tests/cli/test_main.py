"""Every way out of the command line has its exit code and, for people, a sentence."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest

from aegis_trio.cli import main as main_module
from aegis_trio.cli.main import COMMANDS, main
from aegis_trio.config.faults import ConfigurationFault, ConfigurationFaults
from tests.cli.places import run


def program(*argv: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program itself."""
    return subprocess.run(
        [sys.executable, "-m", "aegis_trio", *argv],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
        timeout=120,
    )


@pytest.mark.parametrize("command", [*COMMANDS, "version"])
def test_usage_is_64_in_every_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """2, which argparse would give, means "expired"."""
    assert 64 == run(command, "--no-such-flag")
    assert "no-such-flag" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["nonsense"], ["--nonsense"], ["keygen", "extra"]])
def test_no_command_is_usage_too(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is done by guessing."""
    assert 64 == run(*argv)
    assert capsys.readouterr().err.startswith("usage: aegis-trio")


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["version"], ["rotate", "--help"]])
def test_help_and_version_are_well(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """They are asked for."""
    assert 0 == run(*argv)
    assert "aegis-trio" in capsys.readouterr().out


def test_the_version_that_is_told_is_the_one_that_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    """It stands in the source, so that telling it does not cost the reading of package metadata."""
    assert 0 == run("--version")
    assert f"aegis-trio {version('aegis-trio')}\n" == capsys.readouterr().out


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (
            ConfigurationFaults([ConfigurationFault(variable="PORT", rule="is bad", remedy="Mend it.")]),
            78,
            "aegis-trio: PORT: is bad. Mend it.\n",
        ),
        (OSError(28, "No space left on device", "/data/x"), 74, "aegis-trio: /data/x: No space left on device\n"),
        (OSError("odd"), 74, "aegis-trio: odd\n"),
        (KeyboardInterrupt(), 130, ""),
        (SystemExit(None), 0, ""),
        (ZeroDivisionError("secret text"), 70, "aegis-trio: a bug ended the command (ZeroDivisionError)."),
    ],
)
def test_no_user_sees_a_traceback(
    fault: BaseException,
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A sentence and a code; the text of a bug may hold anything, so it is not shown."""

    def fail(arguments: argparse.Namespace) -> int:
        raise fault

    module = SimpleNamespace(add_arguments=lambda parser: None, run=fail)
    monkeypatch.setattr(main_module.importlib, "import_module", lambda name: module)

    assert code == main(["keygen"])
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert "Traceback" not in error
    assert "secret text" not in error
    if code == 70:
        main(["keygen", "--traceback"])
        assert "Traceback" in capsys.readouterr().err


def test_the_program_itself_ends_with_the_code(folder: Path) -> None:
    """As an installed command and as a module."""
    done = program("keygen")
    assert 64 == done.returncode
    assert "--description" in done.stderr
    made = program("keygen", "--description", "laptop")
    assert 0 == made.returncode
    assert "" == made.stderr
    wrong = program("config", env={"PORT": "x"})
    assert 78 == wrong.returncode


def test_a_reader_that_leaves_early_is_no_bug() -> None:
    """`aegis-trio config | head -1` prints one line and nothing else."""
    with subprocess.Popen(
        [sys.executable, "-m", "aegis_trio", "config", "--markdown"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        error = process.stderr.read()
        code = process.wait(timeout=120)

    assert b"" == error
    assert 141 == code
