"""Inspection: discovery, keys, introspection and userinfo.

Laws (each is recorded behaviour of Gitea 1.25.4):
    1. Introspection calls refresh tokens active, and tokens of the blocked; any application may ask.
    2. Userinfo takes every token, and shows the blocked a page with status 200.
    3. A token in the header that is no good is refused by introspection too, before its client is looked at.
    4. With query tokens on, the form field `token` of an introspection is a sign-in, which may fail.

Source: gitea routers/web/auth/oauth2_provider.go:93-174, templates/user/auth/oidc_wellknown.tmpl,
services/oauth2_provider/jwtsigningkey.go.
"""

from __future__ import annotations

from typing import Final

from jwt.algorithms import RSAAlgorithm

from aegis_trio.demo_forge.accounts import by_bearer
from aegis_trio.demo_forge.answers import Answer, Refusal, go_json, json_answer, text_answer
from aegis_trio.demo_forge.oauth_tokens import ALGORITHM, groups_of, issuer, picture_of, read_token
from aegis_trio.demo_forge.pages.browser import check_may_sign_in
from aegis_trio.demo_forge.pages.tokens import basic_pair
from aegis_trio.demo_forge.requests import Request, form_of
from aegis_trio.demo_forge.world import Account, World
from aegis_trio.model.json import JsonObject

_PLAIN: Final = "text/plain;charset=utf-8"
_CLAIMS: Final = (
    "aud exp iat iss sub name preferred_username profile picture website locale updated_at email email_verified groups"
)


def get_discovery(world: World, _request: Request, /) -> Answer:
    """Say where everything is."""
    root = world.root_url
    document: JsonObject = {
        "issuer": issuer(world),
        "authorization_endpoint": f"{root}login/oauth/authorize",
        "token_endpoint": f"{root}login/oauth/access_token",
        "jwks_uri": f"{root}login/oauth/keys",
        "userinfo_endpoint": f"{root}login/oauth/userinfo",
        "introspection_endpoint": f"{root}login/oauth/introspect",
        "response_types_supported": ["code", "id_token"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "subject_types_supported": ["public"],
        "scopes_supported": ["openid", "profile", "email", "groups"],
        "claims_supported": list(_CLAIMS.split()),
        "code_challenge_methods_supported": ["plain", "S256"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
    }
    return Answer(status=200, body=go_json(document), content_type="application/json")


def get_keys(world: World, _request: Request, /) -> Answer:
    """Show the public key."""
    key = world.sign_ins.key
    numbers = RSAAlgorithm.to_jwk(key.private.public_key(), as_dict=True)
    shown: JsonObject = {
        "alg": ALGORITHM,
        "e": str(numbers["e"]),
        "kid": key.kid,
        "kty": "RSA",
        "n": str(numbers["n"]),
        "use": "sig",
    }
    return Answer(status=200, body=go_json({"keys": [shown]}), content_type="application/json")


def post_introspect(world: World, request: Request) -> Answer:
    """Say what is known of a token."""
    is_json = (request.header("content-type") or "").startswith("application/json")
    raw_token = form_of(request).first("token")
    if world.sign_ins.query_tokens and raw_token and not is_json:
        check_may_sign_in(world, _by_token(world, raw_token), None)
    check_bearer(world, request)
    pair = basic_pair(request)
    asking = None if pair is None else world.sign_ins.application_called(pair[0])
    if pair is None or asking is None or not asking.has_secret(pair[1]):
        return _unauthorised("Basic")
    read = read_token(world, raw_token)
    if read is None:
        return json_answer({"active": False})
    scope: JsonObject = {"scope": read.grant.scope} if read.grant.scope else {}
    return json_answer(
        {
            "active": True,
            **scope,
            "username": read.account.login,
            "iss": issuer(world),
            "sub": str(read.account.id),
            "aud": [read.application.client_id],
        }
    )


def check_bearer(world: World, request: Request) -> Account | None:
    """Return whom a token in the header stands for, or nothing where there is none.

    Raises:
        Refusal: it is no good, or its account may not sign in; Gitea looks at it on every page of this room.
    """
    words = (request.header("authorization") or "").split()
    if len(words) != 2 or words[0].lower() not in {"bearer", "token"}:
        return None
    account = _by_token(world, words[1])
    check_may_sign_in(world, account, None)
    return account


def answer_userinfo(world: World, request: Request) -> Answer:
    """Say whom a token stands for."""
    account = check_bearer(world, request)
    if account is None:
        return _unauthorised("Bearer")
    return json_answer(
        {
            "sub": str(account.id),
            "name": account.full_name or account.login,
            "preferred_username": account.login,
            "email": account.email,
            "picture": picture_of(world, account),
            "groups": groups_of(world, account),
        }
    )


def _by_token(world: World, raw_token: str) -> Account:
    principal = by_bearer(world, raw_token)
    if principal is None:
        raise Refusal(text_answer(401, "Failed to authenticate user\n"))
    return principal.account


def _unauthorised(scheme: str) -> Answer:
    challenge = (("WWW-Authenticate", f'{scheme} realm="Gitea OAuth2"'),)
    return text_answer(401, "no valid authorization", headers=challenge, content_type=_PLAIN)
