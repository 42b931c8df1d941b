"""A start sees whether what was signed is still there, and a kill anywhere leaves what the next start understands."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from aegis_trio.audit.chain import ChainHead, seal
from aegis_trio.audit.checkpoint import parse_signed_checkpoint
from aegis_trio.audit.checkpoint_files import CheckpointFiles, read_notes
from aegis_trio.audit.entry import Phase
from aegis_trio.audit.lost import AuditLost, LogCannotOpen, LogUnavailable
from aegis_trio.audit.reader import verify_chain
from aegis_trio.audit.recovery import draft, open_and_recover
from aegis_trio.audit.resume import LogWasChanged
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.model.clock import SetClock
from tests.audit.conftest import NOON_NS
from tests.audit.faults import Fault, FaultyOps
from tests.audit.killing import Killed, KillingOps
from tests.audit.logs import events_of, tick, write_log
from tests.audit.signed import STRANGER, SignedLog, beside, make_signed_log


def sizes_of(path: Path) -> list[int]:
    """Return the sizes that all checkpoints of a log name."""
    return [found.signed.checkpoint.size for found in read_notes(beside(path, "checkpoints"))]


def newest_of(path: Path) -> int:
    """Return the size that the newest checkpoint names."""
    return parse_signed_checkpoint(beside(path, "checkpoint").read_text()).checkpoint.size


def rechain(path: Path, changed: int) -> None:
    """Change one record and mend the chain behind it."""
    count = len(path.read_bytes().splitlines())
    head, lines = ChainHead(), list[bytes]()
    for number in range(count):
        line, head = seal(head, draft(tick(-1 if number == changed else number % 10), NOON_NS), Phase.EVENT)
        lines.append(line)
    path.write_bytes(b"".join(lines))


@pytest.mark.parametrize("tail", [0, 1, 5])
def test_a_start_goes_on_from_the_newest_checkpoint(path: Path, tail: int) -> None:
    """In the fast way: nothing below it is read again."""
    make_signed_log(path, tail=tail)

    with capture_logs() as logs:
        log = SignedLog(path)
    log.ticks(3)
    log.sign()
    log.close()

    assert [] == [entry for entry in logs if entry["event"] == "audit_tree_recomputed"]
    assert [0, 10, 20, 30, 33 + tail] == sizes_of(path)
    assert 33 + tail == newest_of(path)


def test_every_file_is_for_its_owner_alone(path: Path) -> None:
    """Checkpoints tell how much happens; the tree's file is trusted by nobody, and yet nobody's business."""
    make_signed_log(path)

    names = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}

    expected = ("audit.log", "audit.log.checkpoint", "audit.log.checkpoints", "audit.log.tree")
    assert dict.fromkeys(expected, 0o600) == names


@pytest.mark.parametrize("state", [b"", b"{}", b'{"size": 30, "offset": 1, "leaf": "", "path": []}', b"\xff", None])
def test_without_the_state_the_tree_is_computed_again(path: Path, state: bytes | None) -> None:
    """The state is a help, never a condition, and never believed."""
    make_signed_log(path, tail=2)
    if state is None:
        beside(path, "tree").unlink()
    else:
        beside(path, "tree").write_bytes(state)

    with capture_logs() as logs:
        log = SignedLog(path)
    log.close()

    assert 32 == log.signer.tree.size
    assert ["audit_tree_recomputed"] == [entry["event"] for entry in logs if entry["log_level"] == "warning"]


CHANGES = {
    "cut below the checkpoint": lambda path: path.write_bytes(
        b"".join(path.read_bytes().splitlines(keepends=True)[:25])
    ),
    "cut inside a record below it": lambda path: path.write_bytes(path.read_bytes()[:4000]),
    "emptied": lambda path: path.write_bytes(b""),
    "removed": lambda path: path.unlink(),
    "changed and chained again": lambda path: rechain(path, 3),
    "the last one changed": lambda path: rechain(path, 29),
    "another checkpoint": lambda path: beside(path, "checkpoint").write_text(
        beside(path, "checkpoint").read_text().replace("\n30\n", "\n31\n")
    ),
    "a damaged checkpoint": lambda path: beside(path, "checkpoint").write_text("nothing"),
    "everything anew with another key": lambda path: (
        shutil.rmtree(path.parent),
        SignedLog(path, key=STRANGER).close(),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_log_that_is_not_what_was_signed_is_not_continued(path: Path, change: str) -> None:
    """And nothing is written or moved: it is evidence."""
    make_signed_log(path)
    CHANGES[change](path)
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}

    with pytest.raises(LogWasChanged):
        SignedLog(path)

    after = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    assert before == {name: data for name, data in after.items() if data or name in before}


def test_a_change_that_keeps_the_last_signed_record_is_left_to_the_verifier(path: Path) -> None:
    """The fast way proves the last record; a broken chain far below it costs a whole reading to find."""
    make_signed_log(path, (10, 10, 40_000))
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"number": 3', b'"number": 4', 1))

    SignedLog(path).close()

    fault = verify_chain(path).fault
    assert fault is not None
    assert 5 == fault.line


def test_a_log_that_nobody_signed_is_signed_only_on_request(path: Path) -> None:
    """Who removes the checkpoints must not get a signature on what he left."""
    write_log(path, 5)

    with pytest.raises(AuditLost, match=r"no checkpoint stands beside it\. .*aegis-trio audit init"):
        SignedLog(path)


def test_a_signed_log_is_not_continued_without_its_key(path: Path) -> None:
    """Who takes the setting away must not get an unsigned log in the place of a signed one."""
    make_signed_log(path)

    with pytest.raises(LogCannotOpen, match=r"AUDIT_SIGNING_KEY: it is not set"):
        open_and_recover(path, SetClock(NOON_NS), FileOps())


def test_another_key_is_told_from_a_changed_log(path: Path) -> None:
    """An operator who mounts the wrong secret has had no incident."""
    make_signed_log(path)

    with pytest.raises(AuditLost, match=r"AUDIT_SIGNING_KEY: the checkpoints .* are not signed by it"):
        SignedLog(path, key=STRANGER)


def test_a_new_log_in_the_place_of_segments_goes_on(path: Path) -> None:
    """Between sealing a file and the first record of the next one a kill leaves no active file."""
    make_signed_log(path)
    path.rename(beside(path, f"{0:020}"))

    log = SignedLog(path)
    log.ticks(2)
    log.sign()
    log.close()
    again = SignedLog(path)
    again.close()

    assert ["audit_resumed", "tick", "tick"] == events_of(path)
    assert 33 == again.signer.tree.size
    assert None is verify_chain(path).fault


def test_a_file_that_goes_on_is_enough_for_a_start(path: Path) -> None:
    """An operator may keep old files elsewhere; the first record says what stood there, and the signature proves it."""
    make_signed_log(path)
    old = beside(path, f"{0:020}")
    path.rename(old)
    log = SignedLog(path)
    log.ticks(7)
    log.sign()
    log.close()
    old.unlink()

    for prepare in (lambda: None, beside(path, "tree").unlink):
        prepare()
        again = SignedLog(path)
        again.close()
        assert (38, log.signer.tree.root()) == (again.signer.tree.size, again.signer.tree.root())


def story(path: Path, ops: FileOps) -> SignedLog:
    """Live a short life: two checkpoints above a first one, and records behind the last."""
    log = SignedLog(path, ops)
    for count in (3, 2):
        log.ticks(count)
        log.sign()
    log.ticks(1)
    return log


def calls_of_the_story(path: Path) -> int:
    """Return how many system calls it takes."""
    ops = FaultyOps()
    story(path, ops).close()
    return len(ops.order)


@pytest.mark.parametrize("torn", [False, True])
def test_a_kill_at_any_system_call_is_understood_by_the_next_start(tmp_path: Path, *, torn: bool) -> None:
    """Before any of them: no record is lost, no checkpoint covers what is not there, and the log goes on."""
    calls = calls_of_the_story(tmp_path / "whole" / "audit.log")
    assert calls > 60
    for at in range(calls):
        path = tmp_path / str(at) / "audit.log"
        ops = KillingOps(at, torn=torn)
        with pytest.raises(Killed):
            story(path, ops).close()
        ops.die()

        again = SignedLog(path)
        started_with = again.durable
        again.ticks(2)
        again.sign()
        again.close()

        assert None is verify_chain(path).fault
        sizes = sizes_of(path)
        assert sorted(sizes) == sizes
        assert started_with + 2 == sizes[-1] == newest_of(path)
        SignedLog(path).close()


FAULTS = {
    "eio": Fault(errno.EIO),
    "done_but_failed": Fault(errno.EIO, after=True),
    "short_then_enospc": Fault(errno.ENOSPC, taken=7),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_checkpoint_that_cannot_be_written_is_written_at_the_next_try(tmp_path: Path, fault: str) -> None:
    """Whatever one of its system calls answers, the files beside the log are right after the next checkpoint."""
    for at in range(200):
        path = tmp_path / str(at) / "audit.log"
        ops = FaultyOps()
        log = SignedLog(path, ops)
        log.ticks(3)
        ops.at[len(ops.order) + at] = FAULTS[fault]
        try:
            log.sign()
        except LogUnavailable as unavailable:
            assert unavailable.reason.startswith("the ")  # noqa: PT017 -- that nothing fails is as good
        fell_out = not ops.at
        ops.at.clear()
        log.ticks(1)
        log.sign()
        log.close()

        assert 4 == newest_of(path) == sizes_of(path)[-1]
        assert sorted(sizes_of(path)) == sizes_of(path)
        SignedLog(path).close()
        if not fell_out:
            assert at > 12
            return
    pytest.fail("a checkpoint takes fewer calls than that")


def test_a_torn_note_is_cut_off_at_the_next_start(path: Path) -> None:
    """What is behind it would else be one note with it."""
    make_signed_log(path)
    every = beside(path, "checkpoints")
    whole = every.read_bytes()
    note = beside(path, "checkpoint").read_bytes()

    for torn in (1, 40, len(note) - 40, len(note) - 1, note.index(b"\n\n") + 2):
        every.write_bytes(whole + note[:torn])
        assert [0, 10, 20, 30] == sizes_of(path)
        SignedLog(path).close()
        assert whole == every.read_bytes()


def test_files_of_another_log_are_none_of_ours(path: Path) -> None:
    """A neighbour whose name begins like ours is another log."""
    make_signed_log(path)
    beside(path, "00000000000000000000x").write_text("stranger")
    beside(path, "2026-02").write_text("stranger")

    SignedLog(path).close()


def test_a_state_of_another_time_is_not_used(path: Path) -> None:
    """An old copy of it leads to a root that the newest checkpoints do not name."""
    make_signed_log(path, (10,))
    old = beside(path, "tree").read_bytes()
    make_signed_log(path, (10, 10))
    beside(path, "tree").write_bytes(old)

    log = SignedLog(path)
    log.close()

    assert 30 == log.signer.tree.size
    assert log.signer.tree.root() == CheckpointFiles(path, FileOps()).read_last().checkpoint.root  # type: ignore[union-attr] -- there is one
