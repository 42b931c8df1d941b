"""keygen makes a key, shows it once, and keeps what may be kept."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from aegis_trio.auth.keytext import parse_key
from tests.cli.places import answers, json_of, run


def test_the_key_is_shown_once_and_kept_nowhere(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The metadata name it by hint and id alone, for their owner alone."""
    assert 0 == run("keygen", "--description", "Anna's laptop", "--expires-days", "30")
    text = capsys.readouterr().out
    key = text.splitlines()[2].strip()

    assert 64 == len(key)
    assert set(key) <= set("0123456789abcdef")
    assert f"MCP_API_KEYS={key}" in text
    assert "Next steps" in text
    assert "2026-03-04" in text
    (path,) = (folder / "keys").iterdir()
    content = path.read_text()
    assert {
        "version": 1,
        "kid": path.stem,
        "hint": f"{key[:8]}...{key[-4:]}",
        "created": "2026-02-02T02:40:00.000000Z",
        "expires": "2026-03-04T02:40:00.000000Z",
        "description": "Anna's laptop",
        "replaced_by": None,
    } == json.loads(content)
    assert key[8:-4] not in content
    assert (0o600, 0o700) == (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777)


def test_programs_get_json(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """One object, nothing beside it."""
    run(
        "keygen", "--description", "", "--json", "--form", "aegis", "--expires-days", "never", "--keys-dir", "elsewhere"
    )
    made = json_of(capsys)

    text = parse_key(made["key"])
    assert text is not None
    assert made["key"].startswith("aegis_")
    assert (text.hint, text.kid, None) == (made["hint"], made["kid"], made["expires"])
    assert (folder / made["metadata_file"]).parent == folder / "elsewhere"


def test_a_hashed_entry_opens_nothing_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """Anybody can compute it from the key, nobody the other way."""
    run("keygen", "--description", "", "--json", "--hash")
    made = json_of(capsys)

    assert f"MCP_API_KEYS=sha256:{hashlib.sha256(made['key'].encode()).hexdigest()}:{made['hint']}" == made["env_line"]


def test_an_hmac_needs_the_pepper(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from where the gate reads it."""
    assert 64 == run("keygen", "--description", "", "--hash", "hmac")
    assert "AEGIS_KEY_PEPPER" in capsys.readouterr().err
    monkeypatch.setenv("AEGIS_KEY_PEPPER", "p" * 32)
    assert 0 == run("keygen", "--description", "", "--hash", "hmac", "--json")
    assert json_of(capsys)["env_line"].startswith("MCP_API_KEYS=hmac:")


def test_where_nobody_can_be_asked_the_flag_is_named(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """A script learns what to give; nothing is made meanwhile."""
    assert 64 == run("keygen")
    assert "--description" in capsys.readouterr().err
    assert [] == list(folder.iterdir())


def test_people_are_asked(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """An answer that makes no sense is explained and asked for again; empty ones mean the default."""
    questions = answers(monkeypatch, "laptop", "soon", "0", "")

    assert 0 == run("keygen")

    assert ["What is the key for? ", *["After how many days does it expire? [90]: "] * 3] == questions
    assert "is not a number of days" in capsys.readouterr().out
    assert '"expires": "2026-05-03' in next((folder / "keys").iterdir()).read_text()


@pytest.mark.parametrize("given", [["x"], ["laptop", "a", "b", "c"], ["a\tb", "a\tb", "a\tb"]])
def test_no_answer_names_the_flag(
    given: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-D, or three answers that make no sense, end it."""
    answers(monkeypatch, *given)

    assert 64 == run("keygen")
    assert "give --" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags",
    [
        ["--description", "a\nb"],
        ["--description", "x" * 201],
        ["--description", "", "--expires-days", "0"],
        ["--description", "", "--expires-days", "-1"],
        ["--description", "", "--expires-days", "3651"],
        ["--description", "", "--form", "base64"],
    ],
)
def test_flags_that_make_no_sense_are_usage(flags: list[str], folder: Path) -> None:
    """Nothing is made."""
    assert 64 == run("keygen", *flags)
    assert [] == list(folder.iterdir())


def test_a_settings_file_that_cannot_be_read_is_a_configuration_fault() -> None:
    """The metadata might go to the wrong folder otherwise."""
    assert 78 == run("keygen", "--description", "", "--env-file", "nowhere.env")


def test_a_folder_that_cannot_be_written_is_told_with_the_way_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key without its metadata would never expire, so none is shown; the sentence names the setting."""
    (folder / "occupied").write_text("")

    assert 74 == run("keygen", "--description", "x", "--keys-dir", "occupied")
    told = capsys.readouterr()
    assert "" == told.out
    assert "KEYS_DIR" in told.err
