"""The log in numbers, in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.audit.canonical import parse
from aegis_trio.audit.summary import MAX_ROWS, Summary, Table
from tests.audit.export.samples import sample_lines


def summed() -> Summary:
    """Sum the samples up."""
    summary = Summary()
    for line in sample_lines():
        record = parse(line)
        assert record is not None
        summary.note(record)
    return summary


def test_the_samples_are_counted() -> None:
    """Failures that were summed up count as many as they were; a call is counted by its outcome."""
    found = summed()

    assert 14 == found.records
    assert (1, 42) == (found.authentications["success"], found.authentications["failure"])
    assert [("(summed up)", 41), ("invalid_api_key", 1)] == found.authentication_reasons.most(5)
    assert [("delete_file", 1), ("get_file_contents", 1)] == found.calls.most(5)
    assert [("delete_file", 1)] == found.failed_calls.most(5)
    assert [("not_found", 1)] == found.failures.most(5)
    assert {"invalid_api_key": 1, "unknown_tool": 1} == dict(found.refusals.most(5))
    assert ("various", 41) == found.refused_addresses.most(5)[0]
    assert [("2026-02-13 failure", 42), ("2026-02-13 success", 1)] == found.days.most(5)


@given(st.lists(st.integers(0, 30)))
def test_a_table_is_exact_while_names_are_few(names: list[int]) -> None:
    """Nothing is let go that fits."""
    table = Table()
    for name in names:
        table.add(str(name))

    assert table.is_exact
    assert {str(name): names.count(name) for name in names} == dict(table.most(100))


def test_a_flood_of_names_is_bounded_and_said() -> None:
    """Who invents a name for each call must not fill the memory of who sums up, nor hide the large rows."""
    table = Table()
    for number in range(10 * MAX_ROWS):
        table.add(f"name {number}")
        table.add("everybody")

    assert not table.is_exact
    assert len(table.most(10**6)) <= 2 * MAX_ROWS
    assert ("everybody", 10 * MAX_ROWS) == table.most(1)[0]
