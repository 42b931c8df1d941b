"""The verifier finds every change of every byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aegis_trio.audit.canonical import MAX_LINE_BYTES
from aegis_trio.audit.chain import ChainHead
from aegis_trio.audit.reader import ChainFault, ChainReport, verify_chain
from tests.audit.logs import lines_of, write_log

LINES, HEAD = lines_of(6)
WHOLE = b"".join(LINES)
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_a_right_log_is_right(tmp_path: Path) -> None:
    """What the trail writes is what the verifier accepts."""
    head = write_log(tmp_path / "log", 6)

    assert ChainReport(6, 0, head, None) == verify_chain(tmp_path / "log", expected=head)


def test_an_empty_log_is_right_and_stands_at_the_beginning(tmp_path: Path) -> None:
    """The first start makes one."""
    (tmp_path / "log").touch()

    assert ChainReport(0, None, ChainHead(), None) == verify_chain(tmp_path / "log")


@same_folder
@given(offset=st.integers(0, len(WHOLE) - 1), mask=st.integers(1, 255))
def test_any_flipped_byte_is_found(tmp_path: Path, offset: int, mask: int) -> None:
    """This is what the chain is for; the last record is covered by the head that the trail knows."""
    flipped = bytearray(WHOLE)
    flipped[offset] ^= mask
    (tmp_path / "log").write_bytes(flipped)
    line = WHOLE.count(b"\n", 0, offset) + 1
    fault = verify_chain(tmp_path / "log", expected=HEAD).fault

    assert fault is not None
    # The record itself is not right any more, or the next one does not name it any more.
    assert fault.line in {line, line + 1}


@same_folder
@given(offset=st.integers(0, len(WHOLE) - len(LINES[-1]) - 1), mask=st.integers(1, 255))
def test_any_flipped_byte_before_the_last_record_is_found_without_knowing_the_head(
    tmp_path: Path, offset: int, mask: int
) -> None:
    """An auditor who has nothing but the file finds it all the same."""
    flipped = bytearray(WHOLE)
    flipped[offset] ^= mask
    (tmp_path / "log").write_bytes(flipped)

    assert verify_chain(tmp_path / "log").fault is not None


@same_folder
@given(data=st.data())
def test_lines_that_were_dropped_doubled_or_swapped_are_found(tmp_path: Path, data: st.DataObject) -> None:
    """Whole records that were moved keep their bytes, so only the links tell."""
    order = data.draw(st.lists(st.integers(0, 5), max_size=8).filter(lambda order: order != list(range(6))))
    (tmp_path / "log").write_bytes(b"".join(LINES[number] for number in order))

    assert verify_chain(tmp_path / "log", expected=HEAD).fault is not None


@pytest.mark.parametrize("cut", range(1, len(LINES[-1]) + 1))
def test_a_log_whose_end_is_missing_is_found(tmp_path: Path, cut: int) -> None:
    """Truncation is what a bare chain misses, and the known head does not."""
    (tmp_path / "log").write_bytes(WHOLE[:-cut])
    fault = verify_chain(tmp_path / "log", expected=HEAD).fault

    assert fault is not None
    assert 6 == fault.line


def test_the_first_wrong_line_is_named_with_its_place(tmp_path: Path) -> None:
    """An auditor wants to look at it."""
    (tmp_path / "log").write_bytes(b"".join([*LINES[:2], b"forged\n", *LINES[2:]]))
    report = verify_chain(tmp_path / "log")

    assert ChainFault(3, len(LINES[0]) + len(LINES[1]), "not a JSON object") == report.fault
    assert 2 == report.records


def test_a_log_without_its_head_is_not_whole(tmp_path: Path) -> None:
    """Somebody who cuts the first records off must not get a right log."""
    (tmp_path / "log").write_bytes(b"".join(LINES[1:]))

    assert ChainFault(1, 0, "not the first record of a log") == verify_chain(tmp_path / "log").fault


def test_an_endless_line_is_not_read_into_memory(tmp_path: Path) -> None:
    """A hostile file must not end the verifier."""
    with (tmp_path / "log").open("wb") as stream:
        stream.truncate(10 * MAX_LINE_BYTES)
    report = verify_chain(tmp_path / "log")

    assert ChainFault(1, 0, "torn: it has no newline") == report.fault
