"""What is offered while a line is typed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aegis_trio.cli.console.catalogue import Catalogue, choices_of, read_prompts, read_tools, read_uris
from aegis_trio.cli.console.commands import USAGE
from aegis_trio.cli.console.completer import MAX_CANDIDATES, complete_line
from aegis_trio.cli.console.line_parser import parse_line
from tests.cli.console.fake_server import TOOLS
from tests.protocol.strategies import JSON_VALUES

SCHEMA = {
    "type": "object",
    "properties": {
        "ref": {"type": ["string", "null"], "description": "A branch."},
        "owner": {"type": "string"},
        "state": {"enum": ["open", "closed", "not merged", "true", "5"]},
        "draft": {"type": "boolean"},
        "limit": {"anyOf": [{"const": 1}, {"enum": [2, 3]}, {"type": "null"}, 7]},
        "kind": {"const": "issue"},
        "a b": {"type": "string"},
        "x=y": {"type": "string"},
    },
    "required": ["owner"],
}
CATALOGUE = Catalogue(
    tools=read_tools([*TOOLS, {"name": "list_issues", "inputSchema": SCHEMA}, {"name": "two words"}]),
    prompts=read_prompts([{"name": "greet", "arguments": [{"name": "who", "required": True}, {"name": 5}, 6]}, 7]),
    uris=read_uris([{"uri": "repo://a"}, {"uriTemplate": "repo://{o}"}, {"uri": 5}, 6]),
)


@pytest.mark.parametrize(
    ("before", "candidates"),
    [
        ("re", ("resources", "read ", "record ", "replay ")),
        ("quit", ("quit",)),
        ("call ", ("get_me ", "echo ", "list_issues ")),
        ("call g", ("get_me ",)),
        ("describe e", ("echo",)),
        ("call list_issues ", ("owner=", "ref=", "state=", "draft=", "limit=", "kind=")),
        ("call list_issues owner=x ref=y st", ("state=",)),
        ("call list_issues owner=x o", ()),
        ("call list_issues state=", ("state=open ", "state=closed ", 'state="true" ', 'state="5" ')),
        ("call list_issues state=c", ("state=closed ",)),
        ("call list_issues draft=", ("draft=true ", "draft=false ")),
        ("call list_issues limit=", ("limit=1 ", "limit=2 ", "limit=3 ")),
        ("call list_issues kind=", ("kind=issue ",)),
        ("call list_issues owner=", ()),
        ("call nothing ", ()),
        ("prompt ", ("greet ",)),
        ("prompt greet ", ("who=",)),
        ("complete ", ("prompt ", "resource ")),
        ("complete prompt g", ("greet ",)),
        ("complete prompt greet w", ("who=",)),
        ("complete resource r", ("repo://a", "repo://{o}")),
        ("read r", ("repo://a", "repo://{o}")),
        ("frames o", ("on", "off")),
        ("log w", ("warning",)),
        ("help re", ("resources", "read", "record", "replay")),
        ("raw {", ()),
        ("nonsense x y", ()),
    ],
)
def test_the_last_word_goes_on_as_it_can(before: str, candidates: tuple[str, ...]) -> None:
    """Required arguments first, given ones no more, values as they are typed; nothing invisible."""
    assert candidates == complete_line(before, CATALOGUE)


def test_an_empty_line_may_become_every_command() -> None:
    """The first Tab shows what there is."""
    assert [*USAGE] == [candidate.strip() for candidate in complete_line("", CATALOGUE)]


def test_a_server_with_endless_tools_does_not_fill_the_screen() -> None:
    """Candidates are bounded."""
    catalogue = Catalogue(tools=read_tools([{"name": f"t{number}"} for number in range(MAX_CANDIDATES + 1)]))

    assert MAX_CANDIDATES == len(complete_line("call t", catalogue))


@given(
    st.text()
    | st.sampled_from(["call ", "call list_issues ", "prompt greet "]).flatmap(lambda head: st.text().map(head.__add__))
)
def test_completion_never_raises_and_keeps_what_was_typed(before: str) -> None:
    """It runs inside readline, where a fault would be silent."""
    words = before.split()
    last = words[-1] if words and not before[-1:].isspace() else ""

    assert all(candidate.startswith(last) for candidate in complete_line(before, CATALOGUE))


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["name", "inputSchema", "arguments", "uri", "title"]), JSON_VALUES)
        | JSON_VALUES
    )
)
@example([{"name": "\U00018d09"}])  # no letter of this Python's Unicode
def test_a_list_of_anything_is_read(items: list[Any]) -> None:
    """A hostile list must not end the session that shows it."""
    catalogue = Catalogue(tools=read_tools(items), prompts=read_prompts(items), uris=read_uris(items))

    for candidate in complete_line("call ", catalogue):
        assert candidate.isprintable()


@given(
    JSON_VALUES
    | st.fixed_dictionaries({"properties": st.dictionaries(st.text(), JSON_VALUES), "required": JSON_VALUES})
)
def test_a_schema_of_anything_is_read_and_its_candidates_can_be_parsed(schema: Any) -> None:
    """What completion types, the parser takes."""
    catalogue = Catalogue(tools=read_tools([{"name": "x", "inputSchema": schema}]))
    choices_of(schema)

    for key in complete_line("call x ", catalogue):
        for candidate in (key, *complete_line(f"call x {key}", catalogue)):
            assert parse_line(f"call x {candidate}")


def test_types_are_told_in_words() -> None:
    """`describe` shows them."""
    entry = CATALOGUE.tools["list_issues"]

    assert ["string or null", "string", "any", "boolean", "null", "any"] == [each.type for each in entry.arguments[:6]]
    assert () == read_tools([{"name": "x", "inputSchema": {"properties": 7}}])["x"].arguments
    assert "any" == read_tools([{"name": "x", "inputSchema": {"properties": {"a": 7}}}])["x"].arguments[0].type
