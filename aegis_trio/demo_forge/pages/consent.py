"""Consent: authorising an application, with the holes of Gitea 1.25.4 that recordings prove.

Laws (each is recorded behaviour of Gitea 1.25.4):
    1. Client and redirect URI come first: what is wrong there is a page, never a redirect.
    2. A confidential application with a grant sees no page, and keeps the old scope whatever it asks for.
    3. The scope of a new grant is the one in the posted form, not the one that the page showed.
    4. An S256 challenge is forgotten by the page; a plain one stays in the session for every flow after it.

Source: gitea routers/web/auth/oauth2_provider.go AuthorizeOAuth, GrantApplicationOAuth.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from aegis_trio.demo_forge.answers import Answer, text_answer
from aegis_trio.demo_forge.pages.browser import Visit
from aegis_trio.demo_forge.pages.html import Button, Field, form, paragraph
from aegis_trio.demo_forge.requests import Query, parse_query
from aegis_trio.demo_forge.sign_ins import Application, Code, Grant
from aegis_trio.demo_forge.world import Account

GRANT_PATH: Final = "/login/oauth/grant"


def get_authorize(visit: Visit) -> Answer:
    """Answer the browser that an application sent."""
    account = visit.signed_in()
    asked = parse_query(visit.request.raw_query)
    application = visit.world.sign_ins.application_called(asked.first("client_id"))
    redirect_uri = asked.first("redirect_uri")
    if application is None:
        return _wrong(visit, "Client ID not registered")
    if not application.redirects_to(redirect_uri):
        return _wrong(visit, "Unregistered Redirect URI")
    if asked.first("response_type") != "code":
        return _error(visit, asked, "unsupported_response_type", "Only code response type is supported.")
    method = asked.first("code_challenge_method")
    if method == "plain":
        visit.session.challenge, visit.session.challenge_method = asked.first("code_challenge"), method
    if not method and not application.confidential:
        return _error(visit, asked, "invalid_request", "PKCE is required for public clients")
    if method not in {"", "plain", "S256"}:
        return _error(visit, asked, "invalid_request", "unsupported code challenge method")
    grant = visit.world.sign_ins.grant_of(account.id, application)
    if grant is not None and (application.confidential or application.skip_secondary):
        code = Code(grant_id=grant.id, challenge=asked.first("code_challenge"), method=method)
        return _with_code(visit, asked, grant, code)
    visit.session.client_id, visit.session.redirect_uri = application.client_id, redirect_uri
    visit.session.state = asked.first("state")
    return _consent_page(visit, account, application, asked)


def _consent_page(visit: Visit, account: Account, application: Application, asked: Query) -> Answer:
    fields = (
        Field(name="_csrf", value=visit.form_word),
        Field(name="client_id", value=application.client_id),
        *(Field(name=name, value=asked.first(name)) for name in ("state", "scope", "nonce", "redirect_uri")),
    )
    buttons = (
        Button(text="Authorize Application", id="authorize-app", name="granted", value="true"),
        Button(text="Cancel", id="cancel-app", name="granted", value="false"),
    )
    scope = asked.first("scope")
    return visit.page(
        "",
        paragraph("Authorize ", application.name, " to access your account?"),
        paragraph("You are signed in as ", account.login, "."),
        paragraph("With scopes: ", scope, ".")
        if scope
        else paragraph("It will be able to do everything that you can."),
        paragraph("You will be sent to ", asked.first("redirect_uri"), "."),
        form(GRANT_PATH, fields, buttons),
    )


def post_grant(visit: Visit) -> Answer:
    """Take the answer to the consent page."""
    visit.check_form()
    account = visit.signed_in()
    said, session, sign_ins = visit.form, visit.session, visit.world.sign_ins
    shown = (session.client_id, session.state, session.redirect_uri)
    if shown != (said.first("client_id"), said.first("state"), said.first("redirect_uri")):
        return text_answer(400, "Bad Request\n")
    application = sign_ins.application_called(session.client_id)
    if application is None:
        return _wrong(visit, "Client ID not registered")
    if said.first("granted") != "true":
        return _error(visit, said, "access_denied", "the request is denied")
    grant = sign_ins.grant_of(account.id, application)
    if grant is None:
        grant = sign_ins.add_grant(account.id, application, said.first("scope"))
    elif grant.scope != said.first("scope"):
        return _error(visit, said, "server_error", "a grant exists with different scope")
    code = Code(grant_id=grant.id, challenge=session.challenge, method=session.challenge_method)
    return _with_code(visit, said, grant, code)


def _with_code(visit: Visit, asked: Query, grant: Grant, code: Code) -> Answer:
    if asked.first("nonce"):
        grant.nonce = asked.first("nonce")
    word = visit.world.sign_ins.add_code(code)
    state = asked.first("state")
    return _back(visit, asked, {"code": word, **({"state": state} if state else {})})


def _error(visit: Visit, asked: Query, error: str, description: str) -> Answer:
    return _back(visit, asked, {"error": error, "error_description": description, "state": asked.first("state")})


def _back(visit: Visit, asked: Query, added: dict[str, str]) -> Answer:
    """Send the browser back to the application.

    Source: net/url Values.Encode: keys in their order, what was in the query before among them.
    """
    parts = urlsplit(asked.first("redirect_uri"))
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **added}
    return visit.see_other(parts._replace(query=urlencode(sorted(query.items()))).geturl())


def _wrong(visit: Visit, reason: str) -> Answer:
    return visit.page("", paragraph("Authorization failed: ", reason, "."), status=400)
