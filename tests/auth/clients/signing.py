"""Keys that clients of tests sign with."""

from __future__ import annotations

from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from aegis_trio.model.json import JsonObject

RSA_KEY = rsa.generate_private_key(65537, 2048)


def public(algorithm: str, key: Any, **more: str) -> JsonObject:
    """Return the public half of *key* as a JWK."""
    return {**jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True), **more}
