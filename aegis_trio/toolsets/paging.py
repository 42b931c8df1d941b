"""Paging: the same three words (`total`, `has_next`, `next`) under every list, and pages that fit a reply.

Laws:
    1. `next` holds the exact arguments of the call that goes on; nothing between two pages is skipped or shown twice.
    2. A page that does not fit is given as a smaller page of the same list, and says `shortened`.
    3. A total that Gitea does not give is null with a reason, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.model.call import ToolReply
from aegis_trio.model.json import JsonObject, JsonValue

_NO_TOTAL: Final = "Gitea did not say how many there are"
NARROWED: Final = "This key reaches only some repositories; others are left out and not counted."


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page as Gitea gave it."""

    entries: tuple[JsonValue, ...]
    """None in the place of one that is not shown to this caller."""
    number: int
    """From 1 on."""
    limit: int
    """How many were asked for."""
    total: int | None
    has_next: bool
    is_narrowed: bool = False
    """Whether only some are shown to this caller, so that the total is not told."""

    @property
    def size(self) -> int:
        """How many entries make a page at Gitea: fewer than were asked for when its own maximum is lower."""
        return len(self.entries) if self.has_next and 0 < len(self.entries) < self.limit else self.limit


def goes_on(*, has_next: bool | None, total: int | None, number: int, limit: int, shown: int) -> bool:
    """Return whether a page follows: by the `Link` header, else by the total, else by how full this page is.

    Gitea writes the header only when there is more than one page.

    Args:
        number: of this page, from 1 on.
        limit: how many were asked for.
        shown: how many came.
    """
    if has_next is not None:
        return has_next
    if total is None:
        return shown == limit
    return shown > 0 and (number - 1) * limit + shown < total


def page_of(
    entries: tuple[JsonValue, ...],
    *,
    number: int,
    limit: int,
    total: int | None,
    has_next: bool | None,
    is_narrowed: bool = False,
) -> Page:
    """Return the page that Gitea gave, whether or not it said that one follows; the arguments are those of `Page`."""
    follows = goes_on(has_next=has_next, total=total, number=number, limit=limit, shown=len(entries))
    return Page(entries=entries, number=number, limit=limit, total=total, has_next=follows, is_narrowed=is_narrowed)


def reply_with_page(
    name: str,
    head: JsonObject,
    page: Page,
    *,
    arguments: JsonObject,
    fits: Callable[[JsonObject], bool],
    following: Callable[[int, int], JsonObject] | None = None,
) -> ToolReply:
    """Return the reply that shows *page*, or its beginning when the whole does not fit.

    Args:
        name: under which the entries stand.
        head: fields before them.
        arguments: of the call, without page and limit; `next` repeats them.
        following: makes `next` of a page's number and size, where they do not stand among the arguments by those
            names.

    Returns:
        ToolReply: one that fits, or one entry alone that does not: it is kept and continued (gateway/keeping.py).
    """

    def by_page_and_limit(number: int, size: int) -> JsonObject:
        return arguments | {"page": number, "limit": size}

    goes_on_with = following or by_page_and_limit
    whole = _render(name, head, page, goes_on_with)
    if fits(whole):
        return ToolReply(whole)
    # A smaller page begins at the same entry only if its size divides the larger one's.
    part = whole
    for size in range(min(len(page.entries), page.size - 1), 0, -1):
        if page.size % size == 0:
            part = _render(name, head, _beginning(page, size), goes_on_with) | {"shortened": True}
            if fits(part):
                break
    return ToolReply(part)


def _beginning(page: Page, size: int) -> Page:
    return Page(
        entries=page.entries[:size],
        number=(page.number - 1) * page.size // size + 1,
        limit=size,
        total=page.total,
        has_next=page.has_next or size < len(page.entries),
        is_narrowed=page.is_narrowed,
    )


def _render(name: str, head: JsonObject, page: Page, goes_on_with: Callable[[int, int], JsonObject]) -> JsonObject:
    entries: list[JsonValue] = [entry for entry in page.entries if entry is not None]
    following = goes_on_with(page.number + 1, page.size) if page.has_next else None
    total = None if page.is_narrowed else page.total
    reply: JsonObject = {name: entries, "page": page.number, "total": total}
    reply |= {"has_next": page.has_next, "next": following}
    if page.is_narrowed:
        reply["narrowed"] = NARROWED
    elif total is None:
        reply["total_unknown"] = _NO_TOTAL
    return head | reply
