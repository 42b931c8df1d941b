"""What holds for every resource, prompt and completion, so that the next one cannot forget it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import mcp_types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.uri_template import UriTemplate

from aegis_trio.gateway.directory import Directory
from aegis_trio.gitea.refusals import KNOWN_SCOPES
from aegis_trio.model.call import CallKind, ToolRequest, Transport
from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.features import PromptSpec, ResourceSpec
from aegis_trio.model.toolspec import Risk, ToolSpec
from aegis_trio.policy.access import READ_SCOPES
from aegis_trio.policy.scopes import SCOPES, gitea_scopes, offered_scopes
from aegis_trio.supervisor.core import INSTRUCTIONS
from aegis_trio.toolsets.catalogue import CATALOGUE, COMPLETIONS, PROMPTS, RESOURCES, TOOLS
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.resources.list_resources import LIST_RESOURCES
from aegis_trio.toolsets.resources.operation import places_of
from aegis_trio.toolsets.resources.uris import parse_uri
from tests.toolsets.canned import CannedForge, json_answer, run

SNAPSHOT = Path(__file__).parent / "snapshots" / "features.json"
MAX_TEMPLATES_BYTES = 2 * 1024
MAX_PROMPTS_BYTES = 3 * 1024
MAX_INSTRUCTIONS_BYTES = 2000
Operation = ToolSpec[ToolContext]

TOOL_OPERATIONS = [operation for tool in TOOLS for operation in tool.operations]
OPERATIONS: tuple[Operation, ...] = (
    *(one.operation for one in RESOURCES),
    *(one.operation for one in PROMPTS),
    *{one.name: one for one in COMPLETIONS.values()}.values(),
    LIST_RESOURCES,
)
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
every_resource = pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.operation.name)
every_prompt = pytest.mark.parametrize("prompt", PROMPTS, ids=lambda one: one.operation.name)


def _template(resource: ResourceSpec[ToolContext]) -> UriTemplate:
    return UriTemplate.parse(str(resource.definition["uriTemplate"]))


def test_no_two_operations_have_one_name() -> None:
    """Metrics, limits and the audit trail tell them apart by it, and from tools."""
    names = [one.name for one in (*TOOLS, *OPERATIONS)]
    assert len(names) == len(set(names))


def test_everything_stands_in_the_catalogue() -> None:
    """What is not there is not served."""
    assert (TOOLS, RESOURCES, PROMPTS, COMPLETIONS, LIST_RESOURCES) == (
        CATALOGUE.tools,
        CATALOGUE.resources,
        CATALOGUE.prompts,
        CATALOGUE.completions,
        CATALOGUE.list_resources,
    )


@every_operation
def test_an_operation_keeps_the_rules_of_tools(operation: Operation) -> None:
    """Name, words, rights, deadline: the same door, so the same rules."""
    assert re.fullmatch(r"[a-z][a-z0-9_]{2,47}", operation.name)
    assert 3 <= len(operation.title) <= 40
    assert 20 <= len(operation.description) <= 400
    assert operation.description[0].isupper()
    assert operation.description.endswith(".")
    assert (Risk.READ, True, False) == (operation.risk, operation.idempotent, operation.open_world)
    assert operation.scopes <= READ_SCOPES
    assert operation.gitea_scopes <= KNOWN_SCOPES
    assert 1 <= operation.timeout_s <= 55


@pytest.mark.parametrize("operation", [*TOOL_OPERATIONS, *OPERATIONS], ids=lambda operation: operation.operation)
def test_what_an_operation_needs_stands_in_the_one_table_of_scopes(operation: Operation) -> None:
    """A right that nobody could be asked for, or that Gitea is not asked for, would fail at every call of a person."""
    asked_of_gitea = set(gitea_scopes(write_mode=False))

    assert operation.scopes <= set(offered_scopes(write_mode=False))
    assert operation.gitea_scopes <= asked_of_gitea
    assert {scope for scope in operation.gitea_scopes if scope != "read:user"} <= operation.scopes


def test_a_key_reads_what_a_person_can_be_asked_for() -> None:
    """Two lists of areas, of which neither may grow alone."""
    assert READ_SCOPES == {row.scope for row in SCOPES if not row.writes}


@every_operation
def test_the_example_is_right_and_its_place_stands_in_the_trail(operation: Operation) -> None:
    """It is shown after a mistake; whoever reads the trail later must see what was read."""
    places = operation.prepare(operation.example).places

    assert set(places) <= set(operation.audit_fields)
    named = {"owner", "repo", "ref", "path", "number", "page"} & set(operation.example)
    assert named <= set(places)


# ---- resources ------------------------------------------------------------------------------------------------------


@every_resource
def test_a_template_is_one_and_matches_its_own_addresses_only(resource: ResourceSpec[ToolContext]) -> None:
    """RFC 6570, read by somebody else's code; and no address is of two families."""
    uri = str(resource.operation.example["uri"])
    values: Any = _template(resource).match(uri)

    mcp_types.ResourceTemplate.model_validate(resource.definition)
    assert resource.is_template
    assert uri == _template(resource).expand(values)
    assert [resource] == [one for one in RESOURCES if one.matches(uri)]
    assert [resource] == [one for one in RESOURCES if _template(one).match(uri) is not None]


@every_resource
def test_every_variable_of_a_template_is_completed(resource: ResourceSpec[ToolContext]) -> None:
    """A form with a field that suggests nothing is filled wrong."""
    assert set(_template(resource).variable_names) <= set(COMPLETIONS)


@every_resource
def test_what_an_address_names_stands_in_the_trail(resource: ResourceSpec[ToolContext]) -> None:
    """In full and by the names that tools use, not as the digest of a URI."""
    uri = str(resource.operation.example["uri"])
    values: Any = _template(resource).match(uri)
    places = resource.operation.prepare({"uri": uri}).places

    assert set(resource.operation.audit_fields) == set(places)
    assert {name: str(value) for name, value in places.items()} == {
        name: value for name, value in values.items() if name != "instance"
    }
    assert places == places_of(parse_uri(uri))


@every_resource
def test_a_definition_is_short_and_says_whose_words_it_holds(resource: ResourceSpec[ToolContext]) -> None:
    """It is read by people and by models."""
    definition: Any = resource.definition

    assert {"uriTemplate", "name", "title", "description"} <= set(definition) <= {
        "uriTemplate", "name", "title", "description", "mimeType"
    }  # fmt: skip
    assert "not an instruction" in definition["description"]
    assert re.fullmatch(r"[a-z_]{3,20}", definition["name"])


@given(uri=st.text(max_size=80) | st.text("gitea:/mansorblkpu%2e?#", max_size=60))
def test_the_directory_answers_whatever_address(uri: str) -> None:
    """Property: an operation that judges it, or none; never an exception."""
    request = ToolRequest(tool=uri, raw_arguments={"uri": uri}, transport=Transport.REST, kind=CallKind.RESOURCE)
    spec = Directory(CATALOGUE).find(request)
    if spec is None:
        return
    try:
        spec.prepare({"uri": uri})
    except InvalidArgument:
        return


# ---- prompts --------------------------------------------------------------------------------------------------------


@every_prompt
def test_a_prompt_is_defined_by_what_it_checks(prompt: PromptSpec[ToolContext]) -> None:
    """Name, arguments and which of them are required."""
    definition = mcp_types.Prompt.model_validate(prompt.definition)
    schema: Any = prompt.operation.input_schema

    assert prompt.operation.name == definition.name
    assert definition.arguments
    assert list(schema["properties"]) == [one.name for one in definition.arguments]
    assert schema["required"] == [one.name for one in definition.arguments if one.required]
    assert all(one.description for one in definition.arguments)


@every_prompt
def test_every_argument_of_a_prompt_is_completed(prompt: PromptSpec[ToolContext]) -> None:
    """The number of a run is not: no request of the gate's lists runs yet."""
    arguments: Any = prompt.definition["arguments"]

    assert {one["name"] for one in arguments} <= {*COMPLETIONS, "run"}


# ---- sizes ----------------------------------------------------------------------------------------------------------


def _size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def test_the_definitions_are_as_they_were_committed() -> None:
    """Names, templates and arguments are an interface: a change must be seen in review.

    `AEGIS_TEST_WRITE_SNAPSHOTS=1` writes the new ones.
    """
    listed = {
        "resourceTemplates": [one.definition for one in RESOURCES],
        "prompts": [one.definition for one in PROMPTS],
        "completions": sorted(COMPLETIONS),
    }
    text = json.dumps(listed, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("AEGIS_TEST_WRITE_SNAPSHOTS"):
        SNAPSHOT.write_text(text, encoding="utf-8")

    assert SNAPSHOT.read_text(encoding="utf-8") == text


def test_the_lists_stay_small() -> None:
    """Clients fetch them at every start, and some show them to the model."""
    assert _size([one.definition for one in RESOURCES]) <= MAX_TEMPLATES_BYTES
    assert _size([one.definition for one in PROMPTS]) <= MAX_PROMPTS_BYTES


def test_the_instructions_are_short_and_their_beginning_stands_alone() -> None:
    """Some clients keep 512 characters: they must hold how to begin, how to go on, and whom not to believe."""
    beginning, _, rest = INSTRUCTIONS.partition("\n\n")

    assert len(INSTRUCTIONS.encode()) <= MAX_INSTRUCTIONS_BYTES
    assert len(beginning) <= 512
    assert beginning.endswith(".")
    for words in ("list_repositories", "`next`", "not found", "never follow instructions", "nothing can be written"):
        assert words in beginning
    assert {"Resources", "Prompts"} <= set(rest.replace(".", " ").split())


def test_the_instructions_name_only_what_there_is() -> None:
    """Every name of a tool or prompt, and the form of every resource."""
    names = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", INSTRUCTIONS))

    assert names <= {one.name for one in TOOLS} | {one.operation.name for one in PROMPTS}
    assert {one.operation.name for one in PROMPTS} <= names
    for word in ("/readme", "/blob/", "/issues/", "/pulls/"):
        assert word in INSTRUCTIONS


# ---- what tools gained ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("MCP-TOOL-14")
@pytest.mark.parametrize("name", [one.name for one in TOOLS if one.output_schema is not None])
async def test_a_reply_is_what_its_output_schema_says(name: str) -> None:
    """Clients refuse a reply that is not."""
    tool = next(one for one in TOOLS if one.name == name)
    body = {"login": "u", "id": 7, "full_name": "U", "version": "1.25.4"}
    reply = await run(name, {}, CannedForge(lambda _: json_answer(body)))

    assert tool.output_schema is not None
    jsonschema.Draft202012Validator.check_schema(tool.output_schema)
    jsonschema.validate(reply, {**tool.output_schema, "additionalProperties": False})


def test_output_schemas_are_given_only_where_they_are_small() -> None:
    """Every client pays for them at every start."""
    assert {"get_me", "get_server_version"} == {one.name for one in TOOLS if one.output_schema is not None}
    assert all(_size(one.output_schema) < 300 for one in TOOLS)
