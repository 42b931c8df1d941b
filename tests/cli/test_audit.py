"""The commands of `audit`, as an operator and an auditor type them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from aegis_trio.audit.log_files import files_of_log
from aegis_trio.audit.notes import parse_signing_key, parse_verifier_key
from aegis_trio.audit.verify import verify_log
from aegis_trio.model.json import JsonObject
from tests.audit.conftest import NOON_NS
from tests.audit.logs import events_of, records_of, write_log
from tests.audit.signed import KEY, STRANGER, SignedLog, beside, make_signed_log
from tests.cli.places import run as run_at

MINUTE_NS = 60_000_000_000


def run(*words: str, later_ns: int = 0) -> int:
    """Run `audit` with words."""
    return run_at("audit", *words, now_ns=NOON_NS + later_ns)


@pytest.fixture
def log(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name a log and its key in the settings."""
    path = folder / "log" / "audit.log"
    monkeypatch.setenv("AUDIT_LOG_PATH", str(path))
    (folder / "signing.key").write_text(KEY.reveal())
    monkeypatch.setenv("AUDIT_SIGNING_KEY_FILE", str(folder / "signing.key"))
    return path


@pytest.fixture
def vkey() -> str:
    """Give the verifier key."""
    return str(KEY.verifier)


def document_of(capsys: pytest.CaptureFixture[str]) -> JsonObject:
    """Return the JSON object that was printed."""
    document: JsonObject = json.loads(capsys.readouterr().out)
    return document


def test_init_makes_a_key_for_its_owner_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its name is the host that people know and a number that no other log has; only the public half is shown."""
    monkeypatch.setenv("AUDIT_LOG_PATH", str(folder / "log" / "audit.log"))
    monkeypatch.setenv("PUBLIC_URL", "https://gate.example:8443")

    assert 0 == run("init")

    file = folder / "log" / "audit-signing.key"
    key = parse_signing_key(file.read_text().strip())
    told = capsys.readouterr().out
    assert 0o600 == file.stat().st_mode & 0o777
    assert key.name.startswith("gate.example/audit/")
    assert key.verifier == parse_verifier_key(next(line.strip() for line in told.splitlines() if "+" in line))
    assert f"AUDIT_SIGNING_KEY_FILE={file}" in told
    assert key.reveal().rpartition("+")[2] not in told


def test_init_never_overwrites_a_key(log: Path, folder: Path, vkey: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A second run shows what there is."""
    before = (folder / "signing.key").read_bytes()

    assert 0 == run("init")

    assert before == (folder / "signing.key").read_bytes()
    assert vkey in capsys.readouterr().out
    (folder / "signing.key").write_text("something else")
    assert 64 == run("init")
    assert "something else" == (folder / "signing.key").read_text()
    assert 64 == run("init", "--out", "new.key", "--origin", "two words")
    assert not (folder / "new.key").exists()


def test_init_signs_a_log_that_nobody_signed(log: Path, vkey: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The gate would not: only a person can say that what is there is right."""
    write_log(log, 25)

    assert 0 == run("init")
    assert "The 25 records" in capsys.readouterr().out
    assert 0 == run("init")
    assert "has checkpoints already" in capsys.readouterr().out

    signed = SignedLog(log)
    signed.close()
    assert (25, 0) == (signed.signer.tree.size, signed.signer.unsigned)
    assert 0 == run("verify", "--vkey", vkey)


def test_init_signs_no_log_that_is_broken_or_in_use(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A signature below a broken record would say that it was right."""
    write_log(log, 25)
    log.write_bytes(log.read_bytes().replace(b'"number": 3', b'"number": 4'))
    assert 74 == run("init")
    assert "what is there was not signed: AUDIT_LOG_PATH" in capsys.readouterr().err
    assert not beside(log, "checkpoint").exists()


@pytest.mark.parametrize(
    ("change", "words", "code", "verdict"),
    [
        ("", (), 0, "good"),
        ("edit", (), 1, "tampered"),
        ("", ("--max-unsigned", "4"), 2, "unsigned"),
        ("unsigned", (), 2, "unsigned"),
        ("", ("--pin", "missing"), 3, "unreadable"),
        ("gone", (), 3, "unreadable"),
        ("", ("--max-age", "15m"), 0, "good"),
        ("", ("--max-age", "4m"), 4, "stale"),
    ],
)
def test_the_exit_code_is_the_verdict(
    change: str,
    words: tuple[str, ...],
    code: int,
    verdict: str,
    *,
    log: Path,
    vkey: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Cron and monitoring read nothing else."""
    make_signed_log(log, tail=5)
    if change == "edit":
        log.write_bytes(log.read_bytes().replace(b'"number": 3', b'"number": 4', 1))
    elif change == "unsigned":
        beside(log, "checkpoint").unlink()
        beside(log, "checkpoints").unlink()
    elif change == "gone":
        log.unlink()

    assert code == run("verify", "--vkey", vkey, "--json", *words, later_ns=5 * MINUTE_NS)
    document = document_of(capsys)
    assert (verdict, code) == (document["verdict"], document["exit"])
    assert code == run("verify", "--vkey", vkey, *words, later_ns=5 * MINUTE_NS)
    captured = capsys.readouterr()
    assert (captured.out + captured.err).startswith(verdict.upper())


def test_the_document_names_the_first_thing_that_is_wrong(
    log: Path, vkey: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line, record, byte and reason."""
    make_signed_log(log)
    first = log.read_bytes().index(b"\n") + 1
    log.write_bytes(log.read_bytes().replace(b'"number": 1,', b'"number":  1,', 1))

    assert 1 == run("verify", str(log), "--vkey", vkey, "--json")

    expected = {"file": str(log), "line": 2, "seq": 1, "offset": first, "reason": "not in the one form that is written"}
    document = document_of(capsys)
    assert expected == document["fault"]
    assert 1 == document["records"]


def test_without_a_key_it_is_said_that_nobody_looked_at_signatures(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A good verdict must not be taken for more than it is."""
    make_signed_log(log)
    shutil.rmtree(log.parent)
    forged = SignedLog(log, key=STRANGER)
    forged.close()

    assert 0 == run("verify")
    told = capsys.readouterr().out
    assert told.startswith("UNPROVED: no record contradicts another, and nothing tells who wrote them")
    assert "signatures were NOT checked" in told
    assert 0 == run("verify", "--json")
    document = document_of(capsys)
    assert ("unproved", False) == (document["verdict"], document["signatures_checked"])
    assert 1 == run("verify", "--vkey", str(KEY.verifier))


def test_a_pin_alone_proves_by_where_it_was_kept(log: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever kept it knows that nobody could change it; that its signature was not looked at is told."""
    make_signed_log(log)
    (folder / "pin").write_bytes(beside(log, "checkpoint").read_bytes())

    assert 0 == run("verify", "--pin", "pin")
    told = capsys.readouterr().out
    assert told.startswith("GOOD: ")
    assert "signatures were NOT checked" in told


def test_files_that_an_operator_moved_are_named_together(log: Path, vkey: str, folder: Path) -> None:
    """In any order."""
    make_signed_log(log)
    log.rename(beside(log, f"{0:020}"))
    later = SignedLog(log)
    later.sign()
    later.close()
    moved = beside(log, f"{0:020}").rename(folder / "of-february")

    assert 0 == run("verify", "--vkey", vkey)
    assert 0 == run("verify", "--vkey", vkey, str(log), str(moved))
    moved.write_bytes(moved.read_bytes().replace(b'"number": 3', b'"number": 4', 1))
    assert 1 == run("verify", "--vkey", vkey, str(moved), str(log))


@pytest.mark.parametrize(
    "words", [("--vkey", "nothing"), ("--vkey", "a+b+c"), ("--max-age", "soon"), ("--since", "then")]
)
def test_what_cannot_be_understood_is_usage(log: Path, words: tuple[str, ...]) -> None:
    """Never a verdict."""
    make_signed_log(log)

    assert 64 == run("verify", *words)


@pytest.mark.parametrize("since", ["2026-02-13", "2026-02-13T10:00:00Z", "7d"])
def test_since_takes_a_moment_or_how_long_ago(log: Path, vkey: str, since: str) -> None:
    """As people say it."""
    make_signed_log(log)

    assert 0 == run("verify", "--vkey", vkey, "--since", since)


def test_a_record_is_proved_without_the_log(
    log: Path, folder: Path, vkey: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """To somebody who gets one file, and knows the key."""
    make_signed_log(log, tail=3)
    line = log.read_bytes().splitlines()[12]
    assert 0 == run("prove", "--seq", "12", "-o", "12.tlog-proof")
    shutil.rmtree(log.parent)
    (folder / "keys").write_text(f"# the gate's\n{vkey}\n")

    assert 0 == run("check-proof", "12.tlog-proof", "--vkey", "keys")

    proved, signed, shown = capsys.readouterr().out.splitlines()
    assert f"PROVED: record 12 of {KEY.name}, in its tree of 30 records" == proved
    assert KEY.name in signed
    assert line.decode() == shown
    assert 1 == run("check-proof", "12.tlog-proof", "--vkey", str(STRANGER.verifier))
    (folder / "line").write_bytes(line + b"\n")
    assert 0 == run("check-proof", "12.tlog-proof", "--vkey", vkey, "--record", "line")
    (folder / "line").write_bytes(line.replace(b"tick", b"tock"))
    assert 1 == run("check-proof", "12.tlog-proof", "--vkey", vkey, "--record", "line")
    assert 3 == run("check-proof", "line", "--vkey", vkey)
    assert 3 == run("check-proof", "missing", "--vkey", vkey)
    assert 64 == run("check-proof", "12.tlog-proof")


def test_what_cannot_be_proved_is_told(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not signed yet, not the log that was signed, never signed."""
    make_signed_log(log, tail=3)

    assert 2 == run("prove", "--seq", "30")
    log.write_bytes(log.read_bytes().replace(b'"number": 3', b'"number": 4', 1))
    assert 1 == run("prove", "--seq", "12")
    beside(log, "checkpoint").unlink()
    assert 3 == run("prove", "--seq", "12")


@pytest.mark.parametrize("change", ["cut", "edit", "emptied", "gone"])
def test_a_loss_is_accepted_by_a_person_and_stays_visible(
    log: Path, vkey: str, folder: Path, change: str, *, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log goes on beneath every older checkpoint and pin; what is missing is said in a signed record."""
    make_signed_log(log, tail=4)
    shutil.copy(beside(log, "checkpoint"), folder / "pin")
    lines = log.read_bytes().splitlines(keepends=True)
    match change:
        case "cut":
            log.write_bytes(b"".join(lines[:20]))
        case "edit":
            log.write_bytes(b"".join(lines).replace(b'"number": 3', b'"number": 4', 1))
        case "emptied":
            log.write_bytes(b"")
        case _:
            log.unlink()
    before = log.read_bytes() if log.exists() else b""

    assert 64 == run("repair")
    assert 0 == run("repair", "--accept-loss")
    assert 0 == run("repair", "--accept-loss")
    assert "nothing was done" in capsys.readouterr().out

    (rejected,) = log.parent.glob("audit.log.rejected-*")
    assert before == rejected.read_bytes()
    assert ["audit_repaired"] == events_of(log)
    record = records_of(log)[0]
    assert (30, rejected.name) == (record["seq"], record["rejected"])
    again = SignedLog(log)
    again.ticks(3)
    again.sign()
    again.close()
    assert 0 == run("verify", "--vkey", vkey, "--pin", "pin")
    told = capsys.readouterr().out
    assert told.startswith("GOOD: what is here is what was written")
    assert "LOSS: record 30 says that the operator went on" in told


def test_a_loss_between_files_is_followed(log: Path, folder: Path) -> None:
    """What stands in sealed segments is still held against its checkpoints."""
    make_signed_log(log)
    shutil.copy(log, folder / "segment")
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:20]))
    assert 0 == run("repair", "--accept-loss")
    cut = (folder / "segment").read_bytes().splitlines(keepends=True)[:15]
    beside(log, f"{0:020}").write_bytes(b"".join(cut))

    findings = verify_log(files_of_log(log), log, keys=[KEY.verifier])

    assert None is findings.fault
    assert ([30], 31) == ([loss.seq for loss in findings.losses], findings.covered)
    beside(log, f"{0:020}").write_bytes(b"".join(cut).replace(b'"number": 3', b'"number": 4', 1))
    assert verify_log(files_of_log(log), log, keys=[KEY.verifier]).fault is not None


def test_nothing_is_repaired_without_something_signed_to_go_on_from(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new log has to begin, with another key."""
    make_signed_log(log)
    log.write_bytes(b"")
    beside(log, "tree").unlink()

    assert 74 == run("repair", "--accept-loss")
    assert b"" == log.read_bytes()
    monkeypatch.delenv("AUDIT_SIGNING_KEY_FILE")
    assert 64 == run("repair", "--accept-loss")
