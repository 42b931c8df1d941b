"""A filter admits exactly the records that somebody asked for."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.audit.search import FIELDS, RecordFilter
from aegis_trio.model.json import JsonObject

TEXTS = st.sampled_from(["a", "b", "A", "ab", "", "é"])
RECORDS = st.fixed_dictionaries(
    {"timestamp": st.sampled_from([f"2026-02-1{day}T10:00:00.000000Z" for day in range(5)])},
    optional={**dict.fromkeys(FIELDS, TEXTS), "arguments": st.fixed_dictionaries({"owner": TEXTS, "repo": TEXTS})},
)
WANTED = st.dictionaries(st.sampled_from(FIELDS), st.frozensets(TEXTS, min_size=1, max_size=2), max_size=3)


def admits(found: RecordFilter, record: JsonObject) -> bool:
    """Ask about a record as it stands in a log."""
    return found.admits(record, json.dumps(record))


def values_of(record: JsonObject, name: str) -> set[str]:
    """Return what a record says of a field, as this test understands it."""
    found = {str(record[name])} if name in record else set()
    arguments = record.get("arguments")
    if name in {"owner", "repo"}:
        if isinstance(arguments, dict):
            found.add(str(arguments[name]))
        return {value.casefold() for value in found}
    return found


@given(RECORDS, WANTED)
def test_every_field_must_have_one_of_its_values(record: JsonObject, wanted: dict[str, frozenset[str]]) -> None:
    """Any of several values, all of several fields; owners and repositories without their case, as Gitea takes them."""
    expected = all(
        bool(values_of(record, name) & ({v.casefold() for v in values} if name in {"owner", "repo"} else values))
        for name, values in wanted.items()
    )

    assert expected == admits(RecordFilter(wanted=wanted), record)


@given(st.lists(RECORDS), WANTED, WANTED)
def test_more_fields_never_show_more(
    records: list[JsonObject], one: dict[str, frozenset[str]], other: dict[str, frozenset[str]]
) -> None:
    """A filter narrows."""
    both = RecordFilter(wanted=other | one)

    assert all(admits(RecordFilter(wanted=one), record) for record in records if admits(both, record))


@given(RECORDS, st.sampled_from(["", "2026-02-12", "2026-02-12T10:00:00.000000Z"]), st.sampled_from(["", "2026-02-13"]))
def test_times_are_from_and_before(record: JsonObject, since: str, until: str) -> None:
    """The first moment is in, the last is out."""
    time = str(record["timestamp"])

    assert (time >= since and (not until or time < until)) == admits(RecordFilter(since=since, until=until), record)


def test_an_expression_is_looked_for_in_the_line() -> None:
    """As grep would, in what stands there."""
    record: JsonObject = {"timestamp": "", "event": "x", "reason": "invalid_api_key"}

    assert admits(RecordFilter(pattern=re.compile('"reason": "invalid')), record)
    assert not admits(RecordFilter(pattern=re.compile("unknown")), record)
