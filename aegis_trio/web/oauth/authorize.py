"""Signing in: what a client asks for, what a person agrees to, and the way back from Gitea.

Laws:
    1. Until client and redirect URI are both known, refusals are pages; afterwards they are the client's (RFC 6749
       section 4.1.2.1).
    2. A consent counts from the browser that was asked, by a form of ours, with the token of that very question.
    3. An answer to a form is a page that goes on, never a redirect to somebody else (answers.py).
    4. Where Gitea fails, nothing is granted, and "try again" leads to the same question.

Not here: what is decided (auth/broker/signin.py, request.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never, final
from urllib.parse import urlencode

from aegis_trio.auth.broker.browsers import Browser
from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.auth.broker.outcomes import (
    Answered,
    Arrived,
    Denied,
    GoToGitea,
    Granted,
    Lost,
    OtherGrant,
    OtherIssuer,
    OtherPerson,
    Pending,
    SignedIn,
)
from aegis_trio.auth.broker.request import (
    AuthorizationRequest,
    RedirectError,
    answer_address,
    choose_redirect,
    read_request,
    single,
)
from aegis_trio.auth.broker.rows import LoginRow
from aegis_trio.auth.broker.signin import waiting_id
from aegis_trio.auth.clients.client import NATIVE_REDIRECTS, Client, ClientKind, is_local
from aegis_trio.auth.clients.guarded import NotFetched
from aegis_trio.model.errors import UpstreamFault
from aegis_trio.policy.scopes import words_of, writes_anything
from aegis_trio.web.errors import HttpAnswer
from aegis_trio.web.oauth.answers import Extra, page_answer, see_other
from aegis_trio.web.oauth.endpoint import Asked
from aegis_trio.web.oauth.pages import ConsentPage, Way, host_of
from aegis_trio.web.oauth.parameters import parse_form, parse_parameters, required
from aegis_trio.web.oauth.rooms import OAuthRooms
from aegis_trio.web.oauth.same_site import may_be_ours
from aegis_trio.web.oauth.troubles import (
    gitea_page,
    lost_page,
    other_grant_page,
    other_site_page,
    refusal_page,
    unknown_client_page,
)

_NATIVE: Final = "You agreed. Your assistant opens now, if your browser lets it; then you can close this window."
MAX_LOGIN_ID_CHARS: Final = 64  # a SHA-256 digest in hexadecimal


@final
@dataclass(frozen=True, slots=True)
class SignInPages:
    """The pages of a sign-in."""

    rooms: OAuthRooms

    # ---- the question -----------------------------------------------------------------------------------------------

    async def authorize(self, asked: Asked) -> HttpAnswer:
        """`GET /oauth/authorize`: ask the person.

        Source: OAuth 2.1 section 4.1.1.
        """
        rooms = self.rooms
        try:
            parameters = parse_parameters(asked.raw_query)
            client = await rooms.directory.find(required(parameters, "client_id"), asker=asked.origin.address)
            if client is None:
                return unknown_client_page(rooms.printer, None)
            redirect_uri = choose_redirect(parameters, client)
        except NotFetched as missing:
            return unknown_client_page(rooms.printer, str(missing))
        except OAuthRefused as refusal:
            return refusal_page(rooms.printer, refusal.description)
        settings = rooms.settings
        request = read_request(parameters, client, redirect_uri, settings.resources, write_mode=settings.write_mode)
        match request:
            case RedirectError():
                return see_other(self._refused(redirect_uri, request.state, request.refusal))
            case AuthorizationRequest():
                browser = await rooms.meet_browser(asked.headers)
                pending = await rooms.signins.begin(request, browser, asked.origin)
                return self._question(pending, client, browser)
            case _:
                assert_never(request)

    async def ask_again(self, asked: Asked) -> HttpAnswer:
        """`GET /oauth/consent`: show a question that is still open."""
        browser = await self.rooms.find_browser(asked.headers)
        login_id = required(parse_parameters(asked.raw_query), "login", max_chars=MAX_LOGIN_ID_CHARS)
        pending = None if browser is None else await self.rooms.signins.find(login_id, browser)
        if browser is None or pending is None:
            return lost_page(self.rooms.printer)
        return self._question(pending, await self._client(pending.login.client_id, asked), browser)

    # ---- the answer -------------------------------------------------------------------------------------------------

    async def consent(self, asked: Asked) -> HttpAnswer:
        """`POST /oauth/consent`: the person allows, denies, or is somebody else."""
        rooms = self.rooms
        form = parse_form(asked.headers, asked.raw_body)
        login_id = required(form, "login", max_chars=MAX_LOGIN_ID_CHARS)
        token, decision = required(form, "token"), required(form, "decision")
        browser = await rooms.find_browser(asked.headers)
        if browser is None:
            return lost_page(rooms.printer)
        # Threat: a page elsewhere that posts the consent for somebody (confused deputy).
        is_form_of_ours = rooms.browsers.is_form_of(browser, _purpose(login_id), token)
        if not is_form_of_ours or not may_be_ours(asked, rooms.settings.public_url):
            return other_site_page(rooms.printer, rooms.settings.public_url)
        match decision:
            case "allow":
                try:
                    outcome = await rooms.signins.allow(login_id, browser, asked.origin)
                except UpstreamFault as fault:
                    return gitea_page(rooms.printer, fault, (self._again(login_id),))
                return self._go_on(outcome)
            case "deny":
                return self._go_on(await rooms.signins.deny(login_id, browser, asked.origin))
            case "not_me":
                pending, fresh = await rooms.signins.not_me(login_id, browser)
                cookie = rooms.cookie_for(fresh)
                if pending is None:
                    lost = lost_page(rooms.printer)
                    return HttpAnswer(lost.status, (*lost.headers, *cookie), lost.body)
                return see_other(self._again(pending.id).address, *cookie)
            case _:
                raise OAuthRefused(OAuthCode.INVALID_REQUEST, "decision: must be allow, deny or not_me")

    # ---- back from Gitea --------------------------------------------------------------------------------------------

    async def callback(self, asked: Asked) -> HttpAnswer:
        """`GET /oauth/callback`: Gitea sends the browser back.

        Source: OAuth 2.1 section 4.1.2; RFC 9207 section 2.4.
        """
        rooms = self.rooms
        parameters = parse_parameters(asked.raw_query)
        raw_state, raw_code = single(parameters, "state"), single(parameters, "code")
        raw_error, raw_issuer = single(parameters, "error"), single(parameters, "iss")
        browser = await rooms.find_browser(asked.headers)
        if browser is None or raw_state is None:
            return lost_page(rooms.printer)
        try:
            outcome = await rooms.signins.finish(
                raw_state, None if raw_error is not None else raw_code, browser, asked.origin, raw_issuer=raw_issuer
            )
        except UpstreamFault as fault:
            waiting = await rooms.signins.find(waiting_id(raw_state), browser)
            own = Way("Try again", f"{rooms.settings.base}/oauth/connected")
            return gitea_page(rooms.printer, fault, (own if waiting is None else self._again(waiting.id),))
        return self._come_back(outcome, raw_error)

    def _go_on(self, outcome: Answered) -> HttpAnswer:
        """Return the answer to a form."""
        printer = self.rooms.printer
        match outcome:
            case GoToGitea(address=address):
                words = "You agreed. Now Gitea asks you to sign in, and may ask once more whether you agree."
                return page_answer(200, printer.onward(address, words))
            case Granted():
                address, cookie = self._granted(outcome)
                is_native = outcome.login.redirect_uri in NATIVE_REDIRECTS
                words = _NATIVE if is_native else "You agreed, and are sent back."
                return page_answer(200, printer.onward(address, words), *cookie)
            case Denied(login=login):
                return page_answer(200, printer.onward(self._denied(login), "You refused, and are sent back."))
            case Lost():
                return lost_page(printer)
            case _:
                assert_never(outcome)

    def _come_back(self, outcome: Arrived, raw_error: str | None) -> HttpAnswer:
        """Return the answer to a browser that Gitea sent back."""
        settings, printer = self.rooms.settings, self.rooms.printer
        match outcome:
            case Granted():
                address, cookie = self._granted(outcome)
                if outcome.login.redirect_uri in NATIVE_REDIRECTS:  # the browser stays, so it must not stay at Gitea
                    return page_answer(200, printer.onward(address, _NATIVE), *cookie)
                return see_other(address, *cookie)
            case SignedIn(browser=browser):
                return see_other(f"{settings.base}/oauth/connected", *self.rooms.cookie_for(browser))
            case OtherPerson(pending=pending, browser=browser):
                return see_other(self._again(pending.id).address, *self.rooms.cookie_for(browser))
            case Denied(login=login):
                if login.is_own:
                    return see_other(f"{settings.base}/oauth/connected?refused=1")
                return see_other(self._denied(login, is_by_person=raw_error == OAuthCode.ACCESS_DENIED.value))
            case OtherGrant(login=login, person=person):
                again = f"{settings.base}/oauth/connected" if login.is_own else self._same_request(login)
                return other_grant_page(printer, gitea_url=settings.gitea_url, person=person, again=again)
            case OtherIssuer():
                return refusal_page(printer, "iss: is not this server's Gitea")
            case Lost():
                return lost_page(printer)
            case _:
                assert_never(outcome)

    # ---- their parts ------------------------------------------------------------------------------------------------

    def _question(self, pending: Pending, client: Client | None, browser: Browser) -> HttpAnswer:
        login, kind = pending.login, None if client is None else client.kind
        page = ConsentPage(
            client_name=login.client_name,
            verified_host=None if client is None else client.host,
            is_configured=kind is ClientKind.STATIC,
            redirect_host=host_of(login.redirect_uri),
            is_local=is_local(login.redirect_uri),
            readings=words_of(scope for scope in login.scopes if not writes_anything([scope])),
            changes=words_of(scope for scope in login.scopes if writes_anything([scope])),
            login=browser.login,
            login_id=pending.id,
            form_token=self.rooms.browsers.form_token(browser, _purpose(pending.id)),
        )
        return page_answer(200, self.rooms.printer.consent(page), *self.rooms.cookie_for(browser))

    async def _client(self, client_id: str, asked: Asked) -> Client | None:
        """Return a client for its question; one that cannot be had any more is shown as not verified."""
        try:
            return await self.rooms.directory.find(client_id, asker=asked.origin.address)
        except NotFetched:
            return None

    def _granted(self, granted: Granted) -> tuple[str, tuple[Extra, ...]]:
        login = granted.login
        address = answer_address(
            login.redirect_uri, self.rooms.settings.public_url, code=granted.code.reveal(), state=login.state
        )
        return address, self.rooms.cookie_for(granted.browser)

    def _denied(self, login: LoginRow, *, is_by_person: bool = True) -> str:
        if is_by_person:
            refusal = OAuthRefused(OAuthCode.ACCESS_DENIED, "the person refused")
        else:
            refusal = OAuthRefused(OAuthCode.SERVER_ERROR, "Gitea did not complete the sign-in; begin again")
        return self._refused(login.redirect_uri, login.state, refusal)

    def _refused(self, redirect_uri: str, state: str | None, refusal: OAuthRefused) -> str:
        return answer_address(
            redirect_uri,
            self.rooms.settings.public_url,
            error=refusal.code.value,
            error_description=refusal.description,
            state=state,
        )

    def _again(self, login_id: str) -> Way:
        return Way("Try again", f"{self.rooms.settings.base}/oauth/consent?{urlencode({'login': login_id})}")

    def _same_request(self, login: LoginRow) -> str:
        """Return the address at which a client's request can be made once more; it holds nothing but the request."""
        parameters = {
            "response_type": "code",
            "client_id": login.client_id,
            "redirect_uri": login.redirect_uri,
            "scope": " ".join(login.scopes),
            "code_challenge": login.code_challenge,
            "code_challenge_method": "S256",
            "resource": login.resource,
        } | ({} if login.state is None else {"state": login.state})
        return f"{self.rooms.settings.base}/oauth/authorize?{urlencode(parameters)}"


def _purpose(login_id: str) -> str:
    return f"consent {login_id}"
