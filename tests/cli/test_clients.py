"""What clients are told reaches them as it was meant, whatever stands in names, URLs and keys."""

from __future__ import annotations

import base64
import json
import os
import shlex
import subprocess
import tomllib
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aegis_trio.cli.clients.server import Client, Instructions, Local, Remote, Server, Transport
from aegis_trio.cli.clients.spelling import shell_reference
from aegis_trio.cli.clients.table import CLIENTS
from aegis_trio.cli.clients.terminals import curl_command
from aegis_trio.model.secret import Secret

URL = "https://mcp.example.com/mcp"
HOSTILE = "a'b\"c\\d$e`f${G}%41%\n\t\x7f<&;|>\u2028é😀 --x ]\"\"\"'''"
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
TOLD = [client for client in CLIENTS if client.name != "chatgpt"]


def _servers(url: str, key: str) -> list[Server]:
    return [
        Remote(url=url),
        Remote(url=url, key=Secret(key)),
        Remote(url=url, key=Secret(key), sse=True),
        Local(program=url),
        Local(program=url, gitea_url=key),
    ]


def _read(snippet: str | None) -> dict[str, Any]:
    """Return the servers that a file with *snippet* holds, by name."""
    assert snippet is not None
    if snippet.startswith("[mcp_servers."):
        servers: dict[str, Any] = tomllib.loads(snippet)["mcp_servers"]
        return servers
    document = json.loads(snippet)
    found: dict[str, Any] = document.get("mcpServers") or document["servers"]
    return found


def _address(entry: dict[str, Any]) -> str:
    """Return where an entry of any client leads: its URL, or its program."""
    if entry.get("args", [])[1:2] == ["mcp-remote"]:
        return str(entry["args"][2])
    return str(entry.get("url") or entry.get("httpUrl") or entry["command"])


@pytest.mark.parametrize("client", TOLD, ids=lambda client: client.name)
@given(name=TEXTS, url=TEXTS, key=TEXTS)
@example(name=HOSTILE, url=HOSTILE, key=HOSTILE)
def test_every_file_gives_back_name_address_and_key(client: Client, name: str, url: str, key: str) -> None:
    """A quote in a name must not end the string that it stands in: the rest would be configuration."""
    for server in _servers(url, key):
        snippet = client.instruct(name, server).snippet

        ((found, entry),) = _read(snippet).items()

        expected = server.endpoint if isinstance(server, Remote) else server.program
        assert (name, expected) == (found, _address(entry))
        held = list(_texts(entry))
        if isinstance(server, Remote):
            assert (server.key is not None) == (f"Bearer {key}" in held)
        else:
            assert server.gitea_url is None or server.gitea_url in held


@pytest.mark.parametrize("client", TOLD, ids=lambda client: client.name)
@given(name=TEXTS, url=TEXTS, key=TEXTS)
@example(name=HOSTILE, url=HOSTILE, key=HOSTILE)
def test_every_command_gives_back_its_words(client: Client, name: str, url: str, key: str) -> None:
    """A command is pasted into a shell: what leaves its quotes is executed."""
    for server in _servers(url, key):
        command = client.instruct(name, server).command
        if command is None:
            continue
        words = shlex.split(command)
        told = [*words, *(text for word in words if word.startswith("{") for text in _told_by(word))]

        assert (server.endpoint if isinstance(server, Remote) else server.program) in told
        assert client.name == "inspector" or name in told
        if isinstance(server, Remote) and server.key is not None:
            assert {f"Authorization: Bearer {key}", f"Bearer {key}"} & set(told)


@given(name=TEXTS, url=TEXTS, key=TEXTS)
@example(name=HOSTILE, url=HOSTILE, key=HOSTILE)
def test_cursors_link_holds_what_its_file_holds(name: str, url: str, key: str) -> None:
    """Two ways to the same server must not lead to two."""
    for server in _servers(url, key):
        told = _instructions("cursor", name, server)

        parts = urlsplit(told.link or "")
        query = parse_qs(parts.query, strict_parsing=True)

        assert ("cursor", "anysphere.cursor-deeplink", "/mcp/install") == (parts.scheme, parts.netloc, parts.path)
        ((config,), (found,)) = query["config"], query["name"]
        assert {found: json.loads(base64.b64decode(config, validate=True))} == _read(told.snippet)
        assert name == found


@given(name=TEXTS, url=TEXTS, key=TEXTS)
@example(name=HOSTILE, url=HOSTILE, key=HOSTILE)
def test_vs_codes_link_and_command_hold_what_its_file_holds(name: str, url: str, key: str) -> None:
    """VS Code decodes the link twice, so what comes out must be the same once and twice."""
    for server in _servers(url, key):
        told = _instructions("vscode", name, server)
        document = json.loads(told.snippet or "")
        expected = {"name": name, **document["servers"][name]}
        if "inputs" in document:
            expected["inputs"] = document["inputs"]

        head, _, query = (told.link or "").partition("?")

        assert "vscode:mcp/install" == head
        assert expected == json.loads(unquote(query))
        assert expected == json.loads(unquote(unquote(query)))
        assert ["code", "--add-mcp"] == shlex.split(told.command or "")[:-1]
        assert expected == json.loads(shlex.split(told.command or "")[-1])


@given(key=TEXTS, argument=TEXTS)
@example(key=HOSTILE, argument=HOSTILE)
def test_curls_command_gives_back_its_words(key: str, argument: str) -> None:
    """The demo prints it for a shell, like the commands of the clients."""
    words = shlex.split(curl_command("https://mcp.example.com", Secret(key), {"tool": argument}))

    assert ["curl", "-sS", "https://mcp.example.com/mcp/tool/call", "-H", f"Authorization: Bearer {key}"] == words[:5]
    assert {"tool": argument} == json.loads(words[-1])


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_no_client_is_told_a_token(client: Client) -> None:
    """Gitea's token is referred to, or a placeholder stands for it that the settings refuse."""
    for server in (Local(), Local(gitea_url="https://git.example.com")):
        told = client.instruct("gitea", server)
        references = (
            "${GITEA_TOKEN}",
            "${env:GITEA_TOKEN}",
            "${input:gitea-token}",
            "YOUR_GITEA_TOKEN",
            '"GITEA_TOKEN"',
        )
        assert client.name == "chatgpt" or any(reference in (told.snippet or "") for reference in references)


def test_vs_code_keeps_the_keys_of_two_gates_apart() -> None:
    """An input is kept by its name alone: one name for both would send the key of one gate to the other."""
    ids = {
        json.loads(_instructions("vscode", name, Remote(url=URL)).snippet or "")["inputs"][0]["id"]
        for name in ("home", "work")
    }

    assert {"home-key", "work-key"} == ids


def test_the_bridge_is_told_where_it_may_go_without_tls() -> None:
    """mcp-remote refuses http elsewhere than on this machine unless it is told."""
    told = {
        url: "--allow-http" in (_instructions("claude-desktop", "gitea", Remote(url=url)).snippet or "")
        for url in ("https://a.example/mcp", "http://a.example/mcp", "http://127.0.0.1:1/mcp", "http://[::1]:1/mcp")
    }

    assert [False, True, False, True] == list(told.values())


def test_gemini_is_not_given_a_command_that_it_would_cut() -> None:
    """It keeps what stands before the next equals sign; the file is right all the same."""
    told = _instructions("gemini", "gitea", Local(gitea_url="https://git.example.com/a=b"))

    assert None is told.command
    assert "https://git.example.com/a=b" in (told.snippet or "")


def test_the_old_transport_begins_at_its_own_path() -> None:
    """HTTP+SSE has an endpoint of its own, also for who already gave it."""
    given_urls = [URL, f"{URL}/sse"]

    assert [f"{URL}/sse"] * 2 == [Remote(url=url, sse=True).endpoint for url in given_urls]
    assert given_urls == [Remote(url=url).endpoint for url in given_urls]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_every_transport_that_is_offered_is_told(client: Client) -> None:
    """What is listed works; only ChatGPT can be told nothing yet, and hears why."""
    for transport in client.transports:
        server = Local() if transport is Transport.STDIO else Remote(url=URL, sse=transport is Transport.SSE)
        told = client.instruct("gitea", server)
        assert (client.name == "chatgpt") == (told.snippet is None)
        assert told.notes


def test_a_shell_reads_a_reference_as_text_and_value() -> None:
    """The value is whatever the variable holds, in one word, and nothing around it is executed."""
    text = "a\"b\\c`touch x`$(touch y)$HOME 'd'"

    done = subprocess.run(
        ["sh", "-c", f"printf '%s|' {shell_reference(text, 'AEGIS_KEY')} end"],
        capture_output=True,
        check=True,
        env={**os.environ, "AEGIS_KEY": 'k e"y'},
        timeout=60,
    )

    assert f'{text}k e"y|end|' == done.stdout.decode()


def _instructions(client_name: str, name: str, server: Server) -> Instructions:
    (client,) = (client for client in CLIENTS if client.name == client_name)
    return client.instruct(name, server)


def _texts(value: Any) -> list[str]:
    """Return every text in *value*, however deep."""
    if isinstance(value, str):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for child in children for text in _texts(child)]


def _told_by(word: str) -> list[str]:
    """Return the texts of a word that is a JSON object; none for any other that begins like one."""
    try:
        return _texts(json.loads(word))
    except ValueError:
        return []
