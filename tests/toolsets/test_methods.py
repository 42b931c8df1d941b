"""Tools with methods: one schema for all, the exact schema for a mistake, and our own mistakes found at import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jsonschema
import pytest
import trio
from pydantic import Field

from aegis_trio.model.call import ToolReply
from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.toolspec import CostClass, Toolset
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.methods import Method, method_of, offering, read_method, read_methods_tool

Number = Annotated[int, Field(strict=True, ge=1, le=9, description="its number")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _One:
    number: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class _Many:
    number: Annotated[int, Field(strict=True, ge=0, le=5)]
    state: Literal["open", "closed"] = "open"
    page: Annotated[int, Field(strict=True, ge=1, le=99)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Diff:
    number: Number
    state: Literal["merged"] | None = None
    path: Annotated[str, Field(strict=True, max_length=9)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    number: Annotated[str, Field(strict=True, max_length=9)]


async def _told(context: ToolContext, call: object) -> ToolReply:
    await trio.lowlevel.checkpoint()
    return ToolReply({"got": str(call)})


def _method(name: str, arguments: type[Any], **changes: Any) -> Method:
    values: dict[str, Any] = {
        "cost": CostClass.CHEAP, "timeout_s": 1.0, "arguments": arguments, "parse": lambda arguments: arguments,
        "handler": _told, "example": {"number": 1},
    }  # fmt: skip
    return read_method(name, **(values | changes))


def _tool(*methods: Method, scopes: frozenset[str] = frozenset({"read:issue"})) -> Any:
    return read_methods_tool(
        name="thing_read", title="Thing", description="Reads it.", toolset=Toolset.ISSUES, scopes=scopes,
        gitea_scopes=scopes, methods=methods,
    )  # fmt: skip


THING = _tool(
    _method("get", _One, audit_fields=("number",)),
    _method("events", _Many, says="newest first", cost=CostClass.HEAVY, timeout_s=9.0, example={"number": 0}),
    _method("diff", _Diff, scopes=frozenset({"read:repository"}), example={"number": 1, "path": "a"}),
)


def test_the_schema_is_of_all_methods() -> None:
    """Every argument once, required only where every method requires it, as wide as the widest."""
    expected = {
        "type": "object",
        "properties": {
            "method": {
                "type": "string",
                "enum": ["get", "events", "diff"],
                "description": "get; events(state?): newest first; diff(state?, path)",
            },
            "number": {"type": "integer", "minimum": 0, "maximum": 9, "description": "its number"},
            "state": {"type": "string", "enum": ["open", "closed", "merged"]},
            "page": {"type": "integer", "minimum": 1, "maximum": 99, "default": 1},
            "path": {"type": "string", "maxLength": 9},
        },
        "required": ["method", "number"],
        "additionalProperties": False,
    }

    assert expected == THING.input_schema


def test_what_is_decided_is_decided_by_method() -> None:
    """The tool by itself has the widest words for clients, and no right of its own."""
    get, events, diff = THING.methods

    assert ("thing_read", None) == (THING.operation, THING.method)
    assert ["thing_read.get", "thing_read.events", "thing_read.diff"] == [one.operation for one in THING.operations]
    assert (CostClass.HEAVY, 9.0, frozenset()) == (THING.cost, THING.timeout_s, THING.scopes)
    assert (CostClass.CHEAP, 1.0, {"read:issue"}) == (get.cost, get.timeout_s, get.scopes)
    assert (CostClass.HEAVY, {"read:issue"}) == (events.cost, events.scopes)
    assert {"read:repository"} == diff.scopes
    assert ({"method": "get", "number": 1}, ("number",)) == (get.example, get.audit_fields)


@pytest.mark.parametrize("call", [{"method": "get"}, {"method": "diff", "number": 1}, {"method": "get", "number": 0}])
def test_a_wrong_argument_is_answered_with_the_schema_of_exactly_its_method(call: Any) -> None:
    """The merged schema accepted it, or could not tell; the next try needs no other knowledge."""
    method = method_of(THING, call)
    assert method is not None
    with pytest.raises(InvalidArgument) as refusal:
        THING.prepare(call)

    assert method.input_schema == refusal.value.schema
    assert method.example == refusal.value.example
    jsonschema.validate(refusal.value.example, refusal.value.schema)
    assert [call["method"]] == refusal.value.schema["properties"]["method"]["enum"]  # type: ignore[index, call-overload]  # objects


def test_an_argument_of_another_method_is_not_one_of_this() -> None:
    """Silently ignored, it would give a wrong answer with confidence."""
    with pytest.raises(InvalidArgument, match="page: is not an argument of this method"):
        THING.prepare({"method": "get", "number": 1, "page": 2})


@pytest.mark.parametrize(
    ("raw", "rule"),
    [(None, "is required"), ("", "is not a method of thing_read"), (7, "must be a string"), (["get"], "must be a")],
)
def test_a_call_without_a_method_is_told_them_all(raw: Any, rule: str) -> None:
    """With what each of them takes."""
    with pytest.raises(InvalidArgument) as refusal:
        THING.prepare({} if raw is None else {"method": raw})

    assert ("method", THING.example) == (refusal.value.field, refusal.value.example)
    assert refusal.value.rule.startswith(rule)
    assert "get; events(state?): newest first; diff(state?, path)" in refusal.value.remedy


def test_a_misspelled_method_is_answered_with_the_nearest() -> None:
    """And with its schema: one step to mend it."""
    with pytest.raises(InvalidArgument, match="Did you mean events") as refusal:
        THING.prepare({"method": "event", "number": 1})

    assert THING.methods[1].input_schema == refusal.value.schema


def test_a_method_is_only_itself() -> None:
    """Whoever holds a method cannot be talked into another one."""
    with pytest.raises(InvalidArgument, match="is not get"):
        THING.methods[0].prepare({"method": "diff", "number": 1})


def test_what_is_not_offered_stands_nowhere() -> None:
    """Neither in the schema nor in what a wrong call is told."""
    narrow = offering(THING, THING.methods[1:2])

    assert ["events"] == narrow.input_schema["properties"]["method"]["enum"]
    assert {"method", "number", "state", "page"} == set(narrow.input_schema["properties"])
    with pytest.raises(InvalidArgument) as refusal:
        narrow.prepare({"method": "get", "number": 1})
    assert "get" not in refusal.value.remedy
    assert THING is offering(THING, THING.methods)


async def test_a_call_runs_its_method() -> None:
    """With its own typed arguments."""
    call = THING.prepare({"method": "events", "number": 2, "state": "closed"})

    assert "_Many(number=2, state='closed', page=1)" == (await call.run(None)).structured["got"]


@pytest.mark.parametrize(
    ("methods", "mistake"),
    [
        ([], "needs methods"),
        ([_method("get", _One), _method("get", _Many)], "each of its own name"),
        ([_method("get", _One), _method("text", _Text)], "one argument has two types"),
    ],
)
def test_our_own_mistakes_are_found_at_import(methods: list[Method], mistake: str) -> None:
    """No client could use such a tool."""
    with pytest.raises(ValueError, match=mistake):
        _tool(*methods)
