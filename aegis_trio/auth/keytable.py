"""The table of valid keys: digest → key, looked up in one way for every text that is presented.

Laws:
    1. A text that is no key is treated as one: it is hashed, looked up and compared like any other.
    2. The answer tells a valid key from an expired one; whoever asks must not tell the caller.
    3. A table does not change; new settings make a new table.

Threat: answers that come sooner for a wrong first character let a key be found character by character. Digests make
neighbouring keys unrelated, and the last comparison takes the same time whatever differs.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.auth.keytext import DigestScheme, KeyForm, KeyText, parse_key
from aegis_trio.auth.settings import AuthSettings, ConfiguredKey
from aegis_trio.model.identity import PrincipalId
from aegis_trio.model.secret import Secret

_FOREVER_NS: Final = 1 << 63
_MISS: Final = ConfiguredKey(scheme=DigestScheme.SHA256, digest=bytes(32), gitea_token=Secret(""))


@final
@dataclass(frozen=True, slots=True)
class Verdict:
    """What the table says about one presented text."""

    entry: ConfiguredKey | None
    """The key, if it is one of ours."""
    text: KeyText
    well_formed: bool
    expired: bool


@final
class KeyTable:
    """The keys of one set of settings."""

    __slots__ = ("_entries", "_expires_ns", "_pepper")

    def __init__(self, settings: AuthSettings) -> None:
        self._entries = {(key.scheme, key.digest): key for key in settings.keys}
        self._pepper = settings.pepper if settings.pepper is not None else Secret("no pepper, no match")
        self._expires_ns = {
            validity.kid: _FOREVER_NS if validity.expires_ns is None else validity.expires_ns
            for validity in settings.validities
        }

    def __len__(self) -> int:
        return len(self._entries)

    def look_up(self, raw_key: Secret, now_ns: int) -> Verdict:
        """Judge the text *raw_key* at the time *now_ns* (UTC nanoseconds)."""
        parsed = parse_key(raw_key.reveal())
        text = parsed if parsed is not None else KeyText(raw_key, KeyForm.HEX)
        found = _MISS
        matches = 0
        for scheme in DigestScheme:
            digest = text.digest(scheme, self._pepper)
            entry = self._entries.get((scheme, digest), _MISS)
            same = hmac.compare_digest(entry.digest, digest)
            found = entry if same else found
            matches += same
        known = matches > 0 and parsed is not None
        expires_ns = self._expires_ns.get(text.kid, _FOREVER_NS)
        return Verdict(
            entry=found if known else None,
            text=text,
            well_formed=parsed is not None,
            expired=now_ns >= expires_ns,
        )

    def holds(self, principal_id: PrincipalId, seen_as: ConfiguredKey, now_ns: int) -> bool:
        """Return whether a principal that came as *seen_as* is still valid here, with the same Gitea identity."""
        entry = self._entries.get((seen_as.scheme, seen_as.digest))
        expires_ns = self._expires_ns.get(principal_id.removeprefix("key:"), _FOREVER_NS)
        return entry is not None and entry.gitea_token == seen_as.gitea_token and now_ns < expires_ns
