"""The official Python SDK as an oracle: its own low-level server behind its own HTTP entry, without sockets.

Laws:
    1. The SDK decides everything: envelope, era, headers, versions, parameters, status. Its handlers here only succeed.
    2. It serves the methods that our core serves, so that both lack the same ones.
    3. Sessions are switched off there: which session a message belongs to is the transports' matter, not the core's.

Source: mcp 2.3.0, server/streamable_http_manager.py (stateless, JSON answers).
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

import mcp_types as types
import trio
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from tests.protocol.exchanges import METHODS, Outcome, Post, is_served, read_outcome

_TEXT: Final = {"uri": "gitea://main/a", "text": "t"}
_CACHE: Final = {"ttlMs": 0, "cacheScope": "private"}
_HANDLERS: Final[dict[str, tuple[type[types.RequestParams], dict[str, Any]]]] = {
    "completion/complete": (types.CompleteRequestParams, {"completion": {"values": []}}),
    "logging/setLevel": (types.SetLevelRequestParams, {}),
    "prompts/get": (types.GetPromptRequestParams, {"messages": []}),
    "prompts/list": (types.PaginatedRequestParams, {"prompts": [], **_CACHE}),
    "resources/list": (types.PaginatedRequestParams, {"resources": [], **_CACHE}),
    "resources/read": (types.ReadResourceRequestParams, {"contents": [_TEXT], **_CACHE}),
    "resources/subscribe": (types.SubscribeRequestParams, {}),
    "resources/templates/list": (types.PaginatedRequestParams, {"resourceTemplates": [], **_CACHE}),
    "resources/unsubscribe": (types.UnsubscribeRequestParams, {}),
    "subscriptions/listen": (types.SubscriptionsListenRequestParams, {}),
    "tools/call": (types.CallToolRequestParams, {"content": []}),
    "tools/list": (types.PaginatedRequestParams, {"tools": [], **_CACHE}),
}
_SUBSCRIPTION: Final = "io.modelcontextprotocol/subscriptionId"  # the one that its result must have
_BUILT_IN: Final = frozenset({"initialize", "ping", "server/discover"})
_BOUND_S: Final = 60  # far beyond what one answer takes; a hang must show as a failure


def ask_sdk(asked: Post) -> Outcome:
    """Return what the official SDK makes of *asked*."""
    return trio.run(_exchange, asked)


@cache
def _server() -> Server[Any]:
    server: Server[Any] = Server("oracle", version="1", get_tool_input_schema=lambda _name: None)

    for method in METHODS:
        if is_served(method) and method not in _BUILT_IN:
            params_type, result = _HANDLERS[method]

            async def handle(context: Any, _params: Any, result: dict[str, Any] = result) -> dict[str, Any]:
                await trio.lowlevel.checkpoint()
                return {"resultType": "complete", "_meta": {_SUBSCRIPTION: context.request_id}, **result}

            server.add_request_handler(method, params_type, handle)
    return server


async def _exchange(asked: Post) -> Outcome:
    sent: list[dict[str, Any]] = []
    unread = [{"type": "http.request", "body": asked.body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if unread:
            return unread.pop()
        await trio.sleep_forever()
        raise AssertionError

    async def send(message: Any) -> None:
        await trio.lowlevel.checkpoint()
        sent.append(dict(message))

    fixed = ((b"content-type", b"application/json"), (b"accept", b"application/json, text/event-stream"))
    scope = {
        "type": "http", "method": "POST", "path": "/mcp", "query_string": b"", "headers": [*fixed, *asked.lines()],
    }  # fmt: skip
    manager = StreamableHTTPSessionManager(_server(), json_response=True, stateless=True)
    with trio.fail_after(_BOUND_S):
        async with manager.run():
            await manager.handle_request(scope, receive, send)
    status = int(sent[0]["status"])
    body = b"".join(message.get("body", b"") for message in sent[1:])
    if not body:
        return Outcome(status=status, kind="nothing")
    return read_outcome(status, json.loads(body))
