"""What holds for every tool, so that the next one cannot forget it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.gateway.render import tool_definition
from aegis_trio.gitea.refusals import KNOWN_SCOPES
from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.toolspec import Risk, ToolSpec
from aegis_trio.toolsets.catalogue import TOOLS
from aegis_trio.toolsets.context import ToolContext

SNAPSHOTS = Path(__file__).parent / "snapshots" / "tools"
MAX_LIST_BYTES = 16_000  # the whole list stands in every conversation of every client
Tool = ToolSpec[ToolContext]

OPERATIONS = [operation for tool in TOOLS for operation in tool.operations]  # what can be called, methods one by one

every_tool = pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
every_operation = pytest.mark.parametrize("tool", OPERATIONS, ids=lambda tool: tool.operation)
tools_and_methods = pytest.mark.parametrize(
    "tool", [*TOOLS, *(one for one in OPERATIONS if one.method is not None)], ids=lambda tool: tool.operation
)


@pytest.mark.requirement("MCP-TOOL-04")
def test_no_two_tools_have_one_name() -> None:
    """A client could not say which it means."""
    assert len(TOOLS) == len({tool.name for tool in TOOLS})


@pytest.mark.requirement("MCP-TOOL-04")
@every_tool
def test_a_name_is_one_that_every_client_takes(tool: Tool) -> None:
    """Clients prefix names with the server's and refuse above 64 characters."""
    assert re.fullmatch(r"[a-z][a-z0-9_]{2,47}", tool.name)


@every_tool
def test_a_tool_says_what_it_does_and_what_not(tool: Tool) -> None:
    """A model chooses by title and description alone; both cost every conversation."""
    assert 3 <= len(tool.title) <= 40
    assert 40 <= len(tool.description) <= 400
    assert tool.description[0].isupper()
    assert tool.description.endswith(".")


@pytest.mark.requirement("MCP-TOOL-06")
@every_tool
def test_all_four_hints_are_explicit(tool: Tool) -> None:
    """Left out, a reader counts as destructive and open to the world."""
    hints = tool_definition(tool)["annotations"]

    assert isinstance(hints, dict)
    assert {"title", "readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"} == set(hints)
    assert all(isinstance(value, bool) for name, value in hints.items() if name != "title")


@every_operation
def test_a_method_is_named_as_a_tool_is(tool: Tool) -> None:
    """It stands in metrics, limits and the audit trail beside its tool's name."""
    assert tool.method is None or re.fullmatch(r"[a-z][a-z0-9_]{1,31}", tool.method)
    assert not tool.methods


@every_operation
def test_a_reader_asks_for_reading_scopes_only(tool: Tool) -> None:
    """A token for reading must serve every reading tool."""
    assert Risk.READ is tool.risk
    assert tool.gitea_scopes <= KNOWN_SCOPES
    assert not [scope for scope in tool.scopes | tool.gitea_scopes if not scope.startswith("read:")]


@every_operation
def test_a_call_ends_before_clients_give_up(tool: Tool) -> None:
    """Several clients wait 60 seconds."""
    assert 1 <= tool.timeout_s <= 55


def _keys(value: JsonValue) -> set[str]:
    match value:
        case dict():
            return set(value).union(*(_keys(child) for child in value.values()))
        case list():
            return set().union(*(_keys(child) for child in value))
        case _:
            return set()


@pytest.mark.requirement("MCP-TOOL-05")
@tools_and_methods
def test_a_schema_is_one_that_every_client_reads(tool: Tool) -> None:
    """References, combinators and alternatives of types are refused by one client or another."""
    schema = tool.input_schema

    jsonschema.Draft202012Validator.check_schema(schema)
    assert ("object", False) == (schema["type"], schema["additionalProperties"])
    assert not _keys(schema) & {"$ref", "$defs", "allOf", "anyOf", "oneOf", "not", "title", "$schema"}
    properties = schema["properties"]
    assert isinstance(properties, dict)
    for field in properties.values():
        assert isinstance(field, dict)
        assert isinstance(field["type"], str)
        assert {"maximum", "maxLength", "maxItems", "maxProperties", "enum"} & set(field) or field["type"] == "boolean"


@tools_and_methods
def test_the_example_is_right(tool: Tool) -> None:
    """It is what a model is shown after a mistake."""
    jsonschema.validate(tool.example, tool.input_schema)
    prepared = tool.prepare(tool.example)

    named = {name: tool.example[name] for name in tool.audit_fields if name in tool.example}
    # A list of places stands in the trail as one text, a line each.
    shown = {name: "\n".join(map(str, value)) if isinstance(value, list) else value for name, value in named.items()}
    assert shown == dict(prepared.places)


@every_operation
def test_what_names_a_place_stands_in_the_trail(tool: Tool) -> None:
    """Whoever reads the trail later must see which repository, file and branch was read."""
    properties = tool.input_schema["properties"]
    assert isinstance(properties, dict)
    assert {"owner", "repo", "path", "ref", "number"} & set(properties) <= set(tool.audit_fields)


@tools_and_methods
def test_an_unknown_argument_is_answered_with_the_known_ones(tool: Tool) -> None:
    """Silently ignored, a misspelled filter would give a wrong answer with confidence."""
    with pytest.raises(InvalidArgument, match=r"not an argument of this (tool|method)") as refusal:
        tool.prepare(tool.example | {"no_such\u202e": 1})

    assert "\u202e" not in str(refusal.value)


def test_a_misspelled_argument_is_answered_with_the_nearest() -> None:
    """A model mends it in one step."""
    tool = next(tool for tool in TOOLS if tool.name == "get_file_contents")
    with pytest.raises(InvalidArgument, match="Did you mean start_line"):
        tool.prepare(tool.example | {"startline": 1})


@pytest.mark.parametrize(
    ("change", "remedy"),
    [
        ({}, "Give a string of 1 to 40 characters: user or organisation."),
        ({"owner": ""}, "Give a string of 1 to 40 characters: user or organisation."),
        ({"repo": "b" * 101}, "Give a string of 1 to 100 characters: name without owner."),
        ({"path": "c" * 4097}, "Give a string of at most 4096 characters: path from the repository's root."),
        ({"start_line": 0}, "Give a whole number from 1 to 100000000: first line, from 1."),
    ],
)
def test_a_missing_or_unfit_argument_is_answered_with_what_to_give(change: JsonObject, remedy: str) -> None:
    """`Give it` helps nobody: the sentence says the type, the bounds and the meaning."""
    tool = next(tool for tool in TOOLS if tool.name == "get_file_contents")
    arguments = {"owner": "a", "repo": "b", "path": "c"} | change if change else {}
    with pytest.raises(InvalidArgument) as refusal:
        tool.prepare(arguments)

    assert remedy == refusal.value.remedy


REFUSALS: list[tuple[JsonObject, str, str]] = [
    ({}, "owner", "is required"),
    ({"owner": 1}, "owner", "must be a string"),
    ({"owner": None}, "owner", "is null"),
    ({"owner": ""}, "owner", "at least 1"),
    ({"owner": "a" * 41}, "owner", "at most 40"),
    ({"owner": "\ud800"}, "owner", "valid Unicode"),
    ({"owner": "../.."}, "owner", "not a user"),
    ({"owner": "issues", "repo": "search"}, "owner", "reserves"),
    ({"repo": ".."}, "repo", "not a repository"),
    ({"path": "../../admin/users"}, "path", "dot segment"),
    ({"path": "/"}, "path", "root"),
    ({"path": "a\nb"}, "path", "control character"),
    ({"path": ".git/config"}, "path", "leads into .git"),
    ({"ref": "main~1"}, "ref", "not the name"),
    ({"ref": "refs/heads/main"}, "ref", "long form"),
    ({"ref": "refs/tags/v1"}, "ref", "long form"),
    ({"ref": "refs/heads/a..b"}, "ref", "not the name"),
    ({"ref": "a;b\n"}, "ref", "not the name"),
    ({"start_line": "1"}, "start_line", "whole number"),
    ({"start_line": 1.5}, "start_line", "whole number"),
    ({"start_line": True}, "start_line", "whole number"),
    ({"start_line": 0}, "start_line", "greater than or equal to 1"),
    ({"start_line": 10**9}, "start_line", "less than or equal"),
    ({"start_line": 5, "end_line": 4}, "end_line", "before start_line"),
    ({"end_line": []}, "end_line", "whole number"),
]


@pytest.mark.parametrize(("change", "field", "rule"), REFUSALS, ids=[str(i) for i in range(len(REFUSALS))])
def test_a_wrong_argument_is_answered_with_field_rule_and_remedy(change: JsonObject, field: str, rule: str) -> None:
    """A model must do better next time, and learns how from nothing else."""
    tool = next(tool for tool in TOOLS if tool.name == "get_file_contents")
    arguments = {"owner": "a", "repo": "b", "path": "c"} | change if change else {}
    with pytest.raises(InvalidArgument) as refusal:
        tool.prepare(arguments)

    assert field == refusal.value.field
    assert rule in refusal.value.rule
    assert refusal.value.remedy


def test_a_wrong_truth_value_is_named() -> None:
    """The one tool with a truth value."""
    tool = next(tool for tool in TOOLS if tool.name == "get_file_tree")
    with pytest.raises(InvalidArgument, match="must be true or false"):
        tool.prepare(tool.example | {"recursive": "yes"})


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 600) | st.integers(),
    st.floats(),
    st.text(max_size=300),
    st.text("ab./-é", max_size=10),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
# Rules between fields and about meaning, which JSON Schema cannot say; their fields.
BEYOND_SCHEMA = {"owner", "repo", "path", "ref", "end_line", "fields", "operation", "arguments"}


@pytest.mark.requirement("MCP-TOOL-08")
@given(tool=st.sampled_from([*TOOLS, *OPERATIONS]), data=st.data())
def test_schema_and_validation_agree(tool: Tool, data: st.DataObject) -> None:
    """Property: what the schema refuses is refused; what it accepts is accepted, or refused for its meaning alone."""
    properties = tool.input_schema["properties"]
    assert isinstance(properties, dict)
    names = st.sampled_from([*properties, "sudo"])
    changes: dict[str, Any] = data.draw(st.dictionaries(names, VALUES, max_size=3))
    dropped = data.draw(st.sets(names, max_size=1))
    arguments = {name: value for name, value in (tool.example | changes).items() if name not in dropped}
    fits_schema = jsonschema.Draft202012Validator(tool.input_schema).is_valid(arguments)
    try:
        tool.prepare(arguments)
    except InvalidArgument as refused:
        # A merged schema cannot say what a method lacks; the refusal then holds the method's own.
        told = bool(tool.methods) and refused.schema is not None
        assert not fits_schema or refused.field.partition(".")[0] in BEYOND_SCHEMA or told  # noqa: PT017 -- either is an outcome under test
    else:
        assert fits_schema


@pytest.mark.requirement("MCP-TOOL-03")
@every_tool
def test_an_entry_is_as_it_was_committed(tool: Tool) -> None:
    """Names, schemas and descriptions are an interface: a change must be seen in review.

    `AEGIS_TEST_WRITE_SNAPSHOTS=1` writes the new entries.
    """
    snapshot = SNAPSHOTS / f"{tool.name}.json"
    text = json.dumps(tool_definition(tool), indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("AEGIS_TEST_WRITE_SNAPSHOTS"):
        snapshot.write_text(text, encoding="utf-8")

    assert snapshot.read_text(encoding="utf-8") == text


def test_no_entry_of_a_tool_that_is_gone_is_left() -> None:
    """Whoever reads the snapshots reads the list."""
    assert {f"{tool.name}.json" for tool in TOOLS} == {path.name for path in SNAPSHOTS.iterdir()}


def test_the_list_stays_small() -> None:
    """Every byte of it is read by a model before the first question."""
    compact = json.dumps([tool_definition(tool) for tool in TOOLS], ensure_ascii=False, separators=(",", ":"))
    size = len(compact.encode())
    print(f"tools/list: {len(TOOLS)} tools, {size} bytes")

    assert size <= MAX_LIST_BYTES
