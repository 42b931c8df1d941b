"""How a client proves at the token endpoint that it is itself.

Laws:
    1. A client proves itself in one way only, the one that it has: a public client sends no secret.
    2. Secrets are compared in constant time; an assertion is signed with a key of the client, for us, once.

Source: RFC 6749 section 2.3, RFC 7523 section 3, OAuth 2.1 section 2.4.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, assert_never, cast, final
from urllib.parse import unquote_plus

import jwt

from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.auth.broker.request import Parameters, single
from aegis_trio.auth.clients.client import Client, ClientAuth
from aegis_trio.model.json import JsonObject

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_ASSERTION_CHARS: Final = 8192
MAX_ASSERTION_AGE_S: Final = 300
LEEWAY_S: Final = 60
_ALGORITHMS: Final = ("RS256", "ES256", "PS256", "EdDSA")
_KEY_TYPES: Final = frozenset({"RSA", "EC", "OKP"})  # no `oct`: a secret that is published is none
_PUBLIC_MEMBERS: Final = frozenset(
    {"kty", "kid", "alg", "use", "crv", "x", "y", "n", "e"}
)  # RFC 7517, RFC 7518, RFC 8037
_MIN_RSA_CHARS: Final = 342  # 2,048 bits in base64url (RFC 7518 section 3.3)
_MAX_RSA_CHARS: Final = 683  # 4,096 bits
_MAX_EXPONENT_CHARS: Final = 6  # 32 bits; 65,537 has 4
_REFUSED_HEADERS: Final = frozenset({"jku", "x5u", "jwk", "x5c", "crit"})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What a request to the token endpoint says about its client."""

    client_id: str
    secret: str | None = None
    assertion: str | None = None


def read_presented(raw_authorization: str | None, form: Parameters) -> Presented:
    """Return what a request presents.

    Raises:
        OAuthRefused: invalid_client: nothing, two ways at once, or not readable.
    """
    basic = None if raw_authorization is None else _basic(raw_authorization)
    form_id, form_secret = single(form, "client_id"), single(form, "client_secret")
    assertion = single(form, "client_assertion", max_chars=MAX_ASSERTION_CHARS)
    ways = [way for way in (basic, form_secret, assertion) if way is not None]
    if len(ways) > 1:
        raise OAuthRefused(OAuthCode.INVALID_REQUEST, "the client proves itself in more than one way")
    if basic is not None:
        if form_id is not None and form_id != basic[0]:
            raise OAuthRefused(OAuthCode.INVALID_REQUEST, "client_id: is another one than in Authorization")
        # Source: RFC 6749 section 2.3.1: a client without a secret may come with an empty one.
        return Presented(client_id=basic[0], secret=basic[1] or None)
    if assertion is not None:
        if single(form, "client_assertion_type") != ASSERTION_TYPE:
            raise OAuthRefused(OAuthCode.INVALID_REQUEST, "client_assertion_type: must be jwt-bearer")
        subject = _subject(assertion)
        if form_id is not None and form_id != subject:
            raise OAuthRefused(OAuthCode.INVALID_CLIENT, "client_id: is another one than the assertion's")
        return Presented(client_id=subject, assertion=assertion)
    if form_id is None:
        raise OAuthRefused(OAuthCode.INVALID_CLIENT, "client_id: is missing")
    return Presented(client_id=form_id, secret=form_secret)


async def check_proof(
    client: Client,
    presented: Presented,
    *,
    audiences: tuple[str, ...],
    now_s: int,
    spend: Callable[[str, int], Awaitable[bool]],
) -> None:
    """Check that *presented* proves *client*.

    Args:
        audiences: names by which an assertion may call us: the issuer and the token endpoint.
        now_s: UTC seconds.
        spend: marks an assertion's id as used until a time; False when it was used before.

    Raises:
        OAuthRefused: invalid_client.
    """
    match client.auth:
        case ClientAuth.NONE:
            if presented.secret is not None or presented.assertion is not None:
                raise OAuthRefused(OAuthCode.INVALID_CLIENT, "this client is public and has no secret; send none")
        case ClientAuth.SECRET:
            digest = hashlib.sha256((presented.secret or "").encode("utf-8", "surrogatepass")).digest()
            is_right = hmac.compare_digest(digest, client.secret_sha256 or b"")
            if presented.secret is None or not is_right:
                raise OAuthRefused(OAuthCode.INVALID_CLIENT, "client_secret: is missing or wrong")
        case ClientAuth.KEY:
            if presented.assertion is None:
                raise OAuthRefused(OAuthCode.INVALID_CLIENT, "client_assertion: is missing")
            if client.jwks is None:
                raise OAuthRefused(OAuthCode.INVALID_CLIENT, "client_assertion: the client's keys are not known")
            claims = _verified(presented.assertion, client.jwks, client.id, audiences, now_s)
            if not await spend(f"{client.id} {claims['jti']}", cast("int", claims["exp"]) + LEEWAY_S):
                raise OAuthRefused(OAuthCode.INVALID_CLIENT, "client_assertion: was used before")
        case _:
            assert_never(client.auth)


def _basic(raw_authorization: str) -> tuple[str, str]:
    """Return id and secret of HTTP Basic.

    Source: RFC 6749 section 2.3.1: both are form-encoded before they are joined.
    """
    scheme, _, encoded = raw_authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        raise OAuthRefused(OAuthCode.INVALID_CLIENT, "Authorization: must be Basic")
    try:
        name, separator, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:  # other letters than Base64's, and bytes that are no text
        raise OAuthRefused(OAuthCode.INVALID_CLIENT, "Authorization: is not readable") from None
    if not separator:
        raise OAuthRefused(OAuthCode.INVALID_CLIENT, "Authorization: has no colon between id and secret")
    return unquote_plus(name), unquote_plus(secret)


def _subject(assertion: str) -> str:
    try:
        claims = cast("Mapping[str, object]", jwt.decode(assertion, options={"verify_signature": False}))
    except jwt.PyJWTError:
        raise OAuthRefused(OAuthCode.INVALID_CLIENT, "client_assertion: is not readable") from None
    subject = claims.get("sub")
    if not isinstance(subject, str) or claims.get("iss") != subject:
        raise OAuthRefused(OAuthCode.INVALID_CLIENT, "client_assertion: iss and sub must both be the client_id")
    return subject


def _verified(
    assertion: str, jwks: JsonObject, client_id: str, audiences: tuple[str, ...], now_s: int
) -> Mapping[str, object]:
    """Return the claims of a good assertion.

    Threat: a header that brings its own key (`jwk`, `jku`, `x5u`), `none`, or a MAC made with a public key.
    """
    refused = OAuthRefused(OAuthCode.INVALID_CLIENT, "client_assertion: is not good for this client and this server")
    try:
        header = jwt.get_unverified_header(assertion)
        if _REFUSED_HEADERS & set(header) or header.get("alg") not in _ALGORITHMS:
            raise refused
        keys = [key for key in _keys(jwks) if header.get("kid") in {None, key.key_id}]
        claims = _first_good(assertion, keys, client_id, audiences)
    except jwt.PyJWTError:
        raise refused from None
    issued, expires, identifier = claims.get("iat"), claims.get("exp"), claims.get("jti")
    not_before = claims.get("nbf", 0)
    if not isinstance(expires, int) or not isinstance(identifier, str) or not 0 < len(identifier) <= 256:
        raise refused
    # Time is judged by the gate's own clock, which tests can set.
    is_young = isinstance(issued, int) and issued - LEEWAY_S <= now_s <= issued + MAX_ASSERTION_AGE_S + LEEWAY_S
    if expires + LEEWAY_S <= now_s or expires > now_s + 2 * MAX_ASSERTION_AGE_S + LEEWAY_S:
        raise refused
    if issued is not None and not is_young:
        raise refused
    if not isinstance(not_before, int) or not_before > now_s + LEEWAY_S:
        raise refused
    return claims


def _keys(jwks: JsonObject) -> list[jwt.PyJWK]:
    listed = jwks.get("keys")
    found = [_public_key(key) for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []
    return [key for key in found if key is not None]


def _public_key(raw_key: JsonObject) -> jwt.PyJWK | None:
    """Return a key that a stranger wrote, or None when it is none that may verify here.

    Threat: the library trusts its input: a member that is no text, a private half that costs minutes to factor, or a
    modulus and an exponent so large that each check holds up everybody else.
    """
    members = {name: value for name, value in raw_key.items() if name in _PUBLIC_MEMBERS and isinstance(value, str)}
    if members.get("kty") not in _KEY_TYPES or members.get("alg", _ALGORITHMS[0]) not in _ALGORITHMS:
        return None
    is_cheap = len(members.get("e", "")) <= _MAX_EXPONENT_CHARS
    if members["kty"] == "RSA" and not (is_cheap and _MIN_RSA_CHARS <= len(members.get("n", "")) <= _MAX_RSA_CHARS):
        return None
    try:
        return jwt.PyJWK(members)
    except (jwt.PyJWTError, ValueError):
        return None


def _first_good(
    assertion: str, keys: list[jwt.PyJWK], client_id: str, audiences: tuple[str, ...]
) -> Mapping[str, object]:
    last: jwt.PyJWTError = jwt.InvalidKeyError("no key")
    for key in keys:
        try:
            claims: Mapping[str, object] = jwt.decode(
                assertion,
                key,
                algorithms=list(_ALGORITHMS),
                audience=list(audiences),
                issuer=client_id,
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": ["exp", "jti"]},
            )
        except jwt.PyJWTError as error:
            last = error
        else:
            return claims
    raise last
