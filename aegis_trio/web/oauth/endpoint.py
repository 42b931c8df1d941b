"""One endpoint of this room as an ASGI application: what every one does before and after its own work.

Laws:
    1. In this order: how often the address comes, the whole body within a size and a time, the work, one answer.
    2. Whatever the work refuses becomes an answer of its kind, a page for people and JSON for clients; what is a bug
       goes to the front.
    3. The log names paths, never what stood in a query or a body.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias, cast, final

import structlog

from aegis_trio.auth.broker.errors import OAuthRefused
from aegis_trio.limits.addresses import AddressRates
from aegis_trio.model.asgi import Headers, Receive, Scope, Send
from aegis_trio.model.errors import Fault, RateLimited, TooMany
from aegis_trio.model.identity import Origin
from aegis_trio.protocol.refusals import Refusal
from aegis_trio.store.interface import StoreFailed
from aegis_trio.transports.body import Unread, read_body
from aegis_trio.transports.credentials import headers_of, origin_of
from aegis_trio.web.errors import HttpAnswer
from aegis_trio.web.oauth.answers import give

MAX_BODY_BYTES: Final = 64 * 1024  # a registration with 16 long redirect URIs has 40 KB
BODY_DEADLINE_S: Final = 10.0

log: Final = structlog.get_logger(__name__)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, whole."""

    headers: Headers
    raw_query: bytes
    raw_body: bytes
    origin: Origin

    def header(self, name: bytes) -> tuple[bytes, ...]:
        """Return every value of a header, by its name in lower case."""
        return tuple(value for header, value in self.headers if header == name)


Trouble: TypeAlias = OAuthRefused | Refusal | StoreFailed | Fault
"""Why a request is not served: its parameters, its body, the store, or anything that is a fault everywhere."""
Handle: TypeAlias = Callable[[Asked], Awaitable[HttpAnswer]]
Note: TypeAlias = Callable[[str, str, str, Origin], None]
"""Takes path, error, reason and origin of a refusal."""
Render: TypeAlias = Callable[[Trouble, Asked], HttpAnswer]


@final
@dataclass(frozen=True, slots=True)
class Endpoint:
    """An ASGI application."""

    handle: Handle
    render: Render
    rates: AddressRates
    note: Note | None = None
    """Told of what is refused; None where a page says it to a person who is there."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        origin = origin_of(scope)
        raw_query = cast("bytes", scope.get("query_string", b""))
        asked = Asked(headers=headers_of(scope), raw_query=raw_query, raw_body=b"", origin=origin)
        wait_s = self.rates.refused_for_s(origin.address)
        if wait_s is not None:
            fault = RateLimited("Too many requests came from your address.", "Try again later.", retry_after_s=wait_s)
            await give(scope, send, self._refused(fault, asked, str(scope["path"])))
            return
        if scope["method"] == "POST":
            body = await read_body(receive, max_bytes=MAX_BODY_BYTES, deadline_s=BODY_DEADLINE_S)
            if isinstance(body, Unread):
                return
            if isinstance(body, Refusal):
                await give(scope, send, self.render(body, asked))
                return
            asked = Asked(headers=asked.headers, raw_query=raw_query, raw_body=body, origin=origin)
        await give(scope, send, await self._answer(asked, str(scope["path"])))

    async def _answer(self, asked: Asked, path: str) -> HttpAnswer:
        try:
            return await self.handle(asked)
        except StoreFailed as failure:
            log.error("oauth_store_failed", path=path, reason=str(failure))  # noqa: TRY400 -- the reason is the whole story
            return self.render(failure, asked)
        except (OAuthRefused, Fault) as refusal:
            return self._refused(refusal, asked, path)

    def _refused(self, trouble: OAuthRefused | Fault, asked: Asked, path: str) -> HttpAnswer:
        if self.note is not None:
            match trouble:
                case OAuthRefused(code=code, description=reason):
                    self.note(path, code.value, reason, asked.origin)
                case TooMany(code=error, message=reason):
                    self.note(path, error, reason, asked.origin)
                case _:
                    pass  # whatever else it is, it is not the client that is refused
        return self.render(trouble, asked)
