"""Compact: any answer of Gitea's in the fewest words that keep its meaning.

Gitea's JSON says who somebody is in twenty fields, and repeats a whole repository in every issue. A model pays for
each byte, and needs a name that it can use in the next call.

Laws:
    1. What says nothing is left out: null, false, empty texts, lists and objects, Go's zero time.
    2. Inside an answer a person, a repository and a label stand as their names; as the answer itself, in full.
    3. Addresses stand only where a person can open them and they hold no credential; none of the API's own.
    4. Text is cleaned of what cannot be seen; times are UTC; Base64 is decoded where it is text, and left out with its
       size where it is not.

Not here: how much of it fits a reply.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.policy.untrusted import clean_line, clean_prose, plain_url
from aegis_trio.toolsets.operations.table import Operation, operations_table

# What a person can open; every other address is the API's, an image, or one to clone from, which may hold a password.
_LINKS: Final = frozenset(
    {"html_url", "target_url", "browser_download_url", "external_wiki_url", "external_tracker_url"}
)
_NEVER_UNTIL: Final = 1970  # Go's zero time is of year 1, and Gitea's zero second of 1970
_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
# The form of a base64 field, and the field under which its text is given.
_ENCODED: Final[Mapping[str, str]] = MappingProxyType({"content": "content", "content_base64": "content"})
# Of a person, these are for the person alone, or for administrators.
_OF_A_PERSON_ALONE: Final = frozenset({"email", "source_id", "login_name", "last_login", "language"})
_LOGIN_MARKS: Final = ("login", "username")


def compact(value: JsonValue) -> JsonValue:
    """Return *value*, an answer or one entry of it, in short; null when nothing of it says anything."""
    match value:
        case dict():
            return _fields(value)
        case list():
            return _entries(value)
        case _:
            return _scalar(value)


def shown_fields(operation: Operation) -> tuple[str, ...]:
    """Return the names of the fields that an entry of what *operation* answers may show."""
    fields = operations_table().fields_of(operation)
    return tuple(name for name in fields if name in _LINKS or not _is_address(name))


def _fields(fields: JsonObject) -> JsonObject:
    made: JsonObject = {}
    left_out = _OF_A_PERSON_ALONE if "login" in fields and "avatar_url" in fields else frozenset[str]()
    for raw_name, value in fields.items():
        if raw_name in left_out:
            continue
        name = clean_line(raw_name)
        if raw_name in _ENCODED and isinstance(value, str) and _is_encoded(raw_name, fields):
            made |= _decoded(_ENCODED[raw_name], value)
            continue
        if raw_name == "encoding" and _is_encoded("content", fields):
            continue
        short = _address(raw_name, value) if _is_address(raw_name) else _inner(value)
        if not _says_nothing(short):
            made[name] = short
    return made


def _entries(values: list[JsonValue]) -> list[JsonValue]:
    return [short for short in map(_inner, values) if not _says_nothing(short)]


def _inner(value: JsonValue) -> JsonValue:
    """Return what stands inside an answer: names in the place of those who have one."""
    match value:
        case dict():
            return _name_of(value) or _fields(value)
        case list():
            return _entries(value)
        case _:
            return _scalar(value)


def _name_of(fields: JsonObject) -> str | None:
    for mark in _LOGIN_MARKS:
        login = fields.get(mark)
        # Source: gitea modules/structs/user.go User, org.go Organization: both have an avatar, nothing else does.
        if isinstance(login, str) and "avatar_url" in fields:
            return clean_line(login) or None
    full_name = fields.get("full_name")
    if isinstance(full_name, str) and "owner" in fields:
        return clean_line(full_name) or None
    if {"name", "color"} <= fields.keys():  # Source: gitea modules/structs/issue_label.go Label
        return clean_line(str(fields["name"])) or None
    return None


def _scalar(value: JsonValue) -> JsonValue:
    if not isinstance(value, str):
        return value
    return _in_utc(value) if _STAMP.fullmatch(value) else clean_prose(value)


def _in_utc(stamp: str) -> str | None:
    """Return *stamp* in UTC; None for the zero time, and as it is where the calendar has no such moment."""
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return stamp
    if moment.year <= _NEVER_UNTIL:
        return None
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_address(name: str) -> bool:
    return name == "url" or name.endswith(("_url", "_urls"))


def _address(name: str, value: JsonValue) -> JsonValue:
    return plain_url(value) if name in _LINKS and isinstance(value, str) else None


def _is_encoded(name: str, fields: JsonObject) -> bool:
    return name == "content_base64" or fields.get("encoding") == "base64"


def _decoded(name: str, value: str) -> JsonObject:
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return {f"{name}_left_out": "not valid Base64"}
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = "\0"
    return {f"{name}_left_out": f"binary, {len(raw)} bytes"} if "\0" in text else {name: text}


def _says_nothing(value: JsonValue) -> bool:
    return value is None or value is False or value in ("", [], {})
