"""What a witness cosigned is durable before anybody has the cosignature, and is never forgotten."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from aegis_trio.audit.checkpoint import parse_signed_checkpoint
from aegis_trio.audit.notes import MalformedNote, SignatureKind, SigningKey, parse_signatures, parse_signing_key
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.witness.judgement import Refusal, Status
from aegis_trio.audit.witness.request import origin_digest
from aegis_trio.audit.witness.vault import Cosigned, VaultFault, WitnessVault, make_vault, open_vault
from tests.audit.faults import Fault, FaultyOps
from tests.audit.witness.histories import LOG, NOW_S, History

HISTORY = History()
DIGEST = origin_digest(LOG.name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a witness that knows the log."""
    made = tmp_path / "witness"
    make_vault(made, "witness.example/w1", FileOps()).add(LOG.verifier)
    return made


def size_of(folder: Path) -> int:
    """Return what a witness that starts there knows."""
    known = open_vault(folder, FileOps()).find(DIGEST)
    assert known is not None
    return 0 if known.newest is None else known.newest.checkpoint.size


def test_the_key_is_for_its_owner_alone(folder: Path) -> None:
    """Who has it cosigns everything."""
    file = folder / "witness.key"

    assert 0o600 == file.stat().st_mode & 0o777
    assert 0o700 == folder.stat().st_mode & 0o777
    assert parse_signing_key(file.read_text().strip()).verifier == open_vault(folder, FileOps()).verifier


def test_a_witness_is_made_once(folder: Path) -> None:
    """A second key would be another witness, and the first one's cosignatures nobody's."""
    before = (folder / "witness.key").read_bytes()

    with pytest.raises(FileExistsError):
        make_vault(folder, "another", FileOps())
    assert before == (folder / "witness.key").read_bytes()
    with pytest.raises(MalformedNote):
        make_vault(folder.with_name("other"), "two words", FileOps())


def test_the_cosignature_is_on_the_checkpoint_and_says_when(folder: Path) -> None:
    """It must verify beneath the log's own note, for whoever knows the witness."""
    vault = open_vault(folder, FileOps())

    found = vault.cosign(HISTORY.body(0, 12), NOW_S)

    assert isinstance(found, Cosigned)
    known = vault.find(DIGEST)
    assert known is not None
    assert known.newest is not None
    assert known.newest.note.signatures == (
        *HISTORY.checkpoint(12).note.signatures,
        *parse_signatures(found.cosignature),
    )
    assert (LOG.name, 12) == (found.origin, found.size)


def test_an_unknown_log_is_named_so(folder: Path) -> None:
    """Also one whose name would be a path."""
    vault = open_vault(folder, FileOps())
    for name in ("other.example/audit", "../../etc", "logs"):
        stranger = History(key=SigningKey(name, SignatureKind.NOTE, b"\x05" * 32))

        found = vault.cosign(stranger.body(0, 12), NOW_S)

        assert isinstance(found, Refusal)
        assert Status.UNKNOWN_LOG == found.status


def test_every_system_call_may_be_the_last(folder: Path, tmp_path: Path) -> None:
    """Before and after each: what was cosigned is remembered, and what is remembered grew."""
    counted = FaultyOps()
    shutil.copytree(folder, tmp_path / "counted")
    open_vault(tmp_path / "counted", counted).cosign(HISTORY.body(0, 7), NOW_S)
    calls = len(counted.order)
    assert calls > 4

    for number in range(calls):
        for after in (False, True):
            place = tmp_path / f"{number}-{after}"
            shutil.copytree(folder, place)
            assert isinstance(open_vault(place, FileOps()).cosign(HISTORY.body(0, 7), NOW_S), Cosigned)
            ops = FaultyOps()
            ops.at[number] = Fault(errno.EIO, after=after)
            if counted.order[number] == "close":
                continue  # what close says comes after what it does
            with pytest.raises(VaultFault):
                open_vault(place, ops).cosign(HISTORY.body(7, 12), NOW_S)

            size = size_of(place)
            assert size in {7, 12}
            fork = History("fork ", shared=7).body(size, 20)
            found = open_vault(place, FileOps()).cosign(HISTORY.body(size, 20), NOW_S)
            assert isinstance(found, Cosigned)
            assert not isinstance(open_vault(place, FileOps()).cosign(fork, NOW_S), Cosigned)


@pytest.mark.parametrize("damage", ["missing", "torn", "foreign", "unreadable"])
def test_what_was_lost_is_not_what_never_was(folder: Path, damage: str) -> None:
    """Who takes the file away must not get a second history cosigned."""
    vault = open_vault(folder, FileOps())
    vault.cosign(HISTORY.body(0, 12), NOW_S)
    file = folder / "logs" / DIGEST / "checkpoint"
    match damage:
        case "missing":
            file.unlink()
        case "torn":
            file.write_bytes(file.read_bytes()[:-9])
        case "foreign":
            file.write_text(str(HISTORY.checkpoint(3).note))
        case _:
            file.write_bytes(b"\xff\xfe")

    with pytest.raises(VaultFault):
        vault.cosign(HISTORY.body(0, 12), NOW_S)
    with pytest.raises(VaultFault):
        list(vault.logs())


def test_a_log_is_added_while_another_process_runs(folder: Path) -> None:
    """`add` is another program; the running one reads what is there."""
    running = open_vault(folder, FileOps())
    second = SigningKey("other.example/audit", SignatureKind.NOTE, b"\x05" * 32)
    newer = SigningKey(LOG.name, SignatureKind.NOTE, b"\x06" * 32)
    adding = open_vault(folder, FileOps())

    assert [True, True, False] == [adding.add(key) for key in (second.verifier, newer.verifier, newer.verifier)]

    assert isinstance(running.cosign(History(key=second).body(0, 3), NOW_S), Cosigned)
    assert isinstance(running.cosign(History(key=newer).body(0, 3), NOW_S), Cosigned)
    assert {second.name, LOG.name} == {log.origin for log in running.logs()}


def test_an_add_that_broke_off_is_done_again(folder: Path) -> None:
    """Half a log is none, and is in nobody's way."""
    second = SigningKey("other.example/audit", SignatureKind.NOTE, b"\x05" * 32)
    ops = FaultyOps()
    ops.at[3] = Fault(errno.ENOSPC)
    with pytest.raises(VaultFault):
        open_vault(folder, ops).add(second.verifier)

    assert [LOG.name] == [log.origin for log in open_vault(folder, FileOps()).logs()]
    assert open_vault(folder, FileOps()).add(second.verifier)


def test_two_witnesses_do_not_share_a_folder(folder: Path) -> None:
    """Each would look before the other wrote."""
    with (
        open_vault(folder, FileOps()).hold(),
        pytest.raises(VaultFault, match="another witness"),
        open_vault(folder, FileOps()).hold(),
    ):
        pass
    with open_vault(folder, FileOps()).hold():
        pass


def test_a_folder_that_is_no_witnesss_is_refused(tmp_path: Path) -> None:
    """An unmounted disk must not become a witness that remembers nothing."""
    with pytest.raises(VaultFault, match="audit witness init"):
        open_vault(tmp_path, FileOps())
    (tmp_path / "logs").mkdir()
    (tmp_path / "witness.key").write_text(LOG.reveal())
    with pytest.raises(VaultFault, match="not a witness's"):
        open_vault(tmp_path, FileOps())


def test_what_monitors_are_shown_is_a_whole_note(folder: Path) -> None:
    """They verify it with both keys."""
    vault = open_vault(folder, FileOps())
    vault.cosign(HISTORY.body(0, 12), NOW_S)

    raw_note = (folder / "logs" / DIGEST / "checkpoint").read_text()

    assert 12 == parse_signed_checkpoint(raw_note).checkpoint.size
    assert isinstance(vault, WitnessVault)
