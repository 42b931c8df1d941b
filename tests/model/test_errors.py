"""Faults carry what every caller needs, and every class is known to the renderers."""

from __future__ import annotations

import pytest

from aegis_trio.model import errors
from aegis_trio.model.errors import Bug, Fault, Forbidden, InsufficientScope, InvalidArgument, RateLimited
from aegis_trio.model.fault_rows import FAULT_ROWS, row_of


def _all_faults(root: type[Fault] = Fault) -> list[type[Fault]]:
    return [found for child in root.__subclasses__() for found in (child, *_all_faults(child))]


@pytest.mark.parametrize(
    "fault", [c for c in _all_faults() if c.__module__ == errors.__name__], ids=lambda c: c.__name__
)
def test_every_class_of_fault_has_a_row(fault: type[Fault]) -> None:
    """A fault without a row would be a crash at the edge, in place of an answer."""
    assert 400 <= FAULT_ROWS[fault].http_status < 600


def test_no_code_stands_for_two_kinds_of_leaf() -> None:
    """Operators grep by code; only our own two kinds of internal failure share one on purpose."""
    leaves = [fault for fault in FAULT_ROWS if not fault.__subclasses__()]
    assert len(leaves) == len({fault.code for fault in leaves})


def test_a_row_is_found_by_the_fault_itself() -> None:
    """Renderers hold instances, not classes."""
    assert FAULT_ROWS[RateLimited] == row_of(RateLimited("x", retry_after_s=3))


def test_a_wait_is_at_least_one_second() -> None:
    """`Retry-After: 0` invites a storm."""
    assert 1 == RateLimited("x", retry_after_s=0).retry_after_s


def test_a_wrong_argument_keeps_its_own_example() -> None:
    """An example that fits the field is better than the tool's general one."""
    fault = InvalidArgument("page", "is null", "Leave it out.")

    assert {"page": 1} == fault.with_example({"page": 1}).example
    assert {"page": 1} == fault.with_example({"page": 1}).with_example({"page": 2}).example
    assert "page: is null. Leave it out." == str(fault.with_example({}))


def test_a_fault_reads_as_one_sentence_after_another() -> None:
    """Logs show `str(fault)`; a missing remedy leaves no blank."""
    assert "No." == str(Forbidden("No."))
    fault = InsufficientScope("No.", scopes=("read:issue",))
    assert (("read:issue",), ("read:issue",)) == (fault.scopes, fault.wanted)


def test_a_bug_shows_only_its_incident() -> None:
    """What broke stands in the log, not in the answer."""
    assert "incident 7" in str(Bug("7"))
