"""The forge as a caller sees it: acting as the caller, in its turn, with what is kept, and within its bounds.

The order is the security property: what is kept stands below the bounds of the key, so a kept answer is held to them,
and above the queue, so it takes no place at Gitea.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from aegis_trio.gateway.claims import credential_of
from aegis_trio.gateway.queueing import QueuedForge
from aegis_trio.gitea.cache.forge import ContentCache
from aegis_trio.gitea.reach import within_bounds
from aegis_trio.gitea.request import Forge
from aegis_trio.limits.bulkhead import Bulkhead
from aegis_trio.model.identity import Caller
from aegis_trio.model.secret import Secret


@final
@dataclass(frozen=True, slots=True)
class Forges:
    """Makes a `Forge` for each call."""

    acting_as: Callable[[Secret], Forge]
    bulkhead: Bulkhead | None
    content: ContentCache | None

    def for_caller(self, caller: Caller) -> Forge:
        """Return the forge as *caller* sees it."""
        forge = self.acting_as(caller.gitea_token)
        if self.bulkhead is not None:
            forge = QueuedForge(forge, self.bulkhead, caller.principal.id)
        if self.content is not None:
            forge = self.content.as_seen_by(credential_of(caller), forge)
        return within_bounds(forge, caller.principal.bounds)
