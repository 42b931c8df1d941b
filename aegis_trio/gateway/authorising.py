"""Authorising a call: from what a client sent to a typed call that may be made, or the fault that refuses it.

Law: the order is the security property: whoever may not call learns nothing about arguments or state.
1. it exists for this caller  2. authorised  3. arguments, reach  4. open  5. what it reads on in is theirs; then, in
the gateway, it is within limits and recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

from aegis_trio.gateway.directory import Directory
from aegis_trio.gateway.keeping import KeptReplies
from aegis_trio.gateway.running import prepare
from aegis_trio.model.call import ToolRequest
from aegis_trio.model.decision import Allow, Deny
from aegis_trio.model.errors import Fault
from aegis_trio.model.identity import Caller
from aegis_trio.model.kept import KeptReply
from aegis_trio.model.toolspec import PreparedCall, ToolSpec
from aegis_trio.policy.access import decide_access
from aegis_trio.toolsets.context import ToolContext


@final
@dataclass(frozen=True, slots=True)
class Authorised:
    """A call that may be made: its operation, and its arguments made typed."""

    spec: ToolSpec[ToolContext]
    prepared: PreparedCall[ToolContext]
    kept: KeptReply | None = None
    """What it reads on in."""


@final
@dataclass(frozen=True, slots=True)
class Authoriser:
    """Decides calls."""

    directory: Directory
    gate_closed: Callable[[Caller], Fault | None]
    """Why a caller cannot be served now, or None."""
    kept: KeptReplies

    def authorise(self, caller: Caller, request: ToolRequest, spec: ToolSpec[ToolContext] | None) -> Authorised:
        """Return the call that *request* makes of *spec*.

        Raises:
            Fault: whatever refuses it.
        """
        if spec is None:
            raise self.directory.unknown(caller, request)
        match decide_access(caller.principal, spec):
            case Deny(fault=fault):
                raise fault
            case Allow():
                pass
        if spec.methods:
            raise self.directory.wrong_method(caller, spec, request)
        prepared = prepare(spec, request, caller.principal.bounds)
        closed = self.gate_closed(caller)
        if closed is not None:
            raise closed
        if prepared.continues is None:
            return Authorised(spec, prepared)
        entry = self.kept.find(caller.principal, prepared.continues)
        return Authorised(spec, replace(prepared, places={**prepared.places, **entry.places}), entry.reply)
