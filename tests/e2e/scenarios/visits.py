"""Clients as their users know them: who they say they are, how they open, and what they ask in which order.

visit = await shake_hands(client, COPILOT_STUDIO)
tools = await visit.list_all("tools")

Not here: what a real client of other people does with the answers (test_clients.py, test_other_clients.py).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.gates import GateProcess, open_gate, settings
from tests.e2e.messages import ACCEPT, call, notification, request
from tests.forge import open_forge

_MEMBERS = {"resources/templates": "resourceTemplates"}
_MOST_PAGES = 20


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """A client of the handshake era."""

    name: str
    version: str
    """The revision that it asks for."""
    user_agent: str
    path: str = "/mcp"
    capabilities: dict[str, Any] = field(default_factory=dict)
    names_version: bool = True
    """Whether its later requests carry `MCP-Protocol-Version`."""

    def handshake(self) -> dict[str, Any]:
        """Return its `initialize`."""
        info = {"name": self.name, "version": "1.0.0"}
        params = {"protocolVersion": self.version, "capabilities": self.capabilities, "clientInfo": info}
        return request("initialize", params, 0)


@dataclass
class Visit:
    """A session as its client holds it."""

    client: httpx.AsyncClient
    path: str
    headers: dict[str, str]
    opened: dict[str, Any]
    """The result of the handshake."""
    asked: int = 0

    @property
    def session_id(self) -> str:
        """The id of the session."""
        return self.headers["Mcp-Session-Id"]

    async def send(self, document: dict[str, Any]) -> httpx.Response:
        """Post one message."""
        return await self.client.post(self.path, json=document, headers=self.headers)

    async def ask(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make a request and return its answer, whole."""
        self.asked += 1
        answer = await self.send(request(method, params, self.asked))
        assert 200 == answer.status_code, answer.text
        reply = read_reply(answer)
        assert self.asked == reply["id"]
        return reply

    async def result_of(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make a request and return the result of its answer."""
        reply = await self.ask(method, params)
        result: dict[str, Any] = reply["result"]
        return result

    async def use(self, tool: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call a tool that succeeds, and return its result."""
        result = await self.result_of("tools/call", call(tool, arguments)["params"])
        check_result(result)
        return result

    async def list_all(self, feature: str) -> list[dict[str, Any]]:
        """Return every page of a list."""
        found: list[dict[str, Any]] = []
        params: dict[str, Any] = {}
        for _ in range(_MOST_PAGES):
            page = await self.result_of(f"{feature}/list", params)
            found.extend(page[_MEMBERS.get(feature, feature)])
            if "nextCursor" not in page:
                return found
            params = {"cursor": page["nextCursor"]}
        raise AssertionError(f"{feature}: more than {_MOST_PAGES} pages")

    async def leave(self) -> None:
        """End the session, and be sure that it has ended."""
        assert 204 == (await self.client.delete(self.path, headers=self.headers)).status_code
        assert 404 == (await self.send(request("ping"))).status_code


async def shake_hands(client: httpx.AsyncClient, who: Newcomer) -> Visit:
    """Open a session as *who* does; the revision that it asks for is the one that it gets."""
    headers = {**ACCEPT, "User-Agent": who.user_agent}
    answer = await client.post(who.path, json=who.handshake(), headers=headers)
    assert 200 == answer.status_code, answer.text
    opened = read_reply(answer)["result"]
    assert who.version == opened["protocolVersion"]
    headers["Mcp-Session-Id"] = answer.headers["mcp-session-id"]
    if who.names_version:
        headers["MCP-Protocol-Version"] = who.version
    visit = Visit(client, who.path, headers, opened)
    ready = await visit.send(notification("notifications/initialized"))
    assert (202, b"") == (ready.status_code, ready.content)
    return visit


@asynccontextmanager
async def open_demo_gate(state: Path, **more: str) -> AsyncIterator[GateProcess]:
    """Run a gate before a demo forge that no test looks at; *more* are settings."""
    async with open_forge() as forge, open_gate(settings(forge.url, forge.world.bot_token, state, **more)) as gate:
        yield gate


def stranger(gate: GateProcess) -> httpx.AsyncClient:
    """Return an HTTP client that has no credential."""
    return httpx.AsyncClient(base_url=gate.url, trust_env=False, timeout=60)


def read_reply(answer: httpx.Response) -> dict[str, Any]:
    """Return the one message of an answer, whichever form it has."""
    text = answer.text
    if answer.headers["content-type"] == "text/event-stream":
        [text] = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    else:
        assert "application/json" == answer.headers["content-type"]
    reply: dict[str, Any] = json.loads(text)
    return reply


def check_result(result: dict[str, Any]) -> None:
    """Be sure that a tool's result is what every client can read: an object, and the same as one block of text."""
    assert result.get("isError", False) is False, result
    [block] = result["content"]
    assert "text" == block["type"]
    assert result["structuredContent"] == json.loads(block["text"])


def check_tools(tools: list[dict[str, Any]], *, most: int, longest_name: int) -> None:
    """Be sure that *tools* are what reviewers of directories and strict clients demand."""
    assert 0 < len(tools) <= most
    assert len(tools) == len({tool["name"] for tool in tools})
    for tool in tools:
        assert tool["name"].replace("_", "").isalnum()
        assert len(tool["name"]) <= longest_name
        assert tool["title"]
        assert tool["description"]
        assert "object" == tool["inputSchema"]["type"]
        hints = tool["annotations"]
        assert {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"} <= hints.keys()
        assert all(isinstance(hints[name], bool) for name in hints if name.endswith("Hint"))
