"""A person is found and forgotten by commands, while the gate is down or up."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegis_trio.audit.pseudonyms import Pseudonyms, pending_shreddings, pii_folder
from aegis_trio.audit.system_calls import FileOps
from tests.audit.conftest import NOON_NS
from tests.audit.test_pseudonyms import ADDRESS, person, stranger
from tests.cli.places import run


@pytest.fixture
def log(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name a log that people were written into."""
    path = folder / "log" / "audit.log"
    path.parent.mkdir()
    monkeypatch.setenv("AUDIT_LOG_PATH", str(path))
    return path


def written(log: Path) -> list[object]:
    """Write a person and a stranger; return their names."""
    names = Pseudonyms(log, FileOps())
    fields = [names.apply(entry, NOON_NS).fields for entry in (person(), stranger())]
    names.persist()
    return [fields[0]["login"], fields[0]["client_ip"], fields[1]["client_ip"]]


def test_a_name_is_found_while_its_key_is_there(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One a line, as `grep -f` wants them; after forgetting, the person's are gone and the others are not."""
    login, own, strange = written(log)

    assert 0 == run("audit", "pseudonym", ADDRESS)
    assert {own, strange} == set(capsys.readouterr().out.split())
    assert 0 == run("audit", "forget", "--user", "Ada")
    told = capsys.readouterr().out
    assert "1 keys of Ada are gone (2026-02)." in told
    assert 1 == len(pending_shreddings(log))
    assert 0 == run("audit", "pseudonym", ADDRESS)
    assert [strange] == capsys.readouterr().out.split()
    assert 0 == run("audit", "pseudonym", "ada", "--field", "login")
    assert login not in capsys.readouterr().out


def test_who_is_not_there_is_told(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing was kept, or everything was forgotten: no success is claimed."""
    assert 3 == run("audit", "pseudonym", ADDRESS)
    assert 3 == run("audit", "forget", "--user", "ada")
    assert "AUDIT_PSEUDONYMS" in capsys.readouterr().err
    written(log)
    assert 3 == run("audit", "forget", "--user", "nobody")


def test_what_cannot_be_destroyed_is_told(
    log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words are those of the system, and it can be done again."""
    written(log)

    def refuse(self: FileOps, path: Path) -> None:
        raise PermissionError(1, "x", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(FileOps, "unlink", refuse)
        assert 74 == run("audit", "forget", "--user", "ada")
    assert "are not all gone: operation not permitted" in capsys.readouterr().err
    assert 1 == len(list(pii_folder(log).glob("shredded/*")))
