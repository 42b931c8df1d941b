"""How often a peer may reset: a bucket that refills.

Threat: opening a stream and resetting it costs a peer nothing and us a request (CVE-2023-44487); provoking us to
reset it (CVE-2025-8671) is the same, and is counted the same way.
"""

from __future__ import annotations

from typing import final

from aegis_trio.web.server.limits import ConnectionLimits


@final
class ResetAllowance:
    """The resets that one connection has left."""

    __slots__ = ("_left", "_limits", "_since")

    def __init__(self, limits: ConnectionLimits, now: float) -> None:
        self._limits = limits
        self._left = float(limits.max_resets)
        self._since = now

    def spend(self, now: float) -> bool:
        """Count one reset; return whether it was allowed."""
        refilled = (now - self._since) * self._limits.resets_refilled_per_s
        self._since = now
        self._left = min(self._left + refilled, self._limits.max_resets) - 1
        return self._left >= 0
