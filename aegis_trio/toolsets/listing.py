"""Lists to choose from: `fields` picks what each entry shows, `format` gives the entries as JSON or as CSV.

A tool only declares its listing (`read_tool(lists=…)`); the arguments, their check, the choice and the form are made
here, the same for every list.

Laws:
    1. What does not fit is measured as it is sent: a page of few fields holds more entries.
    2. `next` repeats the choice, so that the following page has the same form.
    3. Columns of CSV stand in the declared order; one that is empty in the whole page is left out.

Source: RFC 4180 (CSV), with line feeds alone.

Not here: pages (paging.py).
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, final

from aegis_trio.model.call import ToolReply
from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.json import JsonObject, JsonValue, encode_json

FIELDS: Final = "fields"
FORMAT: Final = "format"
ListFormat: TypeAlias = Literal["json", "csv"]

MAX_FIELDS_CHARACTERS: Final = 400
SCHEMA: Final[JsonObject] = {
    FIELDS: {"type": "string", "minLength": 1, "maxLength": MAX_FIELDS_CHARACTERS, "description": "such as id,name"},
    FORMAT: {"type": "string", "enum": ["json", "csv"]},
}
_SPACES: Final = re.compile(r"[\s,]+")


@final
@dataclass(frozen=True, slots=True)
class Listing:
    """A list in a tool's reply."""

    name: str
    """Under which the entries stand, such as `issues`."""
    fields: tuple[str, ...]
    """Everything that an entry may show, in the order of columns."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a call chose of a listing."""

    listing: Listing
    fields: tuple[str, ...] | None
    """None for all."""
    form: ListFormat
    arguments: JsonObject
    """What chose it, for `next`."""

    def shape(self, reply: JsonObject) -> JsonObject:
        """Return *reply* with its entries as they were chosen."""
        entries = reply.get(self.listing.name)
        if not isinstance(entries, list) or not self.arguments:
            return reply
        picked = [self._pick(entry) for entry in entries]
        shown: JsonValue = _csv(self._columns(picked), picked) if self.form == "csv" else picked
        shaped: JsonObject = {**reply, self.listing.name: shown}
        following = reply.get("next")
        if isinstance(following, dict):
            shaped["next"] = following | self.arguments
        return shaped

    def shape_reply(self, reply: ToolReply) -> ToolReply:
        """Return *reply* with its entries as they were chosen."""
        if reply.structured is None:
            return reply
        return ToolReply(self.shape(reply.structured), reply.content, reply.is_error)

    def _pick(self, entry: JsonValue) -> JsonValue:
        if self.fields is None or not isinstance(entry, dict):
            return entry
        return {name: entry[name] for name in self.fields if name in entry}

    def _columns(self, entries: list[JsonValue]) -> list[str]:
        there = {name for entry in entries if isinstance(entry, dict) for name in entry}
        return [name for name in (self.fields or self.listing.fields) if name in there]


def take_choice(listing: Listing, raw_arguments: JsonObject) -> tuple[Choice, JsonObject]:
    """Return what *raw_arguments* choose of *listing*, and the arguments without the choice.

    Raises:
        InvalidArgument: a field that the list does not have, or another format.
    """
    arguments: JsonObject = {name: raw_arguments[name] for name in (FIELDS, FORMAT) if name in raw_arguments}
    others = {name: value for name, value in raw_arguments.items() if name not in arguments}
    form = arguments.get(FORMAT, "json")
    if form not in ("json", "csv"):
        raise InvalidArgument(FORMAT, "is none of the words it may be", "Give json or csv.")
    fields = _parse_fields(listing, arguments[FIELDS]) if FIELDS in arguments else None
    chosen: ListFormat = "csv" if form == "csv" else "json"
    return Choice(listing=listing, fields=fields, form=chosen, arguments=arguments), others


def _parse_fields(listing: Listing, raw_fields: JsonValue) -> tuple[str, ...]:
    known = ",".join(listing.fields)
    if not isinstance(raw_fields, str):
        raise InvalidArgument(FIELDS, "must be a string", f"Give names with commas between them, out of: {known}.")
    if len(raw_fields) > MAX_FIELDS_CHARACTERS:
        raise InvalidArgument(FIELDS, f"must have at most {MAX_FIELDS_CHARACTERS} characters", f"It may have: {known}.")
    chosen = tuple(dict.fromkeys(name for name in _SPACES.split(raw_fields) if name))
    if not chosen:
        raise InvalidArgument(FIELDS, "names no field", f"Leave it out for all, or give some of: {known}.")
    if not set(chosen) <= set(listing.fields):
        raise InvalidArgument(FIELDS, "names a field that this list does not have", f"It may have: {known}.")
    return chosen


def _csv(columns: list[str], entries: list[JsonValue]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for entry in entries:
        if isinstance(entry, dict):
            writer.writerow([_cell(entry.get(name)) for name in columns])
    return text.getvalue()


def _cell(value: JsonValue) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case list() if all(isinstance(item, str) for item in value):
            return "; ".join(str(item) for item in value)
        case _:
            return encode_json(value).decode()
