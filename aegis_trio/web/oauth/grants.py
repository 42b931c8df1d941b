"""Connected assistants: what a person sees of their own grants, and how they end them.

Laws:
    1. A person sees and ends their own grants, and nobody else's; a grant of somebody else's looks like none.
    2. Nothing here asks Gitea but the sign-in itself: access can be ended while Gitea is down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.auth.broker.browsers import Browser
from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.auth.broker.request import single
from aegis_trio.auth.broker.rows import GrantRow
from aegis_trio.auth.clients.documents import read_client_address
from aegis_trio.auth.clients.registry import ID_PREFIX
from aegis_trio.model.clock import NS_PER_S, as_timestamp
from aegis_trio.policy.scopes import words_of
from aegis_trio.web.errors import HttpAnswer
from aegis_trio.web.oauth.answers import page_answer, see_other
from aegis_trio.web.oauth.endpoint import Asked
from aegis_trio.web.oauth.pages import ConnectedClient, ConnectedPage
from aegis_trio.web.oauth.parameters import parse_form, parse_parameters, required
from aegis_trio.web.oauth.rooms import OAuthRooms
from aegis_trio.web.oauth.same_site import may_be_ours
from aegis_trio.web.oauth.troubles import lost_page, other_site_page

CONNECTED: Final = "/oauth/connected"
_PURPOSE: Final = "connected"
_MAX_GRANT_ID_CHARS: Final = 64
_REFUSED: Final = "Gitea did not sign you in, or you refused there."
_ENDED: Final = "Disconnected. It has no access any more."


@final
@dataclass(frozen=True, slots=True)
class ConnectedPages:
    """The page of a person's grants, and its forms."""

    rooms: OAuthRooms

    async def show(self, asked: Asked) -> HttpAnswer:
        """`GET /oauth/connected`: the grants of whoever is signed in."""
        rooms = self.rooms
        parameters = parse_parameters(asked.raw_query)
        browser = await rooms.meet_browser(asked.headers)
        cookie = rooms.cookie_for(browser)
        token = rooms.browsers.form_token(browser, _PURPOSE)
        if browser.uid is None or browser.login is None:
            note = _REFUSED if single(parameters, "refused") else ""
            return page_answer(200, rooms.printer.sign_in(token, note), *cookie)
        note = _ENDED if single(parameters, "ended") else ""
        grants = tuple(_shown(grant) for grant in await rooms.grants.of_person(browser.uid))
        page = ConnectedPage(login=browser.login, grants=grants, form_token=token, note=note)
        return page_answer(200, rooms.printer.connected(page), *cookie)

    async def act(self, asked: Asked) -> HttpAnswer:
        """`POST /oauth/connected`: sign in, sign out, or end a grant."""
        rooms = self.rooms
        form = parse_form(asked.headers, asked.raw_body)
        token, action = required(form, "token"), required(form, "action")
        browser = await rooms.find_browser(asked.headers)
        if browser is None:
            return lost_page(rooms.printer)
        is_form_of_ours = rooms.browsers.is_form_of(browser, _PURPOSE, token)
        if not is_form_of_ours or not may_be_ours(asked, rooms.settings.public_url):
            return other_site_page(rooms.printer, rooms.settings.public_url)
        match action:
            case "sign_in":
                to_gitea = await rooms.signins.begin_own(browser, asked.origin)
                return page_answer(200, rooms.printer.onward(to_gitea.address, "Now Gitea asks you to sign in."))
            case "sign_out":
                fresh = await rooms.browsers.sign_out(browser)
                return see_other(self._address, *rooms.cookie_for(fresh))
            case "revoke":
                await self._revoke(browser, required(form, "grant", max_chars=_MAX_GRANT_ID_CHARS))
                return see_other(f"{self._address}?ended=1")
            case _:
                raise OAuthRefused(OAuthCode.INVALID_REQUEST, "action: must be sign_in, sign_out or revoke")

    async def _revoke(self, browser: Browser, grant_id: str) -> None:
        grant = await self.rooms.grants.find(grant_id)
        # Threat: the id of somebody else's grant, out of a log.
        if grant is not None and browser.uid is not None and grant.uid == browser.uid:
            await self.rooms.grants.end(grant.id, "person")

    @property
    def _address(self) -> str:
        return f"{self.rooms.settings.base}{CONNECTED}"


def _shown(grant: GrantRow) -> ConnectedClient:
    place = read_client_address(grant.client_id)
    return ConnectedClient(
        id=grant.id,
        client_name=grant.client_name,
        host=None if place is None else place[0],
        is_registered=grant.client_id.startswith(ID_PREFIX),
        rights=words_of(grant.scopes),
        created=_minute(grant.created_at),
        used=_minute(grant.last_used_at),
    )


def _minute(at_s: int) -> str:
    return f"{as_timestamp(at_s * NS_PER_S)[:16]}Z"
