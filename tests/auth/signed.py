"""A Gitea whose sign-in side is a few values, with a key that signs what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import jwt
import trio
from cryptography.hazmat.primitives.asymmetric import ec

from aegis_trio.auth.jwks import SigningKeys
from aegis_trio.gitea.oauth import GiteaTokens, Inactive, Introspection
from aegis_trio.gitea.users import CurrentUser
from aegis_trio.model.errors import Fault
from aegis_trio.model.json import JsonObject
from aegis_trio.model.secret import Secret

NOW_S = 1_770_000_000
ISSUER = "https://git.example"
OURS = "our-application"
KEY = ec.generate_private_key(ec.SECP256R1())


def signed(**claims: object) -> str:
    """Return *claims* as Gitea signs them, good for an hour."""
    return jwt.encode({"exp": NOW_S + 3600, "iat": NOW_S, **claims}, KEY, algorithm="ES256", headers={"kid": "one"})


def public_key(key: ec.EllipticCurvePrivateKey) -> JsonObject:
    """Return the public half of *key* as Gitea publishes its own."""
    algorithm = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": "one", "alg": "ES256"}


async def signing_keys() -> SigningKeys:
    """Return the keys that verify what `signed` makes."""

    async def fetch() -> JsonObject:
        await trio.lowlevel.checkpoint()
        return {"keys": [public_key(KEY)]}

    keys = SigningKeys()
    await keys.refresh(fetch)
    return keys


@dataclass
class FakeOAuth:
    """What Gitea answers, and what it was asked."""

    found: Introspection | Inactive = field(
        default_factory=lambda: Introspection(
            scopes=frozenset({"openid", "read:repository"}), username="ada", uid=1, audience=(OURS,), issuer=ISSUER
        )
    )
    user: CurrentUser | Fault = field(
        default_factory=lambda: CurrentUser(uid=1, login="ada", active=True, prohibited=False, is_admin=False)
    )
    tokens: GiteaTokens | Fault = field(
        default_factory=lambda: GiteaTokens(
            access_token=Secret("a"), refresh_token=Secret("r"), expires_in_s=3600, id_token="i"
        )
    )
    ignores_scopes: bool = False
    asked: list[str] = field(default_factory=list[str])

    async def discover(self) -> SimpleNamespace:
        """Return who issues tokens."""
        await trio.lowlevel.checkpoint()
        return SimpleNamespace(issuer=ISSUER)

    async def introspect(self, _token: Secret) -> Introspection | Inactive:
        """Return what is known of a token."""
        await trio.lowlevel.checkpoint()
        self.asked.append("introspect")
        return self.found

    async def current_user(self, _token: Secret) -> CurrentUser:
        """Return whose token it is."""
        await trio.lowlevel.checkpoint()
        self.asked.append("user")
        if isinstance(self.user, Fault):
            raise self.user
        return self.user

    async def opens_everything(self, _token: Secret) -> bool:
        """Return whether a token opens everything."""
        await trio.lowlevel.checkpoint()
        return self.ignores_scopes

    async def exchange_code(self, _code: Secret, _redirect_uri: str, _verifier: Secret) -> GiteaTokens:
        """Exchange a code."""
        return await self.refresh(_code)

    async def refresh(self, _token: Secret) -> GiteaTokens:
        """Exchange a refresh token."""
        await trio.lowlevel.checkpoint()
        if isinstance(self.tokens, Fault):
            raise self.tokens
        return self.tokens
