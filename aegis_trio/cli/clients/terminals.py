"""Clients of the terminal: Codex, Gemini CLI, the MCP Inspector, and curl.

Source: developers.openai.com/codex/mcp and openai/codex codex-rs/config/src/mcp_types.rs (`config.toml`);
google-gemini/gemini-cli docs/tools/mcp-server.md (`settings.json`) and packages/cli/src/commands/mcp/add.ts;
modelcontextprotocol/inspector docs/mcp-server-configuration.md and docs/v1-to-v2-migration.md.
"""

from __future__ import annotations

import json
import shlex

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
from aegis_trio.cli.clients.spelling import TomlValue, pretty_json, shell_line, shell_reference, toml_table
from aegis_trio.model.json import JsonObject
from aegis_trio.model.secret import Secret


def codex(name: str, server: Server) -> Instructions:
    """Return what Codex is told."""
    table: dict[str, TomlValue]
    notes: tuple[str, ...]
    command: str | None = None
    if isinstance(server, Local):
        table = {"command": server.program, "args": ["stdio"]}
        passed = ["GITEA_TOKEN"]
        if server.gitea_url is None:
            passed.insert(0, "GITEA_URL")
        else:
            table["env"] = {"GITEA_URL": server.gitea_url}
        table["env_vars"] = passed
        notes = (
            f"Set {' and '.join(passed)} in the environment that Codex is started in; env_vars says what it passes on.",
            "`codex mcp add --env` would write the token itself into the file.",
        )
    elif server.is_keyless:
        table = {"url": server.endpoint}
        command = shell_line(["codex", "mcp", "add", name, "--url", server.endpoint])
        notes = (f"Then `{shell_line(['codex', 'mcp', 'login', name])}`.", SIGN_IN)
    elif server.key is None:
        table = {"url": server.endpoint, "bearer_token_env_var": KEY_VARIABLE}
        variable = ["--bearer-token-env-var", KEY_VARIABLE]
        command = shell_line(["codex", "mcp", "add", name, "--url", server.endpoint, *variable])
        notes = (f"Set {KEY_VARIABLE} in the environment that Codex is started in.",)
    else:
        table = {"url": server.endpoint, "http_headers": {"Authorization": server.bearer("")}}
        notes = (
            "The file holds the key. `codex mcp add` takes the name of a variable only, so leave --key out for it.",
        )
    return Instructions(
        file="~/.codex/config.toml", snippet=toml_table(["mcp_servers", name], table), command=command, notes=notes
    )


def gemini(name: str, server: Server) -> Instructions:
    """Return what Gemini CLI is told."""
    add = ["gemini", "mcp", "add", "--scope", "user"]
    entry: JsonObject
    command: str | None
    if isinstance(server, Remote):
        reference = f"${{{KEY_VARIABLE}}}"
        # `httpUrl` is understood by every version; `url` alone meant HTTP+SSE in earlier ones.
        address: JsonObject = {"url": server.endpoint, "type": "sse"} if server.sse else {"httpUrl": server.endpoint}
        header = [] if server.is_keyless else ["--header", f"Authorization: {server.bearer(reference)}"]
        sent: JsonObject = {} if server.is_keyless else {"headers": {"Authorization": server.bearer(reference)}}
        entry = {**address, **sent}
        command = shell_line([*add, "--transport", server.type, *header, name, server.endpoint])
        needed = KEY_VARIABLE if server.key is None else None
    else:
        environment = server.environment("${GITEA_URL}", "${GITEA_TOKEN}")
        entry = server.as_object(environment)
        variables = [word for item in environment.items() for word in ("--env", "=".join(item))]
        # Source: gemini-cli add.ts: of a variable's value, only what stands before the next `=` is kept.
        is_kept = all("=" not in value for value in environment.values())
        command = shell_line([*add, *variables, name, server.program, "stdio"]) if is_kept else None
        needed = "GITEA_URL and GITEA_TOKEN" if server.gitea_url is None else "GITEA_TOKEN"
    note = "The file holds the key." if needed is None else f"Set {needed} in the environment of Gemini CLI."
    if isinstance(server, Remote) and server.is_keyless:
        note = f"Inside Gemini CLI run /mcp auth {name}. {SIGN_IN}"
    return Instructions(
        file="~/.gemini/settings.json",
        snippet=pretty_json({"mcpServers": {name: entry}}),
        command=command,
        notes=(note, ".gemini/settings.json in a project holds for that project alone."),
    )


def inspector(name: str, server: Server) -> Instructions:
    """Return how the MCP Inspector lists the tools."""
    if isinstance(server, Remote) and server.is_keyless:
        return _inspector_page(name, server)
    line = "npx @modelcontextprotocol/inspector --cli"
    entry: JsonObject
    # Invariant: the target stands before every option, or the Inspector drops it without a word.
    if isinstance(server, Remote):
        entry = {"type": "sse" if server.sse else "streamable-http", **server.as_object(KEY_PLACEHOLDER)}
        target = shell_line([server.endpoint, "--transport", server.type])
        header = "Authorization: Bearer "
        given = (
            shell_reference(header, KEY_VARIABLE) if server.key is None else shell_line([header + server.key.reveal()])
        )
        command = f"{line} {target} --header {given} --method tools/list"
        replaced, needed = KEY_PLACEHOLDER, KEY_VARIABLE
        is_complete = server.key is not None
    else:
        entry = {"type": "stdio", **server.as_object(server.environment(URL_PLACEHOLDER, TOKEN_PLACEHOLDER))}
        known = server.gitea_url
        url = shell_reference("GITEA_URL=", "GITEA_URL") if known is None else shell_line([f"GITEA_URL={known}"])
        token = shell_reference("GITEA_TOKEN=", "GITEA_TOKEN")
        command = f"{line} {shell_line([server.program, 'stdio'])} -e {url} -e {token} --method tools/list"
        replaced, needed = TOKEN_PLACEHOLDER, "GITEA_TOKEN" if known else "GITEA_URL and GITEA_TOKEN"
        is_complete = False
    notes = [
        # Source: the package's own `engines`; npm falls back to a release of before these options.
        "It needs Node.js 22.19 or newer; with an older one npx takes a version that refuses these options.",
        "Leave out --cli and all behind it for the Inspector's page; `--config mcp.json` reads the file.",
    ]
    if not is_complete:
        notes.insert(0, f"The command takes {needed} from the shell; in the file replace {replaced}.")
    return Instructions(
        file="mcp.json", snippet=pretty_json({"mcpServers": {name: entry}}), command=command, notes=tuple(notes)
    )


def _inspector_page(name: str, remote: Remote) -> Instructions:
    """Return how the Inspector's page signs a person in; its command line signs in nobody."""
    entry: JsonObject = {"type": "sse" if remote.sse else "streamable-http", **remote.as_object("")}
    return Instructions(
        file="mcp.json",
        snippet=pretty_json({"mcpServers": {name: entry}}),
        notes=(
            (
                "`npx @modelcontextprotocol/inspector --config mcp.json` opens its page: Connect opens the sign-in. It "
                "needs Node.js 22.19 or newer."
            ),
            "With --cli it signs nobody in: give an API key (--key) where the gate has some.",
            SIGN_IN,
        ),
    )


def curl_command(url: str, key: Secret, body: JsonObject) -> str:
    """Return a command that makes one plain REST call to the gate at *url*."""
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
