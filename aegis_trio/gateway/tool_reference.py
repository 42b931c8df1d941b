"""The reference of all tools as a document: `aegis-trio config --tools > docs/tools.md`; a test holds it current."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from aegis_trio.gateway.render import tool_definition
from aegis_trio.model.json import JsonObject, encode_json
from aegis_trio.model.toolspec import ContextT, Toolset, ToolSpec
from aegis_trio.toolsets.catalogue import TOOLS

_HEAD = """# Tools

Made from the code by `aegis-trio config --tools`; do not edit.

Every tool acts as you, with the rights of your Gitea identity and no other. A tool with methods is called with the
argument `method`; rights, costs, limits and the audit record are each method's own. Optional arguments end in `?`.
Lists have `total`, `has_next` and `next`, take `fields` (names with commas) and `format` (`json` or `csv`), and show
only what is not empty. Times are UTC.
"""


def tool_list_bytes(tools: Iterable[ToolSpec[ContextT]]) -> dict[str, int]:
    """Return how many bytes each tool takes in `tools/list`, as JSON without spaces."""
    return {tool.name: len(encode_json(tool_definition(tool))) for tool in tools}


def render_tools_reference(tools: tuple[ToolSpec[ContextT], ...] | None = None) -> str:
    """Return docs/tools.md."""
    served = cast("tuple[ToolSpec[ContextT], ...]", TOOLS) if tools is None else tools
    sizes = tool_list_bytes(served)
    operations = sum(len(tool.operations) for tool in served)
    lines = [
        _HEAD,
        f"{len(served)} tools with {operations} operations; the list takes {sum(sizes.values())} bytes.",
    ]
    for toolset in Toolset:
        members = [tool for tool in served if tool.toolset is toolset]
        if members:
            lines += ["", f"## {toolset.value}"]
            for tool in members:
                lines += ["", *_tool(tool)]
    return "\n".join(lines) + "\n"


def _tool(tool: ToolSpec[ContextT]) -> list[str]:
    head = [
        f"### `{tool.name}`",
        "",
        tool.description,
        "",
        "| method | arguments | scopes | cost | seconds | Gitea from |",
        "|---|---|---|---|---|---|",
    ]
    return [*head, *(_row(one) for one in tool.operations)]


def _row(operation: ToolSpec[ContextT]) -> str:
    says = f": {operation.description}" if operation.method and operation.description else ""
    method = f"`{operation.method}`{says}" if operation.method else "-"
    schema = operation.input_schema
    required = cast("list[str]", schema.get("required", []))
    names = [name for name in cast("JsonObject", schema["properties"]) if name != "method" or not operation.method]
    arguments = ", ".join(f"`{name}`" if name in required else f"`{name}?`" for name in names) or "-"
    scopes = ", ".join(f"`{scope}`" for scope in sorted(operation.scopes)) or "-"
    since = "-" if operation.min_gitea is None else ".".join(map(str, operation.min_gitea))
    cells = (method, arguments, scopes, operation.cost.value, f"{operation.timeout_s:g}", since)
    return f"| {' | '.join(cells)} |"
