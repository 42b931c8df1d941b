"""What every sealed text shares: how bytes become opaque text, and how a context is bound without two readings.

Laws:
    1. One value has one text: whatever is not the canonical spelling of its bytes is not read.
    2. Two different contexts never bind to the same bytes, whatever their parts hold.

Not here: the seals themselves (cursors.py, request_state.py).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

KEY_BYTES: Final = 32  # what model/keyring.py derives

_TEXT: Final = re.compile(r"[A-Za-z0-9_-]+")


def as_text(sealed: bytes) -> str:
    """Return *sealed* as text that stands in JSON, in a URL and in a header as it is.

    Source: RFC 4648 section 5, without padding.
    """
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def read_text(raw_text: str, *, max_chars: int) -> bytes | None:
    """Return the bytes that *raw_text* spells, or None when it is no such text or longer than *max_chars*."""
    if len(raw_text) > max_chars or not _TEXT.fullmatch(raw_text):
        return None
    try:
        sealed = base64.urlsafe_b64decode(raw_text + "=" * (-len(raw_text) % 4))
    except binascii.Error:
        return None
    # Threat: Base64 with stray bits has many spellings of one value; who remembers spent texts would be walked around.
    return sealed if as_text(sealed) == raw_text else None


def bind(*parts: str | bytes) -> bytes:
    """Return *parts* as bytes from which each could be read back.

    Threat: without lengths, principal "a" with method "bc" would be bound as principal "ab" with method "c".
    """
    # A lone surrogate is encoded too: what a client sends does not raise.
    raw_parts = [part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in raw_parts)


def check_keys(keys: tuple[bytes, ...]) -> None:
    """Refuse keys that were not derived for a seal.

    Raises:
        ValueError: a key of another length — our caller's bug.
    """
    if any(len(key) != KEY_BYTES for key in keys):
        raise ValueError(f"a sealing key has {KEY_BYTES} bytes, as Keyring.key returns it")
