"""The token endpoint, with the holes of Gitea 1.25.4 that recordings prove.

Laws (each is recorded behaviour of Gitea 1.25.4):
    1. Every error is 400 with `error` and `error_description`, a wrong secret included.
    2. A code works once, but any registered redirect URI, or none, will do; what was refused burns no code.
    3. A refresh token works for every application; without rotation an access token does, too.

Source: gitea routers/web/auth/oauth2_provider.go:438-650.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import final

from aegis_trio.demo_forge.answers import Answer, Refusal, json_answer
from aegis_trio.demo_forge.oauth_tokens import claims_of, issue_tokens
from aegis_trio.demo_forge.requests import Request, form_of
from aegis_trio.demo_forge.sign_ins import Application, Grant
from aegis_trio.demo_forge.world import World


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a program says, with its id and secret from wherever they stood."""

    grant_type: str
    client_id: str
    client_secret: str
    code: str
    redirect_uri: str
    verifier: str
    refresh_token: str


def post_access_token(world: World, request: Request) -> Answer:
    """Exchange a code or a refresh token."""
    asked = _read(request)
    match asked.grant_type:
        case "refresh_token":
            grant = _by_refresh_token(world, asked)
        case "authorization_code":
            grant = _by_code(world, asked)
        case _:
            raise _refused("unsupported_grant_type", "Only refresh_token or authorization_code grant type is supported")
    return json_answer(issue_tokens(world, grant))


def basic_pair(request: Request) -> tuple[str, str] | None:
    """Return name and password of HTTP Basic, or nothing where there is none that can be read."""
    words = (request.header("authorization") or "").split()
    if len(words) != 2 or words[0].lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(words[1], validate=True).decode("utf-8", "surrogateescape").partition(":")
    except binascii.Error:
        return None
    return name, password


def _read(request: Request) -> _Asked:
    form = form_of(request)
    client_id, client_secret = form.first("client_id"), form.first("client_secret")
    pair = basic_pair(request)
    if pair is not None:
        for name, said, sent in (("client_id", client_id, pair[0]), ("client_secret", client_secret, pair[1])):
            if said and said != sent:
                raise _refused("invalid_request", f"{name} in request body inconsistent with Authorization header")
        client_id, client_secret = pair
    return _Asked(
        grant_type=form.first("grant_type"),
        client_id=client_id,
        client_secret=client_secret,
        code=form.first("code"),
        redirect_uri=form.first("redirect_uri"),
        verifier=form.first("code_verifier"),
        refresh_token=form.first("refresh_token"),
    )


def _by_refresh_token(world: World, asked: _Asked) -> Grant:
    _check_client(world, asked, error="invalid_client")
    claims = claims_of(world, asked.refresh_token)
    if claims is None:
        raise _refused("unauthorized_client", "unable to parse refresh token")
    number = claims.get("gnt")
    grant = world.sign_ins.grants.get(number) if isinstance(number, int) else None
    if grant is None:
        raise _refused("invalid_grant", "grant does not exist")
    if world.sign_ins.rotates and grant.counter != claims.get("cnt", 0):
        raise _refused("unauthorized_client", "token was already used")
    return grant


def _by_code(world: World, asked: _Asked) -> Grant:
    application = _check_client(world, asked, error="unauthorized_client")
    if asked.redirect_uri and not application.redirects_to(asked.redirect_uri):
        raise _refused("unauthorized_client", "unexpected redirect URI")
    code = world.sign_ins.codes.get(asked.code)
    grant = None if code is None else world.sign_ins.grants.get(code.grant_id)
    if code is None or grant is None:
        raise _refused("unauthorized_client", "client is not authorized")
    if not code.admits(asked.verifier):
        raise _refused("unauthorized_client", "failed PKCE code challenge")
    if grant.application_id != application.id:
        raise _refused("invalid_grant", "invalid grant")
    del world.sign_ins.codes[asked.code]
    return grant


def _check_client(world: World, asked: _Asked, *, error: str) -> Application:
    application = world.sign_ins.application_called(asked.client_id)
    if application is None:
        raise _refused("invalid_client", f"cannot load client with client id: '{asked.client_id}'")
    if application.confidential and not application.has_secret(asked.client_secret):
        how = "client secret" if asked.client_secret else "empty client secret"
        raise _refused(error, f"invalid {how}")
    return application


def _refused(error: str, description: str) -> Refusal:
    return Refusal(json_answer({"error": error, "error_description": description}, status=400))
