"""Where a text comes from: environment before `.env`, and a secret in one place only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aegis_trio.config.load import gather
from aegis_trio.config.sources import MAX_FILE_BYTES
from aegis_trio.model.secret import Secret
from tests.config.places import HINT, KEY, LEAST, OTHER, OTHER_HINT, fault_of, faults_of, load, written


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    """A container's environment must be able to change what an image brings along."""
    env = written(tmp_path / ".env", "PORT=1\nMAX_SESSIONS=5\n")

    settings = load(env, PORT="2")

    assert (2, 5) == (settings.web.port, settings.sessions.max_sessions)
    rows = {row.name: row.origin for row in gather(LEAST | {"PORT": "2"}, env).effective}
    assert ("environment", f"{env} line 2", "default") == (rows["PORT"], rows["MAX_SESSIONS"], rows["HOST"])


@pytest.mark.parametrize(
    "line",
    [
        f"MCP_API_KEYS = {KEY}",
        f"export MCP_API_KEYS='{KEY}' # mine",
        f'MCP_API_KEYS="{KEY}"',
        f"  MCP_API_KEYS= {KEY}  ",
        f"\r\nMCP_API_KEYS={KEY}\r",
    ],
)
def test_every_way_to_write_a_line_is_read(line: str, tmp_path: Path) -> None:
    """People copy lines from everywhere; spaces around `=` are fine."""
    settings = load(written(tmp_path / ".env", f"\ufeff\n# settings\n{line}\n"), MCP_API_KEYS="")

    assert [HINT] == [key.hint for key in settings.auth.keys]


def test_nothing_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A settings file is no program."""
    monkeypatch.setenv("HOME_PORT", "99")

    assert "PORT" == fault_of(written(tmp_path / ".env", "PORT=${HOME_PORT}")).variable


def test_an_empty_text_is_no_text(tmp_path: Path) -> None:
    """Compose passes an empty variable for an unset one."""
    assert 8080 == load(PORT=" ").web.port
    assert 81 == load(written(tmp_path / ".env", "PORT=81"), PORT="").web.port
    assert 8080 == load(written(tmp_path / ".env", "PORT=81\nPORT=\n")).web.port


def test_a_missing_file_is_fine_only_where_none_was_named(tmp_path: Path) -> None:
    """Who names a file means it."""
    assert load(Path(".env"))
    fault = fault_of(tmp_path / "other.env")
    assert "--env-file" == fault.variable
    assert "no such file" in fault.rule


def test_a_line_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    """A quote that is not closed must not swallow the rest in silence."""
    fault = fault_of(written(tmp_path / ".env", "LOG_LEVEL=INFO\n\nPORT='80\n"))

    assert f"{tmp_path / '.env'} line 3" == fault.variable


def test_a_doubled_line_is_mentioned(tmp_path: Path) -> None:
    """The last one counts; somebody who edits the first wonders."""
    settings = load(written(tmp_path / ".env", "PORT=1\nPORT=2\nPORTS\n"))

    assert 2 == settings.web.port
    assert "line 2 counts" in settings.warnings[0]


def test_secrets_are_read_from_files(tmp_path: Path) -> None:
    """Docker secrets, systemd credentials; one key a line is fine there."""
    keys = written(tmp_path / "keys.txt", f"# ours\n{KEY}\n\n{OTHER}\n")
    token = written(tmp_path / "token", "from-file\n")
    tokens = written(tmp_path / "tokens", f"{OTHER_HINT} = hers\n")

    settings = load(
        MCP_API_KEYS="",
        MCP_API_KEYS_FILE=str(keys),
        GITEA_TOKEN="",
        GITEA_TOKEN_FILE=str(token),
        GITEA_KEY_TOKENS_FILE=str(tokens),
    )

    assert [(HINT, Secret("from-file")), (OTHER_HINT, Secret("hers"))] == [
        (key.hint, key.gitea_token) for key in settings.auth.keys
    ]


def test_a_secret_in_two_places_is_a_fault(tmp_path: Path) -> None:
    """Nobody should have to guess which of them counts."""
    token = str(written(tmp_path / "token", "from-file"))

    assert "GITEA_TOKEN_FILE" == fault_of(GITEA_TOKEN_FILE=token).variable
    env = written(tmp_path / ".env", "GITEA_TOKEN=in-env-file")
    assert "GITEA_TOKEN_FILE" == fault_of(env, GITEA_TOKEN="", GITEA_TOKEN_FILE=token).variable


def test_files_that_cannot_be_secrets_are_faults(tmp_path: Path) -> None:
    """Missing, empty, huge, binary, a folder: each says what is wrong with it."""
    cases = {
        "no such file": tmp_path / "nowhere",
        "names an empty file": written(tmp_path / "empty", " \n"),
        f"above {MAX_FILE_BYTES} bytes": written(tmp_path / "huge", "x" * (MAX_FILE_BYTES + 1)),
        "is a directory": tmp_path,
        "a user who has none here": Path("~nobody-of-that-name/token"),
    }
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    cases["not UTF-8"] = tmp_path / "binary"
    for said, path in cases.items():
        faults = faults_of(GITEA_TOKEN="", GITEA_TOKEN_FILE=str(path))
        assert any(said in fault.rule for fault in faults), said


def test_a_file_for_everybody_is_mentioned(tmp_path: Path) -> None:
    """A secret that every user of the machine reads is none."""
    token = written(tmp_path / "token", "from-file", 0o644)
    env = written(tmp_path / ".env", "PORT=1", 0o644)

    warnings = load(env, GITEA_TOKEN="", GITEA_TOKEN_FILE=str(token)).warnings

    assert [f"`chmod 600 {path}`" in warning for path, warning in zip((env, token), warnings, strict=True)] == [
        True
    ] * 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_a_fault(tmp_path: Path) -> None:
    """The gate's user lacks a right; the operator is told which file."""
    assert (
        "permission denied"
        in fault_of(GITEA_TOKEN="", GITEA_TOKEN_FILE=str(written(tmp_path / "token", "x", 0o000))).rule
    )


def test_a_settings_file_that_cannot_be_read_is_one_fault(tmp_path: Path) -> None:
    """What is missing then may well stand in it, and is not asked for."""
    assert "--env-file" == fault_of(tmp_path, GITEA_URL="", MCP_API_KEYS="", GITEA_TOKEN="").variable


def test_what_is_no_secret_is_not_read_from_a_file() -> None:
    """`PORT_FILE` would be ignored by a gate that stays silent."""
    fault = fault_of(GITEA_URL_FILE="/run/url")

    assert ("GITEA_URL_FILE", "Set GITEA_URL itself.") == (fault.variable, fault.remedy)
