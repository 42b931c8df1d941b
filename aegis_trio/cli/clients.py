"""How each client is told about the gate: exact configuration, ready to paste.

Source: the clients' own documentation of remote MCP servers (Claude Code `claude mcp add`, Cursor `mcp.json`,
VS Code `.vscode/mcp.json`), and OpenAI's apps SDK for what ChatGPT needs.
"""

from __future__ import annotations

import json
import shlex
from typing import Final

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.secret import Secret

SERVER_NAME: Final = "gitea"
CHATGPT_NEEDS: Final = (
    "ChatGPT connects from the internet and signs people in by OAuth: it needs a public HTTPS address for this\n"
    "gate (see docs/deployment.md) and sign-in with Gitea, which a later version brings. API keys do not work there."
)


def curl_command(url: str, key: Secret, body: JsonObject) -> str:
    """Return a command that makes one plain REST call."""
    return " ".join(
        (
            "curl -sS",
            shlex.quote(f"{url}/mcp/tool/call"),
            "-H",
            shlex.quote(f"Authorization: Bearer {key.reveal()}"),
            "-H 'Content-Type: application/json'",
            "-d",
            shlex.quote(json.dumps(body)),
        )
    )


def claude_code_command(url: str, key: Secret) -> str:
    """Return the command that adds the gate to Claude Code."""
    header = shlex.quote(f"Authorization: Bearer {key.reveal()}")
    return f"claude mcp add --transport http {SERVER_NAME} {shlex.quote(f'{url}/mcp')} --header {header}"


def cursor_configuration(url: str, key: Secret) -> str:
    """Return the content of `.cursor/mcp.json`."""
    return _pretty({"mcpServers": {SERVER_NAME: _server(url, key)}})


def vscode_configuration(url: str, key: Secret) -> str:
    """Return the content of `.vscode/mcp.json`."""
    return _pretty({"servers": {SERVER_NAME: {"type": "http", **_server(url, key)}}})


def _server(url: str, key: Secret) -> dict[str, JsonValue]:
    return {"url": f"{url}/mcp", "headers": {"Authorization": f"Bearer {key.reveal()}"}}


def _pretty(document: JsonValue) -> str:
    return json.dumps(document, indent=2)
