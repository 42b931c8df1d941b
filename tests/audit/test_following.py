"""Who follows a log sees every record once and in order, whatever happens to its files meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.audit.following import LogFollower, MissingRecords, Place, seq_of
from aegis_trio.audit.log_files import files_of_log
from aegis_trio.audit.packing import pack
from aegis_trio.audit.system_calls import FileOps
from tests.audit.lives import Life
from tests.audit.logs import lines_of, write_log
from tests.audit.signed import SignedLog


def append(path: Path, data: bytes) -> None:
    """Write as the gate does."""
    with path.open("ab") as stream:
        stream.write(data)


def seqs(follower: LogFollower, at_most: int = 100) -> list[int | None]:
    """Read on."""
    return [line.seq for line in follower.read(at_most)]


def test_records_come_once_and_as_they_are_written(path: Path) -> None:
    """In pieces, with an end that is torn until it is whole."""
    lines, _ = lines_of(10)
    follower = LogFollower(path)
    path.parent.mkdir()

    assert [] == seqs(follower)
    append(path, b"".join(lines[:4]) + lines[4][:-5])
    assert [0, 1] == seqs(follower, 2)
    assert [2, 3] == seqs(follower)
    assert [] == seqs(follower)
    append(path, lines[4][-5:] + lines[5])
    assert [4, 5] == seqs(follower)


def test_it_goes_on_in_the_next_file(path: Path) -> None:
    """The active file becomes a segment, also in the middle of reading, and also twice between two looks."""
    lines, _ = lines_of(12)
    path.parent.mkdir()
    append(path, b"".join(lines[:4]))
    follower = LogFollower(path)
    assert [0, 1] == seqs(follower, 2)

    path.rename(path.with_name(f"{path.name}.{0:020}"))
    assert [2, 3] == seqs(follower)
    assert [] == seqs(follower)
    append(path, b"".join(lines[4:7]))
    path.rename(path.with_name(f"{path.name}.{4:020}"))
    append(path, b"".join(lines[7:9]))

    assert [4, 5, 6] == seqs(follower)
    assert [7, 8] == seqs(follower)
    append(path, lines[9])
    assert [9] == seqs(follower)


def test_a_place_outlives_the_reader(path: Path) -> None:
    """A cursor is kept over restarts; the file may have become a segment in between."""
    write_log(path, 8)
    first = LogFollower(path)
    seqs(first, 5)
    path.rename(path.with_name(f"{path.name}.{0:020}"))

    assert [5, 6, 7] == seqs(LogFollower(path, first.place))


def test_a_place_is_found_in_files_that_were_cut_otherwise(path: Path) -> None:
    """Two files were joined to one; what comes next stands in its middle."""
    write_log(path, 8)
    place = Place(first_seq=3, offset=77, next_seq=5)

    assert [5, 6, 7] == seqs(LogFollower(path, place))
    assert [] == seqs(LogFollower(path, Place(first_seq=3, offset=77, next_seq=8)))


def test_missing_records_are_said_to_be_missing(path: Path) -> None:
    """Pruned, or lost: whoever exports must know, and not go on as if nothing were."""
    lines, _ = lines_of(12)
    path.parent.mkdir()
    append(path, b"".join(lines[:4]))
    follower = LogFollower(path)
    seqs(follower, 2)
    path.unlink()
    append(path, b"".join(lines[6:8]))

    with pytest.raises(MissingRecords) as caught:
        follower.read(10)

    assert (2, 6) == (caught.value.next_seq, caught.value.resumes_at)
    with pytest.raises(MissingRecords):
        LogFollower(path, Place(first_seq=0, offset=0, next_seq=30)).read(1)


def test_a_line_that_is_no_record_is_given_without_a_number(path: Path) -> None:
    """Whoever shows it says so; nothing is left out."""
    lines, _ = lines_of(3)
    path.parent.mkdir()
    append(path, lines[0] + b"nonsense\n" + lines[2])

    assert [0, None, 2] == seqs(LogFollower(path))


@given(st.binary(max_size=200))
def test_whatever_a_line_holds_its_number_is_read_or_not(raw_line: bytes) -> None:
    """No line raises."""
    assert seq_of(raw_line) is None
    assert 7 == seq_of(raw_line + b', "seq": 7, "phase": "event", "prev": "' + b"0" * 64 + b'"}')


def test_a_real_log_is_followed(path: Path) -> None:
    """With records of the gate's own form."""
    log = SignedLog(path)
    log.ticks(5)

    assert [0, 1, 2, 3, 4] == seqs(LogFollower(path))
    log.close()


def test_a_follower_goes_on_when_its_file_is_packed(path: Path) -> None:
    """A place is named by what the log says, whatever form a file is kept in."""
    life = Life(path, None)
    for _ in range(3):
        life.ticks(4)
        life.rotate()
    life.file.close()
    follower = LogFollower(path)
    read = seqs(follower, 3)
    for segment in files_of_log(path)[:2]:
        pack(segment, [], FileOps(), lambda: None)
    while more := seqs(follower, 3):
        read += more

    assert list(range(15)) == read
