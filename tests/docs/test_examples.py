"""What the documents show is what the gate writes and prints."""

from __future__ import annotations

import json
import shlex

from aegis_trio.audit.chain import GENESIS, ChainHead, follow
from aegis_trio.cli.clients import claude_code_command, cursor_configuration, vscode_configuration
from aegis_trio.model.secret import Secret
from tests.docs.documents import document

URL = "http://127.0.0.1:8080"
KEY = Secret("KEY")


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

    assert [shlex.split(claude_code_command(URL, KEY))] == commands
    assert [json.loads(cursor_configuration(URL, KEY)), json.loads(vscode_configuration(URL, KEY))] == shown


def test_the_first_screen_shows_both_commands() -> None:
    """A newcomer has a clean machine and one minute."""
    first_screen = "\n".join(document("README.md").text.splitlines()[:10])

    assert "python3 tools/just.py demo      # " in first_screen
    assert "python3 tools/just.py test      # " in first_screen
