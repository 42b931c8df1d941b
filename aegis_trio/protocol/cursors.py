"""Pagination cursors: where a list goes on, as text that only the caller it was given to can use, for an hour.

Laws:
    1. A cursor opens for the principal, the method and the scope that it was sealed for, and for nobody else.
    2. Whatever the text is, `unseal` returns a position of ours or None; nothing is raised.
    3. The server remembers nothing: a cursor may be used again until it expires, and after a restart.

Not here: what a position means (whoever makes the list), and the error of a bad cursor: -32602 (dispatch.py).
A position is signed, not hidden: it holds nothing that the caller must not see.

Source: MCP 2026-07-28 server/utilities/pagination: cursors are opaque, "" is a cursor and not the end.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, final

from aegis_trio.protocol.sealing import as_text, bind, check_keys, read_text

CURSOR_TTL_S: Final = 3600
MAX_CURSOR_CHARS: Final = 256
_MAC_BYTES: Final = 32
_EXPIRY_BYTES: Final = 8
_HEAD_BYTES: Final = _MAC_BYTES + _EXPIRY_BYTES
MAX_POSITION_BYTES: Final = MAX_CURSOR_CHARS * 3 // 4 - _HEAD_BYTES

_FORM: Final = "cursor 1"  # bound into every seal: another form, another number, and old cursors are none


@final
@dataclass(frozen=True, slots=True)
class CursorSealer:
    """Makes and opens cursors."""

    key: bytes = field(repr=False)
    """32 bytes, `Keyring.key(Purpose.CURSOR)`."""
    now: Callable[[], int]
    """UTC seconds since 1970."""
    older_keys: tuple[bytes, ...] = field(default=(), repr=False)
    """Keys that still open cursors while the root secret is rotated: the rest of `Keyring.keys(Purpose.CURSOR)`."""

    def __post_init__(self) -> None:
        check_keys((self.key, *self.older_keys))

    def seal(self, principal: str, method: str, position: str, scope: str = "") -> str:
        """Return the cursor of *position*.

        Args:
            principal: who may use it.
            method: the JSON-RPC method that it continues.
            position: where the list goes on, at most `MAX_POSITION_BYTES` bytes in UTF-8.
            scope: what else the list depends on, such as a digest of the salient params.

        Raises:
            ValueError: the position does not fit — our caller's bug: positions are ours, never a client's text.
        """
        raw_position = position.encode("utf-8", "surrogatepass")
        if len(raw_position) > MAX_POSITION_BYTES:
            raise ValueError(f"a position has at most {MAX_POSITION_BYTES} bytes, this one has {len(raw_position)}")
        body = (self.now() + CURSOR_TTL_S).to_bytes(_EXPIRY_BYTES, "big") + raw_position
        return as_text(_mac(self.key, principal, method, scope, body) + body)

    def unseal(self, raw_cursor: str, principal: str, method: str, scope: str = "") -> str | None:
        """Return the position of *raw_cursor*, or None for one that is forged, foreign, expired or malformed."""
        sealed = read_text(raw_cursor, max_chars=MAX_CURSOR_CHARS)
        if sealed is None or len(sealed) < _HEAD_BYTES:
            return None
        mac, body = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
        # Invariant: nothing of the body is looked at before its seal is found good, by any key, in constant time.
        keys = (self.key, *self.older_keys)
        if not any(hmac.compare_digest(mac, _mac(key, principal, method, scope, body)) for key in keys):
            return None
        if int.from_bytes(body[:_EXPIRY_BYTES], "big") <= self.now():
            return None
        return body[_EXPIRY_BYTES:].decode("utf-8", "surrogatepass")


def _mac(key: bytes, principal: str, method: str, scope: str, body: bytes) -> bytes:
    return hmac.digest(key, bind(_FORM, principal, method, scope, body), hashlib.sha256)
