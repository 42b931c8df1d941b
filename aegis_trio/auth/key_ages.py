"""How old the configured keys are, and when they expire: for metrics and alerts, and for no decision.

Law: only keys that are configured now count, and of these only those whose metadata say when; the end of a key that
was revoked, or that another takes the place of, is wanted, and no news.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.auth.settings import AuthSettings, KeyValidity
from aegis_trio.model.clock import NS_PER_S, WallClock

MAX_KEYS: Final = 1000
"""Keys that have a series of their own; labels must be bounded."""


@final
@dataclass(frozen=True, slots=True)
class KeyAgeStatistics:
    """Ages by the key's id."""

    age_seconds: Mapping[tuple[str], float]
    expires_in_seconds: Mapping[tuple[str], float]


@final
class KeyAges:
    """Knows when the keys of the present settings were made and when they end."""

    def __init__(self, settings: AuthSettings, clock: WallClock) -> None:
        self._clock = clock
        self._keys: tuple[KeyValidity, ...] = ()
        self.replace(settings)

    def replace(self, settings: AuthSettings) -> None:
        """Look at the keys of *settings* from now on."""
        configured = {key.kid for key in settings.keys} | {key.hint for key in settings.keys if key.kid is None}
        known = [one for one in settings.validities if one.kid in configured or one.hint in configured]
        lasting = [one for one in known if not one.revoked and one.replaced_by is None]
        self._keys = tuple(lasting[:MAX_KEYS]) if settings.enabled else ()

    def statistics(self) -> KeyAgeStatistics:
        """Return how old they are now."""
        now_ns = self._clock.now_ns()
        return KeyAgeStatistics(
            {(one.kid,): (now_ns - one.created_ns) / NS_PER_S for one in self._keys if one.created_ns is not None},
            {(one.kid,): (one.expires_ns - now_ns) / NS_PER_S for one in self._keys if one.expires_ns is not None},
        )

    def expiring(self, within_s: float) -> list[tuple[str, float]]:
        """Return the hint (or id) of each key that expires *within_s* seconds or has expired, with the seconds left."""
        left = self.statistics().expires_in_seconds
        return [
            (one.hint or one.kid, left[(one.kid,)]) for one in self._keys if left.get((one.kid,), within_s) < within_s
        ]
