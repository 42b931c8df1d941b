"""A cursor is believed only where its record stands; what it covers was delivered."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from aegis_trio.audit.export.cursor import CursorLost, cursor_at, find_cursor, read_cursor, write_cursor
from aegis_trio.audit.following import LogFollower, Place
from aegis_trio.audit.lost import LogUnavailable
from aegis_trio.audit.system_calls import FileOps
from tests.audit.faults import Fault, FaultyOps
from tests.audit.logs import lines_of, write_log


def segment(path: Path, first: int) -> Path:
    """Name a sealed segment."""
    return path.with_name(f"{path.name}.{first:020}")


def test_it_is_read_as_it_was_written(path: Path) -> None:
    """A restart goes on there."""
    write_log(path, 8)
    follower = LogFollower(path)
    lines = follower.read(5)
    assert follower.place is not None
    cursor = cursor_at(follower.place, lines[-1].raw)
    file = path.with_name("cursor")

    assert read_cursor(file) is None
    write_cursor(file, cursor, FileOps())

    assert cursor == read_cursor(file)
    assert follower.place == find_cursor(path, cursor)
    assert 0o600 == file.stat().st_mode & 0o777


def test_it_is_found_after_rotation_and_pruning(path: Path) -> None:
    """The file got another name; or all that was delivered was pruned, and nothing is missing."""
    lines, _ = lines_of(9)
    path.parent.mkdir()
    segment(path, 0).write_bytes(b"".join(lines[:4]))
    path.write_bytes(b"".join(lines[4:]))
    middle = cursor_at(Place(first_seq=7, offset=1, next_seq=6), lines[5][:-1])
    edge = cursor_at(Place(first_seq=0, offset=sum(map(len, lines[:4])), next_seq=4), lines[3][:-1])

    assert 6 == find_cursor(path, middle).next_seq
    assert 4 == find_cursor(path, edge).next_seq
    segment(path, 0).unlink()
    assert Place(first_seq=4, offset=0, next_seq=4) == find_cursor(path, edge)


def test_another_record_in_its_place_is_an_error(path: Path) -> None:
    """Another log, a rewritten one, or records that were pruned undelivered: each says what to do."""
    lines, _ = lines_of(9)
    other, _ = lines_of(9, size=2)
    path.parent.mkdir()
    path.write_bytes(b"".join(lines))
    for cursor in (
        cursor_at(Place(first_seq=0, offset=sum(map(len, lines[:4])), next_seq=4), other[3][:-1]),
        cursor_at(Place(first_seq=0, offset=10**6, next_seq=40), lines[3][:-1]),
    ):
        with pytest.raises(CursorLost, match="--accept-gap"):
            find_cursor(path, cursor)


@pytest.mark.parametrize(
    "data", [b"", b"x", b"[]", b"{}", b'{"first_seq": -1, "offset": 0, "next_seq": 1, "last": ""}']
)
def test_what_is_no_cursor_is_an_error(tmp_path: Path, data: bytes) -> None:
    """A damaged one must not mean "from the beginning" silently."""
    (tmp_path / "cursor").write_bytes(data)

    with pytest.raises(CursorLost, match="holds no cursor"):
        read_cursor(tmp_path / "cursor")


def test_a_full_disk_leaves_the_old_cursor(tmp_path: Path) -> None:
    """Then records come twice, and none is left out."""
    file = tmp_path / "cursor"
    old = cursor_at(Place(first_seq=0, offset=1, next_seq=1), b"old")
    write_cursor(file, old, FileOps())
    ops = FaultyOps()
    ops.at[1] = Fault(errno.ENOSPC)

    with pytest.raises(LogUnavailable, match=os.strerror(errno.ENOSPC).lower()):
        write_cursor(file, cursor_at(Place(first_seq=0, offset=2, next_seq=2), b"new"), ops)
    assert old == read_cursor(file)
