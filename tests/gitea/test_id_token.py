"""Signed words: what Gitea signed is read, and nothing that anybody else could make."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any, final
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt import PyJWK, get_unverified_header
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.api_jws import PyJWS

from aegis_trio.gitea.id_token import (
    AccessClaims,
    IdClaims,
    NotSigned,
    Reason,
    authorize_url,
    read_access_claims,
    s256_challenge,
    verify_id_token,
)
from aegis_trio.model.errors import UpstreamBroken
from aegis_trio.model.secret import Secret
from tests.gitea.recorded_oauth import LINES

NOW = 1_795_246_975
ISSUER, CLIENT, NONCE = "http://127.0.0.1:3999", "c13016af-4b61-4539-add9-45ccd4d3c8e3", "n-0S6_WzA2Mj"
ACCESS_TOKEN = Secret("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y")
ID_CLAIMS: dict[str, Any] = LINES["oauth.main.token"]["jwt"]["id_token"]["payload"]
ACCESS_CLAIMS: dict[str, Any] = LINES["oauth.main.token"]["jwt"]["access_token"]["payload"]
REFRESH_CLAIMS: dict[str, Any] = LINES["oauth.main.token"]["jwt"]["refresh_token"]["payload"]

_RSA, _OTHER_RSA = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
_EC = ec.generate_private_key(ec.SECP256R1())
_ED = ed25519.Ed25519PrivateKey.generate()
PRIVATE: dict[str, tuple[Any, str]] = {"rsa": (_RSA, "RS256"), "ec": (_EC, "ES256"), "ed": (_ED, "EdDSA")}
PUBLIC: dict[str, dict[str, Any]] = {
    "rsa": RSAAlgorithm.to_jwk(_RSA.public_key(), as_dict=True),
    "ec": ECAlgorithm.to_jwk(_EC.public_key(), as_dict=True),
    "ed": OKPAlgorithm.to_jwk(_ED.public_key(), as_dict=True),
}


@final
class Keys:
    """A set of three public keys that remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._keys = {
            name: PyJWK({**{k: v for k, v in jwk.items() if k != "key_ops"}, "kid": name})
            for name, jwk in PUBLIC.items()
        }

    def find(self, raw_kid: str) -> PyJWK | None:
        """Return the key, and note that it was asked for."""
        self.asked.append(raw_kid)
        return self._keys.get(raw_kid)


KEYS = Keys()


def _signed(claims: object, *, by: str = "rsa", **headers: Any) -> str:
    key, algorithm = PRIVATE[by]
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return PyJWS().encode(payload, key, algorithm=algorithm, headers={"kid": by, **headers})


def _part(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def _verified(token: str, **changed: Any) -> IdClaims:
    expected = {
        "issuer": ISSUER,
        "client_id": CLIENT,
        "nonce": NONCE,
        "access_token": ACCESS_TOKEN,
        "now_s": NOW,
        **changed,
    }
    return verify_id_token(token, keys=KEYS, **expected)


def _reason(token: str, now_s: int = NOW) -> Reason | None:
    match read_access_claims(token, keys=KEYS, now_s=now_s):
        case NotSigned(reason):
            return reason
        case AccessClaims():
            return None


@pytest.mark.parametrize("by", PRIVATE)
def test_the_recorded_claims_are_read_whatever_signs_them(by: str) -> None:
    """RSA, EC and Ed25519 are what Gitea can be set to."""
    expected = IdClaims(uid=2, login="alice", expires_at=NOW + 3600, issued_at=NOW)
    assert expected == _verified(_signed(ID_CLAIMS, by=by))
    token = _signed(ACCESS_CLAIMS, by=by)
    key = KEYS.find(get_unverified_header(token)["kid"])
    assert key is not None
    expected_access = AccessClaims(grant=2, expires_at=NOW + 3600, issued_at=NOW, key=key)
    assert expected_access == read_access_claims(token, keys=KEYS, now_s=NOW)


@pytest.mark.parametrize("now_s", [NOW - 61, NOW - 60, NOW, NOW + 3659, NOW + 3660])
def test_claims_that_are_remembered_end_when_the_token_does(now_s: int) -> None:
    """Whoever keeps what was read once must come to the same answer as whoever reads again."""
    token = _signed(ACCESS_CLAIMS)
    kept = read_access_claims(token, keys=KEYS, now_s=NOW)
    assert isinstance(kept, AccessClaims)
    assert isinstance(read_access_claims(token, keys=KEYS, now_s=now_s), AccessClaims) == kept.is_current(now_s)


def test_an_id_token_without_profile_has_no_name() -> None:
    """The number is enough; the name comes from elsewhere."""
    claims = LINES["oauth.scope.openid.token"]["jwt"]["id_token"]["payload"]

    assert (2, "") == (
        (found := _verified(_signed(claims), client_id=claims["aud"][0], now_s=claims["iat"])).uid,
        found.login,
    )


WRONG_ID: dict[str, tuple[dict[str, Any], Reason]] = {
    "another issuer": ({"iss": "http://127.0.0.1:3999/"}, Reason.ISSUER),
    "no issuer": ({"iss": None}, Reason.ISSUER),
    "another application": ({"aud": ["other"]}, Reason.AUDIENCE),
    "no application": ({"aud": None}, Reason.AUDIENCE),
    "a part of our id": ({"aud": CLIENT + "x"}, Reason.AUDIENCE),
    "two applications and no word whose it is": ({"aud": [CLIENT, "other"]}, Reason.AUDIENCE),
    "two applications, and it is the other's": ({"aud": [CLIENT, "other"], "azp": "other"}, Reason.AUDIENCE),
    "another sign-in": ({"nonce": "n-1"}, Reason.NONCE),
    "no nonce": ({"nonce": None}, Reason.NONCE),
    "a nonce that is no text": ({"nonce": "\ud800"}, Reason.NONCE),
    "expired": ({"exp": NOW - 60}, Reason.EXPIRED),
    "no end": ({"exp": None}, Reason.CLAIMS),
    "an end that is no number": ({"exp": "never"}, Reason.CLAIMS),
    "an end that is a truth value": ({"exp": True}, Reason.CLAIMS),
    "an end beyond time": ({"exp": 10**30}, Reason.CLAIMS),
    "no beginning": ({"iat": None}, Reason.CLAIMS),
    "made in the future": ({"iat": NOW + 61}, Reason.NOT_YET),
    "valid in the future": ({"nbf": NOW + 61}, Reason.NOT_YET),
    "an odd beginning": ({"nbf": "soon"}, Reason.CLAIMS),
    "nobody": ({"sub": "0"}, Reason.CLAIMS),
    "the Actions runner": ({"sub": "-2"}, Reason.CLAIMS),
    "a number": ({"sub": 2}, Reason.CLAIMS),
    "another access token": ({"at_hash": "77QmUPtjPfzWtF2AnpK9RA=="}, Reason.ACCESS_TOKEN),
    "an odd access token": ({"at_hash": 5}, Reason.ACCESS_TOKEN),
    "a name that is no text": ({"preferred_username": 7}, Reason.CLAIMS),
}


@pytest.mark.parametrize(("changed", "reason"), WRONG_ID.values(), ids=WRONG_ID.keys())
def test_an_id_token_that_is_not_this_sign_ins_is_refused(changed: dict[str, Any], reason: Reason) -> None:
    """Each of these is somebody else's proof, or none."""
    claims = {name: value for name, value in {**ID_CLAIMS, **changed}.items() if value is not None}
    with pytest.raises(UpstreamBroken, match=reason.value):
        _verified(_signed(claims))


@pytest.mark.parametrize(("by", "digest"), [("rsa", hashlib.sha256), ("ec", hashlib.sha256), ("ed", hashlib.sha512)])
def test_the_access_token_that_came_with_it_may_be_named(by: str, digest: Any) -> None:
    """By half of a digest that the signature's algorithm chooses; Gitea says nothing of it today."""
    half = digest(ACCESS_TOKEN.reveal().encode()).digest()
    named = base64.urlsafe_b64encode(half[: len(half) // 2]).rstrip(b"=").decode()
    token = _signed({**ID_CLAIMS, "at_hash": named}, by=by)

    assert _verified(token)
    with pytest.raises(UpstreamBroken, match=Reason.ACCESS_TOKEN.value):
        _verified(token, access_token=Secret("another"))


def test_the_example_of_the_specification_is_named_as_it_says() -> None:
    """OpenID Connect Core appendix A.3."""
    assert _verified(_signed({**ID_CLAIMS, "at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}))


def test_clocks_may_differ_by_a_minute() -> None:
    """Gitea's clock is another machine's."""
    assert _verified(_signed({**ID_CLAIMS, "exp": NOW - 59, "iat": NOW + 60, "nbf": NOW + 60}))
    assert _verified(_signed({**ID_CLAIMS, "aud": [CLIENT, "other"], "azp": CLIENT}))
    assert _verified(_signed({**ID_CLAIMS, "aud": CLIENT}))


WRONG_ACCESS: dict[str, object] = {
    "an ID token": ID_CLAIMS,
    "a refresh token": REFRESH_CLAIMS,
    "no kind": {**ACCESS_CLAIMS, "tt": None},
    "a kind that is a truth value": {**ACCESS_CLAIMS, "tt": False},
    "no grant": {**ACCESS_CLAIMS, "gnt": None},
    "grant nought": {**ACCESS_CLAIMS, "gnt": 0},
    "a grant below nought": {**ACCESS_CLAIMS, "gnt": -1},
    "a counter": {**ACCESS_CLAIMS, "cnt": 1},
    "a subject": {**ACCESS_CLAIMS, "sub": "2"},
}


@pytest.mark.parametrize("claims", WRONG_ACCESS.values(), ids=WRONG_ACCESS.keys())
def test_a_token_of_another_kind_opens_nothing(claims: object) -> None:
    """One key signs all three kinds, so only claims tell an access token from a refresh token of 730 hours."""
    assert Reason.CLAIMS is _reason(_signed(claims))


def test_an_access_token_ends() -> None:
    """With the same minute of patience."""
    assert (None, Reason.EXPIRED) == (
        _reason(_signed(ACCESS_CLAIMS), NOW + 3659),
        _reason(_signed(ACCESS_CLAIMS), NOW + 3660),
    )


def test_another_key_signs_nothing() -> None:
    """The same key id over another key is what a forger would write."""
    forged = PyJWS().encode(json.dumps(ACCESS_CLAIMS).encode(), _OTHER_RSA, algorithm="RS256", headers={"kid": "rsa"})
    assert Reason.SIGNATURE is _reason(forged)


def test_no_algorithm_and_shared_secrets_sign_nothing() -> None:
    """The public key as a shared secret is the oldest forgery of all, and `none` the second oldest."""
    body = _part(ACCESS_CLAIMS)
    unsigned = f"{_part({'alg': 'none', 'kid': 'rsa', 'typ': 'JWT'})}.{body}.AAAA"
    head = _part({"alg": "HS256", "kid": "rsa", "typ": "JWT"})
    mac = hmac.new(json.dumps(PUBLIC["rsa"]).encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    shared = f"{head}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    assert (Reason.ALGORITHM, Reason.SHARED_SECRET) == (_reason(unsigned), _reason(shared))
    with pytest.raises(UpstreamBroken, match="JWT_SIGNING_ALGORITHM"):
        _verified(shared)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": "RS256", "kid": "ec"}, Reason.ALGORITHM),
        ({"alg": "ES256", "kid": "rsa"}, Reason.ALGORITHM),
        ({"alg": "RS512", "kid": "rsa"}, Reason.ALGORITHM),
        ({"alg": "PS256", "kid": "rsa"}, Reason.ALGORITHM),
        ({"alg": ["RS256"], "kid": "rsa"}, Reason.HEADER),
        ({"alg": {}, "kid": "rsa"}, Reason.HEADER),
        ({"kid": "rsa"}, Reason.HEADER),
        ({"alg": "RS256"}, Reason.HEADER),
        ({"alg": "RS256", "kid": ""}, Reason.HEADER),
        ({"alg": "RS256", "kid": 7}, Reason.HEADER),
        ({"alg": "RS256", "kid": "k" * 257}, Reason.HEADER),
        ({"alg": "RS256", "kid": "other"}, Reason.UNKNOWN_KEY),
        *[
            ({"alg": "RS256", "kid": "rsa", name: "x"}, Reason.HEADER)
            for name in ("jku", "jwk", "x5u", "x5c", "crit", "b64")
        ],
        (["alg"], Reason.HEADER),
        ("none", Reason.HEADER),
    ],
)
def test_a_header_that_gitea_does_not_write_is_refused(header: object, reason: Reason) -> None:
    """Before any key is used: a header must never choose what it is checked with."""
    _, body, signature = _signed(ACCESS_CLAIMS).split(".")
    assert reason is _reason(f"{_part(header)}.{body}.{signature}")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "abc",
        "a.b",
        "a.b.c",
        "eyJh.e30.é",
        "eyJh.e30.AAAA.AAAA",
        "eyJh e30.e30.AAAA",
        "x" * 5000,
        " " + "eyJh.e30.AAAA",
    ],
)
def test_what_is_no_token_never_reaches_a_key(token: str) -> None:
    """Strangers send what they like; the cheapest look comes first."""
    keys = Keys()
    assert NotSigned(Reason.SHAPE) == read_access_claims(token, keys=keys, now_s=NOW)
    assert [] == keys.asked


def test_a_signed_text_that_is_no_object_has_no_claims() -> None:
    """Signed nonsense is nonsense."""
    assert [Reason.HEADER] * 3 == [_reason(_signed(raw)) for raw in (b"[1]", b"\xff\xff", b"[" * 2000)]


@settings(max_examples=60)
@given(position=st.integers(0, 10_000), letter=st.sampled_from("AZaz09_-"))
def test_any_changed_letter_is_found(position: int, letter: str) -> None:
    """A token with one letter of another is nobody's, wherever the letter stands."""
    token = _signed(ACCESS_CLAIMS, by="ed")
    index = position % len(token)
    if token[index] in {letter, "."}:
        return

    assert _reason(token[:index] + letter + token[index + 1 :]) is not None


@given(raw=st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{4,40}\.[A-Za-z0-9_-]{2,40}\.[A-Za-z0-9_-]{4,40}"))
def test_whatever_comes_is_refused_without_a_crash(raw: str) -> None:
    """The header of a request is open to everybody."""
    assert _reason(raw) is not None


def test_a_person_is_sent_to_gitea_with_everything_in_its_place() -> None:
    """Every value encoded by itself, so that none can add a parameter."""
    url = authorize_url(
        "https://git.example.com/gitea/",
        client_id="c&d",
        redirect_uri="https://gate.example/oauth/callback",
        state="s=1",
        nonce="n#2",
        scope="openid read:user",
        challenge=s256_challenge(Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")),
    )

    parts = urlsplit(url)
    assert "https://git.example.com/gitea/login/oauth/authorize" == f"{parts.scheme}://{parts.netloc}{parts.path}"
    assert [
        ("client_id", "c&d"),
        ("redirect_uri", "https://gate.example/oauth/callback"),
        ("response_type", "code"),
        ("state", "s=1"),
        ("nonce", "n#2"),
        ("scope", "openid read:user"),
        # Source: RFC 7636 appendix B.
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ] == parse_qsl(parts.query)
