"""FastMCP's client, as a driver of its own process: both eras, over Streamable HTTP, HTTP+SSE and stdio.

See README.md for what it reads and writes. It runs on asyncio, which is what FastMCP is made for.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import anyio
import anyio.lowlevel
from fastmcp import Client
from fastmcp.client.transports import ClientTransport, SSETransport, StdioTransport, StreamableHttpTransport
from mcp import MCPError
from mcp.types import PromptReference, ResourceTemplateReference
from pydantic import BaseModel

DEADLINE_S = 30.0


def make_transport(errand: dict[str, Any]) -> ClientTransport:
    """Return what *errand* says about the way to the server."""
    headers = {"Authorization": f"Bearer {errand['key']}"}
    match errand["transport"]:
        case "http":
            return StreamableHttpTransport(errand["url"], headers=headers)
        case "sse":
            return SSETransport(errand["url"], headers=headers)
        case "stdio":
            command, *arguments = errand["command"]
            return StdioTransport(command, arguments, env=errand["environment"], keep_alive=False)
        case other:
            raise SystemExit(f"this client has no transport {other}")


async def run(errand: dict[str, Any]) -> dict[str, Any]:
    """Run *errand* and return the report."""
    async with Client(make_transport(errand), mode=errand["era"], timeout=DEADLINE_S) as client:
        steps = [await report(client, step) for step in errand["steps"]]
        return {
            "version": client.protocol_version,
            "server": wire(client.server_info),
            "capabilities": wire(client.server_capabilities),
            "steps": steps,
        }


async def report(client: Client[Any], step: dict[str, Any]) -> dict[str, Any]:
    """Take *step* and say what came of it."""
    progress: list[dict[str, Any]] = []

    try:
        with anyio.CancelScope() as scope:

            async def note(done: float, total: float | None, message: str | None) -> None:
                progress.append({"progress": done, "total": total, "message": message})
                if step.get("cancel_on_progress"):
                    scope.cancel()
                await anyio.lowlevel.checkpoint()

            result = wire(await take(client, step, note))
    except MCPError as error:
        return {"error": {"code": error.error.code, "message": error.error.message}}
    if scope.cancelled_caught:
        return {"cancelled": True}
    return {"result": result, "progress": progress} if step.get("progress") else {"result": result}


async def take(client: Client[Any], step: dict[str, Any], note: Any) -> Any:
    """Do what *step* says."""
    match step["do"]:
        case "list_tools":
            return await client.list_tools_mcp()
        case "call_tool":
            handler = note if step.get("progress") or step.get("cancel_on_progress") else None
            return await client.call_tool_mcp(step["name"], step.get("arguments", {}), progress_handler=handler)
        case "list_resources":
            return await client.list_resources_mcp()
        case "list_resource_templates":
            return await client.list_resource_templates_mcp()
        case "read_resource":
            return await client.read_resource_mcp(step["uri"])
        case "list_prompts":
            return await client.list_prompts_mcp()
        case "get_prompt":
            return await client.get_prompt_mcp(step["name"], step.get("arguments", {}))
        case "complete":
            kind = PromptReference if step["ref"]["type"] == "ref/prompt" else ResourceTemplateReference
            return await client.complete_mcp(kind(**step["ref"]), step["argument"], step.get("context"))
        case other:
            raise SystemExit(f"no such step: {other}")


def wire(value: Any) -> Any:
    """Return *value* as it is on the wire."""
    return value.model_dump(mode="json", by_alias=True, exclude_none=True) if isinstance(value, BaseModel) else value


if __name__ == "__main__":
    print(json.dumps(anyio.run(run, json.load(sys.stdin))))
