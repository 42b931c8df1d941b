"""Settings of the cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

BRANCH_TTL_S: Final = 2.0
"""How long the place of a branch or tag is remembered at most: what was just pushed is seen within this."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSettings:
    """How much is kept, and for how long Gitea's word about a caller counts."""

    max_bytes: int = 128_000_000
    """Memory for kept content; 0 keeps nothing."""
    permission_ttl_s: float = 5.0
    """How long it counts that Gitea showed a caller a commit; 0 asks for every read."""

    @property
    def branch_ttl_s(self) -> float:
        """How long a branch's commit is remembered: never longer than a permission is."""
        return min(BRANCH_TTL_S, self.permission_ttl_s)

    def __post_init__(self) -> None:
        if self.max_bytes < 0 or self.permission_ttl_s < 0:
            raise ValueError("max_bytes and permission_ttl_s must be at least 0.")


DEFAULT_CACHE: Final = CacheSettings()
