"""`aegis-trio connect`: what one client must be told to reach the gate, exactly, ready to paste.

Laws:
    1. A key of the settings is printed only when `--show-key` asks for it; a token of Gitea never is.
    2. Nothing is written and nobody is called: the settings are read, the rest is text.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from aegis_trio.auth.signin_settings import Flow
from aegis_trio.cli.clients.server import (
    ENDPOINT,
    PROGRAM,
    SERVER_NAME,
    Client,
    Instructions,
    Local,
    Remote,
    Server,
    Transport,
)
from aegis_trio.cli.clients.table import CLIENTS, find_client, nearest_name
from aegis_trio.cli.exit_codes import EXIT_OK
from aegis_trio.cli.usage import Usage
from aegis_trio.config.faults import ConfigurationFault, ConfigurationFaults, Misfit, show_value
from aegis_trio.config.listening import read_public_url
from aegis_trio.config.parsing import is_loopback, parse_url, split_entries
from aegis_trio.config.reader import Reader
from aegis_trio.config.sources import DEFAULT_ENV_FILE, Sources
from aegis_trio.config.variables import access, listening, signin
from aegis_trio.model.json import JsonObject
from aegis_trio.model.secret import Secret

ParsedT = TypeVar("ParsedT")

# Source: RFC 3986 section 2; without the characters that a base URL has no use for.
_URL: Final = re.compile(r"[A-Za-z0-9\-._~:/\[\]!&'()*+,;=%@]+", re.ASCII)
_KEY: Final = re.compile(r"[\x21-\x7e]{1,512}", re.ASCII)
# What Claude Code, Claude Desktop and Codex take; tools are called mcp__<name>__<tool>, of at most 64 characters.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", re.ASCII)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `connect` understands to *parser*."""
    parser.add_argument("client", nargs="?", help="which one; all are listed when left out")
    parser.add_argument("--url", help="the gate's MCP endpoint (default: PUBLIC_URL with /mcp behind it)")
    parser.add_argument(
        "--transport",
        choices=[transport.value for transport in Transport],
        help="how the client speaks to it; stdio: the client starts the gate itself, with GITEA_URL and GITEA_TOKEN "
        "and without a key (default: http)",
    )
    parser.add_argument("--name", default=SERVER_NAME, help=f"what the client calls it (default: {SERVER_NAME})")
    key = parser.add_mutually_exclusive_group()
    key.add_argument("--key", help="an API key to write into the configuration (default: a reference to one)")
    key.add_argument("--show-key", action="store_true", help="write the first key of MCP_API_KEYS into it")
    parser.add_argument("--env-file", type=Path, default=DEFAULT_ENV_FILE, help="settings file (default: .env)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print what the client must be told, or the clients; return 0."""
    if arguments.client is None:
        print(_catalogue(as_json=arguments.json))
        return EXIT_OK
    client = _client(arguments.client)
    name = _parsed("--name", parse_name, arguments.name)
    transport = _transport(client, arguments.transport)
    server = _server(arguments, transport)
    instructions = client.instruct(name, server)
    notes = (*instructions.notes, *_warnings(client, server))
    if arguments.json:
        print(json.dumps(_document(client, transport, server, instructions, notes), indent=2))
    else:
        print(_text(client, instructions, notes))
    return EXIT_OK


def parse_name(raw_name: str) -> str:
    """Make the name of a server of *raw_name*: what every client takes."""
    if not _NAME.fullmatch(raw_name):
        raise Misfit(
            "is not a name that every client takes",
            "Write at most 32 letters, digits, - and _, a letter or digit first.",
        )
    return raw_name


def parse_endpoint(raw_url: str) -> str:
    """Make the gate's endpoint of *raw_url*: a URL that no client and no shell reads as anything else."""
    url = parse_url(raw_url)
    if not _URL.fullmatch(url):
        # Threat: most clients replace `${GITEA_TOKEN}` in a URL, and would tell the secret to whoever stands there.
        raise Misfit("holds a character that no URL has, or a $, which clients replace", "Write it percent-encoded.")
    return url


def parse_key_to_show(raw_key: str) -> Secret:
    """Make a key of *raw_key* that may stand in a header and in every client's file."""
    if not _KEY.fullmatch(raw_key) or "$" in raw_key:
        raise Misfit(
            "cannot be written for clients: a key has visible ASCII characters, at most 512, and no $",
            "Copy it as `aegis-trio keygen` printed it.",
        )
    return Secret(raw_key)


def _client(raw_name: str) -> Client:
    client = find_client(raw_name)
    if client is None:
        near = nearest_name(raw_name)
        question = "" if near is None else f" Did you mean {near}?"
        known = ", ".join(known.name for known in CLIENTS)
        raise Usage(f"{show_value(raw_name, secret=False)}: no client of this name is known.{question} Known: {known}.")
    return client


def _transport(client: Client, raw_transport: str | None) -> Transport:
    if raw_transport is None:
        return client.transports[0]
    transport = Transport(raw_transport)
    if transport not in client.transports:
        able = " or ".join(one.value for one in client.transports)
        raise Usage(f"--transport {transport.value}: {client.title} does not speak it. Give {able}, or leave it out.")
    return transport


def _server(arguments: argparse.Namespace, transport: Transport) -> Server:
    reader = Reader(Sources(os.environ, arguments.env_file))
    if transport is Transport.STDIO:
        for flag, given in (("--url", arguments.url), ("--key", arguments.key), ("--show-key", arguments.show_key)):
            if given is not None and given is not False:
                raise Usage(f"{flag} says nothing with --transport stdio, which has neither URL nor key. Leave it out.")
        return Local(program=_program(), gitea_url=_gitea_url(reader))
    return Remote(
        url=_url(arguments, reader),
        key=_key(arguments, reader),
        sse=transport is Transport.SSE,
        signs_in=_signs_in(reader),
    )


def _signs_in(reader: Reader) -> bool:
    """Return whether the URL is all that a client needs; with Gitea's own tokens it needs an id at Gitea as well."""
    enabled, flow = reader.read(signin.OAUTH_MODE), reader.read(signin.OAUTH_FLOW)
    _refuse_faults(reader)
    return enabled and flow is Flow.BROKER


def _url(arguments: argparse.Namespace, reader: Reader) -> str:
    if arguments.url is not None:
        return _parsed("--url", parse_endpoint, arguments.url)
    port = reader.read(listening.PORT)
    public_url = read_public_url(reader, port)
    _refuse_faults(reader)
    if urlsplit(public_url).port == 0:
        raise Usage("PORT is 0, so that the gate's port is known only while it runs. Give --url.")
    return _parsed_setting("PUBLIC_URL", parse_endpoint, public_url + ENDPOINT)


def _key(arguments: argparse.Namespace, reader: Reader) -> Secret | None:
    if arguments.key is not None:
        return _parsed("--key", parse_key_to_show, arguments.key)
    if not arguments.show_key:
        return None
    keys = reader.read(access.MCP_API_KEYS)
    _refuse_faults(reader)
    if keys is None:
        raise Usage("--show-key: MCP_API_KEYS is not set. Make a key with `aegis-trio keygen`, or give --key.")
    for raw_entry in split_entries(keys.reveal()):
        if not raw_entry.startswith(("sha256:", "hmac:")):
            return _parsed_setting("MCP_API_KEYS", parse_key_to_show, raw_entry)
    raise Usage("--show-key: MCP_API_KEYS holds digests only, from which no key comes back. Give --key.")


def _gitea_url(reader: Reader) -> str | None:
    url = reader.read(access.GITEA_URL)
    _refuse_faults(reader)
    return None if url is None else _parsed_setting("GITEA_URL", parse_endpoint, url)


def _program() -> str:
    """Return how a client starts us: in full, as desktop programs have another PATH than shells."""
    path = Path(sys.executable).with_name(PROGRAM)
    return str(path) if os.access(path, os.X_OK) else PROGRAM


def _refuse_faults(reader: Reader) -> None:
    faults = [*reader.sources.faults, *reader.faults]
    if faults:
        raise ConfigurationFaults(faults)


def _parsed(flag: str, parse: Callable[[str], ParsedT], raw_value: str) -> ParsedT:
    try:
        return parse(raw_value)
    except Misfit as misfit:
        raise Usage(f"{flag} {misfit}") from None


def _parsed_setting(variable: str, parse: Callable[[str], ParsedT], raw_value: str) -> ParsedT:
    try:
        return parse(raw_value)
    except Misfit as misfit:
        raise ConfigurationFaults(
            [ConfigurationFault(variable=variable, rule=misfit.rule, remedy=misfit.remedy)]
        ) from None


def _warnings(client: Client, server: Server) -> list[str]:
    """Return what is worth a word whatever the client."""
    if isinstance(server, Local):
        return [] if server.program == PROGRAM else [f"{server.program} is where the program is on this machine."]
    found: list[str] = []
    parts = urlsplit(server.url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or "") and client.name != "chatgpt":
        found.append("The URL is http: keys and code travel in the clear. Use https.")
    if not server.url.endswith((ENDPOINT, f"{ENDPOINT}/sse")):
        found.append(f"The gate answers at {ENDPOINT}; unless a proxy maps it, the URL is {server.url}{ENDPOINT}")
    return found


def _document(
    client: Client, transport: Transport, server: Server, instructions: Instructions, notes: tuple[str, ...]
) -> JsonObject:
    return {
        "client": client.name,
        "transport": transport.value,
        "url": server.endpoint if isinstance(server, Remote) else None,
        "file": instructions.file,
        "snippet": instructions.snippet,
        "command": instructions.command,
        "link": instructions.link,
        "notes": list(notes),
    }


def _text(client: Client, instructions: Instructions, notes: tuple[str, ...]) -> str:
    blocks: list[str] = []
    if instructions.snippet is not None:
        blocks.append(f"{client.title}, in {instructions.file}:\n{instructions.snippet}")
    if instructions.command is not None:
        blocks.append(f"{client.title}, by a command:\n{instructions.command}")
    if instructions.link is not None:
        blocks.append(f"{client.title}, by a link to open:\n{instructions.link}")
    blocks.append("\n".join([f"{client.title}, to know:", *(f"- {note}" for note in notes)]))
    return "\n\n".join(blocks)


def _catalogue(*, as_json: bool) -> str:
    if as_json:
        return json.dumps(
            [
                {"client": client.name, "title": client.title, "transports": [one.value for one in client.transports]}
                for client in CLIENTS
            ],
            indent=2,
        )
    lines = [f"{client.name:<16}{client.title:<16}{', '.join(client.transports)}" for client in CLIENTS]
    return "\n".join([*lines, "", f"`{PROGRAM} connect CLIENT` prints what that one must be told."])
