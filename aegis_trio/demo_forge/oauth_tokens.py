"""OAuth tokens: signed, read, and translated into the scopes of the API.

Laws (each is recorded behaviour of Gitea 1.25.4):
    1. One key signs access, refresh and ID tokens; the claims tell them apart.
    2. A token is good while its grant stands, whoever asks; whether the account may sign in is asked elsewhere.
    3. A word of the scope that Gitea does not know opens everything, and so does no word at all.

Source: gitea services/oauth2_provider/token.go, access_token.go.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import md5
from typing import Final, final

from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

from aegis_trio.demo_forge.sign_ins import Application, Grant, SigningKey
from aegis_trio.demo_forge.world import Account, World
from aegis_trio.model.json import JsonObject, JsonValue

ALGORITHM: Final = "RS256"
ACCESS: Final = 0
REFRESH: Final = 1
_GENERAL: Final = frozenset({"openid", "profile", "email", "groups"})
_AREAS: Final = (
    "activitypub", "admin", "issue", "misc", "notification", "organization", "package", "repository", "user",
)  # fmt: skip
_KNOWN: Final = frozenset(
    {"all", "public-only", *(f"{level}:{area}" for level in ("read", "write") for area in _AREAS)}
)
_JWS: Final = PyJWS()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ReadToken:
    """A token that this forge signed, that has not expired, and whose grant stands."""

    kind: int
    counter: int
    grant: Grant
    application: Application
    account: Account


def sign(key: SigningKey, claims: JsonObject) -> str:
    """Return *claims* as a signed token."""
    return _JWS.encode(json.dumps(claims, separators=(",", ":")).encode(), key.private, ALGORITHM, {"kid": key.kid})


def claims_of(world: World, raw_token: str) -> JsonObject | None:
    """Return the claims of a token that is signed and not expired, whatever kind it is."""
    key = world.sign_ins.key
    if raw_token.count(".") != 2 or not raw_token.isascii():
        return None
    try:
        payload: bytes = _JWS.decode(raw_token, key.private.public_key(), algorithms=[ALGORITHM])
        claims: JsonValue = json.loads(payload)
    except (PyJWTError, ValueError):
        return None
    if not isinstance(claims, dict):
        return None
    expires_at = claims.get("exp")
    return claims if isinstance(expires_at, int) and expires_at > world.now().timestamp() else None


def read_token(world: World, raw_token: str) -> ReadToken | None:
    """Return what a token stands for, or nothing; an ID token stands for nothing, as it names no grant."""
    claims = claims_of(world, raw_token)
    number = None if claims is None else claims.get("gnt")
    grant = world.sign_ins.grants.get(number) if isinstance(number, int) else None
    if claims is None or grant is None:
        return None
    account = world.accounts.get(grant.account_id)
    application = world.sign_ins.applications.get(grant.application_id)
    kind, counter = claims.get("tt"), claims.get("cnt", 0)
    if account is None or application is None or not isinstance(kind, int) or not isinstance(counter, int):
        return None
    return ReadToken(kind=kind, counter=counter, grant=grant, application=application, account=account)


def api_scopes(scope: str) -> frozenset[str]:
    """Return what a grant's words open in the API.

    Source: gitea services/oauth2_provider/access_token.go:78-105 GrantAdditionalScopes.
    """
    words = [word for word in scope.split(" ") if word not in _GENERAL]
    parsed = frozenset(part for word in words for part in word.split(",") if part)
    return parsed if parsed and parsed <= _KNOWN else frozenset({"all"})


def issue_tokens(world: World, grant: Grant) -> JsonObject:
    """Issue the tokens of one exchange.

    Source: gitea services/oauth2_provider/access_token.go NewAccessTokenResponse.
    """
    sign_ins = world.sign_ins
    if sign_ins.rotates:
        grant.counter += 1
    now_s = int(world.now().timestamp())
    expires_at = now_s + sign_ins.access_ttl_s
    access: JsonObject = {"gnt": grant.id, "tt": ACCESS, "exp": expires_at, "iat": now_s}
    counted: JsonObject = {"cnt": grant.counter} if grant.counter else {}
    refresh: JsonObject = {
        "gnt": grant.id,
        "tt": REFRESH,
        **counted,
        "exp": now_s + sign_ins.refresh_ttl_s,
        "iat": now_s,
    }
    answer: JsonObject = {
        "access_token": sign(sign_ins.key, access),
        "token_type": "bearer",
        "expires_in": sign_ins.access_ttl_s,
        "refresh_token": sign(sign_ins.key, refresh),
    }
    if "openid" in grant.scope.split(" "):
        answer["id_token"] = sign(sign_ins.key, _id_claims(world, grant, now_s, expires_at))
    return answer


def _id_claims(world: World, grant: Grant, now_s: int, expires_at: int) -> JsonObject:
    account = world.accounts[grant.account_id]
    claims: JsonObject = {
        "iss": issuer(world),
        "sub": str(account.id),
        "aud": [world.sign_ins.applications[grant.application_id].client_id],
        "exp": expires_at,
        "iat": now_s,
    }
    if grant.nonce:
        claims["nonce"] = grant.nonce
    words = grant.scope.split(" ")
    if "profile" in words:
        claims |= _profile(world, account)
    if "email" in words:
        claims |= {"email": account.email, "email_verified": account.is_active}
    if "groups" in words:
        claims["groups"] = groups_of(world, account)
    return claims


def _profile(world: World, account: Account) -> JsonObject:
    website: JsonObject = {"website": account.website} if account.website else {}
    return {
        "name": account.full_name or account.login,
        "preferred_username": account.login,
        "profile": f"{world.root_url}{account.login}",
        "picture": picture_of(world, account),
        **website,
        "locale": account.language,
        "updated_at": int(account.last_login.timestamp()),
    }


def issuer(world: World) -> str:
    """Return who signs: the root address without its slash."""
    return world.root_url.rstrip("/")


def picture_of(world: World, account: Account) -> str:
    """Return the address of an account's picture."""
    avatar = account.avatar or md5(account.email.lower().encode(), usedforsecurity=False).hexdigest()
    return f"{world.root_url}avatars/{avatar}"


def groups_of(world: World, account: Account) -> JsonValue:
    """Return a person's organisations and teams, all of them, or null where there are none.

    Source: gitea services/oauth2_provider/access_token.go GetOAuthGroupsForUser.
    """
    found: list[JsonValue] = []
    for organisation in sorted(world.accounts.values(), key=lambda each: each.login):
        teams = [team for team in world.teams if team.organisation_id == organisation.id and account.id in team.members]
        if teams:
            found += [organisation.login, *(f"{organisation.login}:{team.name.lower()}" for team in teams)]
    return found or None
