"""The clients that are known, in the order in which they are listed."""

from __future__ import annotations

import difflib
from typing import Final

from aegis_trio.cli.clients.chatgpt import chatgpt
from aegis_trio.cli.clients.claude import claude_code, claude_desktop
from aegis_trio.cli.clients.editors import cursor, vscode
from aegis_trio.cli.clients.server import Client, Transport
from aegis_trio.cli.clients.terminals import codex, gemini, inspector

_HTTP, _SSE, _STDIO = Transport.HTTP, Transport.SSE, Transport.STDIO

CLIENTS: Final[tuple[Client, ...]] = (
    Client(name="claude-code", title="Claude Code", transports=(_HTTP, _SSE, _STDIO), instruct=claude_code),
    Client(name="claude-desktop", title="Claude Desktop", transports=(_HTTP, _SSE, _STDIO), instruct=claude_desktop),
    Client(name="cursor", title="Cursor", transports=(_HTTP, _STDIO), instruct=cursor),
    Client(name="vscode", title="VS Code", transports=(_HTTP, _SSE, _STDIO), instruct=vscode),
    Client(name="codex", title="Codex", transports=(_HTTP, _STDIO), instruct=codex),
    Client(name="gemini", title="Gemini CLI", transports=(_HTTP, _SSE, _STDIO), instruct=gemini),
    Client(name="inspector", title="MCP Inspector", transports=(_HTTP, _SSE, _STDIO), instruct=inspector),
    Client(name="chatgpt", title="ChatGPT", transports=(_HTTP,), instruct=chatgpt),
)


def find_client(raw_name: str) -> Client | None:
    """Return the client of this name, whatever its case."""
    return next((client for client in CLIENTS if client.name == raw_name.lower()), None)


def nearest_name(raw_name: str) -> str | None:
    """Return the name that *raw_name* is most likely meant to be; None when it is like none."""
    names = [client.name for client in CLIENTS]
    return next(iter(difflib.get_close_matches(raw_name.lower(), names, n=1)), None)
