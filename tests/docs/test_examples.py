"""What the documents show is what the gate writes and prints."""

from __future__ import annotations

import json
import shlex

import pytest

from aegis_trio.audit.chain import GENESIS, ChainHead, follow
from aegis_trio.cli.clients.claude import claude_code_command
from aegis_trio.cli.clients.editors import cursor, vscode
from aegis_trio.cli.clients.server import Client, Local, Remote
from aegis_trio.cli.clients.table import CLIENTS
from aegis_trio.model.secret import Secret
from tests.docs.documents import document, rows

GATE = Remote(url="http://127.0.0.1:8080/mcp")
GATE_AND_KEY = Remote(url=GATE.url, key=Secret("KEY"))
CONNECT = document("docs/connect.md")


def test_the_lines_of_the_audit_guide_are_lines_that_the_gate_writes() -> None:
    """Programs that read the log are written after these lines: form, names, order and chain must be real."""
    lines = document("docs/audit.md").fences("json")[0].splitlines()

    head: ChainHead | None = ChainHead(0, GENESIS)
    for line in lines:
        head = follow(head, line.encode("ascii"))

    assert ChainHead(len(lines), head.prev) == head
    assert {"api_authentication", "tool_intent", "tool_invocation", "access_denied", "security_event"} <= {
        json.loads(line)["event"] for line in lines
    }


def test_the_readme_configures_clients_as_the_demo_does() -> None:
    """Two configurations for one client make people try both."""
    readme = document("README.md")
    shown = [json.loads(example) for example in readme.fences("json")]
    commands = [shlex.split(line) for fence in readme.fences("") for line in fence.splitlines() if "claude" in line]

    told = [told.snippet or "" for told in (cursor("gitea", GATE_AND_KEY), vscode("gitea", GATE_AND_KEY))]

    assert [shlex.split(claude_code_command("gitea", GATE_AND_KEY))] == commands
    assert [json.loads(snippet) for snippet in told] == shown


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_the_guide_shows_what_connect_prints(client: Client) -> None:
    """Who reads and who asks the command must end with the same configuration."""
    told = client.instruct("gitea", GATE)
    shown = [fence.strip() for fence in CONNECT.fences()]

    assert f"aegis-trio connect {client.name}" in CONNECT.text
    assert [] == [text for text in (told.snippet, told.command) if text is not None and text not in shown]


def test_the_guide_shows_a_local_program_as_connect_prints_it() -> None:
    """The same for the client that starts the gate itself."""
    (desktop,) = (client for client in CLIENTS if client.name == "claude-desktop")

    assert desktop.instruct("gitea", Local()).snippet in [fence.strip() for fence in CONNECT.fences("json")]


def test_the_guide_lists_the_transports_of_every_client() -> None:
    """A row that promises what the command refuses sends people in circles."""
    documented = {row[0]: row[1] for row in rows(CONNECT.section("The command"))}

    assert {client.name: ", ".join(client.transports) for client in CLIENTS} == documented


def test_the_first_screen_shows_both_commands() -> None:
    """A newcomer has a clean machine and one minute."""
    first_screen = "\n".join(document("README.md").text.splitlines()[:10])

    assert "python3 tools/just.py demo      # " in first_screen
    assert "python3 tools/just.py test      # " in first_screen
