"""The manifest and the tests say the same: no behaviour without a test, no tag without its row."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from aegis_trio.protocol.revisions import REVISIONS
from tests.protocol.requirements.document import DOCUMENT, render
from tests.protocol.requirements.manifest import REQUIREMENTS
from tests.protocol.requirements.requirement import ALL, Requirement, at, faults_of
from tests.protocol.requirements.tags import read_source, read_tests

TESTS = read_tests()
PENDING = 36  # rows that are not built yet: only ever lowered, and 0 at the end
RIGHT = Requirement(
    id="MCP-A-01", text="Something that a peer can see.", source="SEP-1", revisions=ALL, tests=at("a.py", "test_a")
)


def test_no_id_stands_twice() -> None:
    """A test that names it would prove either."""
    assert [] == [row_id for row_id, count in Counter(row.id for row in REQUIREMENTS).items() if count > 1]


@pytest.mark.parametrize("row", REQUIREMENTS, ids=lambda row: row.id)
def test_every_row_has_the_form_of_one(row: Requirement) -> None:
    """Whoever reads it must find the place in the specification, and the revisions in our table."""
    assert [] == faults_of(row)
    assert set(row.revisions) <= {revision.version for revision in REVISIONS}


@pytest.mark.parametrize("row", REQUIREMENTS, ids=lambda row: row.id)
def test_every_test_that_a_row_names_exists_and_is_tagged_with_it(row: Requirement) -> None:
    """A test that was renamed or deleted leaves its row unproved."""
    assert [] == [name for name in row.tests if row.id not in TESTS.get(name, ())]


def test_every_tag_stands_in_the_manifest() -> None:
    """A tag that no row lists proves nothing that anybody counts on."""
    listed = {(row.id, name) for row in REQUIREMENTS for name in row.tests}
    tagged = {(row_id, name) for name, row_ids in TESTS.items() for row_id in row_ids}

    assert set() == tagged - listed


def test_fewer_and_fewer_rows_are_pending() -> None:
    """A ratchet: what is built gets its tests in its row and lowers the number; nothing new is put off."""
    waiting = [row.id for row in REQUIREMENTS if row.pending]

    assert PENDING == len(waiting), f"set PENDING to {len(waiting)} if that is lower; still pending: {waiting}"


def test_the_committed_document_is_up_to_date() -> None:
    """`python -m tests.protocol.requirements --write` mends it."""
    assert render() == DOCUMENT.read_text(encoding="utf-8")


def test_the_table_of_revisions_is_the_servers() -> None:
    """Rows for a revision that is not served, or none for one that is, would say nothing."""
    assert ALL == tuple(revision.version for revision in REVISIONS)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (replace(RIGHT, id="A-1"), "id"),
        (replace(RIGHT, text="no sentence"), "text is not one sentence"),
        (replace(RIGHT, source="the specification"), "source"),
        (replace(RIGHT, source="MCP 2026-07-28"), "source"),
        (replace(RIGHT, revisions=()), "revisions"),
        (replace(RIGHT, tests=()), "either tests or pending"),
        (replace(RIGHT, pending="later"), "either tests or pending"),
        (replace(RIGHT, tests=RIGHT.tests * 2), "a test twice"),
    ],
)
def test_a_row_of_another_form_is_found(row: Requirement, fault: str) -> None:
    """A check that finds nothing wrong with anything would let everything in."""
    assert [] == faults_of(RIGHT)
    assert [f"{row.id}: {fault}"] == faults_of(row)


def test_tags_are_read_as_they_stand() -> None:
    """Methods of classes count, parameters and other markers do not."""
    source = """
@pytest.mark.requirement("MCP-A-01", "MCP-A-02")
@pytest.mark.parametrize("a", [1])
@pytest.mark.requirement("MCP-A-03")
async def test_a(a): ...

class TestB:
    @pytest.mark.sockets
    def test_c(self): ...

def helper(): ...
"""

    assert [("t.py::test_a", ("MCP-A-01", "MCP-A-02", "MCP-A-03")), ("t.py::TestB::test_c", ())] == list(
        read_source("t.py", source)
    )


@pytest.mark.parametrize(
    "source",
    [
        "@pytest.mark.requirement('A')\ndef helper(): ...",
        "@pytest.mark.requirement('A')\nclass TestA: ...",
        "@pytest.mark.requirement\ndef test_a(): ...",
        "@pytest.mark.requirement(ID)\ndef test_a(): ...",
    ],
)
def test_a_tag_that_would_be_lost_is_an_error(source: str) -> None:
    """It would seem to prove something."""
    with pytest.raises(ValueError, match="tag"):
        list(read_source("t.py", source))
