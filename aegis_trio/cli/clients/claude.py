"""Claude Code and Claude Desktop.

Source: code.claude.com/docs/en/mcp (Claude Code: `claude mcp add`, `add-json`, scopes, `${VAR}` in `.mcp.json`);
modelcontextprotocol.io/docs/develop/connect-local-servers (Claude Desktop: `claude_desktop_config.json`);
github.com/geelen/mcp-remote README (`--header`, `--allow-http`, `--transport`).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from aegis_trio.cli.clients.server import (
    KEY_PLACEHOLDER,
    KEY_VARIABLE,
    SIGN_IN,
    TOKEN_PLACEHOLDER,
    URL_PLACEHOLDER,
    Instructions,
    Local,
    Remote,
    Server,
)
from aegis_trio.cli.clients.spelling import plain_json, pretty_json, shell_line
from aegis_trio.model.json import JsonObject

_CODE_REFERENCE: Final = f"${{{KEY_VARIABLE}}}"
_NO_CONNECTOR: Final = (
    "Settings, Connectors is no way without signing in: connectors call from Anthropic's network and use OAuth, which "
    "`aegis-trio oauth setup` switches on."
)
_BRIDGE: Final = "mcp-remote is an npm package of other people; it needs Node.js on this machine."
_DESKTOP_FILE: Final = "claude_desktop_config.json"
# Source: mcp-remote src/lib/utils.ts, parseCommandLineArgs: only these two names may be asked for without TLS.
_TRUSTED_WITHOUT_TLS: Final = frozenset({"localhost", "127.0.0.1"})


def claude_code(name: str, server: Server) -> Instructions:
    """Return what Claude Code is told."""
    entry = _code_entry(server)
    snippet = pretty_json({"mcpServers": {name: entry}})
    if isinstance(server, Local):
        # Source: github.com/anthropics/claude-code issues 23365 and 62332: `add --env` swallows the name behind it.
        command = shell_line(["claude", "mcp", "add-json", "--scope", "project", name, plain_json(entry)])
        needed = "GITEA_URL and GITEA_TOKEN" if server.gitea_url is None else "GITEA_TOKEN"
        notes: tuple[str, ...] = (f"Set {needed} in the environment that Claude Code is started in.",)
    else:
        command = claude_code_command(name, server)
        notes = _code_notes(server)
    return Instructions(file=".mcp.json", snippet=snippet, command=command, notes=notes)


def claude_code_command(name: str, remote: Remote) -> str:
    """Return the command that adds the gate to Claude Code.

    With a key it goes into the home folder; with a reference into `.mcp.json`, where references are replaced.
    """
    scope = ["--scope", "project"] if remote.key is None else []
    if remote.is_keyless:
        return shell_line(["claude", "mcp", "add", *scope, "--transport", remote.type, name, remote.endpoint])
    header = f"Authorization: {remote.bearer(_CODE_REFERENCE)}"
    # Invariant: `--header` takes every word behind it, so it stands last.
    return shell_line(
        ["claude", "mcp", "add", *scope, "--transport", remote.type, name, remote.endpoint, "--header", header]
    )


def claude_desktop(name: str, server: Server) -> Instructions:
    """Return what Claude Desktop is told: a program that it starts, as it sends no headers itself.

    Where people sign in, and Anthropic's network reaches the gate, it is a connector, which needs no program.
    """
    if isinstance(server, Remote) and server.is_keyless and server.is_public:
        return Instructions(notes=_connector_steps(name, server))
    notes: tuple[str, ...]
    placed = f"Settings, Developer, Edit Config opens {_DESKTOP_FILE}; restart Claude Desktop afterwards."
    if isinstance(server, Remote):
        entry = _bridge(server)
        notes = (placed, _BRIDGE, SIGN_IN) if server.is_keyless else (placed, _BRIDGE, _NO_CONNECTOR)
        if server.key is None and not server.is_keyless:
            notes = (f"Replace {KEY_PLACEHOLDER}: Claude Desktop takes no variables from elsewhere.", *notes)
    else:
        entry = server.as_object(server.environment(URL_PLACEHOLDER, TOKEN_PLACEHOLDER))
        also = " and the URL of Gitea" if server.gitea_url is None else ""
        notes = (f"Replace {TOKEN_PLACEHOLDER}{also}: Claude Desktop takes no variables from elsewhere.", placed)
    return Instructions(file=_DESKTOP_FILE, snippet=pretty_json({"mcpServers": {name: entry}}), notes=notes)


def _code_entry(server: Server) -> JsonObject:
    if isinstance(server, Remote):
        return {"type": server.type, **server.as_object(_CODE_REFERENCE)}
    return {"type": "stdio", **server.as_object(server.environment("${GITEA_URL}", "${GITEA_TOKEN}"))}


def _code_notes(remote: Remote) -> tuple[str, ...]:
    notes = ["Claude Code calls this transport deprecated; prefer http."] if remote.sse else []
    if remote.is_keyless:
        notes.extend(("Inside Claude Code run /mcp, choose the server, Authenticate.", SIGN_IN))
    elif remote.key is None:
        notes.append(f"Set {KEY_VARIABLE} in the environment that Claude Code is started in.")
    else:
        notes.append("The command writes the key into ~/.claude.json. Never commit a .mcp.json that holds one.")
    return tuple(notes)


def _connector_steps(name: str, remote: Remote) -> tuple[str, ...]:
    return (
        (
            f"Settings, Connectors, Add custom connector: name {name}, URL {remote.endpoint}; leave Advanced settings "
            "empty; Add, then Connect. In a Team or Enterprise plan an Owner adds it first, for everybody."
        ),
        SIGN_IN,
        (
            "The same connector then works in claude.ai and on phones. It calls from Anthropic's network, not from "
            "this machine. docs/connect-claude.md shows it step by step."
        ),
    )


def _bridge(remote: Remote) -> JsonObject:
    parts = urlsplit(remote.endpoint)
    allow = ["--allow-http"] if parts.scheme == "http" and parts.hostname not in _TRUSTED_WITHOUT_TLS else []
    only = "sse-only" if remote.sse else "http-only"
    target = ["-y", "mcp-remote", remote.endpoint, "--transport", only, *allow]
    if remote.is_keyless:  # it opens the browser itself
        return {"command": "npx", "args": [*target]}
    # Source: mcp-remote README, "Custom Headers": an argument must hold no space, so the header comes from `env`.
    header = ["--header", "Authorization:${AEGIS_AUTH}"]
    return {
        "command": "npx",
        "args": [*target, *header],
        "env": {"AEGIS_AUTH": remote.bearer(KEY_PLACEHOLDER)},
    }
