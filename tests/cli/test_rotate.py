"""rotate changes one key in a file that people wrote, and loses nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from aegis_trio.auth.keytext import parse_key
from aegis_trio.config.load import gather
from tests.cli.places import DAY_NS, HINT, KEY, NOW_NS, OTHER, OTHER_HINT, answers, json_of, kid_of, known, run

SETTINGS = f"""# The gate of the harbour

GITEA_URL = https://git.example.com   # behind the proxy
export MCP_API_KEYS="{KEY}"  # Anna
GITEA_TOKEN='abcdef'
"""


def write(text: str, path: Path = Path(".env"), mode: int = 0o600) -> Path:
    """Write a settings file."""
    path.write_bytes(text.encode())
    path.chmod(mode)
    return path


def test_replacing_changes_the_key_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The backup holds the old file, and is for its owner alone."""
    write(SETTINGS)
    known(folder / "keys", description="Anna's laptop")

    assert 0 == run("rotate", "--replace", "--json")

    made = json_of(capsys)
    assert SETTINGS.replace(KEY, made["key"]) == Path(".env").read_text()
    assert 64 == len(made["key"])
    assert (HINT, None) == (made["replaces"], made["old_key_ends"])
    (backup,) = folder.glob(".env.backup-*")
    assert ([str(backup.name)], SETTINGS, 0o600) == (
        made["backups"],
        backup.read_text(),
        backup.stat().st_mode & 0o777,
    )
    new = json.loads((folder / "keys" / f"{made['kid']}.json").read_text())
    old = json.loads((folder / "keys" / f"{kid_of(KEY)}.json").read_text())
    assert ("Anna's laptop", made["hint"]) == (new["description"], old["replaced_by"])
    assert {".env", backup.name, "keys"} == {path.name for path in folder.iterdir()}


def test_grace_keeps_the_old_key_for_a_day(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both are valid now, and the old one is refused when its time is over."""
    write(SETTINGS)

    assert 0 == run("rotate", "--grace", "--description", "new laptop")

    text = capsys.readouterr().out
    key = text.splitlines()[2].strip()
    assert SETTINGS.replace(KEY, f"{key},{KEY}") == Path(".env").read_text()
    assert "ends at 2026-02-03T02:40:00" in text
    gathered = gather({}, Path(".env"))
    assert () == gathered.faults
    assert gathered.settings is not None
    ends = {validity.kid: validity.expires_ns for validity in gathered.settings.auth.validities}
    assert NOW_NS + DAY_NS == ends[kid_of(KEY)]
    assert NOW_NS + 90 * DAY_NS == ends[kid_of(key)]


def test_grace_never_makes_a_key_live_longer(folder: Path) -> None:
    """A key that ends sooner ends sooner."""
    write(SETTINGS)
    path = known(folder / "keys", expires_days=0.25)

    assert 0 == run("rotate", "--grace", "--grace-hours", "168")
    assert "2026-02-02T08:40:00" in path.read_text()


def test_several_keys_need_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody's key is replaced by accident."""
    text = f"MCP_API_KEYS={KEY} , {OTHER}\n"
    write(text)

    assert 64 == run("rotate", "--replace")
    assert f"--key (one of {HINT}, {OTHER_HINT})" in capsys.readouterr().err
    assert 64 == run("rotate", "--replace", "--key", "deadbeef...0000")
    assert text == Path(".env").read_text()
    assert 0 == run("rotate", "--replace", "--key", OTHER_HINT, "--json")
    assert text.replace(OTHER, json_of(capsys)["key"]) == Path(".env").read_text()


@pytest.mark.parametrize(("mode", "old_stays"), [("--replace", False), ("--grace", True)])
def test_the_gitea_token_moves_along(mode: str, *, old_stays: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """A rotated key keeps its person's identity, or the gate would refuse to start."""
    write(f"GITEA_URL=https://x\nMCP_API_KEYS={KEY},{OTHER}\nGITEA_TOKEN=bot\nGITEA_KEY_TOKENS='{HINT}=hers' # Anna\n")

    run("rotate", mode, "--key", HINT, "--json")

    hint = json_of(capsys)["hint"]
    line = Path(".env").read_text().splitlines()[3]
    assert f"GITEA_KEY_TOKENS='{hint}=hers{f',{HINT}=hers' if old_stays else ''}' # Anna" == line
    assert () == gather({}, Path(".env")).faults


def test_secret_files_are_edited(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys and tokens may stand in files of their own, named in `.env` or in the environment."""
    keys = write(f"# keys\n{OTHER}\n{KEY}\n", folder / "keys.txt", 0o400)
    tokens = write(f"{HINT} = hers\n", folder / "tokens.txt")
    write(f"GITEA_URL=https://x\nGITEA_TOKEN=bot\nMCP_API_KEYS_FILE={keys}\n")
    monkeypatch.setenv("GITEA_KEY_TOKENS_FILE", str(tokens))

    assert 0 == run("rotate", "--replace", "--key", HINT, "--json")

    made = json_of(capsys)
    assert f"# keys\n{OTHER}\n{made['key']}\n" == keys.read_text()
    assert f"{made['hint']}=hers\n" == tokens.read_text()
    assert 2 == len(made["backups"])
    assert 0o400 == keys.stat().st_mode & 0o777
    assert () == gather(dict(os.environ), Path(".env")).faults


@pytest.mark.parametrize(("mode", "expected"), [(0o644, 0o600), (0o640, 0o600), (0o400, 0o400), (0o600, 0o600)])
def test_the_mode_is_kept_and_never_more_than_the_owner_s(mode: int, expected: int) -> None:
    """A settings file with keys in it is nobody else's business."""
    path = write(SETTINGS, mode=mode)
    run("rotate", "--replace")

    assert expected == path.stat().st_mode & 0o777


def test_a_link_is_followed(folder: Path) -> None:
    """`.env` often is one; it must still be one afterwards."""
    target = write(SETTINGS, folder / "real.env")
    Path(".env").symlink_to(target)

    assert 0 == run("rotate", "--replace")
    assert Path(".env").is_symlink()
    assert KEY not in target.read_text()


def test_a_hashed_entry_is_followed_by_a_hashed_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that held no key must not begin to hold one."""
    write(f"MCP_API_KEYS=hmac:{'ab' * 32}:{HINT}\n")
    assert 64 == run("rotate", "--replace")
    monkeypatch.setenv("AEGIS_KEY_PEPPER", "p" * 32)

    assert 0 == run("rotate", "--replace", "--json")

    made = json_of(capsys)
    text = Path(".env").read_text()
    assert made["key"] not in text
    assert text.startswith("MCP_API_KEYS=hmac:")
    assert text.endswith(f":{made['hint']}\n")


def test_a_hashed_key_without_metadata_does_not_end_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """Its id is unknown, so nothing can be written about it; the person is told."""
    write(f"MCP_API_KEYS=sha256:{'ab' * 32}\n")

    assert 0 == run("rotate", "--grace")
    assert "it does not end by itself" in capsys.readouterr().out


def test_the_new_key_is_dressed_like_the_old_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Unless another form is asked for."""
    from tests.auth.places import dressed  # noqa: PLC0415 -- used in this one test

    write(f"MCP_API_KEYS={dressed()}\n")
    run("rotate", "--replace", "--json")
    assert json_of(capsys)["key"].startswith("aegis_")
    run("rotate", "--replace", "--json", "--form", "hex")
    assert 64 == len(json_of(capsys)["key"])


def test_people_are_asked(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Which key, whether at once, what for, how long."""
    write(f"MCP_API_KEYS={KEY},{OTHER}\n")
    questions = answers(monkeypatch, "which?", OTHER_HINT, "maybe", "replace", "laptop", "30")

    assert 0 == run("rotate")

    assert 6 == len(questions)
    text = capsys.readouterr().out
    assert "names no one key" in text
    assert "neither replace nor grace" in text
    assert OTHER not in Path(".env").read_text()
    assert KEY in Path(".env").read_text()


def test_where_nobody_can_be_asked_the_flag_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Whether the old key ends at once is not guessed."""
    write(SETTINGS)

    assert 64 == run("rotate")
    assert "--replace or --grace" in capsys.readouterr().err
    assert SETTINGS == Path(".env").read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A=b\n", "keygen"),
        ("MCP_API_KEYS=,\n", "holds no key"),
        ("MCP_API_KEYS=short\n", "fewer than 32"),
        (f'MCP_API_KEYS="{KEY} x"\n', "checksum"),
        (f"MCP_API_KEYS={KEY}\nMCP_API_KEYS_FILE=x\nB='\n", "cannot be read"),
        ("MCP_API_KEYS_FILE=~nobody-of-that-name/keys\n", "Write the whole path"),
        (f'MCP_API_KEYS="# {KEY}\n{KEY}"\n', "cannot be edited safely"),
    ],
)
def test_what_cannot_be_rotated_is_told_and_left(
    text: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not one byte is written, and no key is left in the metadata."""
    write(text)

    assert (78 if said == "cannot be read" else 64) == run("rotate", "--replace")
    assert said in capsys.readouterr().err
    assert [".env"] == [path.name for path in folder.iterdir()]
    assert text == Path(".env").read_text()


def test_keys_in_the_environment_cannot_be_changed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No command changes its caller's environment; and one that goes before the file is mentioned."""
    monkeypatch.setenv("MCP_API_KEYS", KEY)
    assert 64 == run("rotate", "--replace")
    assert "no command can change" in capsys.readouterr().err
    write(SETTINGS)
    assert 0 == run("rotate", "--replace")
    assert "goes before the file" in capsys.readouterr().out


@pytest.mark.parametrize("hours", ["0", "169", "-1", "many"])
def test_grace_has_bounds(hours: str) -> None:
    """A week at most: grace is no second key."""
    write(SETTINGS)
    assert 64 == run("rotate", "--grace", "--grace-hours", hours)


def test_a_file_that_is_no_text_is_told() -> None:
    """It cannot be edited, and is not."""
    Path(".env").write_bytes(f"MCP_API_KEYS={KEY}\n".encode() + b"\xff\n")
    assert 78 == run("rotate", "--replace")
    write(f"MCP_API_KEYS_FILE={Path('k').absolute()}\n")
    Path("k").write_bytes(b"\xff")
    assert 64 == run("rotate", "--replace")


def test_a_change_in_between_is_not_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else edits the file at the same time: theirs stays."""
    path = write(SETTINGS)

    def backup_and_meddle(target: Path, content: bytes, clock: object) -> Path:
        write(SETTINGS + "NEW=1\n")
        return target

    monkeypatch.setattr("aegis_trio.cli.rotate.back_up", backup_and_meddle)

    assert 64 == run("rotate", "--replace")
    assert SETTINGS + "NEW=1\n" == path.read_text()


def test_two_rotations_in_one_moment_have_two_backups(folder: Path) -> None:
    """A backup is never overwritten."""
    write(SETTINGS)
    run("rotate", "--replace")
    run("rotate", "--replace")

    assert 2 == len(list(folder.glob(".env.backup-*")))


def test_a_failed_write_leaves_the_old_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk or a mounted single file: nothing half-written, no draft left behind."""
    write(SETTINGS)

    rename = Path.rename

    def refuse(draft: Path, target: Path) -> Path:
        if target.name == ".env":
            raise OSError(16, "Device or resource busy", str(target))
        return rename(draft, target)

    monkeypatch.setattr(Path, "replace", refuse)

    assert 74 == run("rotate", "--replace")
    assert SETTINGS == Path(".env").read_text()
    assert [] == [path.name for path in folder.iterdir() if path.name.startswith("..env")]


def test_the_key_in_the_file_is_the_key_that_was_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """It parses, and its hint is the one that every command uses."""
    write(SETTINGS)
    run("rotate", "--replace", "--json", "--expires-days", "never")
    made = json_of(capsys)
    text = parse_key(made["key"])

    assert text is not None
    assert (text.hint, text.kid, None) == (made["hint"], made["kid"], made["expires"])
