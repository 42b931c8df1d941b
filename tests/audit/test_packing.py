"""Packed segments read as the plain ones did, stream, and never go before their packed form is whole."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import zstandard

from aegis_trio.audit.age import Identity, MalformedAgeKey, new_identity, parse_identities, parse_recipient
from aegis_trio.audit.log_files import files_of_log, in_order, read_lines
from aegis_trio.audit.lost import LogUnavailable
from aegis_trio.audit.packing import DamagedSegment, EncryptedSegment, pack
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.verify import verify_log
from tests.audit.faults import Fault, FaultyOps
from tests.audit.killing import Killed, KillingOps
from tests.audit.lives import Life
from tests.audit.signed import KEY, beside

FIRST = "00000000000000000000"


def nothing() -> None:
    """Look for a cancellation where there is none."""


@pytest.fixture
def segment(path: Path) -> Path:
    """Make a signed log of two segments, and return the first of them."""
    life = Life(path, KEY)
    for _ in range(2):
        life.ticks(300)
        life.rotate()
    life.file.close()
    return files_of_log(path)[0]


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_packed_segment_verifies_as_it_did(path: Path, segment: Path, *, encrypted: bool) -> None:
    """The lines are what counts, and the form is not."""
    plain, size = list(read_lines(segment)), segment.stat().st_size
    modified_ns = segment.stat().st_mtime_ns
    identity = new_identity()
    stranger = new_identity()
    recipients = [identity.to_public(), new_identity().to_public()] if encrypted else []

    packed = pack(segment, recipients, FileOps(), nothing)

    assert packed == beside(path, f"{FIRST}.zst.age" if encrypted else f"{FIRST}.zst")
    assert [packed, *files_of_log(path)[1:]] == files_of_log(path) == in_order(files_of_log(path))
    assert not segment.exists()
    assert size > 4 * packed.stat().st_size
    assert (0o600, modified_ns) == (packed.stat().st_mode & 0o777, packed.stat().st_mtime_ns)
    assert plain == list(read_lines(packed, identities=[stranger, identity]))
    assert plain[7:] == [
        line.__class__(number, line.offset, line.raw)
        for number, line in enumerate(read_lines(packed, plain[7].offset, identities=[identity]), 8)
    ]
    found = verify_log(files_of_log(path), path, keys=[KEY.verifier], identities=[identity])
    assert (None, 602, 0) == (found.fault, found.records, found.first_seq)
    if encrypted:
        for identities in ([], [stranger]):
            with pytest.raises(EncryptedSegment):
                verify_log(files_of_log(path), path, identities=identities)


def test_a_start_goes_on_behind_packed_segments(path: Path, segment: Path) -> None:
    """Also without the tree's file, and where the oldest records cannot be read by the gate."""
    pack(segment, [new_identity().to_public()], FileOps(), nothing)
    beside(path, "tree").unlink()

    again = Life(path, KEY)
    again.ticks(1)
    again.rotate()
    again.file.close()

    assert 604 == again.head.next_seq


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_changed_packed_file_is_found(path: Path, segment: Path, *, encrypted: bool) -> None:
    """Cut, flipped, emptied or exchanged: the fault is in that file, wherever it is noticed."""
    identity = new_identity()
    packed = pack(segment, [identity.to_public()] if encrypted else [], FileOps(), nothing)
    whole = packed.read_bytes()
    changes = [whole[: len(whole) // 2], whole[:-200], b"", b"\x00" * 64, whole[:300] + b"\xff" + whole[301:]]
    places = range(200 if encrypted else 20, len(whole), len(whole) // 9)
    changes += [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in places]
    for changed in changes:
        packed.write_bytes(changed)
        try:
            found = verify_log(files_of_log(path), path, keys=[KEY.verifier], identities=[identity])
        except EncryptedSegment:
            assert encrypted  # the header is damaged: it is for nobody
            continue
        assert found.fault is not None
        assert found.fault.file in {packed, *files_of_log(path)[1:2]}


def test_a_bomb_ends(path: Path, segment: Path) -> None:
    """A gigabyte of one line, or of short ones, from a few kilobytes: no memory is filled, and no time is lost."""
    compressor = zstandard.ZstdCompressor(level=19)
    bomb = beside(path, f"{FIRST}.zst")
    segment.unlink()
    for piece in (b"a" * 1024, b"\n" * 1024):
        stream = compressor.compressobj()
        bomb.write_bytes(
            b"".join(stream.compress(piece * 1024) for _ in range(256)) + stream.flush()  # 256 MiB
        )
        assert bomb.stat().st_size < 64 * 1024
        with pytest.raises(DamagedSegment, match="more than records can be"):
            for _ in read_lines(bomb):
                pass
        found = verify_log(files_of_log(path), path)
        assert found.fault is not None


def test_a_window_that_needs_much_memory_is_refused(path: Path) -> None:
    """The frame itself says how much; no decoder has to follow."""
    path.parent.mkdir()
    huge = beside(path, f"{FIRST}.zst")
    parameters = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    huge.write_bytes(stream.compress(b"a" * 1024) + stream.flush())

    with pytest.raises(DamagedSegment, match="it does not unpack"):
        list(read_lines(huge))


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("encrypted", [False, True])
def test_a_kill_at_any_call_leaves_every_record(tmp_path: Path, *, encrypted: bool, torn: bool) -> None:
    """Either form is whole, and the next try ends it."""
    identity: Identity = new_identity()
    recipients = [identity.to_public()] if encrypted else []
    at = 0
    while True:
        path = tmp_path / str(at) / "audit.log"
        life = Life(path, None)
        for _ in range(2):
            life.ticks(5)
            life.rotate()
        life.file.close()
        ops = KillingOps(at, torn=torn)
        killed = False
        try:
            pack(files_of_log(path)[0], recipients, ops, nothing)
        except Killed:
            killed = True
        ops.die()
        found = verify_log(files_of_log(path), path, identities=[identity])
        assert (None, 12, 0) == (found.fault, found.records, found.first_seq)
        if not killed:
            break
        if files_of_log(path)[0].suffix not in {".zst", ".age"}:
            pack(files_of_log(path)[0], recipients, FileOps(), nothing)
        assert 3 == len(files_of_log(path))
        assert None is verify_log(files_of_log(path), path, identities=[identity]).fault
        at += 1
    assert at > 8


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_fault_at_any_call_leaves_every_record(path: Path, segment: Path, error: int) -> None:
    """The plain file goes last."""
    at = 0
    while True:
        ops = FaultyOps()
        ops.at[at] = Fault(error)
        try:
            pack(segment, [], ops, nothing)
        except (OSError, LogUnavailable):
            assert None is verify_log(files_of_log(path), path).fault
        if ops.at:
            break
        if not segment.exists():
            return
        at += 1
    assert at > 6


def test_what_does_not_read_back_is_not_kept(path: Path, segment: Path) -> None:
    """A disk that wrote something else is told, and the plain file stays."""

    class LyingOps(FileOps):
        def write(self, fd: int, data: memoryview) -> int:
            return super().write(fd, memoryview(bytes(data[:-9]) + bytes(9)))

    with pytest.raises(DamagedSegment):
        pack(segment, [], LyingOps(), nothing)

    assert segment.exists()
    assert [] == list(path.parent.glob("*.zst*")) + list(path.parent.glob("*.packing"))


def test_cancelling_leaves_the_plain_file(path: Path, segment: Path) -> None:
    """The gate ends at once, whatever is being packed."""

    def cancelled() -> None:
        raise Killed

    with pytest.raises(Killed):
        pack(segment, [], FileOps(), cancelled)

    assert segment.exists()
    assert [] == list(path.parent.glob("*.packing"))


def test_age_keys_are_read_as_age_writes_them() -> None:
    """A file of `age-keygen` has comments; a mistake is named without showing the key."""
    identity = new_identity()
    text = f"# created: 2026-02-13\n# public key: {identity.to_public()}\n{identity}\n\n"
    assert str(identity.to_public()) == str(parse_identities(text)[0].to_public())
    assert str(parse_recipient(str(identity.to_public()))) == str(identity.to_public())
    for wrong in ("", "# nothing\n", "AGE-SECRET-KEY-1QQQ\n"):
        with pytest.raises(MalformedAgeKey) as fault:
            parse_identities(wrong)
        assert "QQQ" not in str(fault.value)
    with pytest.raises(MalformedAgeKey):
        parse_recipient("age1abc")
