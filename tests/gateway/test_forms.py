"""The forms of results and faults by kind."""

from __future__ import annotations

from dataclasses import replace

from aegis_trio.gateway.render import failed_result, fault_body, performed, tool_definition
from aegis_trio.model.call import CallKind, ToolReply
from aegis_trio.model.errors import (
    Fault,
    InsufficientScope,
    InvalidArgument,
    MissingCapability,
    RateLimited,
    ResourceMissing,
)
from aegis_trio.model.json import JsonObject
from aegis_trio.toolsets.context import ToolContext
from tests.transports.real_door import operation


async def nothing(_context: ToolContext) -> ToolReply:
    """Answer with nothing."""
    return ToolReply()


def test_each_kind_has_its_result() -> None:
    """MCP 2026-07-28 server/{tools,resources,prompts}, server/utilities/completion."""
    reply = ToolReply({"values": ["a"]}, content=({"type": "text", "text": "t"},))

    assert {"contents": list(reply.content)} == performed(reply, CallKind.RESOURCE)
    assert {"values": ["a"]} == performed(reply, CallKind.PROMPT)
    assert {"completion": {"values": ["a"]}} == performed(reply, CallKind.COMPLETION)
    assert {"completion": {"values": []}} == performed(ToolReply(), CallKind.COMPLETION)
    assert {} == performed(ToolReply(), CallKind.RESOURCE_LIST)
    assert {"content": [{"type": "text"}], "isError": True} == performed(
        ToolReply(content=({"type": "text"},), is_error=True), CallKind.TOOL
    )


def test_a_fault_tells_what_its_class_knows() -> None:
    """Each field is one that a client can act on."""
    assert {"uri": "u"} == _extra(ResourceMissing("m", uri="u"))
    assert {"requiredCapabilities": {"roots": {}}} == _extra(MissingCapability("m", required={"roots": {}}))
    assert {"retry_after_seconds": 4} == _extra(RateLimited("m", retry_after_s=4))
    assert {"scopes": ["a"]} == _extra(InsufficientScope("m", scopes=("a",), wanted=("a", "b")))
    assert {"field": "f", "rule": "r"} == _extra(InvalidArgument("f", "r", ""))
    assert {"field": "f", "rule": "r", "example": {"a": 1}} == _extra(InvalidArgument("f", "r", "", {"a": 1}))
    assert "Example" not in str(failed_result(InvalidArgument("f", "r", ""), "c"))


def test_a_tool_with_a_schema_of_its_output_shows_it() -> None:
    """Only where it is given: every client pays for it."""
    spec = operation("t", nothing)
    shown = replace(spec, output_schema={"type": "object"})

    assert "outputSchema" not in tool_definition(spec)
    assert {"type": "object"} == tool_definition(shown)["outputSchema"]


def _extra(fault: Fault) -> JsonObject:
    return {name: value for name, value in fault_body(fault).items() if name not in {"code", "message", "remedy"}}
