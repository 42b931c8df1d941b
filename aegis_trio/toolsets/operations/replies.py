"""Replies: what an operation brought, in the house's form.

Laws:
    1. A list has its total, whether it goes on, and the exact arguments of the call that does; a total that Gitea gets
       wrong is not repeated.
    2. What a model has to know to read the answer rightly stands before it.
    3. Nothing is cut here: what is longer than one reply is made a smaller page where Gitea has pages, and is
       otherwise given whole to the gateway.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.gitea.operations import OperationAnswer
from aegis_trio.model.call import ToolReply
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.policy.untrusted import clean_prose
from aegis_trio.toolsets.operations.compact import compact
from aegis_trio.toolsets.operations.notes import has_false_total, note_on
from aegis_trio.toolsets.operations.table import Operation
from aegis_trio.toolsets.operations.target import DEFAULT_LIMIT
from aegis_trio.toolsets.paging import Page, goes_on, reply_with_page

ENTRIES: Final = "entries"
_NO: Final = "no, or not visible to you"
_SIZES: Final = ("limit", "per_page")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a call asked for, as far as its reply depends on it."""

    operation: Operation
    arguments: JsonObject
    """The operation's own, as they were given."""
    fields: tuple[str, ...] | None
    """Which of an entry's fields are shown; None for all that say something."""
    raw_fields: str | None
    """The same as it was given, for `next`."""

    def following(self, number: int, size: int) -> JsonObject:
        """Return the arguments of the call that goes on with page *number* of *size* entries."""
        arguments = self.arguments | {"page": number}
        if self.sized_by is not None:
            arguments[self.sized_by] = size
        following: JsonObject = {"operation": self.operation.id, "arguments": arguments}
        return following if self.raw_fields is None else following | {"fields": self.raw_fields}

    @property
    def sized_by(self) -> str | None:
        """The name of the argument that sets how many entries a page has; None when Gitea alone does."""
        if self.operation.id == "repoGetAllCommits" and "path" in self.arguments:
            return None  # recorded: git.commits.path, always fifty
        return next((one.name for one in self.operation.in_query if one.name in _SIZES), None)


def reply_of(asked: Asked, answer: OperationAnswer, fits: Callable[[JsonObject], bool]) -> ToolReply:
    """Return the reply that shows *answer*.

    Raises:
        ReplyTooLarge: one entry of a list alone is too large.
    """
    head: JsonObject = {"operation": asked.operation.id}
    note = note_on(asked.operation, asked.arguments)
    if note is not None:
        head["note"] = note
    if answer.holds is not None:
        return ToolReply(head | {"answer": True} if answer.holds else head | {"answer": False, "meaning": _NO})
    if answer.text is not None:
        return ToolReply(head | {"bytes": len(answer.text.encode()), "text": clean_prose(answer.text)})
    entries = _entries(asked.operation, answer)
    if entries is None:
        return ToolReply(head | {"answer": _shown(asked, answer.document)})
    return _list(asked, answer, entries, head, fits)


def _entries(operation: Operation, answer: OperationAnswer) -> list[JsonValue] | None:
    document, is_list = answer.document, operation.answer.endswith("[]")
    if operation.under and isinstance(document, dict):
        document = document.get(operation.under)
    elif is_list and isinstance(document, dict) and len(document) == 1:
        document = next(iter(document.values()))  # such as the topics of a search, which are described as a bare list
    if isinstance(document, list):
        return document
    return [] if document is None and is_list else None


def _list(
    asked: Asked,
    answer: OperationAnswer,
    entries: list[JsonValue],
    head: JsonObject,
    fits: Callable[[JsonObject], bool],
) -> ToolReply:
    shown = tuple(None if entry is None else _shown(asked, entry) for entry in entries)
    around = answer.document if isinstance(answer.document, dict) else {}
    counted = around.get("total_count")
    total = answer.total if answer.total is not None else counted if isinstance(counted, int) else None
    if has_false_total(asked.operation, asked.arguments):
        total = None
    if not asked.operation.lists:
        page = Page(
            entries=shown, number=1, limit=len(shown), total=len(shown), has_next=False, is_narrowed=answer.is_narrowed
        )
        return ToolReply(_whole(head, page, asked))
    number, limit = _number(asked, "page", 1), _number(asked, asked.sized_by or "", len(shown) or 1)
    truncated = around.get("truncated")
    page = Page(
        entries=shown,
        number=number,
        limit=limit,
        total=total,
        has_next=goes_on(
            has_next=answer.has_next if not isinstance(truncated, bool) else truncated,
            total=total,
            number=number,
            limit=limit,
            shown=len(shown),
        )
        and bool(shown),
        is_narrowed=answer.is_narrowed,
    )
    if asked.sized_by is None:
        return ToolReply(_whole(head, page, asked))
    return reply_with_page(ENTRIES, head, page, arguments={}, fits=fits, following=asked.following)


def _whole(head: JsonObject, page: Page, asked: Asked) -> JsonObject:
    reply = reply_with_page(ENTRIES, head, page, arguments={}, fits=lambda _: True, following=asked.following)
    return reply.structured or {}


def _number(asked: Asked, name: str, otherwise: int) -> int:
    value = asked.arguments.get(name, DEFAULT_LIMIT if name in _SIZES else otherwise)
    return int(value) if isinstance(value, int | float) else otherwise


def _shown(asked: Asked, entry: JsonValue) -> JsonValue:
    short = compact(entry)
    if asked.fields is None or not isinstance(short, dict):
        return short
    return {name: short[name] for name in asked.fields if name in short}
