"""Signed words of Gitea's: the ID token of a sign-in, and the access token that a client presents itself.

Gitea signs access, refresh and ID tokens with one key, so the signature alone says little: the claims tell them apart.

Laws:
    1. A key verifies by the algorithms of its own kind only; `none` and shared secrets verify nothing.
    2. The key is looked up by its id among keys that were fetched from Gitea; a token brings none along.
    3. Text in, claims out, whatever the text; nothing here asks the network or the clock.

Not here: whether the token was revoked, whose it is and what it opens (oauth.introspect), and the keys (auth/jwks.py).

Source: OpenID Connect Core 1.0 section 3.1.3.7; RFC 8725 sections 3.1, 3.11; gitea services/oauth2_provider/token.go.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol, final
from urllib.parse import quote

from jwt import PyJWK
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

from aegis_trio.model.errors import UpstreamBroken
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.secret import Secret

LEEWAY_S: Final = 60
MAX_ACCESS_TOKEN_CHARACTERS: Final = 4096  # Gitea's have 859 with RSA of 4,096 bits
MAX_ID_TOKEN_CHARACTERS: Final = 16 * 1024
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]{4,}", re.ASCII)
_UID: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_MAX_KID: Final = 256
_MAX_INT: Final = 2**53 - 1
_ALGORITHMS: Final = {
    "RSA": frozenset({"RS256", "RS384", "RS512"}),
    "EC": frozenset({"ES256", "ES384", "ES512"}),
    "OKP": frozenset({"EdDSA"}),
}
_SHARED: Final = frozenset({"HS256", "HS384", "HS512"})
# Threat: a header that names or brings its own key, or demands an extension that we do not know.
_FORBIDDEN_HEADERS: Final = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc"})
# Gitea's access tokens have none of these: who has one is an ID token, a refresh token or a stranger's.
_FOREIGN_CLAIMS: Final = ("aud", "iss", "sub", "nonce", "cnt")
_AT_HASH: Final = {"RS256": "sha256", "ES256": "sha256", "RS384": "sha384", "ES384": "sha384"}
"""The digest of `at_hash` by the signature's algorithm; SHA-512 for the others, which Ed25519 uses inside."""
_JWS: Final = PyJWS()


class Reason(StrEnum):
    """Why a signed text is not what it should be; for the audit trail, never for the caller."""

    SHAPE = "not three parts of base64url within the bound"
    HEADER = "a header that Gitea does not write"
    SHARED_SECRET = "signed with a shared secret"  # noqa: S105 -- a sentence, no secret
    UNKNOWN_KEY = "an unknown key id"
    ALGORITHM = "an algorithm that is not of its key"
    SIGNATURE = "a wrong signature"
    CLAIMS = "claims that are not of its kind"
    ISSUER = "another issuer"
    AUDIENCE = "another application's"
    NONCE = "another sign-in's"
    ACCESS_TOKEN = "another access token's"  # noqa: S105 -- a sentence, no secret
    EXPIRED = "expired"
    NOT_YET = "from the future"


class KeyLookup(Protocol):
    """Where public keys are found; `auth.jwks.SigningKeys` is one."""

    def find(self, raw_kid: str) -> PyJWK | None:
        """Return the key called *raw_kid*, or None."""
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class IdClaims:
    """Who signed in, as Gitea attests it to our application."""

    uid: int
    login: str
    """`preferred_username`; empty where the grant lacks the word `profile`."""
    expires_at: int
    issued_at: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims:
    """What an access token says of itself: only that Gitea made it for one grant, and until when."""

    grant: int
    expires_at: int
    issued_at: int
    key: PyJWK = field(repr=False)
    """By which the signature was verified."""

    def is_current(self, now_s: int) -> bool:
        """Return whether the token is in its time still; its signature does not change."""
        return self.expires_at > now_s - LEEWAY_S and self.issued_at <= now_s + LEEWAY_S


@final
@dataclass(frozen=True, slots=True)
class NotSigned:
    """The text is no token of Gitea's of the kind that was asked for."""

    reason: Reason


class _Refusal(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def s256_challenge(verifier: Secret) -> str:
    """Return the challenge for *verifier*.

    Source: RFC 7636 section 4.2.
    """
    digest = hashlib.sha256(verifier.reveal().encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def authorize_url(
    base_url: str, *, client_id: str, redirect_uri: str, state: str, nonce: str, scope: str, challenge: str
) -> str:
    """Return the address to which a person's browser is sent to sign in at Gitea.

    Args:
        base_url: Gitea's, as the person's browser reaches it.
        scope: words that stand in our own table; one that Gitea does not know opens everything.
        challenge: of `s256_challenge`.

    Source: gitea routers/web/auth/oauth2_provider.go AuthorizeOAuth.
    """
    fields = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "state": state,
        "nonce": nonce,
        "scope": scope,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())
    return f"{base_url.rstrip('/')}/login/oauth/authorize?{query}"


def verify_id_token(
    raw_token: str, *, keys: KeyLookup, issuer: str, client_id: str, nonce: str, access_token: Secret, now_s: int
) -> IdClaims:
    """Verify the ID token that came with the tokens of a sign-in.

    Args:
        issuer: of Gitea's discovery document, compared as it stands.
        client_id: our own application's.
        nonce: what this sign-in was begun with.
        access_token: that came with it; the ID token names it where it has an `at_hash`, as Gitea's do not yet.
        now_s: UTC seconds.

    Raises:
        UpstreamBroken: it is not this sign-in's; an unknown key has been asked for, so that a second try may succeed.
    """
    try:
        claims, _ = _signed_claims(raw_token, keys, bound=MAX_ID_TOKEN_CHARACTERS)
        _check_access_token(claims, raw_token, access_token)
        expires_at, issued_at = _times(claims, now_s)
        if claims.get("iss") != issuer:
            raise _Refusal(Reason.ISSUER)
        _check_audience(claims, client_id)
        raw_nonce = claims.get("nonce")
        if not isinstance(raw_nonce, str) or not _same(raw_nonce, nonce):
            raise _Refusal(Reason.NONCE)
        subject, login = claims.get("sub"), claims.get("preferred_username", "")
        if not isinstance(subject, str) or not _UID.fullmatch(subject) or not isinstance(login, str):
            raise _Refusal(Reason.CLAIMS)
    except _Refusal as refusal:
        raise _id_token_fault(refusal.reason) from None
    return IdClaims(uid=int(subject), login=login, expires_at=expires_at, issued_at=issued_at)


def read_access_claims(raw_token: str, *, keys: KeyLookup, now_s: int) -> AccessClaims | NotSigned:
    """Read an access token that a stranger presents; a cheap shield before Gitea is asked about it."""
    try:
        claims, key = _signed_claims(raw_token, keys, bound=MAX_ACCESS_TOKEN_CHARACTERS)
        expires_at, issued_at = _times(claims, now_s)
        grant, kind = _whole(claims.get("gnt")), _whole(claims.get("tt"))
        if kind != 0 or grant is None or grant == 0 or any(name in claims for name in _FOREIGN_CLAIMS):
            raise _Refusal(Reason.CLAIMS)
    except _Refusal as refusal:
        return NotSigned(refusal.reason)
    return AccessClaims(grant=grant, expires_at=expires_at, issued_at=issued_at, key=key)


def _signed_claims(raw_token: str, keys: KeyLookup, *, bound: int) -> tuple[JsonObject, PyJWK]:
    # 1. shape  2. header  3. key  4. algorithm of that key  5. signature  6. claims; nothing of 6 is read before 5.
    if len(raw_token) > bound or not _SHAPE.fullmatch(raw_token):
        raise _Refusal(Reason.SHAPE)
    header = _object(raw_token.partition(".")[0])
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str):
        raise _Refusal(Reason.HEADER)
    if algorithm in _SHARED:
        raise _Refusal(Reason.SHARED_SECRET)
    if _FORBIDDEN_HEADERS & header.keys() or not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID:
        raise _Refusal(Reason.HEADER)
    key = keys.find(kid)
    if key is None:
        raise _Refusal(Reason.UNKNOWN_KEY)
    allowed = _ALGORITHMS.get(key.key_type or "", frozenset())
    if algorithm not in allowed or algorithm != key.algorithm_name:
        raise _Refusal(Reason.ALGORITHM)
    try:
        payload: bytes = _JWS.decode(raw_token, key, algorithms=[key.algorithm_name])
    except (PyJWTError, ValueError):
        raise _Refusal(Reason.SIGNATURE) from None
    return _document(payload), key


def _object(raw_part: str) -> JsonObject:
    try:
        return _document(base64.urlsafe_b64decode(raw_part + "=" * (-len(raw_part) % 4)))
    except ValueError:
        raise _Refusal(Reason.HEADER) from None


def _document(raw: bytes) -> JsonObject:
    try:
        document: JsonValue = json.loads(raw)
    except (ValueError, RecursionError):
        raise _Refusal(Reason.HEADER) from None
    if not isinstance(document, dict):
        raise _Refusal(Reason.HEADER)
    return document


def _times(claims: JsonObject, now_s: int) -> tuple[int, int]:
    expires_at, issued_at = _whole(claims.get("exp")), _whole(claims.get("iat"))
    not_before = _whole(claims.get("nbf", 0))
    if expires_at is None or issued_at is None or not_before is None:
        raise _Refusal(Reason.CLAIMS)
    if expires_at <= now_s - LEEWAY_S:
        raise _Refusal(Reason.EXPIRED)
    if max(issued_at, not_before) > now_s + LEEWAY_S:
        raise _Refusal(Reason.NOT_YET)
    return expires_at, issued_at


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def _whole(value: JsonValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_INT else None


def _check_audience(claims: JsonObject, client_id: str) -> None:
    raw = claims.get("aud")
    audience = raw if isinstance(raw, list) else [raw]
    # Source: OpenID Connect Core section 3.1.3.7, steps 3 to 5.
    if client_id not in audience or claims.get("azp", client_id) != client_id:
        raise _Refusal(Reason.AUDIENCE)
    if len(audience) > 1 and "azp" not in claims:
        raise _Refusal(Reason.AUDIENCE)


def _check_access_token(claims: JsonObject, raw_token: str, access_token: Secret) -> None:
    """Refuse an ID token that was made for another access token.

    Source: OpenID Connect Core section 3.1.3.6: the left half of the digest that the algorithm names.
    """
    named = claims.get("at_hash")
    if named is None:
        return
    algorithm = str(_object(raw_token.partition(".")[0])["alg"])
    digest = hashlib.new(_AT_HASH.get(algorithm, "sha512"), access_token.reveal().encode()).digest()
    expected = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode("ascii")
    if not isinstance(named, str) or not _same(named, expected):
        raise _Refusal(Reason.ACCESS_TOKEN)


def _id_token_fault(reason: Reason) -> UpstreamBroken:
    if reason is Reason.SHARED_SECRET:
        return UpstreamBroken(
            "Gitea signs its tokens with a shared secret, which proves nothing to the gate.",
            "Ask the operator to set [oauth2] JWT_SIGNING_ALGORITHM at Gitea to RS256, ES256 or EdDSA.",
        )
    return UpstreamBroken(
        f"Gitea's proof of this sign-in was refused: {reason.value}.", "Sign in again; if it stays, tell the operator."
    )
