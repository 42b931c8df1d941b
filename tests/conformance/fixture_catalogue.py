"""The catalogue of the conformance suite's fixtures; what each must be stands in FIXTURES.md."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final

import trio

from aegis_trio.model.call import ToolReply
from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.features import Catalogue, PromptSpec, ResourceSpec
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.toolspec import ToolSpec
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.transports.subscriptions import ListName
from tests.conformance import fixture_schemas as schemas
from tests.conformance import fixture_tools as tools
from tests.conformance.fixture_tools import Announce, embedded, fixture_operation, form, object_schema, text

_TEMPLATE: Final = re.compile(r"test://template/(?P<id>[^/]+)/data")


def build_catalogue(announce: Announce) -> Catalogue[ToolContext]:
    """Return everything that the suite calls, reads, gets and completes."""
    return Catalogue(
        tools=(*_tools(announce), *_asking_tools()),
        resources=_resources(),
        prompts=_prompts(),
        completions={"arg1": fixture_operation("complete_arg1", _complete)},
    )


def _tools(announce: Announce) -> tuple[ToolSpec[ToolContext], ...]:
    mixed = embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    return (
        fixture_operation("test_simple_text", tools.answering(text("This is a simple text response for testing."))),
        fixture_operation("test_image_content", tools.answering(tools.IMAGE)),
        fixture_operation(
            "test_audio_content", tools.answering({"type": "audio", "data": tools.WAV, "mimeType": "audio/wav"})
        ),
        fixture_operation(
            "test_embedded_resource",
            tools.answering(
                embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
            ),
        ),
        fixture_operation(
            "test_multiple_content_types", tools.answering(text("Multiple content types test:"), tools.IMAGE, mixed)
        ),
        fixture_operation(
            "test_error_handling",
            tools.answering(text("This tool intentionally returns an error for testing"), is_error=True),
        ),
        fixture_operation("test_tool_with_progress", tools.with_progress),
        fixture_operation("json_schema_2020_12_tool", tools.answering(text("Fine.")), schemas.JSON_SCHEMA_2020_12),
        fixture_operation("test_logging_tool", tools.log_once),
        fixture_operation("test_trigger_tool_change", tools.announcing(ListName.TOOLS, announce)),
        fixture_operation("test_trigger_prompt_change", tools.announcing(ListName.PROMPTS, announce)),
        fixture_operation(
            "test_custom_header",
            tools.answering(text("Fine.")),
            object_schema(region={"type": "string", "x-mcp-header": "Region"}),
        ),
        fixture_operation("test_tool_with_logging", tools.with_logging),
        fixture_operation("test_reconnection", tools.with_progress),
    )


def _asking_tools() -> tuple[ToolSpec[ToolContext], ...]:
    done = "Elicitation completed"
    return (
        fixture_operation("test_sampling", tools.sample, object_schema(prompt={"type": "string"})),
        fixture_operation(
            "test_elicitation",
            tools.eliciting(None, schemas.USER, "User response"),
            object_schema(message={"type": "string"}),
        ),
        fixture_operation(
            "test_elicitation_sep1034_defaults", tools.eliciting("Please review", schemas.DEFAULTS, done)
        ),
        fixture_operation("test_elicitation_sep1330_enums", tools.eliciting("Please choose", schemas.ENUMS, done)),
        fixture_operation("test_missing_capability", tools.need_sampling),
        fixture_operation("test_streaming_elicitation", tools.stream_elicitation),
        fixture_operation("test_input_required_result_elicitation", tools.greet),
        fixture_operation("test_input_required_result_sampling", tools.ask_capital),
        fixture_operation("test_input_required_result_list_roots", tools.ask_roots),
        fixture_operation("test_input_required_result_request_state", tools.confirm),
        fixture_operation("test_input_required_result_multiple_inputs", tools.ask_everything),
        fixture_operation("test_input_required_result_multi_round", tools.ask_twice),
        fixture_operation("test_input_required_result_tampered_state", tools.confirm),
        fixture_operation("test_input_required_result_capabilities", tools.ask_what_can_be_asked),
    )


# ---- resources ------------------------------------------------------------------------------------------------------


def _resources() -> tuple[ResourceSpec[ToolContext], ...]:
    return (
        _resource("test://static-text", "text/plain", "This is the content of the static text resource."),
        _resource("test://static-binary", "image/png", None),
        _resource("test://watched-resource", "text/plain", "Watched resource content"),
        ResourceSpec(
            definition={
                "uriTemplate": "test://template/{id}/data",
                "name": "template",
                "description": "Data by id.",
                "mimeType": "application/json",
            },
            is_template=True,
            matches=lambda uri: _TEMPLATE.fullmatch(uri) is not None,
            operation=fixture_operation("read_template", _read_template),
        ),
    )


def _resource(uri: str, kind: str, said: str | None) -> ResourceSpec[ToolContext]:
    """Return a resource of text, or of the fixture's picture where there is none."""
    contents: JsonObject = {"uri": uri, "mimeType": kind}
    contents |= {"blob": tools.PNG} if said is None else {"text": said}
    name = uri.removeprefix("test://")
    return ResourceSpec(
        definition={"uri": uri, "name": name, "description": f"The fixture {name}.", "mimeType": kind},
        is_template=False,
        matches=uri.__eq__,
        operation=fixture_operation(f"read_{name}", tools.answering(contents)),
    )


async def _read_template(_context: ToolContext, arguments: JsonObject) -> ToolReply:
    await trio.lowlevel.checkpoint()
    uri = str(arguments["uri"])
    found = _TEMPLATE.fullmatch(uri)
    assert found is not None
    data = {"id": found["id"], "templateTest": True, "data": f"Data for ID: {found['id']}"}
    return ToolReply(content=({"uri": uri, "mimeType": "application/json", "text": json.dumps(data)},))


# ---- prompts --------------------------------------------------------------------------------------------------------


def _prompts() -> tuple[PromptSpec[ToolContext], ...]:
    return (
        _prompt("test_simple_prompt", lambda _: (text("This is a simple prompt for testing."),)),
        _prompt(
            "test_prompt_with_arguments",
            lambda given: (text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"),),
            "arg1",
            "arg2",
        ),
        _prompt(
            "test_prompt_with_embedded_resource",
            lambda given: (
                embedded(str(given["resourceUri"]), "text/plain", "Embedded resource content for testing."),
                text("Please process the embedded resource above."),
            ),
            "resourceUri",
        ),
        _prompt("test_prompt_with_image", lambda _: (tools.IMAGE, text("Please analyze the image above."))),
        PromptSpec(
            definition={"name": "test_input_required_result_prompt", "description": "Asks for its context."},
            operation=fixture_operation("test_input_required_result_prompt", _ask_context),
        ),
    )


def _prompt(
    name: str, make: Callable[[JsonObject], tuple[JsonObject, ...]], *arguments: str
) -> PromptSpec[ToolContext]:
    async def handler(_context: ToolContext, given: JsonObject) -> ToolReply:
        await trio.lowlevel.checkpoint()
        for argument in arguments:
            if argument not in given:
                raise InvalidArgument(argument, "is required", "Give it.")
        messages: list[JsonValue] = [{"role": "user", "content": block} for block in make(given)]
        return ToolReply({"messages": messages})

    definition: JsonObject = {"name": name, "description": f"The fixture {name}."}
    if arguments:
        definition["arguments"] = [
            {"name": argument, "description": f"The fixture's {argument}.", "required": True} for argument in arguments
        ]
    return PromptSpec(definition=definition, operation=fixture_operation(name, handler))


async def _ask_context(context: ToolContext, _arguments: JsonObject) -> ToolReply:
    question = form("What context should the prompt use?", object_schema(context={"type": "string"}))
    answers = await context.peer.ask({"user_context": question})
    said = text(f"Use this context: {tools.filled(answers['user_context'], 'context')}")
    return ToolReply({"messages": [{"role": "user", "content": said}]})


async def _complete(_context: ToolContext, arguments: JsonObject) -> ToolReply:
    await trio.lowlevel.checkpoint()
    values: list[JsonValue] = [
        value for value in ("test", "testing", "other") if value.startswith(str(arguments["value"]))
    ]
    return ToolReply({"values": values, "total": len(values), "hasMore": False})
