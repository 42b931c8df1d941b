"""The text of an API key: how one is made, and what may be said about it without giving it away.

A key is 64 hexadecimal characters (256 bits), alone or dressed as `aegis_<64 hex>_<8 hex>`, where the last part is
the CRC32 of everything before it: scanners find it, and a typing error is not mistaken for an attack. Both
dresses of one body are the same key.

Laws:
    1. A hint and an id never let anybody call: twelve characters of a body leave at least 80 bits.
    2. Parsing never raises on hostile text and takes the same way for every text of the same form.

Not here: which keys are valid (keytable.py).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from aegis_trio.model.identity import PrincipalId
from aegis_trio.model.secret import Secret

BODY_BYTES: Final = 32  # 256 bits; ASVS 5.0 11.5.1 asks for 128
MIN_KEY_CHARS: Final = 32  # 128 bits, were they hexadecimal
ADVISED_KEY_CHARS: Final = 64
MAX_KEY_CHARS: Final = 512  # far above any key in use; a header may hold more, a key does not
HINT_HEAD: Final = 8
HINT_TAIL: Final = 4

_DRESSED: Final = re.compile(r"(aegis_([0-9a-f]{64}))_([0-9a-f]{8})", re.ASCII)
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+", re.ASCII)
_HINT: Final = re.compile(r"[\x21-\x7e]{8}\.\.\.[\x21-\x7e]{4}", re.ASCII)


class KeyForm(StrEnum):
    """How a key is written."""

    HEX = "hex"
    AEGIS = "aegis"


class DigestScheme(StrEnum):
    """How the gate remembers a key."""

    SHA256 = "sha256"
    HMAC = "hmac"


@final
@dataclass(frozen=True, slots=True)
class KeyText:
    """A text that has the form of a key; whether it is one of ours stands elsewhere."""

    body: Secret
    form: KeyForm

    @property
    def hint(self) -> str:
        """First eight and last four characters of the body."""
        text = self.body.reveal()
        return f"{text[:HINT_HEAD]}...{text[-HINT_TAIL:]}"

    @property
    def kid(self) -> str:
        """The key's id: twelve hexadecimal characters, safe to show."""
        return hashlib.sha256(b"aegis-kid\0" + self.body.reveal().encode()).hexdigest()[:12]

    @property
    def principal_id(self) -> PrincipalId:
        """The principal that this key stands for."""
        return PrincipalId(f"key:{self.kid}")

    def digest(self, scheme: DigestScheme, pepper: Secret | None) -> bytes:
        """Return what is remembered of the key.

        Raises:
            ValueError: HMAC without a pepper — our caller's bug.
        """
        text = self.body.reveal().encode()
        match scheme:
            case DigestScheme.SHA256:
                return hashlib.sha256(text).digest()
            case DigestScheme.HMAC:
                if pepper is None:
                    raise ValueError("an HMAC needs a pepper")
                return hmac.digest(pepper.reveal().encode(), text, hashlib.sha256)


def pepper_id(pepper: Secret) -> str:
    """Return the id of *pepper*: eight hexadecimal characters, safe to show, that stand beside what it made."""
    return hashlib.sha256(b"aegis-pepper\0" + pepper.reveal().encode()).hexdigest()[:8]


def make_key(form: KeyForm = KeyForm.HEX) -> Secret:
    """Return a new key from the system's random source."""
    return write_key(secrets.token_hex(BODY_BYTES), form)


def write_key(body: str, form: KeyForm) -> Secret:
    """Return the key with this 64-character hexadecimal *body* as *form* writes it."""
    match form:
        case KeyForm.HEX:
            return Secret(body)
        case KeyForm.AEGIS:
            dressed = f"aegis_{body}"
            return Secret(f"{dressed}_{_checksum(dressed)}")


def parse_key(raw_key: str) -> KeyText | None:
    """Return the key in *raw_key*, or None when no key of ours can have that form."""
    if not MIN_KEY_CHARS <= len(raw_key) <= MAX_KEY_CHARS or not _VISIBLE.fullmatch(raw_key):
        return None
    if raw_key[:6].lower() != "aegis_":
        return KeyText(Secret(raw_key), KeyForm.HEX)
    dressed = _DRESSED.fullmatch(raw_key)
    if dressed is None or dressed[3] != _checksum(dressed[1]):
        return None
    return KeyText(Secret(dressed[2]), KeyForm.AEGIS)


def is_hint(text: str) -> bool:
    """Return whether *text* has the form of a hint."""
    return _HINT.fullmatch(text) is not None


def _checksum(dressed: str) -> str:
    return f"{zlib.crc32(dressed.encode()):08x}"
