"""The factory: a model of arguments becomes a tool, or our own mistake is found at import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import trio

from aegis_trio.model.call import ToolReply
from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.toolspec import CostClass, Toolset, ToolSpec
from aegis_trio.toolsets.arguments import RefText, parse_optional_ref
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.tool import read_tool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arguments:
    ref: RefText | None = None


async def _handler(context: ToolContext, call: _Arguments) -> ToolReply:
    await trio.lowlevel.checkpoint()
    return ToolReply({"ref": call.ref})


def _made(**changes: Any) -> ToolSpec[ToolContext]:
    values: dict[str, Any] = {
        "name": "x", "title": "X", "description": "Does x.", "toolset": Toolset.SERVER, "cost": CostClass.CHEAP,
        "timeout_s": 1.0, "scopes": frozenset(), "gitea_scopes": frozenset(), "arguments": _Arguments,
        "parse": lambda arguments: arguments, "handler": _handler, "example": {},
    }  # fmt: skip
    return read_tool(**(values | changes))


def test_an_audit_field_that_is_no_argument_is_our_bug() -> None:
    """Misspelled, it would leave the place out of the trail for ever."""
    with pytest.raises(ValueError, match="reff"):
        _made(audit_fields=("reff",))


def test_an_optional_argument_is_one_that_is_not_required() -> None:
    """`null` as an alternative type is not readable for every client."""
    schema = _made().input_schema

    assert "required" not in schema
    assert {"ref"} == set(schema["properties"])  # type: ignore[arg-type]  # an object
    assert "string" == schema["properties"]["ref"]["type"]  # type: ignore[index, call-overload]  # an object


def test_an_argument_that_was_left_out_is_no_place() -> None:
    """The trail tells what was asked, not what was assumed."""
    tool = _made(audit_fields=("ref",))

    assert {} == tool.prepare({}).places
    assert {"ref": "main"} == tool.prepare({"ref": "main"}).places


def test_a_nameless_argument_is_answered() -> None:
    """JSON allows the empty name."""
    with pytest.raises(InvalidArgument, match=r"\(empty name\)"):
        _made().prepare({"": 1})


@pytest.mark.parametrize(("raw", "expected"), [(None, None), ("HEAD", None), ("main", "main")])
def test_head_is_the_default_branch(raw: str | None, expected: str | None) -> None:
    """Models know HEAD; Gitea's contents do not."""
    ref = parse_optional_ref(raw)
    assert expected == (None if ref is None else ref.name)
