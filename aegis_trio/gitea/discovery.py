"""The provider's two public documents: who issues tokens, and with which keys they are signed.

Laws:
    1. Of the discovery document only issuer and algorithms are used: the endpoints in it are made of Gitea's own
       ROOT_URL, which may be another address than the one that the gate asks.
    2. Only public keys leave here, built anew from the members that their kind has; a shared secret is no key.

Not here: keeping the keys fresh (auth/jwks.py), and what is signed with them (id_token.py).

Source: gitea templates/user/auth/oidc_wellknown.tmpl, services/oauth2_provider/jwtsigningkey.go; RFC 7517, RFC 7518.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.gitea.provider import ProviderRequest, unexpected
from aegis_trio.gitea.request import ForgeResponse
from aegis_trio.gitea.shapes import as_list, as_object, read_object, text
from aegis_trio.model.errors import UpstreamBroken
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.policy.pathguard import Route

_DISCOVERY_PATH: Final = (".well-known", "openid-configuration")
_KEYS_PATH: Final = ("login", "oauth", "keys")
_ISSUER: Final = re.compile(r"https?://[!-~]{1,2000}", re.ASCII)
_ALGORITHM: Final = re.compile(r"[A-Za-z0-9]{1,16}", re.ASCII)
_MAX_KEYS: Final = 32  # Gitea shows one
_WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
# Source: RFC 7518 section 6.2.1.2: octets of a coordinate, leading zeros included.
_COORDINATE_BYTES: Final = {"P-256": 32, "P-384": 48, "P-521": 66}
_MAX_MEMBER_CHARACTERS: Final = 2048  # RSA of 8,192 bits has 1,366
_MEMBERS: Final = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",)}
_SHARED: Final = "HS"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What Gitea says of its tokens."""

    issuer: str
    """As it stands in ID tokens; compared, never asked."""
    id_token_algorithms: tuple[str, ...]

    @property
    def signs_with_shared_secret(self) -> bool:
        """Whether nobody but Gitea can check its access tokens: `JWT_SIGNING_ALGORITHM` is HS256 or its kin."""
        return all(name.startswith(_SHARED) for name in self.id_token_algorithms)


def get_discovery() -> ProviderRequest[Discovery]:
    """Ask who issues tokens."""
    return ProviderRequest(
        route=Route(segments=_DISCOVERY_PATH),
        segments=_DISCOVERY_PATH,
        decode=_discovery,
        subject="its sign-in service",
        ok=frozenset({200, 404}),
    )


def get_signing_keys() -> ProviderRequest[JsonObject]:
    """Ask for the public keys, as a JWK set."""
    return ProviderRequest(
        route=Route(segments=_KEYS_PATH),
        segments=_KEYS_PATH,
        decode=_keys,
        subject="its signing keys",
    )


def _discovery(response: ForgeResponse) -> Discovery:
    if response.status == 404:
        raise UpstreamBroken(
            "Gitea does not offer sign-in with OAuth.", "Ask the operator to set [oauth2] ENABLED = true at Gitea."
        )
    fields = read_object(response)
    issuer = text(fields, "issuer")
    raw_algorithms = as_list(fields.get("id_token_signing_alg_values_supported"), "id_token_signing_alg")
    algorithms = tuple(word for word in raw_algorithms if isinstance(word, str) and _ALGORITHM.fullmatch(word))
    if not _ISSUER.fullmatch(issuer) or not algorithms or len(algorithms) != len(raw_algorithms):
        raise unexpected("its sign-in service")
    return Discovery(issuer=issuer, id_token_algorithms=algorithms)


def _keys(response: ForgeResponse) -> JsonObject:
    listed = as_list(read_object(response).get("keys"), "keys")
    if len(listed) > _MAX_KEYS:
        raise unexpected("its signing keys")
    public: list[JsonValue] = []
    for value in listed:
        key = _public_key(as_object(value, "key"))
        if key is not None:
            public.append(key)
    if not public:
        raise UpstreamBroken(
            "Gitea shows no public key that signs its tokens.",
            "Ask the operator to set [oauth2] JWT_SIGNING_ALGORITHM at Gitea to RS256, ES256 or EdDSA.",
        )
    return {"keys": public}


def _public_key(fields: JsonObject) -> JsonObject | None:
    kind, algorithm = text(fields, "kty"), fields.get("alg")
    # Threat: a shared secret among public keys would let anybody sign who can read this document.
    # One for `none` would verify everything, and no library reads it.
    if kind not in _MEMBERS or (isinstance(algorithm, str) and algorithm.startswith((_SHARED, "none"))):
        return None
    key: JsonObject = {"kty": kind, "kid": _word(fields, "kid"), "use": "sig"}
    if algorithm is not None:
        key["alg"] = _word(fields, "alg")
    if kind != "RSA":
        key["crv"] = _word(fields, "crv")
    for name in _MEMBERS[kind]:
        key[name] = _member(fields, name, _COORDINATE_BYTES.get(text(fields, "crv"), 0) if kind == "EC" else 0)
    return key


def _word(fields: JsonObject, name: str) -> str:
    word = text(fields, name)
    if not _WORD.fullmatch(word):
        raise unexpected("its signing keys")
    return word


def _member(fields: JsonObject, name: str, width: int) -> str:
    """Return a number of a key in base64url, filled with zero bytes at the left up to *width*.

    Gitea drops leading zero bytes of coordinates, and strict libraries refuse what is too short.

    Source: jwtsigningkey.go:222 (`big.Int.Bytes`), RFC 7518 section 6.2.1.2.
    """
    raw = text(fields, name).rstrip("=")
    if len(raw) > _MAX_MEMBER_CHARACTERS:
        raise unexpected("its signing keys")
    try:
        number = base64.b64decode(raw + "=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise unexpected("its signing keys") from None
    return base64.urlsafe_b64encode(number.rjust(width, b"\0")).rstrip(b"=").decode("ascii")
