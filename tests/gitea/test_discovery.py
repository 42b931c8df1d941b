"""Gitea's public documents: the issuer as it stands, and public keys that strict libraries take."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt import PyJWKSet

from aegis_trio.gitea.discovery import Discovery, get_discovery, get_signing_keys
from aegis_trio.model.errors import Fault, UpstreamBroken
from tests.gitea.recorded import response_of
from tests.gitea.recorded_oauth import LINES, RESPONSES, ids_at

KEYS = get_signing_keys()
DISCOVERY = get_discovery()
# RFC 7517 appendix A.1.
EC_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "kid": "1",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
}


def _keys(*keys: Any) -> Any:
    return KEYS.decode(response_of(200, json.dumps({"keys": list(keys)}).encode()))


@pytest.mark.parametrize("id_", ["oauth.discovery", "variant.discovery.es256", "variant.discovery.hs256"])
def test_every_recorded_document_is_read(id_: str) -> None:
    """Issuer and algorithms, and nothing else of it."""
    recorded = LINES[id_]["body"]
    found = DISCOVERY.decode(RESPONSES[id_])

    assert (
        Discovery(
            issuer=recorded["issuer"], id_token_algorithms=tuple(recorded["id_token_signing_alg_values_supported"])
        )
        == found
    )
    assert id_.endswith("hs256") == found.signs_with_shared_secret


def test_a_gitea_without_oauth_says_what_to_switch_on() -> None:
    """A 404 without a word would send the operator to the proxy."""
    with pytest.raises(UpstreamBroken, match=r"\[oauth2\] ENABLED = true"):
        DISCOVERY.decode(RESPONSES["variant.oauth_off.discovery"])


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "http://g"},
        {"issuer": "ftp://g", "id_token_signing_alg_values_supported": ["RS256"]},
        {"issuer": "http://g g", "id_token_signing_alg_values_supported": ["RS256"]},
        {"issuer": "http://g", "id_token_signing_alg_values_supported": [1]},
        {"issuer": "http://g", "id_token_signing_alg_values_supported": ["RS 256"]},
    ],
)
def test_a_document_of_another_form_is_broken(document: dict[str, Any]) -> None:
    """An issuer is compared later: it must be one."""
    with pytest.raises(UpstreamBroken):
        DISCOVERY.decode(response_of(200, json.dumps(document).encode()))


@pytest.mark.parametrize("id_", [i for i in ids_at("/keys", status=200) if i != "variant.jwks.hs256"])
def test_every_recorded_key_can_be_used(id_: str) -> None:
    """RSA, EC and Ed25519; also the one whose first byte is missing."""
    found = PyJWKSet.from_dict(KEYS.decode(RESPONSES[id_])).keys

    assert [(key["kid"], key["alg"]) for key in LINES[id_]["body"]["keys"]] == [
        (key.key_id, key.algorithm_name) for key in found
    ]


def test_a_coordinate_without_its_leading_zero_is_filled_up() -> None:
    """One key of 128 has such a coordinate, and would lock everybody out who got it."""
    short = LINES["variant.jwks.es256_short_x"]["body"]["keys"][0]["x"]
    key = KEYS.decode(RESPONSES["variant.jwks.es256_short_x"])["keys"][0]

    assert b"\0" + base64.urlsafe_b64decode(short + "==") == base64.urlsafe_b64decode(key["x"] + "=")


def test_a_shared_secret_is_no_key() -> None:
    """Among public keys it would let anybody sign; alone it is said in the operator's words."""
    with pytest.raises(UpstreamBroken, match="JWT_SIGNING_ALGORITHM"):
        KEYS.decode(RESPONSES["variant.jwks.hs256"])
    shared = {"kty": "oct", "alg": "HS256", "k": "c2VjcmV0", "kid": "0"}
    assert ["1"] == [key["kid"] for key in _keys(shared, EC_KEY, {**EC_KEY, "alg": "HS256"})["keys"]]


def test_a_key_for_no_algorithm_is_no_key() -> None:
    """It would verify everything, and the library ends with a crash over it: the gate's, for this is a guardian."""
    (key,) = _keys({**EC_KEY, "alg": "none"}, EC_KEY)["keys"]
    assert "none" != key.get("alg")
    with pytest.raises(UpstreamBroken):
        _keys({**EC_KEY, "alg": "none"})


def test_a_private_part_of_a_key_goes_no_further() -> None:
    """Only what a public key has is built anew."""
    (key,) = _keys({**EC_KEY, "d": "secret", "x5u": "http://evil.example/"})["keys"]

    assert {"kty", "crv", "kid", "x", "y", "use"} == set(key)


@pytest.mark.parametrize(
    "keys",
    [
        [{**EC_KEY, "x": "*"}],
        [{**EC_KEY, "x": "é"}],
        [{**EC_KEY, "x": "A" * 4000}],
        [{**EC_KEY, "kid": ""}],
        [{**EC_KEY, "alg": "ES 256"}],
        [{"kty": "EC"}],
        ["key"],
        [EC_KEY] * 33,
        [],
    ],
)
def test_keys_of_another_form_are_broken(keys: list[Any]) -> None:
    """Half a key is no key, and many keys are a flood."""
    with pytest.raises(UpstreamBroken):
        _keys(*keys)


@given(
    document=st.binary(max_size=64)
    | st.dictionaries(
        st.sampled_from(["keys", "issuer", "id_token_signing_alg_values_supported"]),
        st.none()
        | st.text(max_size=9)
        | st.lists(
            st.dictionaries(st.sampled_from(["kty", "kid", "alg", "x", "y", "n", "e", "crv"]), st.text(max_size=9))
        ),
    ).map(lambda d: json.dumps(d).encode()),
    request=st.sampled_from([KEYS, DISCOVERY]),
)
def test_whatever_comes_is_a_value_or_a_fault(document: bytes, request: Any) -> None:
    """The keys are fetched in the background: a crash there would end the process."""
    with contextlib.suppress(Fault):
        request.decode(response_of(200, document))
