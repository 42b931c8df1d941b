"""What a server may ask its client, and whether an answer is one.

Laws:
    1. What the client did not declare is not asked.
    2. A form is one flat object that asks for no secret; nothing is asked by an address, because no page of ours could
       tell whether whoever opens it is the one who made the request.
    3. An answer that does not follow the schema of its revision, or of the form that it fills in, is no answer.

Source: MCP 2025-11-25 client/{elicitation,sampling,roots}; 2026-07-28 the same, asked by basic/patterns/mrtr.
"""

from __future__ import annotations

import re
from typing import Final

import jsonschema
from mcp_types.methods import validate_client_result
from pydantic import ValidationError

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.peer import Question
from aegis_trio.protocol.revisions import NEWEST_LEGACY, Era, Revision

ELICIT: Final = "elicitation/create"
SAMPLE: Final = "sampling/createMessage"
LIST_ROOTS: Final = "roots/list"
_CAPABILITY: Final = {ELICIT: "elicitation", SAMPLE: "sampling", LIST_ROOTS: "roots"}
_PRIMITIVES: Final = ("string", "number", "integer", "boolean")
_SECRET: Final = re.compile(r"pass(word|phrase|code)|secret|token|credential|api.?key|private.?key", re.IGNORECASE)


def needed_capability(question: Question, declared: JsonObject) -> JsonObject:
    """Return what a client has to declare for *question* and did not, as a ClientCapabilities object; often empty.

    Raises:
        ValueError: a method that no client has — our caller's bug.

    Source: MCP 2026-07-28 client/elicitation#capabilities: an empty object means forms only.
    """
    name = _CAPABILITY.get(question.method)
    if name is None:
        raise ValueError(f"{question.method} is nothing that a client can be asked")
    capability = declared.get(name)
    if not isinstance(capability, dict):
        return {name: {"url": {}} if _is_url(question) else {}}
    if name == "elicitation" and _is_url(question) and "url" not in capability:
        return {name: {"url": {}}}
    if name == "elicitation" and not _is_url(question) and capability and "form" not in capability:
        return {name: {"form": {}}}
    return {}


def fault_of_question(question: Question) -> str | None:
    """Tell why *question* must not be asked of anybody, or None; a fault is a bug of whoever asks.

    Source: MCP 2026-07-28 client/elicitation#requested-schema, #safe-url-handling, #phishing.
    """
    if question.method != ELICIT:
        return None
    if _is_url(question):
        return "mode: nothing is asked by an address; ask by a form"
    schema = question.params.get("requestedSchema")
    members = schema.get("properties") if isinstance(schema, dict) and schema.get("type") == "object" else None
    if not isinstance(members, dict):
        return "requestedSchema: must be one object with properties"
    for name, member in members.items():
        if not isinstance(member, dict) or not _is_flat(member):
            return f"requestedSchema: {name} must be a text, a number, a truth value or a choice"
        # Threat: what is filled in passes through the client, and may be read by its model.
        if _SECRET.search(f"{name} {member.get('title', '')}") or member.get("format") == "password":
            return f"requestedSchema: {name} asks for a secret"
    return None


def fault_of_answer(question: Question, answer: JsonObject, revision: Revision) -> str | None:
    """Tell what is wrong with *answer*, or None when it answers *question*.

    Args:
        revision: of the request that asked; the modern era has the shapes of the newest legacy revision.
    """
    version = revision.version if revision.era is Era.LEGACY else NEWEST_LEGACY.version
    try:
        validate_client_result(question.method, version, answer)
    except KeyError:
        return f"{version} has no {question.method}"
    except ValidationError as invalid:
        # Threat: pydantic's own text repeats the input; only the place leaves.
        first = invalid.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{'.'.join(str(step) for step in first['loc'])[:120]}: {first['type']}"
    if question.method == ELICIT and answer.get("action") == "accept":
        return _fault_of_form(question.params.get("requestedSchema"), answer.get("content"))
    return None


def _is_url(question: Question) -> bool:
    return question.params.get("mode") == "url"


def _is_flat(member: JsonObject) -> bool:
    if member.get("type") != "array":
        return member.get("type") in _PRIMITIVES
    items = member.get("items")  # a choice of several, from 2025-11-25 on
    return isinstance(items, dict) and ("anyOf" in items or (items.get("type") == "string" and "enum" in items))


def _fault_of_form(schema: JsonValue, content: JsonValue) -> str | None:
    if not isinstance(schema, dict):
        return None  # an elicitation by address has no form
    try:
        jsonschema.validate({} if content is None else content, schema, cls=jsonschema.Draft202012Validator)
    except jsonschema.ValidationError as invalid:
        fault = invalid
    else:
        return None
    place = ".".join(str(step) for step in fault.absolute_path)[:120] or "content"
    return f"{place}: breaks the rule {fault.validator!r}"
