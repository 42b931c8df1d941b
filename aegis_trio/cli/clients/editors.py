"""Cursor and VS Code.

Source: cursor.com/docs/mcp (`mcp.json`, `${env:NAME}`) and cursor.com/docs/mcp/install-links;
code.visualstudio.com/docs/copilot/reference/mcp-configuration (`mcp.json`, `inputs`) and
code.visualstudio.com/docs/copilot/guides/mcp-developer-guide (`vscode:mcp/install`, `--add-mcp`).
"""

from __future__ import annotations

from aegis_trio.cli.clients.server import KEY_VARIABLE, SIGN_IN, Instructions, Remote, Server
from aegis_trio.cli.clients.spelling import in_base64, in_query, plain_json, pretty_json, shell_line
from aegis_trio.model.json import JsonObject, JsonValue


def cursor(name: str, server: Server) -> Instructions:
    """Return what Cursor is told."""
    if isinstance(server, Remote):
        entry = server.as_object(f"${{env:{KEY_VARIABLE}}}")
        needed = KEY_VARIABLE if server.key is None else None
    else:
        entry = {"type": "stdio", **server.as_object(server.environment("${env:GITEA_URL}", "${env:GITEA_TOKEN}"))}
        needed = "GITEA_URL and GITEA_TOKEN" if server.gitea_url is None else "GITEA_TOKEN"
    link = f"cursor://anysphere.cursor-deeplink/mcp/install?name={in_query(name)}&config={in_base64(entry)}"
    notes = ["~/.cursor/mcp.json holds for all projects."]
    if isinstance(server, Remote) and server.is_keyless:
        notes.extend(("Cursor shows that the server needs a login: press it, in Settings, MCP.", SIGN_IN))
    elif needed is not None:
        notes.insert(0, f"Set {needed} in the environment that Cursor is started in.")
    else:
        notes.append("File and link hold the key: commit neither, and send the link to nobody.")
    return Instructions(
        file=".cursor/mcp.json", snippet=pretty_json({"mcpServers": {name: entry}}), link=link, notes=tuple(notes)
    )


def vscode(name: str, server: Server) -> Instructions:
    """Return what VS Code is told; it asks for secrets once and keeps them in its own store."""
    inputs: list[JsonValue] = []

    def asked(part: str, description: str, *, secret: bool) -> str:
        # Invariant: one input for each server, or the key of one gate would be sent to another.
        name_of_input = f"{name}-{part}"
        question: JsonObject = {"type": "promptString", "id": name_of_input, "description": description}
        inputs.append({**question, "password": True} if secret else question)
        return f"${{input:{name_of_input}}}"

    entry: JsonObject
    if isinstance(server, Remote):
        is_asked = server.key is None and not server.signs_in
        reference = asked("key", "API key of aegis_trio", secret=True) if is_asked else ""
        entry = {"type": server.type, **server.as_object(reference)}
    else:
        url = asked("url", "URL of Gitea", secret=False) if server.gitea_url is None else ""
        token = asked("token", "Token of Gitea", secret=True)
        entry = {"type": "stdio", **server.as_object(server.environment(url, token))}
    document: JsonObject = {"servers": {name: entry}}
    installed: JsonObject = {"name": name, **entry}
    if inputs:
        document = {"inputs": inputs, **document}
        installed["inputs"] = inputs
        notes: tuple[str, ...] = (
            "VS Code asks when the server starts for the first time, and keeps the answer itself.",
        )
    elif isinstance(server, Remote) and server.is_keyless:
        notes = ("VS Code asks whether the server may authenticate: Allow.", SIGN_IN)
    else:
        notes = ("File, command and link hold the key: commit none, and send the link to nobody.",)
    # Source: microsoft/vscode mcpWorkbenchService.ts, handleMcpInstallUri: the query, decoded already, is decoded
    # once more, so no percent sign may be left in the JSON.
    linked = plain_json(installed).replace("%", "\\u0025")
    return Instructions(
        file=".vscode/mcp.json",
        snippet=pretty_json(document),
        command=shell_line(["code", "--add-mcp", plain_json(installed)]),
        link=f"vscode:mcp/install?{in_query(linked)}",
        notes=("Run MCP: List Servers, choose the server and start it.", *notes),
    )
