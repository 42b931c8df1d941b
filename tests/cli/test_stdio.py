"""`aegis-trio stdio` up to the point where it speaks; what it says then is told by tests/e2e/test_stdio.py."""

from __future__ import annotations

import pytest

from aegis_trio.cli.stdio import _code_of
from aegis_trio.config.stdio import load_stdio_settings
from aegis_trio.transports.line import LineEnd
from tests.cli.places import run

LEAST = {"GITEA_URL": "https://git.example.com", "GITEA_TOKEN": "abcdef0123", "HOME": "/home/ada"}


@pytest.mark.parametrize("missing", ["stdin", "stdout", "stderr"])
def test_all_three_ways_must_be_open(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is opened later would take the number of the one that is missing, and get the messages."""
    monkeypatch.setattr(f"sys.{missing}", None)

    assert 64 == run("stdio")
    assert "open all three" in capsys.readouterr().err or missing == "stderr"


def test_what_is_missing_is_told_as_by_serve(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The client's log shows standard error; standard output stays empty."""
    monkeypatch.setenv("HOME", "/home/ada")

    assert 78 == run("stdio")
    said = capsys.readouterr()
    assert ("", ["GITEA_URL", "GITEA_TOKEN"]) == (said.out, [line.split()[1][:-1] for line in said.err.splitlines()])


@pytest.mark.parametrize("end", LineEnd)
def test_every_end_has_its_exit_code(end: LineEnd) -> None:
    """Whoever left or was left ends well; a bug and an output that nobody reads do not."""
    expected = {LineEnd.CUT: 74, LineEnd.BROKE: 70}.get(end, 0)

    assert expected == _code_of(end, load_stdio_settings(LEAST, None))
