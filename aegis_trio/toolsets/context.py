"""What a tool sees while it runs: the caller, the forge as the caller sees it, the client, and how much it may answer.

Law: nothing else. No token, header, socket, setting or clock reaches a tool.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from aegis_trio.gitea.request import Forge
from aegis_trio.model.identity import Principal
from aegis_trio.model.json import JsonObject
from aegis_trio.model.kept import KeptReply
from aegis_trio.model.peer import SILENT_PEER, Peer


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """One call's surroundings."""

    principal: Principal
    forge: Forge
    fits: Callable[[JsonObject], bool]
    """True when the rendered reply stays within `MAX_REPLY_BYTES`."""
    peer: Peer = SILENT_PEER
    """The client, which can be told how far the call is, and asked."""
    kept: KeptReply | None = None
    """The reply that the call reads on in, already decided to be the caller's."""
