"""The rooms behind the HTTP side, joined into one value by whoever builds the gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final

from aegis_trio.auth.broker.browsers import Browser, Browsers
from aegis_trio.auth.broker.grants import Grants
from aegis_trio.auth.broker.signin import SignIns
from aegis_trio.auth.broker.tokens import Tokens
from aegis_trio.auth.broker.trail import SignInTrail
from aegis_trio.auth.clients.client import Client
from aegis_trio.auth.clients.registry import Registry
from aegis_trio.limits.addresses import AddressRates
from aegis_trio.model.asgi import Headers
from aegis_trio.model.clock import WallClock
from aegis_trio.store.interface import Store
from aegis_trio.web.oauth.cookies import cookie_headers, read_cookie
from aegis_trio.web.oauth.pages import PagePrinter
from aegis_trio.web.oauth.settings import OAuthSettings


class Directory(Protocol):
    """Who the clients are."""

    async def find(self, client_id: str, *, asker: str | None = None) -> Client | None:
        """Return a client, or None; raises NotFetched when its document cannot be had, or says something else."""
        ...

    async def find_signer(
        self, client_id: str, raw_assertion: str | None, *, asker: str | None = None
    ) -> Client | None:
        """Return a client with the keys by which *raw_assertion* can be checked; raises as `find`, and OAuthRefused."""
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthRooms:
    """Everything that the routes of the broker need."""

    settings: OAuthSettings
    printer: PagePrinter
    directory: Directory
    registry: Registry
    signins: SignIns
    browsers: Browsers
    tokens: Tokens
    grants: Grants
    store: Store
    """For the ids of assertions that were used."""
    trail: SignInTrail
    clock: WallClock
    page_rates: AddressRates
    """Of people's pages; a sign-in takes about four."""
    call_rates: AddressRates
    """Of clients' endpoints; hosted assistants share a few addresses."""

    async def find_browser(self, headers: Headers) -> Browser | None:
        """Return the browser that a request came from, or None where its cookie is none of ours."""
        return await self.browsers.find(read_cookie(headers, is_https=self.settings.is_https))

    async def meet_browser(self, headers: Headers) -> Browser:
        """Return the browser that a request came from, as a new one where its cookie is none of ours."""
        return await self.browsers.meet(read_cookie(headers, is_https=self.settings.is_https))

    def cookie_for(self, browser: Browser) -> tuple[tuple[bytes, bytes], ...]:
        """Return the header that gives *browser* its cookie; nothing when it has it."""
        return cookie_headers(browser, is_https=self.settings.is_https)
