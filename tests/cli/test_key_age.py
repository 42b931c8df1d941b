"""key-age says in one line and one number how keys stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.places import DAY_NS, HINT, KEY, NOW_NS, OTHER, OTHER_HINT, json_of, known, run


@pytest.mark.parametrize(
    ("expires_days", "code", "status", "words"),
    [
        (90, 0, "ok", "expires in 90 day(s)"),
        (14.1, 0, "ok", "expires in 14 day(s)"),
        (14, 0, "note", "expires in 14 day(s)"),
        (7.1, 0, "note", "expires in 7 day(s)"),
        (7, 1, "expiring", "run `aegis-trio rotate`"),
        (0.5, 1, "expiring", "less than a day"),
        (0, 2, "expired", "has expired; run"),
        (-3, 2, "expired", "has expired; run"),
        (None, 0, "ok", "never expires"),
    ],
)
def test_the_code_follows_the_days(
    expires_days: float | None, code: int, status: str, words: str, *, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 fine, 1 within seven days, 2 expired; a note from fourteen days on."""
    known(folder / "keys", expires_days=expires_days, description="laptop")

    assert code == run("key-age")

    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{HINT}  {status} ")
    assert words in line
    assert line.endswith("(laptop)")


def test_the_worst_key_decides(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only keys that are configured count; of one nothing is known."""
    monkeypatch.setenv("MCP_API_KEYS", f"{KEY},{OTHER},sha256:{'ab' * 32}")
    known(folder / "keys", expires_days=3)
    known(folder / "keys", "2" * 64, expires_days=-30)

    assert 1 == run("key-age", "--json")

    found = json_of(capsys)
    assert [(HINT, "expiring", 3), (OTHER_HINT, "unknown", None), ("sha256:abababab", "unknown", None)] == [
        (key["hint"], key["status"], key["days_left"]) for key in found["keys"]
    ]
    assert 1 == found["exit"]
    run("key-age")
    assert "nothing is known" in capsys.readouterr().out


def test_a_hashed_key_is_known_by_its_hint(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its id cannot be computed from the entry."""
    monkeypatch.setenv("MCP_API_KEYS", f"sha256:{'ab' * 32}:{HINT}")
    known(folder / "keys", expires_days=-1)

    assert 2 == run("key-age")


def test_a_key_in_grace_wakes_nobody_until_it_must_go(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is meant to end; afterwards it is to be removed."""
    known(folder / "keys", expires_days=1, replaced_by=OTHER_HINT)

    assert 0 == run("key-age")
    assert "another key has taken its place" in capsys.readouterr().out
    assert 2 == run("key-age", now_ns=NOW_NS + DAY_NS)
    assert "remove it from MCP_API_KEYS" in capsys.readouterr().out


def test_a_key_that_never_expires_grows_old(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ninety days are recommended."""
    known(folder / "keys", expires_days=None)

    assert 0 == run("key-age", now_ns=NOW_NS + 90 * DAY_NS)
    assert "is 90 days old and never expires" in capsys.readouterr().out


def test_a_wrong_folder_is_no_good_news(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A cron job that looks at nothing must not say that all is well."""
    assert 78 == run("key-age", "--keys-dir", "nowhere")
    assert "knows no key" in capsys.readouterr().err
    (folder / "keys").mkdir()
    (folder / "keys" / "x.json").write_text("{")
    assert 78 == run("key-age")


def test_keys_that_cannot_be_read_are_a_fault(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Their age cannot be told, and a file that names them may be missing."""
    monkeypatch.setenv("MCP_API_KEYS", "short")
    assert 78 == run("key-age")
    monkeypatch.delenv("MCP_API_KEYS")
    monkeypatch.setenv("MCP_API_KEYS_FILE", "nowhere")
    assert 78 == run("key-age")
