"""The vault: what of others we keep (Gitea's tokens, answers that may be lost) is sealed before it reaches the store.

Laws:
    1. A sealed value opens only in the row and for the person that it was sealed for.
    2. The first key seals, every key opens: rotation is adding one in front, and taking the old one away later.
    3. What does not open is as if it were not there; nothing says why.

Source: RFC 8452 (AES-GCM-SIV): a nonce that came twice would tell only that two values are equal.
"""

from __future__ import annotations

import secrets
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from aegis_trio.model.secret import Secret
from aegis_trio.protocol.sealing import as_text, bind, check_keys, read_text

MAX_SEALED_CHARS: Final = 16 * 1024  # Gitea's longest token has about 900 bytes
_NONCE_BYTES: Final = 12
_FORM: Final = "vault 1"


@final
class Vault:
    """Seals and opens."""

    __slots__ = ("_ciphers",)

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        """Take the keys, 32 bytes each, newest first; at least one.

        Raises:
            ValueError: none, or one of another length — our caller's bug.
        """
        if not keys:
            raise ValueError("a vault needs at least one key")
        check_keys(keys)
        self._ciphers = tuple(AESGCMSIV(key) for key in keys)

    def seal(self, secret: Secret, *, row: str, owner: str) -> str:
        """Return *secret* sealed for one row and one owner, as text."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = secret.reveal().encode("utf-8", "surrogatepass")
        return as_text(nonce + self._ciphers[0].encrypt(nonce, plain, bind(_FORM, row, owner)))

    def is_sealed_by_first(self, sealed: str, *, row: str, owner: str) -> bool:
        """Return whether the first key opens *sealed*, so that the others are not needed for it."""
        return self._open(self._ciphers[:1], sealed, row, owner) is not None

    def unseal(self, sealed: str, *, row: str, owner: str) -> Secret | None:
        """Return what was sealed for this row and owner, or None."""
        return self._open(self._ciphers, sealed, row, owner)

    def _open(self, ciphers: tuple[AESGCMSIV, ...], sealed: str, row: str, owner: str) -> Secret | None:
        raw = read_text(sealed, max_chars=MAX_SEALED_CHARS)
        if raw is None or len(raw) <= _NONCE_BYTES:
            return None
        for cipher in ciphers:
            try:
                plain = cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], bind(_FORM, row, owner))
            except InvalidTag:
                continue
            return Secret(plain.decode("utf-8", "surrogatepass"))
        return None
