"""`audit witness`, as the operator of another machine types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aegis_trio.audit.notes import SignatureKind, parse_verifier_key
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.witness.vault import open_vault
from tests.audit.witness.histories import LOG, NOW_S, WITNESS, History
from tests.cli.places import run as run_at


def run(*words: str) -> int:
    """Run `audit witness` with words."""
    return run_at("audit", "witness", *words, now_ns=NOW_S * 1_000_000_000)


@pytest.fixture
def vault(folder: Path) -> Path:
    """Make a witness."""
    assert 0 == run("init", "--folder", str(folder / "witness"), "--name", "witness.example/w1")
    return folder / "witness"


def test_init_shows_what_the_gate_must_know(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its public half alone, and the setting to paste."""
    assert 0 == run("init", "--folder", str(folder / "new"), "--name", "witness.example/w1")
    vault = folder / "new"
    told = capsys.readouterr().out
    shown = parse_verifier_key(next(line.strip() for line in told.splitlines() if line.startswith("    witness")))

    assert SignatureKind.COSIGNATURE == shown.kind
    assert shown == open_vault(vault, FileOps()).verifier
    assert f"AUDIT_WITNESSES=https://<this host>:8070#{shown}" in told
    assert "PRIVATE" not in told


def test_init_is_done_once(vault: Path) -> None:
    """The key that is there stays."""
    before = (vault / "witness.key").read_bytes()

    assert 64 == run("init", "--folder", str(vault), "--name", "another")
    assert 64 == run("init", "--folder", str(vault / "second"), "--name", "two words")
    assert before == (vault / "witness.key").read_bytes()


def test_logs_are_added_by_their_key_and_listed(vault: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second time changes nothing; what is no log's key is refused before anything is added."""
    assert 64 == run("add", "--folder", str(vault), str(LOG.verifier), "nonsense")
    assert 64 == run("add", "--folder", str(vault), str(WITNESS.verifier))
    capsys.readouterr()
    assert 0 == run("list", "--folder", str(vault), "--json")
    assert [] == json.loads(capsys.readouterr().out)["logs"]

    assert 0 == run("add", "--folder", str(vault), str(LOG.verifier), str(LOG.verifier))
    open_vault(vault, FileOps()).cosign(History().body(0, 12), NOW_S)

    assert "was known already" in capsys.readouterr().out
    assert 0 == run("list", "--folder", str(vault))
    assert f"log   '{LOG.name}': 12 records cosigned" in capsys.readouterr().out
    assert 0 == run("list", "--folder", str(vault), "--json")
    assert [12] == [log["size"] for log in json.loads(capsys.readouterr().out)["logs"]]


def test_what_is_no_witness_says_how_to_make_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """78: the service manager does not try again."""
    for word in ("list", "run"):
        assert 78 == run(word, "--folder", str(folder))
        assert "audit witness init" in capsys.readouterr().err


def test_flags_that_cannot_be_used_are_refused(vault: Path) -> None:
    """64 before anything listens."""
    assert 64 == run("run", "--folder", str(vault), "--tls-cert", "cert.pem")
    assert 64 == run("run", "--folder", str(vault), "--port", "65536")
    assert 64 == run()
