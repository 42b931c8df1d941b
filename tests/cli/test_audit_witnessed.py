"""`audit verify --witness-vkey`: what a witness cosigned, and left beside the log, is a pin."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegis_trio.audit.checkpoint_files import read_notes
from aegis_trio.audit.notes import SignatureKind, SigningKey, parse_signatures
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.witness.cosigned import Copy, CosignedFile
from tests.audit.conftest import NOON_NS
from tests.audit.signed import KEY, beside, make_signed_log
from tests.audit.witness.histories import WITNESS
from tests.cli.places import run as run_at

MINUTE_NS = 60_000_000_000


def run(*words: str, later_ns: int = 0) -> int:
    """Run `audit` with words."""
    return run_at("audit", *words, now_ns=NOON_NS + later_ns)


@pytest.fixture
def log(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name a log in the settings."""
    path = folder / "log" / "audit.log"
    monkeypatch.setenv("AUDIT_LOG_PATH", str(path))
    return path


@pytest.fixture
def vkey() -> str:
    """Give the verifier key."""
    return str(KEY.verifier)


def cosign(log: Path, *, size: int, time_s: int, witness: SigningKey = WITNESS) -> None:
    """Put a witness's cosignature of a checkpoint beside the log."""
    signed = next(note.signed for note in read_notes(beside(log, "checkpoints")) if note.signed.checkpoint.size == size)
    line = parse_signatures(witness.sign(signed.note.text, time_s=time_s))[0]
    CosignedFile(log, [witness.verifier], FileOps()).note(witness.verifier, Copy(signed, line, time_s))


def test_what_a_witness_cosigned_is_a_pin(log: Path, vkey: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A log that was cut, its checkpoints with it, is found by the cosignature; its time is the age."""
    make_signed_log(log)
    cosign(log, size=20, time_s=NOON_NS // 10**9)
    words = ("verify", "--vkey", vkey, "--witness-vkey", str(WITNESS.verifier))

    assert 0 == run(*words, "--max-age", "1m")
    assert 0 == run("verify", "--witness-vkey", str(WITNESS.verifier))
    assert 4 == run(*words, "--max-age", "1m", later_ns=2 * MINUTE_NS)
    for name in ("checkpoint", "checkpoints"):
        beside(log, name).unlink()
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:15]))
    assert 1 == run(*words)
    assert "the pin of 20 records" in capsys.readouterr().out


def test_a_cosignature_that_is_not_there_is_no_pin(log: Path, vkey: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever removes it must not get a milder judgement; another witness's does not count."""
    make_signed_log(log)
    words = ("verify", "--vkey", vkey, "--witness-vkey", str(WITNESS.verifier))

    assert 3 == run(*words)
    other = SigningKey("witness.example/w2", SignatureKind.COSIGNATURE, b"\x04" * 32)
    cosign(log, size=20, time_s=1, witness=other)
    assert 3 == run(*words)
    assert "--witness-vkey" in capsys.readouterr().err
    assert 64 == run("verify", "--witness-vkey", vkey)
