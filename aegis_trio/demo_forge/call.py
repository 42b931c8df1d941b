"""A call: one request after the guards, as a handler sees it.

Not here: the guards themselves (forge.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar, final

from aegis_trio.demo_forge.accounts import Principal
from aegis_trio.demo_forge.answers import Headers, Refusal, api_error, not_found
from aegis_trio.demo_forge.permissions import Rights
from aegis_trio.demo_forge.requests import Query, Request
from aegis_trio.demo_forge.world import Access, Account, Repository, Unit, World

DEFAULT_PAGE_ITEMS: Final = 30  # Source: gitea [api] DEFAULT_PAGING_NUM
MAX_PAGE_ITEMS: Final = 50  # Source: gitea [api] MAX_RESPONSE_ITEMS
_INT64_MAX: Final = 2**63 - 1
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)


class Numbered(Protocol):
    """A thing that paths name by its number."""

    @property
    def id(self) -> int:
        """Its number."""
        ...


NumberedT = TypeVar("NumberedT", bound=Numbered)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a list: its number from 1, and the items on it."""

    number: int
    items: int

    def slice(self) -> slice[int, int, None]:
        """Return where the page lies in the whole list."""
        start = (self.number - 1) * self.items
        return slice(start, start + self.items)


@final
@dataclass(slots=True, kw_only=True)
class Call:
    """What a handler may look at; `repository` and `rights` are there on routes below `/repos/{owner}/{repo}`."""

    world: World
    request: Request
    query: Query
    principal: Principal | None
    params: dict[str, str] = field(default_factory=dict[str, str])
    found: tuple[Repository, Rights] | None = None

    @property
    def viewer(self) -> Account | None:
        """The account that asks, if any."""
        return None if self.principal is None else self.principal.account

    @property
    def root(self) -> str:
        """The forge's root address, with a slash at the end."""
        return self.world.root_url

    @property
    def repository(self) -> Repository:
        """The repository that the path names."""
        return self._found()[0]

    @property
    def rights(self) -> Rights:
        """The viewer's rights in it."""
        return self._found()[1]

    def _found(self) -> tuple[Repository, Rights]:
        if self.found is None:
            raise RuntimeError("a handler outside of /repos/{owner}/{repo} asked for its repository")
        return self.found

    def must_read(self, unit: Unit) -> None:
        """Refuse who may see the repository, but not this part of it.

        Source: gitea routers/api/v1/api.go reqRepoReader.
        """
        if self.rights.to(unit) < Access.READ:
            message = "user should have specific read permission or be a repo admin or a site admin"
            raise Refusal(api_error(403, message, self.root))

    def missing(self, message: str = "not found", *errors: str, headers: Headers = ()) -> Refusal:
        """Return the refusal for a thing that is not there."""
        return Refusal(not_found(self.root, message, errors or None, headers=headers))

    def one_of(self, things: Iterable[NumberedT]) -> NumberedT:
        """Return the one of *things* whose number the path names as `id`; refuse where there is none."""
        number = int_of(self.params["id"])
        found = next((each for each in things if each.id == number), None)
        if found is None:
            raise self.missing()
        return found

    def refused(self, status: int, message: str) -> Refusal:
        """Return a refusal with Gitea's usual face."""
        return Refusal(api_error(status, message, self.root))

    def page(self) -> Page:
        """Read `page` and `limit` as Gitea does.

        Source: gitea routers/api/v1/utils/page.go; services/convert, ToCorrectPageSize.
        """
        number = max(int_of(self.query.first("page")), 1)
        items = int_of(self.query.first("limit"))
        if items <= 0:
            items = DEFAULT_PAGE_ITEMS
        items = min(items, MAX_PAGE_ITEMS)
        # A number whose product leaves 64 bits wraps around at Gitea and shows the first page.
        if number * items > _INT64_MAX:
            number = 1
        return Page(number=number, items=items)

    def asked_page(self) -> slice[int | None, int | None, None]:
        """Return where the page lies, or everything: lists of this kind have no pages until one is asked for."""
        return self.page().slice() if int_of(self.query.first("page")) > 0 else slice(None)

    def page_headers(self, page: Page, total: int) -> Headers:
        """Return `Link` and `X-Total-Count` as Gitea writes them.

        Source: gitea services/context/api.go SetLinkHeader.
        """
        path = self.request.raw_path.lstrip("/")
        last = max(-(-total // page.items), 1)
        # A page beyond the last counts as the last one.
        current = min(page.number, last)
        wanted: list[tuple[str, int]] = []
        if current < last:
            wanted += [("next", current + 1), ("last", last)]
        if current > 1:
            wanted += [("first", 1), ("prev", current - 1)]
        links = [
            f'<{self.root}{path}?{self.query.encoded_with("page", str(number))}>; rel="{rel}"' for rel, number in wanted
        ]
        count = ("X-Total-Count", str(total))
        return (("Link", ",".join(links)), count) if links else (count,)


def int_of(text: str) -> int:
    """Read a number as Go's `strconv.Atoi` does, and 0 where it would fail."""
    if not _NUMBER.fullmatch(text):
        return 0
    number = int(text)
    return number if -_INT64_MAX <= number <= _INT64_MAX else 0
