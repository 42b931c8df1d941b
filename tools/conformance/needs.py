"""Needs: what a server must offer for a scenario to mean anything.

Some scenarios are satisfied by a refusal: `tools-call-error` by the error that a misspelled tool gets, others by any
error at all. A server that does not list what they call has not passed them, whatever the suite says.

Law: every scenario that calls something by name stands here. What the suite reports anyway (a failure) needs no entry,
but has one, so that a test can compare this table with the names in the suite.

Source: the scenarios of @modelcontextprotocol/conformance 0.2.0-alpha.12; tests/conformance/FIXTURES.md describes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What a server lists: names of tools and prompts, addresses of resources and templates."""

    tools: frozenset[str] = frozenset()
    prompts: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()


_ELICITATION: Final = Inventory(tools=frozenset({"test_input_required_result_elicitation"}))
_TEMPLATE: Final = "test://template/{id}/data"


def _tool(*names: str) -> Inventory:
    return Inventory(tools=frozenset(names))


def _prompt(name: str) -> Inventory:
    return Inventory(prompts=frozenset({name}))


def _resource(address: str) -> Inventory:
    return Inventory(resources=frozenset({address}))


NEEDS: Final[Mapping[str, Inventory]] = {
    "completion-complete": _prompt("test_prompt_with_arguments"),
    "server-stateless": _tool("test_missing_capability", "test_streaming_elicitation", "test_logging_tool"),
    "tools-call-simple-text": _tool("test_simple_text"),
    "tools-call-image": _tool("test_image_content"),
    "tools-call-audio": _tool("test_audio_content"),
    "tools-call-embedded-resource": _tool("test_embedded_resource"),
    "tools-call-mixed-content": _tool("test_multiple_content_types"),
    "tools-call-error": _tool("test_error_handling"),
    "tools-call-with-logging": _tool("test_tool_with_logging"),
    "tools-call-with-progress": _tool("test_tool_with_progress"),
    "tools-call-sampling": _tool("test_sampling"),
    "tools-call-elicitation": _tool("test_elicitation"),
    "elicitation-sep1034-defaults": _tool("test_elicitation_sep1034_defaults"),
    "elicitation-sep1330-enums": _tool("test_elicitation_sep1330_enums"),
    "server-sse-polling": _tool("test_reconnection"),
    "json-schema-2020-12": _tool("json_schema_2020_12_tool"),
    "resources-read-text": _resource("test://static-text"),
    "resources-read-binary": _resource("test://static-binary"),
    "resources-templates-read": _resource(_TEMPLATE),
    "resources-subscribe": _resource("test://watched-resource"),
    "resources-unsubscribe": _resource("test://watched-resource"),
    "prompts-get-simple": _prompt("test_simple_prompt"),
    "prompts-get-with-args": _prompt("test_prompt_with_arguments"),
    "prompts-get-embedded-resource": _prompt("test_prompt_with_embedded_resource"),
    "prompts-get-with-image": _prompt("test_prompt_with_image"),
    "input-required-result-basic-elicitation": _ELICITATION,
    "input-required-result-basic-sampling": _tool("test_input_required_result_sampling"),
    "input-required-result-basic-list-roots": _tool("test_input_required_result_list_roots"),
    "input-required-result-request-state": _tool("test_input_required_result_request_state"),
    "input-required-result-multiple-input-requests": _tool("test_input_required_result_multiple_inputs"),
    "input-required-result-multi-round": _tool("test_input_required_result_multi_round"),
    "input-required-result-missing-input-response": _ELICITATION,
    "input-required-result-non-tool-request": _prompt("test_input_required_result_prompt"),
    "input-required-result-result-type": _ELICITATION,
    "input-required-result-tampered-state": _tool("test_input_required_result_tampered_state"),
    "input-required-result-capability-check": _tool("test_input_required_result_capabilities"),
    "input-required-result-ignore-extra-params": _ELICITATION,
    "input-required-result-validate-input": _ELICITATION,
}


def find_lacking(inventory: Inventory) -> dict[str, tuple[str, ...]]:
    """Return, for each scenario that a server with *inventory* cannot be tested by, what it lacks."""
    return {scenario: lacking for scenario, need in NEEDS.items() if (lacking := tuple(_lacking(need, inventory)))}


def _lacking(need: Inventory, inventory: Inventory) -> Iterator[str]:
    yield from (f"tool {name}" for name in sorted(need.tools - inventory.tools))
    yield from (f"prompt {name}" for name in sorted(need.prompts - inventory.prompts))
    yield from (f"resource {address}" for address in sorted(need.resources - inventory.resources))
