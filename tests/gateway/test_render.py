"""What a client sees of a tool and of its outcome."""

from __future__ import annotations

import json

import mcp_types
import pytest

from aegis_trio.gateway.directory import Directory
from aegis_trio.gateway.render import (
    failed_result,
    fault_body,
    fits,
    is_protocol_error,
    performed,
    rendered_bytes,
    rest_body,
    tool_definition,
)
from aegis_trio.model.call import (
    MAX_REPLY_BYTES,
    CallKind,
    CorrelationId,
    Failure,
    Success,
    ToolReply,
    ToolRequest,
    Transport,
)
from aegis_trio.model.errors import (
    AuditUnavailable,
    Bug,
    DeadlineExceeded,
    Fault,
    InvalidArgument,
    NotFound,
    NotReady,
    RateLimited,
    ResourceMissing,
    UnknownTool,
    UpstreamTimeout,
)
from aegis_trio.model.features import Catalogue
from aegis_trio.model.identity import DEFAULT_INSTANCE, Caller, Origin, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.json import encode_json
from aegis_trio.model.secret import Secret
from aegis_trio.model.toolspec import ToolSpec
from aegis_trio.toolsets.catalogue import TOOLS
from aegis_trio.toolsets.context import ToolContext

ID = CorrelationId("00000000-0000-4000-8000-000000000000")
CALLER = Caller(
    principal=Principal(
        id=PrincipalId("key:1"), kind=PrincipalKind.API_KEY, instance=DEFAULT_INSTANCE, scopes=frozenset()
    ),
    gitea_token=Secret("t"),
    origin=Origin(address="192.0.2.1"),
)


@pytest.mark.requirement("MCP-TOOL-13", "MCP-SHAPE-02")
def test_a_success_stands_twice_and_both_agree() -> None:
    """Old clients read the text, new ones the structure."""
    result = performed(ToolReply({"name": "ä", "n": 1}), CallKind.TOOL)
    parsed = mcp_types.CallToolResult.model_validate(result)
    assert {"name": "ä", "n": 1} == parsed.structured_content
    assert {"name": "ä", "n": 1} == json.loads(parsed.content[0].text)
    assert parsed.is_error is False


def test_a_failure_is_words_that_help() -> None:
    """Code, what is wrong, what to do, an example, and the id to quote."""
    fault = InvalidArgument("page", "is no number", "Give a whole number.", {"page": 1})
    result = mcp_types.CallToolResult.model_validate(failed_result(fault, ID))
    assert result.is_error is True
    text = result.content[0].text
    for part in ("invalid_argument", "page: is no number.", "Give a whole number.", '{"page":1}', ID):
        assert part in text


@pytest.mark.requirement("MCP-ERR-07")
@pytest.mark.parametrize(
    "fault", [UnknownTool("x"), RateLimited("x", retry_after_s=1), AuditUnavailable("x"), NotReady("x"), Bug("1")]
)
def test_faults_of_gate_and_form_are_protocol_errors(fault: Fault) -> None:
    """The client handles these, not the model."""
    assert is_protocol_error(fault)


@pytest.mark.requirement("MCP-ERR-14")
@pytest.mark.parametrize(
    "fault", [NotFound("x"), InvalidArgument("a", "b", "c"), DeadlineExceeded("x"), UpstreamTimeout("x")]
)
def test_faults_of_the_call_are_results(fault: Fault) -> None:
    """The model reads these and can mend them."""
    assert not is_protocol_error(fault)


def test_the_bound_counts_both_forms() -> None:
    """Text and structure together stay within one reply."""
    small = {"text": "x" * (MAX_REPLY_BYTES // 2 - 1000)}
    assert fits(small)
    assert len(encode_json(performed(ToolReply(small), CallKind.TOOL))) <= MAX_REPLY_BYTES
    assert not fits({"text": "x" * (MAX_REPLY_BYTES // 2)})


def test_rest_bodies_have_the_promised_names() -> None:
    """`success`, `result`, `correlation_id`: the guides rely on them."""
    assert {"success": True, "result": {"a": 1}, "correlation_id": ID} == rest_body(Success(ID, ToolReply({"a": 1})))
    failed = rest_body(Failure(ID, NotFound("gone", "Look elsewhere.")))
    assert {
        "success": False,
        "error": {"code": "not_found", "message": "gone", "remedy": "Look elsewhere."},
        "correlation_id": ID,
    } == failed


def test_a_limit_says_how_long_to_wait_in_the_body_too() -> None:
    """A model sees only the body."""
    assert 7 == fault_body(RateLimited("slow down", retry_after_s=7))["retry_after_seconds"]


@pytest.mark.requirement("MCP-TOOL-06")
@pytest.mark.parametrize("spec", TOOLS, ids=lambda spec: spec.name)
def test_every_tool_states_all_four_hints(spec: ToolSpec[ToolContext]) -> None:
    """The defaults say destructive and open world, which is wrong for a reader."""
    tool = mcp_types.Tool.model_validate(tool_definition(spec))
    hints = tool.annotations
    assert hints is not None
    assert None not in (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)
    assert tool.title == hints.title


def test_only_a_tools_reply_is_measured_twice() -> None:
    """A prompt stands once on the wire; measured as a tool's result it would be refused at half its bound."""
    reply = ToolReply({"messages": ["x" * 1000]})

    assert rendered_bytes(reply, CallKind.PROMPT) < 1100
    assert rendered_bytes(reply, CallKind.TOOL) > 2000


def test_a_made_up_address_is_repeated_cleaned_and_short() -> None:
    """It stands in the answer's data, which clients show."""
    directory = Directory(Catalogue(tools=TOOLS))
    request = ToolRequest(
        tool="gitea://x\u202e/" + "y" * 9000, raw_arguments={}, transport=Transport.REST, kind=CallKind.RESOURCE
    )
    fault = directory.unknown(CALLER, request)

    assert isinstance(fault, ResourceMissing)
    assert fault.uri.startswith("gitea://x/yyy")
    assert 512 == len(fault.uri)
