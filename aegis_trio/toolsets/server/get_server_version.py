"""get_server_version: which forge stands behind the gate, and which gate this is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio import __version__
from aegis_trio.gitea.server import get_version
from aegis_trio.model.call import ToolReply
from aegis_trio.model.toolspec import CostClass, Toolset
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.tool import read_tool


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GetServerVersion:
    """No arguments."""


async def _get_server_version(context: ToolContext, _call: GetServerVersion) -> ToolReply:
    version = await context.forge.ask(get_version())
    product = "Forgejo" if version.is_forgejo else "Gitea"
    return ToolReply({"product": product, "version": version.text, "gate_version": __version__})


GET_SERVER_VERSION: Final = read_tool(
    name="get_server_version",
    title="Server version",
    description="Tells whether the forge is Gitea or Forgejo, its version, and the version of this gate.",
    toolset=Toolset.SERVER,
    cost=CostClass.CHEAP,
    timeout_s=20.0,
    scopes=frozenset(),
    gitea_scopes=frozenset(),
    arguments=GetServerVersion,
    parse=lambda arguments: arguments,
    handler=_get_server_version,
    example={},
    output_schema={
        "type": "object",
        "properties": {
            "product": {"type": "string"},
            "version": {"type": "string"},
            "gate_version": {"type": "string"},
        },
        "required": ["product", "version", "gate_version"],
    },
)
