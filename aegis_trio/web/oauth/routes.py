"""Where everything of this room stands: paths to applications, and to what the screen lets in there.

Laws:
    1. Documents and clients' endpoints are for every page in a browser, without cookies; pages are for people.
    2. Whose tokens clients hold decides what is there at all: with Gitea's own, we are no authorization server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, final

from aegis_trio.model.asgi import Application, Receive, Scope, Send
from aegis_trio.web.errors import HttpAnswer
from aegis_trio.web.oauth.answers import DOCUMENT_FRESH_S, STYLE_FRESH_S, give, kept_answer, page_answer
from aegis_trio.web.oauth.authorize import SignInPages
from aegis_trio.web.oauth.endpoint import Asked, Endpoint
from aegis_trio.web.oauth.grants import CONNECTED, ConnectedPages
from aegis_trio.web.oauth.metadata import ABOUT, documents
from aegis_trio.web.oauth.pages import STYLE, PagePrinter
from aegis_trio.web.oauth.rooms import OAuthRooms
from aegis_trio.web.oauth.settings import OAuthSettings
from aegis_trio.web.oauth.token import ClientEndpoints, trouble_answer
from aegis_trio.web.oauth.troubles import trouble_page
from aegis_trio.web.screen import Place, Visitors

STYLE_PATH: Final = "/oauth/style.css"
PAGES: Final = frozenset({"/oauth/authorize", "/oauth/consent", "/oauth/callback", CONNECTED, ABOUT, STYLE_PATH})
"""What people see; everything else is for clients."""
Routes = dict[tuple[str, str], Application]


@final
@dataclass(frozen=True, slots=True)
class Standing:
    """An ASGI application whose answer is always the same."""

    answer: HttpAnswer

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Give it."""
        await give(scope, send, self.answer)


def document_routes(settings: OAuthSettings, printer: PagePrinter) -> Routes:
    """Return what is there whosever tokens clients hold: documents, the page about us, the style sheet."""
    standing = {
        path: kept_answer(document, b"application/json", DOCUMENT_FRESH_S)
        for path, document in documents(settings).items()
    }
    standing[STYLE_PATH] = kept_answer(STYLE, b"text/css; charset=utf-8", STYLE_FRESH_S)
    standing[ABOUT] = page_answer(200, printer.about())
    return {(method, path): Standing(answer) for path, answer in standing.items() for method in ("GET", "HEAD")}


def oauth_routes(rooms: OAuthRooms) -> Routes:
    """Return every route of the broker, documents included."""
    sign_in, connected, clients = SignInPages(rooms), ConnectedPages(rooms), ClientEndpoints(rooms)

    def page(handle: Callable[[Asked], Awaitable[HttpAnswer]]) -> Endpoint:
        return Endpoint(handle, partial(trouble_page, rooms.printer), rooms.page_rates)

    def call(handle: Callable[[Asked], Awaitable[HttpAnswer]]) -> Endpoint:
        return Endpoint(handle, trouble_answer, rooms.call_rates, rooms.trail.note_refusal)

    return document_routes(rooms.settings, rooms.printer) | {
        ("GET", "/oauth/authorize"): page(sign_in.authorize),
        ("GET", "/oauth/consent"): page(sign_in.ask_again),
        ("POST", "/oauth/consent"): page(sign_in.consent),
        ("GET", "/oauth/callback"): page(sign_in.callback),
        ("GET", CONNECTED): page(connected.show),
        ("POST", CONNECTED): page(connected.act),
        ("POST", "/oauth/token"): call(clients.token),
        ("POST", "/oauth/register"): call(clients.register),
        ("POST", "/oauth/revoke"): call(clients.revoke),
    }


def oauth_places(routes: Mapping[tuple[str, str], Application]) -> dict[str, Place]:
    """Return what the screen has to know of *routes*."""
    methods: dict[str, set[str]] = {}
    for method, path in routes:
        methods.setdefault(path, set()).add(method)
    return {
        path: Place(frozenset(found), Visitors.OURS if path in PAGES else Visitors.EVERYBODY)
        for path, found in methods.items()
    }
