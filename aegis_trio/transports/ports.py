"""What the transports need of the rooms below, as protocols: the gateway's door, and who checks credentials."""

from __future__ import annotations

from typing import Protocol

from aegis_trio.auth.credentials import RawCredentials
from aegis_trio.model.call import ToolOutcome, ToolRequest
from aegis_trio.model.identity import Caller, Origin
from aegis_trio.model.toolspec import ToolSpec
from aegis_trio.toolsets.context import ToolContext


class Door(Protocol):
    """The one door to every tool; `gateway.Gateway` is it."""

    def tools_for(self, caller: Caller) -> tuple[ToolSpec[ToolContext], ...]:
        """Return the tools that *caller* may use."""
        ...

    async def call(self, caller: Caller, request: ToolRequest) -> ToolOutcome:
        """Run one tool; never raises a fault."""
        ...


class Doorman(Protocol):
    """Checks credentials; `auth.Authenticator` is it."""

    async def authenticate(self, raw: RawCredentials, origin: Origin) -> Caller:
        """Return who is calling, or raise the fault that refuses it."""
        ...
