"""call_read_operation: one read operation of Gitea's API by its name, decided and recorded as that operation.

Each operation is a method of this tool: scopes, cost, key bounds, limits and the audit record are its own. There are
too many to stand in a schema, so the gateway finds it by the argument `operation` before it decides anything.

Laws:
    1. Nothing leaves but the operation's own template with parsed values (target.py, and the path guard after it).
    2. A wrong argument is answered with exactly that operation's schema and an example.
"""

from __future__ import annotations

import re
from typing import Final

from aegis_trio.gitea.operations import ask_operation
from aegis_trio.model.call import ToolReply
from aegis_trio.model.errors import Conflict, InvalidArgument
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.toolspec import CostClass, PreparedCall, Risk, Toolset, ToolSpec
from aegis_trio.policy.untrusted import clean_line, shorten
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.operations.compact import shown_fields
from aegis_trio.toolsets.operations.examples import example_of, schema_of
from aegis_trio.toolsets.operations.needs import TIMEOUT_S, cost_of, scopes_of
from aegis_trio.toolsets.operations.offer import MAX_NAME_CHARACTERS, Offer, Spec
from aegis_trio.toolsets.operations.reaching import About, about, check_reach
from aegis_trio.toolsets.operations.replies import Asked, reply_of
from aegis_trio.toolsets.operations.table import Operation, operations_table
from aegis_trio.toolsets.operations.target import as_object, parse_target
from aegis_trio.toolsets.operations.typed import INSTEAD

NAME: Final = "call_read_operation"
OPERATION: Final = "operation"
ARGUMENTS: Final = "arguments"
FIELDS: Final = "fields"
_KNOWN: Final = (OPERATION, ARGUMENTS, FIELDS)
MAX_FIELDS_CHARACTERS: Final = 400
_SPACES: Final = re.compile(r"[\s,]+")
_SHOWN_FIELDS_CHARACTERS: Final = 600
_EXAMPLE: Final[JsonObject] = {OPERATION: "getGeneralAPISettings"}  # open to everybody, without arguments


def call_tool(offer: Offer) -> Spec:
    """Return the tool by which every operation of *offer* is called."""

    def resolve(raw_arguments: JsonObject) -> Spec | None:
        operation = offer.operation(raw_arguments.get(OPERATION))
        return None if operation is None else offer.spec_of(operation)

    def prepare(raw_arguments: JsonObject) -> PreparedCall[ToolContext]:
        return offer.spec_of(offer.named(raw_arguments.get(OPERATION))).prepare(raw_arguments)

    return ToolSpec(
        name=NAME,
        title="Call read operation",
        description="Calls an operation that find_operation named. Texts in answers are people's. Changes nothing.",
        toolset=Toolset.OPERATIONS,
        risk=Risk.READ,
        cost=CostClass.HEAVY,
        timeout_s=TIMEOUT_S,
        scopes=frozenset(),  # each operation's own are asked for
        gitea_scopes=frozenset(),
        input_schema={
            "type": "object",
            "properties": {
                OPERATION: {"type": "string", "maxLength": MAX_NAME_CHARACTERS},
                ARGUMENTS: {"type": "object", "maxProperties": 32, "description": "the operation's own"},
                FIELDS: {"type": "string", "maxLength": MAX_FIELDS_CHARACTERS, "description": "such as id,name"},
            },
            "additionalProperties": False,
            "required": [OPERATION],
        },
        example=_EXAMPLE,
        prepare=prepare,
        idempotent=True,
        open_world=False,
        resolve=resolve,
    )


def operation_spec(operation: Operation, typed: tuple[Spec, ...]) -> Spec:
    """Return *operation* as a method of the tool, open to whoever may use one of *typed*, where there are some."""
    example = example_of(operation)
    schema = schema_of(operation)
    scopes = typed[0].scopes if typed else scopes_of(operation)

    def prepare(raw_arguments: JsonObject) -> PreparedCall[ToolContext]:
        try:
            return _prepare(operation, raw_arguments)
        except InvalidArgument as invalid:
            raise invalid.with_example(example).with_schema(schema) from None

    return ToolSpec(
        name=NAME,
        method=operation.id,
        title=operation.summary,
        description=operation.summary,
        toolset=Toolset.OPERATIONS,
        risk=Risk.READ,
        cost=cost_of(operation),
        timeout_s=TIMEOUT_S,
        scopes=frozenset() if typed else scopes,  # of several typed ones each has its own
        gitea_scopes=typed[0].gitea_scopes if typed else scopes,
        input_schema=schema,
        example=example,
        prepare=prepare,
        idempotent=True,
        open_world=False,
        audit_fields=(OPERATION,),
        stands_for=typed,
    )


def _prepare(operation: Operation, raw_arguments: JsonObject) -> PreparedCall[ToolContext]:
    _check_names(operation, raw_arguments)
    fields = _parse_fields(operation, raw_arguments)
    arguments = as_object(raw_arguments.get(ARGUMENTS, {}), ARGUMENTS)
    try:
        target = parse_target(operation, arguments)
    except InvalidArgument as invalid:
        raise InvalidArgument(f"{ARGUMENTS}.{invalid.field}", invalid.rule, invalid.remedy) from None
    raw_fields = raw_arguments.get(FIELDS)
    asked = Asked(
        operation=operation,
        arguments=arguments,
        fields=fields,
        raw_fields=raw_fields if isinstance(raw_fields, str) else None,
    )
    request = ask_operation(
        route=target.route,
        segments=target.segments,
        query=target.query,
        subject=f"What {operation.id} asks for",
        answers_by_status=operation.asks,
        under=operation.under,
        attributed=about(operation) is About.ATTRIBUTED,
        described=f"Gitea {operations_table().gitea}",
        instead="A person can open it in a browser; get_file_contents reads files.",
    )

    async def run(context: ToolContext) -> ToolReply:
        check_reach(operation, context.principal.bounds)
        if operation.id in INSTEAD:
            raise Conflict(f"{operation.id} gives no text that could be shown.", INSTEAD[operation.id])
        return reply_of(asked, await context.forge.ask(request), context.fits)

    return PreparedCall(places=target.places, run=run)


def _check_names(operation: Operation, raw_arguments: JsonObject) -> None:
    for raw_name in raw_arguments:
        if raw_name in _KNOWN:
            continue
        name = shorten(clean_line(raw_name), MAX_NAME_CHARACTERS) or "(empty name)"
        remedy = f"Its arguments are: {', '.join(_KNOWN)}."
        if any(one.name == raw_name for one in operation.parameters):
            remedy = f"It is an argument of {operation.id}: put it into {ARGUMENTS}."
        raise InvalidArgument(name, "is not an argument of this tool", remedy)


def _parse_fields(operation: Operation, raw_arguments: JsonObject) -> tuple[str, ...] | None:
    if FIELDS not in raw_arguments:
        return None
    raw_fields: JsonValue = raw_arguments[FIELDS]
    known = shown_fields(operation)
    words = shorten(",".join(known), _SHOWN_FIELDS_CHARACTERS) if known else "none, as its answer has no fields"
    if not isinstance(raw_fields, str) or len(raw_fields) > MAX_FIELDS_CHARACTERS:
        rule = f"must be a string of at most {MAX_FIELDS_CHARACTERS} characters"
        raise InvalidArgument(FIELDS, rule, f"Give names with commas between them, out of: {words}.")
    chosen = tuple(dict.fromkeys(name for name in _SPACES.split(raw_fields) if name))
    if not chosen:
        raise InvalidArgument(FIELDS, "names no field", f"Leave it out for all, or give some of: {words}.")
    if not set(chosen) <= set(known):
        raise InvalidArgument(FIELDS, f"names a field that {operation.id} does not have", f"It may have: {words}.")
    return chosen
