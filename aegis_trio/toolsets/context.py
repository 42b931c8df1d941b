"""What a tool sees while it runs: who calls, the forge as the caller sees it, and how much a reply may hold.

Law: nothing else. No token, header, socket, setting or clock reaches a tool.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from aegis_trio.gitea.request import Forge
from aegis_trio.model.identity import Principal
from aegis_trio.model.json import JsonObject


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """One call's surroundings."""

    principal: Principal
    forge: Forge
    fits: Callable[[JsonObject], bool]
    """True when the rendered reply stays within `MAX_REPLY_BYTES`."""
