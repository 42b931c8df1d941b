"""get_me: who the gate acts as for this caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.gitea.users import get_me as me_request
from aegis_trio.model.call import ToolReply
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.toolspec import CostClass, Toolset
from aegis_trio.policy.untrusted import clean_line
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.tool import read_tool


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GetMe:
    """No arguments."""


async def _get_me(context: ToolContext, _call: GetMe) -> ToolReply:
    me = await context.forge.ask(me_request())
    scopes: list[JsonValue] = [*sorted(context.principal.scopes)]
    reply: JsonObject = {
        "login": clean_line(me.login),
        "id": me.id,
        "full_name": clean_line(me.full_name),
        "scopes": scopes,
    }
    if context.principal.key_hint is not None:
        reply["key_hint"] = context.principal.key_hint
    return ToolReply(reply)


GET_ME: Final = read_tool(
    name="get_me",
    title="Who am I",
    description=(
        "Tells which Gitea account the gate acts as for you, and which scopes your credential has here. "
        "All other tools see exactly what this account may see. Shows no other people."
    ),
    toolset=Toolset.SERVER,
    cost=CostClass.CHEAP,
    timeout_s=20.0,
    scopes=frozenset(),
    gitea_scopes=frozenset({"read:user"}),
    arguments=GetMe,
    parse=lambda arguments: arguments,
    handler=_get_me,
    example={},
    output_schema={
        "type": "object",
        "properties": {
            "login": {"type": "string"},
            "id": {"type": "integer"},
            "full_name": {"type": "string"},
            "scopes": {"type": "array", "items": {"type": "string"}},
            "key_hint": {"type": "string"},
        },
        "required": ["login", "id", "full_name", "scopes"],
    },
)
