"""The table of valid keys: digest → key, looked up in one way for every text that is presented.

Laws:
    1. A text that is no key is treated as one: it is hashed, looked up and compared like any other.
    2. The answer tells a valid key from an expired or revoked one; whoever asks must not tell the caller.
    3. A table does not change; new settings make a new table.

Threat: answers that come sooner for a wrong first character let a key be found character by character. Digests make
neighbouring keys unrelated, and the last comparison takes the same time whatever differs.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.auth.keytext import DigestScheme, KeyForm, KeyText, parse_key
from aegis_trio.auth.settings import AuthSettings, ConfiguredKey, KeyState, KeyValidity
from aegis_trio.model.bounds import KeyBounds
from aegis_trio.model.identity import PrincipalId
from aegis_trio.model.secret import Secret

_MISS: Final = ConfiguredKey(scheme=DigestScheme.SHA256, digest=bytes(32), gitea_token=Secret(""))
_GOOD: Final = frozenset({KeyState.ACTIVE, KeyState.GRACE})
_NO_PEPPER: Final = Secret("no pepper, no match")


@final
@dataclass(frozen=True, slots=True)
class Admission:
    """A key as it lets somebody in: which one, as whom at Gitea, and how far."""

    entry: ConfiguredKey
    gitea_token: Secret
    bounds: KeyBounds


@final
@dataclass(frozen=True, slots=True)
class Verdict:
    """What the table says about one presented text."""

    entry: ConfiguredKey | None
    """The key, if it is one of ours."""
    text: KeyText
    well_formed: bool
    state: KeyState
    """Where it stands, if it is one of ours."""
    validity: KeyValidity

    @property
    def admission(self) -> Admission | None:
        """How the key lets somebody in; None when it does not."""
        if self.entry is None or self.state not in _GOOD:
            return None
        return _admission(self.entry, self.validity)


@final
class KeyTable:
    """The keys of one set of settings."""

    __slots__ = ("_entries", "_peppers", "_validities")

    def __init__(self, settings: AuthSettings) -> None:
        self._entries = {(key.scheme, key.digest): key for key in settings.keys}
        self._peppers = (settings.pepper or _NO_PEPPER, *settings.former_peppers)
        self._validities = {validity.kid: validity for validity in settings.validities}

    def __len__(self) -> int:
        return len(self._entries)

    def look_up(self, raw_key: Secret, now_ns: int) -> Verdict:
        """Judge the text *raw_key* at the time *now_ns* (UTC nanoseconds)."""
        parsed = parse_key(raw_key.reveal())
        text = parsed if parsed is not None else KeyText(raw_key, KeyForm.HEX)
        found = _MISS
        matches = 0
        for scheme, pepper in self._ways():
            digest = text.digest(scheme, pepper)
            entry = self._entries.get((scheme, digest), _MISS)
            same = hmac.compare_digest(entry.digest, digest)
            found = entry if same else found
            matches += same
        known = matches > 0 and parsed is not None
        validity = self._validity_of(text.kid)
        return Verdict(
            entry=found if known else None,
            text=text,
            well_formed=parsed is not None,
            state=validity.state(now_ns),
            validity=validity,
        )

    def holds(self, principal_id: PrincipalId, seen: Admission, now_ns: int) -> bool:
        """Return whether a principal that was let in as *seen* still would be: same identity at Gitea, same bounds."""
        entry = self._entries.get((seen.entry.scheme, seen.entry.digest))
        validity = self._validity_of(principal_id.removeprefix("key:"))
        if entry is None or validity.state(now_ns) not in _GOOD:
            return False
        admission = _admission(entry, validity)
        return (admission.gitea_token, admission.bounds) == (seen.gitea_token, seen.bounds)

    def admissions(self, now_ns: int) -> dict[PrincipalId, Admission]:
        """Return how each key whose id is known, and that is good at *now_ns*, would let its holder in."""
        found: dict[PrincipalId, Admission] = {}
        for key in self._entries.values():
            if key.kid is not None:
                validity = self._validity_of(key.kid)
                if validity.state(now_ns) in _GOOD:
                    found[PrincipalId(f"key:{key.kid}")] = _admission(key, validity)
        return found

    def _ways(self) -> Iterator[tuple[DigestScheme, Secret | None]]:
        yield DigestScheme.SHA256, None
        for pepper in self._peppers:
            yield DigestScheme.HMAC, pepper

    def _validity_of(self, kid: str) -> KeyValidity:
        # Invariant: a kid without a row costs what one with a row costs.
        unlimited = KeyValidity(kid=kid, expires_ns=None)
        return self._validities.get(kid, unlimited)


def _admission(entry: ConfiguredKey, validity: KeyValidity) -> Admission:
    token = entry.gitea_token if validity.gitea_token is None else validity.gitea_token
    return Admission(entry, token, validity.bounds)
