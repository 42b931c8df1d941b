"""Browsers: cookies, sessions, and signing in and out with name and password.

Laws (each is recorded behaviour of Gitea 1.25.4):
    1. Every form but the login page's carries its person's word; a wrong one is 400, whoever sends it. Nobody's word
       is good for every browser in which nobody is signed in.
    2. Who may not sign in sees a page with status 200, on every page, before anything else is looked at.
    3. Who is not signed in is sent to the login page, and comes back to where the way began.

Not here: registration, second factors, forgotten passwords, cookies that outlive a session.

Source: gitea routers/web/web.go verifyAuthWithOptions, routers/web/auth/auth.go, services/context/csrf.go.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final, final
from urllib.parse import quote, unquote

from aegis_trio.demo_forge.answers import Answer, Headers, Refusal, json_answer, moved, text_answer
from aegis_trio.demo_forge.pages.html import Button, Field, form, page, paragraph
from aegis_trio.demo_forge.requests import Query, Request, form_of
from aegis_trio.demo_forge.sign_ins import BrowserSession
from aegis_trio.demo_forge.world import Account, World

LOGIN_PATH: Final = "/user/login"
_COOKIE: Final = "i_like_gitea"
_BACK: Final = "redirect_to"
_LANGUAGE: Final = "en-US"  # the first login settles the language of an account


@final
@dataclass(slots=True, kw_only=True)
class Visit:
    """One request of a browser, with the session that its cookie names, or a new one."""

    world: World
    request: Request
    session: BrowserSession
    new_cookies: Headers = ()
    back: str = ""
    """Where the way began that led to the login page."""

    @property
    def account(self) -> Account | None:
        """Who is signed in."""
        number = self.session.account_id
        return None if number is None else self.world.accounts.get(number)

    @property
    def form(self) -> Query:
        """What the body says."""
        return form_of(self.request)

    @property
    def form_word(self) -> str:
        """What the forms of who is signed in carry."""
        return self.world.sign_ins.form_word(self.session.account_id)

    def check_form(self) -> None:
        """Refuse a form that was not made for who is signed in, and everything of somebody who may not be."""
        if self.account is not None:
            check_may_sign_in(self.world, self.account, self.session)
        word = self.form.first("_csrf").encode("utf-8", "surrogateescape")
        if not secrets.compare_digest(word, self.form_word.encode()):
            raise Refusal(text_answer(400, "Invalid CSRF token.\n"))

    def signed_in(self) -> Account:
        """Return who is signed in.

        Raises:
            Refusal: nobody is, or somebody who may not be.
        """
        account = self.account
        if account is None:
            target = self.request.raw_path + (f"?{self.request.raw_query}" if self.request.raw_query else "")
            raise Refusal(self.see_other(LOGIN_PATH, _set_cookie(_BACK, quote(target, safe=""))))
        check_may_sign_in(self.world, account, self.session)
        return account

    def page(self, title: str, *parts: str, status: int = 200) -> Answer:
        """Answer with a page."""
        return page(self.world, self.session, title, *parts, status=status, headers=self.new_cookies)

    def see_other(self, location: str, *headers: tuple[str, str]) -> Answer:
        """Send the browser elsewhere."""
        return see_other(self.request, location, (*self.new_cookies, *headers))

    def wants_page(self) -> bool:
        """Tell whether a browser without a script asks, which would show JSON to a person."""
        return "text/html" in (self.request.header("accept") or "")


def see_other(request: Request, location: str, headers: Headers = ()) -> Answer:
    """Redirect with 303; a GET carries a small page that names the place."""
    return moved(303, location, as_page=request.method == "GET", headers=headers)


def open_visit(world: World, request: Request) -> Visit:
    """Find the session of a browser, or begin one."""
    cookies = _cookies_of(request)
    session = world.sign_ins.sessions.get(cookies.get(_COOKIE, ""))
    back = unquote(cookies.get(_BACK, ""))
    if session is not None:
        return Visit(world=world, request=request, session=session, back=back)
    visit = Visit(world=world, request=request, session=BrowserSession(), back=back)
    visit.new_cookies = (_set_cookie(_COOKIE, world.sign_ins.add_session(visit.session)),)
    return visit


def _cookies_of(request: Request) -> dict[str, str]:
    jar = SimpleCookie()
    try:
        jar.load(request.header("cookie") or "")
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}


def _set_cookie(name: str, value: str, *, gone: bool = False) -> tuple[str, str]:
    end = "; Max-Age=0" if gone else ""
    return ("Set-Cookie", f"{name}={value}; Path=/{end}; HttpOnly; SameSite=Lax")


def check_may_sign_in(world: World, account: Account, session: BrowserSession | None) -> None:
    """Refuse who is blocked, not confirmed, or has yet to choose a password.

    Source: gitea routers/web/web.go:146-160 verifyAuthWithOptions.
    """
    if account.prohibit_login or not account.is_active:
        told = paragraph("Your account is prohibited from signing in, please contact your site administrator.")
        raise Refusal(page(world, session, "Sign-In Prohibited", told))
    if account.must_change_password:
        raise Refusal(moved(303, "/user/settings/change_password", as_page=True))


def get_login(visit: Visit) -> Answer:
    """Show the login page."""
    if visit.account is not None:
        visit.signed_in()
        return visit.see_other(_way_back(visit))
    return _login_page(visit)


def _login_page(visit: Visit, name: str = "") -> Answer:
    fields = (
        Field(name="_csrf", value=visit.form_word),
        Field(name="user_name", value=name, label="Username", kind="text"),
        Field(name="password", label="Password", kind="password"),
        Field(name="remember", value="on", label="Remember This Device", kind="checkbox"),
    )
    return visit.page("Sign In", form(LOGIN_PATH, fields, [Button(text="Sign In", id="sign-in")]))


def post_login(visit: Visit) -> Answer:
    """Sign in; the session gets a new cookie, so that one planted before is worth nothing.

    Gitea looks at no `_csrf` here, though the page carries one.
    """
    if visit.account is not None:
        return get_login(visit)
    name, password = visit.form.first("user_name"), visit.form.first("password")
    account = visit.world.account_named(name)
    known = (account.password if account is not None else None) or ""
    right = secrets.compare_digest(known.encode(), password.encode("utf-8", "surrogateescape"))
    if account is None or not known or not right:
        visit.session.flash, visit.session.flash_is_error = "Username or password is incorrect.", True
        return _login_page(visit, name)
    if account.prohibit_login:
        check_may_sign_in(visit.world, account, visit.session)
    account.last_login, account.language = visit.world.now(), account.language or _LANGUAGE
    sessions = visit.world.sign_ins.sessions
    for cookie in [cookie for cookie, session in sessions.items() if session is visit.session]:
        del sessions[cookie]
    visit.session = BrowserSession(account_id=account.id)
    visit.new_cookies = (_set_cookie(_COOKIE, visit.world.sign_ins.add_session(visit.session)),)
    return visit.see_other(_way_back(visit), _set_cookie(_BACK, "", gone=True))


def _way_back(visit: Visit) -> str:
    # A path of this forge and nothing else: two slashes would name another server.
    back = visit.back
    return back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"


def post_logout(visit: Visit) -> Answer:
    """Sign out; tokens that programs hold go on working."""
    visit.check_form()
    visit.session.account_id = None
    return leave_for(visit, "/")


def leave_for(visit: Visit, location: str) -> Answer:
    """Answer a button that Gitea's script would have pressed.

    Trade: Gitea answers JSON for its script, whoever asks; a browser without one is sent on here.
    """
    return visit.see_other(location) if visit.wants_page() else json_answer({"redirect": location})
