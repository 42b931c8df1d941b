"""Shapes: reading fields out of Gitea's JSON, strictly where we use them and not at all where we do not.

Laws:
    1. Whatever bytes come, the outcome is a value or `UpstreamBroken`; nothing else escapes.
    2. The fault names our own word for the field, never what Gitea sent.
    3. Unknown fields are ignored; a null is accepted only where Gitea is known to send one.
"""

from __future__ import annotations

import json
from typing import Final, NoReturn

from aegis_trio.gitea.request import ForgeResponse
from aegis_trio.model.errors import UpstreamBroken
from aegis_trio.model.json import JsonObject, JsonValue

MAX_NUMBER: Final = 2**63 - 1  # Gitea's numbers are int64
_JSON_TYPES: Final = frozenset({"application/json", "text/json"})


def read_json(response: ForgeResponse) -> JsonValue:
    """Return the document in *response*.

    Raises:
        UpstreamBroken: not declared as JSON, not UTF-8, not JSON, nested too deeply, or a number without end.
    """
    if response.content_type not in _JSON_TYPES:
        raise UpstreamBroken(
            "The answer from Gitea's address is not JSON.",
            "Ask the operator whether GITEA_URL points to Gitea itself, and not to a login page or a proxy before it.",
        )
    try:
        document: JsonValue = json.loads(response.body)
    except (ValueError, RecursionError):
        raise UpstreamBroken("Gitea's answer is broken JSON.", "Try again; if it stays, tell the operator.") from None
    return document


def read_object(response: ForgeResponse) -> JsonObject:
    """Return the object in *response*."""
    return as_object(read_json(response), "answer")


def as_object(value: JsonValue, name: str) -> JsonObject:
    """Return *value*, which must be an object."""
    return value if isinstance(value, dict) else _wrong(name)


def as_list(value: JsonValue, name: str) -> list[JsonValue]:
    """Return *value*, which must be a list; null is the empty list, as Go writes an empty slice."""
    if value is None:
        return []
    return value if isinstance(value, list) else _wrong(name)


def text(fields: JsonObject, name: str) -> str:
    """Return the text *name*, which must be there."""
    value = fields.get(name)
    return value if isinstance(value, str) else _wrong(name)


def text_or_empty(fields: JsonObject, name: str) -> str:
    """Return the text *name*; missing or null is the empty text."""
    return "" if fields.get(name) is None else text(fields, name)


def number(fields: JsonObject, name: str) -> int:
    """Return the whole number *name*, from 0 to 2^63-1."""
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_NUMBER:
        return value
    return _wrong(name)


def number_or_zero(fields: JsonObject, name: str) -> int:
    """Return the whole number *name*; missing or null is 0."""
    return 0 if fields.get(name) is None else number(fields, name)


def flag(fields: JsonObject, name: str) -> bool:
    """Return the truth value *name*; missing or null is false, as in Gitea's older versions."""
    value = fields.get(name)
    if value is None:
        return False
    return value if isinstance(value, bool) else _wrong(name)


def login_or_empty(fields: JsonObject, name: str) -> str:
    """Return the login of the account *name*; missing or null is the empty text."""
    account = fields.get(name)
    return "" if account is None else text(as_object(account, name), "login")


def text_of_each(fields: JsonObject, name: str, key: str) -> tuple[str, ...]:
    """Return the text *key* of every object in the list *name*; missing or null is none."""
    return tuple(text(as_object(item, name), key) for item in as_list(fields.get(name), name))


def _wrong(name: str) -> NoReturn:
    raise UpstreamBroken(
        f"Gitea's answer does not have the expected form (field {name}).",
        "This may be a version of Gitea that the gate does not know; tell the operator.",
    )
