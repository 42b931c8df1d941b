"""describe_operation: what one operation takes and gives, in at most 2 KB.

Law: the arguments that a call must have are always told whole; explanations are shortened before names are left out,
and what is left out is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, final

from pydantic import Field

from aegis_trio.model.call import ToolReply
from aegis_trio.model.decision import Allow, Deny
from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.model.toolspec import CostClass, Toolset
from aegis_trio.policy.access import decide_access
from aegis_trio.policy.untrusted import shorten
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.operations.compact import shown_fields
from aegis_trio.toolsets.operations.examples import example_of
from aegis_trio.toolsets.operations.kinds import PAGING, Kind, bounds_of, kind_of
from aegis_trio.toolsets.operations.notes import note_on
from aegis_trio.toolsets.operations.offer import MAX_NAME_CHARACTERS, Offer, Spec
from aegis_trio.toolsets.operations.table import Operation, Parameter
from aegis_trio.toolsets.operations.target import what_of, words_of
from aegis_trio.toolsets.operations.typed import INSTEAD
from aegis_trio.toolsets.tool import read_tool

MAX_BYTES: Final = 2048
"""Bound of a reply, as JSON."""
# Characters of one explanation and fields of the answer, from the fullest form to the one that always fits.
_FORMS: Final = ((160, 60), (160, 24), (110, 24), (80, 24), (60, 16), (45, 16), (0, 12))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeOperation:
    """Which one."""

    operation: Annotated[str, Field(strict=True, min_length=1, max_length=MAX_NAME_CHARACTERS)]


def describe_tool(offer: Offer) -> Spec:
    """Return the tool that describes operations of *offer*."""

    async def run(context: ToolContext, operation: Operation) -> ToolReply:
        match decide_access(context.principal, offer.spec_of(operation)):
            case Deny(fault=fault):
                raise fault
            case Allow():
                return ToolReply(describe(offer, operation))

    return read_tool(
        name="describe_operation",
        title="Describe operation",
        description="Shows arguments, answer and an example of an operation. Does not call it.",
        toolset=Toolset.OPERATIONS,
        cost=CostClass.CHEAP,
        timeout_s=20.0,
        scopes=frozenset(),
        gitea_scopes=frozenset(),
        arguments=DescribeOperation,
        parse=lambda arguments: offer.named(arguments.operation),
        handler=run,
        example={"operation": "getGeneralAPISettings"},
        audit_fields=("operation",),
    )


def describe(offer: Offer, operation: Operation) -> JsonObject:
    """Return what *operation* takes and gives, within the bound."""
    made: JsonObject = {}
    for words, fields in _FORMS:
        made = _describe(offer, operation, words, fields)
        if len(encode_json(made)) <= MAX_BYTES:
            break
    return made


def _describe(offer: Offer, operation: Operation, words: int, fields: int) -> JsonObject:
    spec, typed = offer.spec_of(operation), offer.typed_for(operation)
    made: JsonObject = {"operation": operation.id, "does": operation.summary, "path": f"GET {operation.path}"}
    if operation.id in INSTEAD:
        return made | {"not_callable": INSTEAD[operation.id]}
    if typed:
        made["better"] = f"{typed[0].operation}: a tool of its own that does the same"
    note = note_on(operation)
    if note is not None:
        made["note"] = note
    made["arguments"] = {_named(one): _explained(operation, one, words) for one in operation.parameters}
    made["example"] = example_of(operation)
    scopes = sorted(typed[0].scopes if typed else spec.scopes)
    if scopes:
        made["scopes"] = " ".join(scopes)
    answer = _answer(operation, fields)
    return made | {"answer": answer} if answer else made


def _named(parameter: Parameter) -> str:
    return parameter.name if parameter.required else f"{parameter.name}?"


def _explained(operation: Operation, parameter: Parameter, words: int) -> str:
    """Return what *parameter* takes: its kind whole, and of Gitea's explanation as many characters as *words*."""
    kind = kind_of(operation, parameter)
    if kind is Kind.NUMBER and parameter.place == "query" and parameter.name in PAGING:
        bounds = bounds_of(parameter)
        return f"from {bounds.least}" if parameter.name == "page" else f"{bounds.least} to {bounds.most}"
    what, said = what_of(operation, parameter), words_of(operation, parameter)
    meaning = f"{what}: {shorten(said, words)}" if said and words else what
    if parameter.many:
        meaning = f"list of: {meaning}"
    return meaning if parameter.default is None else f"{meaning} (default {encode_json(parameter.default).decode()})"


def _answer(operation: Operation, fields: int) -> JsonValue:
    if operation.asks:
        return "yes or no"
    shape, names = operation.answer.removesuffix("[]"), shown_fields(operation)
    what = f"list of {shape}" if operation.answer.endswith("[]") else shape
    if not names:
        return what
    more = f", and {len(names) - fields} more" if len(names) > fields else ""
    return f"{what}: {', '.join(names[:fields])}{more}"
