"""How a client proves that it is itself, and how nobody else does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.auth.clients.client import Client, ClientAuth, ClientKind
from aegis_trio.auth.clients.proving import (
    ASSERTION_TYPE,
    LEEWAY_S,
    MAX_ASSERTION_AGE_S,
    MAX_ASSERTION_CHARS,
    Presented,
    check_proof,
    read_presented,
)
from aegis_trio.model.json import JsonObject
from tests.auth.broker.stage import refusal
from tests.auth.clients.signing import RSA_KEY, public

ID = "https://chatgpt.com/oauth/client.json"
ISSUER = "https://gate.example"
AUDIENCES = (ISSUER, f"{ISSUER}/oauth/token")
NOW_S = 1_770_000_000
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()
OTHER_KEY = rsa.generate_private_key(65537, 2048)


JWKS: JsonObject = {
    "keys": [
        public("RS256", RSA_KEY, kid="rsa"),
        public("ES256", EC_KEY, kid="ec"),
        public("EdDSA", ED_KEY, kid="ed"),
        public("RS256", RSA_KEY, kid="pss", alg="PS256"),
    ]
}
CLIENT = Client(
    id=ID,
    kind=ClientKind.DOCUMENT,
    name="ChatGPT",
    redirect_uris=("https://chatgpt.com/connector_platform_oauth_redirect",),
    auth=ClientAuth.KEY,
    jwks=JWKS,
)
CLAIMS: dict[str, object] = {
    "iss": ID,
    "sub": ID,
    "aud": ISSUER,
    "jti": "once",
    "iat": NOW_S,
    "exp": NOW_S + 60,
}
SECRET = "aegis_cs_" + "s" * 43
CONFIDENTIAL = replace(
    CLIENT, id="c", auth=ClientAuth.SECRET, jwks=None, secret_sha256=hashlib.sha256(SECRET.encode()).digest()
)
PUBLIC = replace(CLIENT, id="p", auth=ClientAuth.NONE, jwks=None)


def signed(
    *, key: Any = RSA_KEY, algorithm: str = "RS256", headers: dict[str, Any] | None = None, **changes: Any
) -> str:
    """Return an assertion; a claim that is None is left out."""
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "rsa"} if headers is None else headers)


def _number(value: int) -> str:
    """Return a number as members of keys hold it."""
    octets = value.to_bytes(-(-value.bit_length() // 8), "big")
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def forged(header: dict[str, object], claims: dict[str, object] | None = None, signature: bytes = b"x") -> str:
    """Return an assertion with this header, whatever libraries think of it."""
    parts = (json.dumps(header).encode(), json.dumps(claims or CLAIMS).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


class Spent:
    """Remembers assertions; a set with an expiry."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}

    async def __call__(self, key: str, until: int) -> bool:
        await trio.lowlevel.checkpoint()
        is_new = key not in self.ids
        self.ids[key] = until
        return is_new


async def prove(client: Client = CLIENT, spent: Spent | None = None, now_s: int = NOW_S, **presented: Any) -> None:
    """Check what a client presents."""
    given = Presented(client_id=client.id, **presented)
    await check_proof(client, given, audiences=AUDIENCES, now_s=now_s, spend=spent or Spent())


async def refused(client: Client = CLIENT, **presented: Any) -> None:
    """Check that it is refused as RFC 6749 says."""
    with pytest.raises(OAuthRefused, check=refusal(OAuthCode.INVALID_CLIENT)):
        await prove(client, **presented)


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (RSA_KEY, "RS256", "rsa"),
        (RSA_KEY, "PS256", "pss"),
        (EC_KEY, "ES256", "ec"),
        (ED_KEY, "EdDSA", "ed"),
        (RSA_KEY, "RS256", None),
        (EC_KEY, "ES256", None),
    ],
)
@pytest.mark.parametrize("audience", [*AUDIENCES, [ISSUER], ["https://other.example", ISSUER]])
async def test_an_assertion_by_the_clients_key_is_good(
    key: Any, algorithm: str, kid: str | None, audience: object
) -> None:
    """With or without the name of the key, for the issuer or the token endpoint; and it is spent until it expires."""
    spent = Spent()
    headers = {} if kid is None else {"kid": kid}
    await prove(spent=spent, assertion=signed(key=key, algorithm=algorithm, headers=headers, aud=audience))

    assert {f"{ID} once": NOW_S + 60 + LEEWAY_S} == spent.ids


async def test_an_assertion_is_good_once() -> None:
    """Assertion replay: whoever reads it on its way cannot use it again, nor by another name for the same."""
    spent, assertion = Spent(), signed()
    await prove(spent=spent, assertion=assertion)
    for again in (assertion, signed(exp=NOW_S + 61), signed(key=EC_KEY, algorithm="ES256", headers={"kid": "ec"})):
        with pytest.raises(OAuthRefused, match="used before", check=refusal(OAuthCode.INVALID_CLIENT)):
            await prove(spent=spent, assertion=again)
    await prove(spent=spent, assertion=signed(jti="twice"))


PUBLIC_PEM = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
PUBLIC_DER = RSA_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def with_mac(header: dict[str, object], key: bytes) -> str:
    """Return an assertion with a MAC that is right for *key*."""
    text = forged(header).rpartition(".")[0]
    mac = base64.urlsafe_b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).rstrip(b"=").decode()
    return f"{text}.{mac}"


@pytest.mark.parametrize(
    "assertion",
    [
        forged({"alg": "none"}, signature=b""),
        forged({"alg": "None"}, signature=b""),
        forged({"alg": "nOnE", "kid": "rsa"}),
        with_mac({"alg": "HS256", "kid": "rsa"}, PUBLIC_PEM),
        with_mac({"alg": "HS256", "kid": "rsa"}, PUBLIC_DER),
        with_mac({"alg": "HS256", "kid": "rsa"}, json.dumps(public("RS256", RSA_KEY)).encode()),
        with_mac({"alg": "RS256", "kid": "rsa"}, PUBLIC_PEM),
        signed(headers={"jku": "https://evil.example/jwks.json"}),
        signed(headers={"x5u": "https://evil.example/x5u"}),
        signed(key=OTHER_KEY, headers={"jwk": public("RS256", OTHER_KEY)}),
        signed(headers={"jwk": public("RS256", RSA_KEY)}),
        signed(headers={"x5c": ["MII"]}),
        forged({"alg": "RS256", "crit": ["exp"], "exp": 1}),
        signed(algorithm="RS512"),
        signed(key=OTHER_KEY),
        signed(key=OTHER_KEY, headers={}),
        signed(headers={"kid": "ec"}),
        signed(headers={"kid": "unknown"}),
        signed(key=EC_KEY, algorithm="ES256", headers={"kid": "rsa"}),
        forged({"alg": "ES256", "kid": "rsa"}),
        forged({"alg": "RS256", "kid": 5}),
        forged({"alg": ["RS256"], "kid": "rsa"}),
        forged({"alg": {}, "kid": "rsa"}),
        forged({}),
        signed()[:-4] + "AAAA",
        signed() + ".x",
        "a.b.c",
        "",
    ],
)
async def test_an_assertion_that_the_client_did_not_sign_is_refused(assertion: str) -> None:
    """HS256 with the public key, `none`, keys that the header brings (`jku`, `jwk`, `x5u`, `x5c`), `crit`, another
    algorithm, another key, another key's name, a broken signature.
    """
    await refused(assertion=assertion)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example/c"},
        {"iss": None},
        {"aud": "https://other.example"},
        {"aud": None},
        {"aud": []},
        {"aud": f"{ISSUER}/"},
        {"aud": [5]},
        {"jti": None},
        {"jti": ""},
        {"jti": "j" * 257},
        {"jti": 5},
        {"exp": None},
        {"exp": "soon"},
        {"exp": NOW_S - LEEWAY_S},
        {"exp": NOW_S + 2 * MAX_ASSERTION_AGE_S + LEEWAY_S + 1},
        {"exp": 10**18},
        {"exp": True},
        {"exp": float(NOW_S + 60) + 0.5},
        {"iat": NOW_S + LEEWAY_S + 1},
        {"iat": NOW_S - MAX_ASSERTION_AGE_S - LEEWAY_S - 1},
        {"iat": "now"},
        {"nbf": NOW_S + LEEWAY_S + 1},
        {"nbf": "soon"},
    ],
)
async def test_an_assertion_that_says_the_wrong_thing_is_refused(changes: dict[str, Any]) -> None:
    """For another server, of another client, too old, good for too long, or without an id that can be spent."""
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    text = forged({"alg": "RS256", "kid": "rsa"}, claims).rpartition(".")[0]
    signature = jwt.get_algorithm_by_name("RS256").sign(text.encode(), RSA_KEY)
    await refused(assertion=f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}")


@pytest.mark.parametrize(
    "changes",
    [
        {"iat": None},
        {"exp": NOW_S - LEEWAY_S + 1},
        {"exp": NOW_S + 2 * MAX_ASSERTION_AGE_S + LEEWAY_S},
        {"iat": NOW_S + LEEWAY_S},
        {"nbf": NOW_S + LEEWAY_S},
        {"iat": NOW_S - MAX_ASSERTION_AGE_S - LEEWAY_S},
    ],
)
async def test_clocks_may_differ_a_little(changes: dict[str, Any]) -> None:
    """And `iat` may be left out, as RFC 7523 has it."""
    await prove(assertion=signed(**changes))


@pytest.mark.parametrize(
    "jwks",
    [
        {},
        {"keys": []},
        {"keys": "x"},
        {"keys": [5, None, []]},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "rsa"}]},
        {"keys": [{"kty": "oct", "kid": "rsa"}]},
        {"keys": [public("RS256", RSA_KEY) | {"kid": "rsa", "alg": "none"}]},
        {"keys": [{"kty": "RSA", "kid": "rsa"}]},
        {"keys": [{"kty": "RSA", "kid": "rsa", "n": "é", "e": "AQAB"}]},
        {"keys": [{"kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAC"}]},
        {"keys": [{"kty": "EC", "kid": "rsa", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}]},
        {"keys": [{"kty": "OKP", "kid": "rsa", "crv": "Ed25519", "x": "AA"}]},
        {"keys": [{"kty": "RSA", "n": 5, "e": None, "kid": "rsa"}]},
        {"keys": [public("RS256", OTHER_KEY) | {"kid": []}]},
        {"keys": [public("RS256", OTHER_KEY) | {"kid": {}}]},
        {"keys": [public("RS256", RSA_KEY) | {"kid": "rsa", "alg": "HS256"}]},
        {"keys": [public("RS256", OTHER_KEY) | {"kid": "rsa", "alg": []}]},
    ],
)
async def test_keys_that_are_none_prove_nothing(jwks: JsonObject) -> None:
    """A stranger wrote them; whatever they are, the answer is a refusal."""
    await refused(replace(CLIENT, jwks=jwks), assertion=signed())


@given(
    st.dictionaries(
        st.sampled_from(["kty", "kid", "n", "e", "alg", "use", "crv", "x", "y", "k", "d", "p"]),
        st.one_of(
            st.none(),
            st.integers(),
            st.text(max_size=8),
            st.sampled_from(["RSA", "EC", "OKP", "oct", "rsa", "P-256", "AQAB"]),
            st.lists(st.text(max_size=3), max_size=2),
            st.just({}),
        ),
    )
)
async def test_any_key_of_a_client_proves_nothing_and_breaks_nothing(key: JsonObject) -> None:
    """Whatever a document's own keys hold."""
    await refused(replace(CLIENT, jwks={"keys": [key]}), assertion=signed())


@pytest.mark.parametrize(
    "members",
    [
        {"n": _number(2**8192 - 1)},  # each check would hold up everybody else
        {"n": _number(2**16384 - 1)},
        {"e": _number(2**2047 + 1)},
        {"e": _number(2**64 + 1)},
        {"n": _number(2**1024 - 1)},  # too weak to prove anything
        {"n": ""},
    ],
    ids=["8192 bits", "16384 bits", "long exponent", "exponent of 64 bits", "1024 bits", "no modulus"],
)
async def test_a_key_that_is_dear_to_check_or_too_weak_is_never_used(
    members: JsonObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger's document would otherwise buy seconds of the gate's one thread with each request."""
    checked: list[object] = []
    monkeypatch.setattr(jwt, "PyJWK", checked.append)
    key = public("RS256", RSA_KEY) | {"kid": "rsa"} | members
    await refused(replace(CLIENT, jwks={"keys": [key]}), assertion=signed())
    assert [] == checked


async def test_a_client_has_one_way_to_prove_itself() -> None:
    """Law 1: the wrong way is no way, also when it would be enough for somebody else."""
    await prove(PUBLIC)
    await prove(CONFIDENTIAL, secret=SECRET)
    await refused(PUBLIC, secret=SECRET)
    await refused(PUBLIC, assertion=signed())
    await refused(CONFIDENTIAL)
    await refused(CONFIDENTIAL, secret=SECRET[:-1])
    await refused(CONFIDENTIAL, secret="\ud800")
    await refused(CONFIDENTIAL, assertion=signed())
    await refused(replace(CONFIDENTIAL, secret_sha256=None), secret="")
    await refused(CLIENT)
    await refused(CLIENT, secret=SECRET)


async def test_a_client_whose_keys_are_not_known_is_told_so() -> None:
    """Not that its assertion is missing: it sent one."""
    with pytest.raises(OAuthRefused, match="keys"):
        await prove(replace(CLIENT, jwks=None), assertion=signed())


def basic(name: str, secret: str) -> str:
    """Return the header of HTTP Basic."""
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def test_what_a_request_presents_is_read() -> None:
    """One of four ways."""
    assert Presented(client_id="c") == read_presented(None, {"client_id": ["c"]})
    assert Presented(client_id="c") == read_presented(None, {"client_id": ["c"], "client_secret": [""]})
    assert Presented(client_id="c", secret="s") == read_presented(None, {"client_id": ["c"], "client_secret": ["s"]})
    assert Presented(client_id="c:d", secret="s s") == read_presented(basic("c%3Ad", "s+s"), {"client_id": ["c:d"]})
    assert Presented(client_id="c") == read_presented("basic  " + basic("c", "")[6:], {})
    form = {"client_assertion": [signed()], "client_assertion_type": [ASSERTION_TYPE]}
    assert Presented(client_id=ID, assertion=signed()).client_id == read_presented(None, form).client_id
    assert ID == read_presented(None, form | {"client_id": [ID]}).client_id


@pytest.mark.parametrize(
    ("authorization", "form"),
    [
        (None, {}),
        (None, {"client_id": [""]}),
        (None, {"client_id": ["a", "b"]}),
        (basic("c", "s"), {"client_id": ["d"]}),
        (basic("c", "s"), {"client_secret": ["s"]}),
        (basic("c", "s"), {"client_assertion": [signed()], "client_assertion_type": [ASSERTION_TYPE]}),
        (None, {"client_secret": ["s"], "client_assertion": [signed()], "client_assertion_type": [ASSERTION_TYPE]}),
        (None, {"client_assertion": [signed()]}),
        (None, {"client_assertion": [signed()], "client_assertion_type": ["saml"]}),
        (None, {"client_assertion": [signed()], "client_assertion_type": [ASSERTION_TYPE], "client_id": ["d"]}),
        (None, {"client_assertion": ["x"], "client_assertion_type": [ASSERTION_TYPE]}),
        (None, {"client_assertion": [signed(sub="other")], "client_assertion_type": [ASSERTION_TYPE]}),
        (None, {"client_assertion": [signed(sub=None)], "client_assertion_type": [ASSERTION_TYPE]}),
        (None, {"client_assertion": ["x" * (MAX_ASSERTION_CHARS + 1)], "client_assertion_type": [ASSERTION_TYPE]}),
        ("Bearer x", {}),
        ("Basic", {}),
        ("Basic !", {}),
        ("Basic é", {}),
        ("Basic " + base64.b64encode(b"no colon").decode(), {}),
        ("Basic " + base64.b64encode(b"\xff:\xff").decode(), {}),
        ("", {}),
    ],
)
def test_nothing_two_ways_or_something_unreadable_is_refused(
    authorization: str | None, form: dict[str, list[str]]
) -> None:
    """With an error of the RFC, never a fault of ours."""
    with pytest.raises(OAuthRefused) as raised:
        read_presented(authorization, form)
    assert raised.value.code in {OAuthCode.INVALID_CLIENT, OAuthCode.INVALID_REQUEST}


@given(
    st.none()
    | st.text()
    | st.text().map("Basic ".__add__)
    | st.binary().map(lambda raw: "Basic " + base64.b64encode(raw).decode()),
    st.dictionaries(
        st.sampled_from(["client_id", "client_secret", "client_assertion", "client_assertion_type"]),
        st.lists(st.text(max_size=30) | st.sampled_from([ASSERTION_TYPE, signed(), ID]), max_size=2),
    ),
)
def test_any_request_presents_a_client_or_is_refused(authorization: str | None, form: dict[str, list[str]]) -> None:
    """Nothing else is raised."""
    try:
        presented = read_presented(authorization, form)
    except OAuthRefused:
        return
    assert presented.secret is None or presented.assertion is None


def test_deep_json_in_an_assertion_is_refused() -> None:
    """It would exhaust the stack of whoever reads it."""
    deep = base64.urlsafe_b64encode(b"[" * 5000).rstrip(b"=").decode()
    for assertion in (f"{deep}.e30.x", f"{forged({'alg': 'RS256'}).split('.')[0]}.{deep}.x"):
        with pytest.raises(OAuthRefused):
            read_presented(None, {"client_assertion": [assertion], "client_assertion_type": [ASSERTION_TYPE]})
