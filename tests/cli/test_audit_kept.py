"""What the commands say of a log whose older files are packed, encrypted or pruned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aegis_trio.audit.age import new_identity
from aegis_trio.audit.export.cursor import cursor_at, write_cursor
from aegis_trio.audit.following import Place
from aegis_trio.audit.log_files import files_of_log
from aegis_trio.audit.packing import pack
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.model.clock import as_timestamp
from tests.audit.conftest import NOON_NS
from tests.audit.lives import Life
from tests.audit.signed import KEY
from tests.cli.places import run as run_at

VKEY = ("--vkey", str(KEY.verifier))


def run(*words: str) -> int:
    """Run `audit` with words."""
    return run_at("audit", *words, now_ns=NOON_NS)


@pytest.fixture
def log(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a log of three segments and an active file."""
    path = folder / "log" / "audit.log"
    monkeypatch.setenv("AUDIT_LOG_PATH", str(path))
    life = Life(path, KEY)
    for _ in range(3):
        life.ticks(4)
        life.rotate()
    life.sign()
    life.file.close()
    return path


def nothing() -> None:
    """Look for a cancellation where there is none."""


def test_compressed_files_are_read_as_they_are(log: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody has to unpack anything, by any name that the files are given by."""
    for segment in files_of_log(log)[:2]:
        pack(segment, [], FileOps(), nothing)

    assert 0 == run("verify", *VKEY)
    assert 0 == run("verify", *VKEY, *(str(file) for file in reversed(files_of_log(log))))
    assert 0 == run("prove", "--seq", "1", "-o", str(folder / "1.tlog-proof"))
    assert 0 == run("check-proof", str(folder / "1.tlog-proof"), *VKEY)
    capsys.readouterr()
    assert 0 == run("show", "--json")
    assert list(range(15)) == [json.loads(line)["seq"] for line in capsys.readouterr().out.splitlines()]


def test_encrypted_files_need_an_identity(log: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without it nothing can be told; with it everything."""
    identity = new_identity()
    for segment in files_of_log(log)[:2]:
        pack(segment, [identity.to_public()], FileOps(), nothing)
    file = folder / "identity.txt"
    file.write_text(f"# public key: {identity.to_public()}\n{identity}\n")

    assert 3 == run("verify", *VKEY)
    assert "audit.log.00000000000000000000.zst.age: it is encrypted: give the identity" in capsys.readouterr().err
    assert 0 == run("verify", *VKEY, "--identity", str(file))
    assert "records 0 to 14 are right" in capsys.readouterr().out
    assert 0 == run("show", "--json", "--identity", str(file))
    assert 15 == len(capsys.readouterr().out.splitlines())
    file.write_text("# nothing\n")
    assert 3 == run("verify", *VKEY, "--identity", str(file))
    assert "there is no identity in it" in capsys.readouterr().err


def test_encrypted_files_are_exported_and_passed_over_when_they_are_too_old(
    log: Path, folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Whoever looks at the last hours on the gate's machine needs no identity; whoever wants everything does."""
    identity = new_identity()
    export = ("export", "--format", "ecs", "--cursor", str(folder / "cursor"))
    for segment in files_of_log(log)[:2]:
        pack(segment, [identity.to_public()], FileOps(), nothing)
    file = folder / "identity.txt"
    file.write_text(f"{identity}\n")
    since = ("--since", as_timestamp(NOON_NS)[:19] + "Z")

    for words in (("show",), ("stats",), ("export", "--format", "ecs")):
        assert 74 == run(*words)
        assert b"it is encrypted: give the identity" in capsysbinary.readouterr().err
        assert 0 == run(*words, *since)
        told = capsysbinary.readouterr()
        assert b"audit.log.00000000000000000000.zst.age, audit.log.00000000000000000004.zst.age" in told.err
        assert told.out
    assert 0 == run("show", "--json", *since)
    assert list(range(9, 15)) == [json.loads(line)["seq"] for line in capsysbinary.readouterr().out.splitlines()]

    assert 0 == run(*export, "--identity", str(file))
    assert 15 == len(capsysbinary.readouterr().out.splitlines())
    Life(log, KEY).ticks(2)
    assert 0 == run(*export)
    assert 2 == len(capsysbinary.readouterr().out.splitlines())


def test_a_cursor_stands_where_it_stood_when_its_file_was_packed(
    log: Path, folder: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export that was away for a while goes on inside a compressed file, in pieces too."""
    export = ("export", "--format", "ecs", "--cursor", str(folder / "cursor"))
    monkeypatch.setattr("aegis_trio.cli.audit.export.AT_ONCE", 3)
    first = files_of_log(log)[0]
    place = Place(first_seq=0, offset=len(b"".join(first.read_bytes().splitlines(keepends=True)[:2])), next_seq=2)
    write_cursor(folder / "cursor", cursor_at(place, first.read_bytes().splitlines()[1]), FileOps())
    for segment in files_of_log(log)[:2]:
        pack(segment, [], FileOps(), nothing)

    assert 0 == run(*export)
    lines = capsysbinary.readouterr().out.splitlines()
    assert list(range(2, 15)) == [json.loads(line)["event"]["sequence"] for line in lines]


def test_what_is_missing_is_named_with_whether_a_record_accounts_for_it(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An older file that nobody pruned is not the same as one that the rule took."""
    files_of_log(log)[0].unlink()

    assert 0 == run("verify", *VKEY)
    assert "records 0 to 3 are NOT HERE, and no record that was looked into says" in capsys.readouterr().out
    assert 0 == run("verify", *VKEY, "--json")
    document = json.loads(capsys.readouterr().out)
    assert (4, 0) == (document["first_seq"], document["pruned_records"])
