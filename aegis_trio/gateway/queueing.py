"""The forge as one principal sees it, in its turn: every request of a call waits for a place at Gitea.

Law: a place is held for one request, redirect included, not for a call: between its requests a call holds none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from aegis_trio.gitea.request import AnswerT, Forge, ForgeRequest
from aegis_trio.limits.bulkhead import Bulkhead
from aegis_trio.model.identity import PrincipalId


@final
@dataclass(frozen=True, slots=True)
class QueuedForge:
    """A `Forge` behind the bulkhead."""

    forge: Forge
    bulkhead: Bulkhead
    principal_id: PrincipalId

    async def ask(self, request: ForgeRequest[AnswerT]) -> AnswerT:
        """Ask once there is a place; raises RateLimited when too many wait, and what the forge raises."""
        async with self.bulkhead.place(self.principal_id):
            return await self.forge.ask(request)
