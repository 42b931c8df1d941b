"""config shows what counts, where it comes from, and no secret."""

from __future__ import annotations

import pytest

from aegis_trio.config.reference import render_example, render_markdown
from tests.cli.places import KEY, json_of, run


def test_settings_are_shown_with_their_origin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong goes to standard error, and into the code."""
    monkeypatch.setenv("MCP_API_KEYS", KEY)
    monkeypatch.setenv("GITEA_URL", "https://git.example.com")
    monkeypatch.setenv("ADMIN_HOST", "192.0.2.1")
    assert 78 == run("config")
    shown = capsys.readouterr()
    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    assert "GITEA_URL = https://git.example.com [environment]" in lines
    assert "fault: GITEA_TOKEN" in shown.err
    assert "warning: ADMIN_HOST" in shown.err
    assert KEY not in shown.out + shown.err

    monkeypatch.setenv("GITEA_TOKEN", "abc")
    assert 0 == run("config", "--json")
    found = json_of(capsys)
    assert found["ok"]
    assert {"value": "****", "origin": "environment"} == found["settings"]["MCP_API_KEYS"]


def test_the_reference_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The committed files are made with these."""
    assert 0 == run("config", "--example")
    assert render_example() == capsys.readouterr().out
    assert 0 == run("config", "--markdown")
    assert render_markdown() == capsys.readouterr().out
    assert 64 == run("config", "--markdown", "--json")
