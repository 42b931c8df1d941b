"""The official Python client, as a driver of its own process: both eras, over every transport of the gate.

See README.md for what it reads and writes. It runs on Trio. It has no WebSocket of its own; here it gets the one that
its transports are made for: two streams of messages.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import trio
from mcp import Client, MCPError
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage
from mcp.types import (
    PromptReference,
    ResourceTemplateReference,
    ResourceUpdatedNotification,
    jsonrpc_message_adapter,
)
from pydantic import BaseModel
from trio_websocket import ConnectionClosed, open_websocket_url

DEADLINE_S = 60.0
MODERN = "2026-07-28"
MESSAGES = 16  # as many as the gate lets wait on one socket


@asynccontextmanager
async def websocket_client(url: str, key: str) -> AsyncGenerator[Any]:
    """Open a WebSocket as a transport of the client."""
    to_session, of_server = anyio.create_memory_object_stream[SessionMessage | Exception](MESSAGES)
    to_server, of_session = anyio.create_memory_object_stream[SessionMessage](MESSAGES)
    headers = [(b"Authorization", b"Bearer " + key.encode())]
    async with open_websocket_url(url, extra_headers=headers) as socket, trio.open_nursery() as nursery:

        async def receive() -> None:
            with to_session:
                try:
                    while True:
                        message = jsonrpc_message_adapter.validate_json(await socket.get_message(), by_name=False)
                        await to_session.send(SessionMessage(message))
                except ConnectionClosed:
                    return

        async def send() -> None:
            async for said in of_session:
                await socket.send_message(said.message.model_dump_json(by_alias=True, exclude_unset=True))

        nursery.start_soon(receive)
        nursery.start_soon(send)
        yield of_server, to_server
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def http_client(url: str, key: str) -> AsyncGenerator[Any]:
    """Open Streamable HTTP with a client that does not look into the environment."""
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False, timeout=DEADLINE_S) as client,
        streamable_http_client(url, http_client=client) as streams,
    ):
        yield streams


def make_transport(errand: dict[str, Any]) -> AbstractAsyncContextManager[Any]:
    """Return what *errand* says about the way to the server."""
    match errand["transport"]:
        case "http":
            return http_client(errand["url"], errand["key"])
        case "sse":
            return sse_client(errand["url"], headers={"Authorization": f"Bearer {errand['key']}"})
        case "websocket":
            return websocket_client(errand["url"], errand["key"])
        case "stdio":
            command, *arguments = errand["command"]
            return stdio_client(StdioServerParameters(command=command, args=arguments, env=errand["environment"]))
        case other:
            raise SystemExit(f"this client has no transport {other}")


async def run(errand: dict[str, Any]) -> dict[str, Any]:
    """Run *errand* and return the report."""
    to_watcher, told = anyio.create_memory_object_stream[str](1000)

    async def hear(message: object) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            await to_watcher.send(str(message.params.uri))

    async with Client(
        make_transport(errand), mode=errand["era"], message_handler=hear, read_timeout_seconds=DEADLINE_S, cache=None
    ) as client:
        steps = [await report(client, step, told) for step in errand["steps"]]
        return {
            "version": client.protocol_version,
            "server": wire(client.server_info),
            "capabilities": wire(client.server_capabilities),
            "steps": steps,
        }


async def report(client: Client, step: dict[str, Any], told: Any) -> dict[str, Any]:
    """Take *step* and say what came of it."""
    progress: list[dict[str, Any]] = []
    try:
        with anyio.CancelScope() as scope:

            async def note(done: float, total: float | None, message: str | None) -> None:
                progress.append({"progress": done, "total": total, "message": message})
                if step.get("cancel_on_progress"):
                    scope.cancel()
                await anyio.lowlevel.checkpoint()

            result = wire(await take(client, step, note, told))
    except MCPError as error:
        return {"error": {"code": error.error.code, "message": error.error.message}}
    if scope.cancelled_caught:
        return {"cancelled": True}
    return {"result": result, "progress": progress} if step.get("progress") else {"result": result}


async def take(client: Client, step: dict[str, Any], note: Any, told: Any) -> Any:
    """Do what *step* says."""
    match step["do"]:
        case "list_tools":
            return await client.list_tools()
        case "call_tool":
            handler = note if step.get("progress") or step.get("cancel_on_progress") else None
            return await client.call_tool(step["name"], step.get("arguments", {}), progress_callback=handler)
        case "list_resources":
            return await client.list_resources()
        case "list_resource_templates":
            return await client.list_resource_templates()
        case "read_resource":
            return await client.read_resource(step["uri"])
        case "list_prompts":
            return await client.list_prompts()
        case "get_prompt":
            return await client.get_prompt(step["name"], step.get("arguments", {}))
        case "complete":
            kind = PromptReference if step["ref"]["type"] == "ref/prompt" else ResourceTemplateReference
            return await client.complete(kind(**step["ref"]), step["argument"], step.get("context"))
        case "watch":
            return {"uri": await watch(client, step["uri"], told)}
        case other:
            raise SystemExit(f"no such step: {other}")


async def watch(client: Client, uri: str, told: Any) -> str:
    """Wait until the server tells of a change."""
    with anyio.fail_after(DEADLINE_S):
        if client.protocol_version == MODERN:
            async with client.listen(resource_subscriptions=[uri]) as changes:
                change: Any = await anext(aiter(changes))
                return str(change.uri)
        await client.subscribe_resource(uri)
        changed: str = await told.receive()
        await client.unsubscribe_resource(uri)
        return changed


def wire(value: Any) -> Any:
    """Return *value* as it is on the wire."""
    return value.model_dump(mode="json", by_alias=True, exclude_none=True) if isinstance(value, BaseModel) else value


if __name__ == "__main__":
    print(json.dumps(anyio.run(run, json.load(sys.stdin), backend="trio")))
