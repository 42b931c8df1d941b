"""connect prints what each client must be told, from settings and flags, and no secret that nobody asked for."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from aegis_trio.cli import connect
from aegis_trio.cli.clients.table import CLIENTS
from tests.cli.places import KEY, OTHER, json_of, run

PRINTED = Path(__file__).parent / "connect"
SIGNED_IN = Path(__file__).parent / "connect_signed_in"
TOLD = [(client.name, transport.value) for client in CLIENTS for transport in client.transports]
TOKEN = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this package is installed is in no text that is compared."""
    monkeypatch.setattr(connect, "_program", lambda: "aegis-trio")


@pytest.mark.parametrize(("client", "transport"), TOLD)
def test_every_client_is_told_what_it_was_told_before(
    client: str, transport: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """These texts are pasted; a change of one is meant, and seen here."""
    assert 0 == run("connect", client, "--transport", transport)

    assert (PRINTED / f"{client}-{transport}.txt").read_text(encoding="utf-8") == capsys.readouterr().out


@pytest.mark.parametrize("client", [client.name for client in CLIENTS])
def test_where_people_sign_in_every_client_is_told_the_url_alone(
    client: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key beside it, or a place for one, would be asked for and found nowhere."""
    monkeypatch.setenv("OAUTH_MODE", "true")
    monkeypatch.setenv("PUBLIC_URL", "https://mcp.example.com")

    assert 0 == run("connect", client)

    printed = capsys.readouterr().out
    assert (SIGNED_IN / f"{client}.txt").read_text(encoding="utf-8") == printed
    assert "https://mcp.example.com/mcp" in printed
    assert [] == [word for word in ("AEGIS_KEY", "YOUR_KEY", "headers", "--header", "Bearer") if word in printed]


def test_a_bridge_signs_in_where_no_connector_can(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anthropic's network does not reach a gate on this machine; a program here does."""
    monkeypatch.setenv("OAUTH_MODE", "true")

    entry = json.loads(told("claude-desktop")["snippet"])["mcpServers"]["gitea"]

    assert ["-y", "mcp-remote", "http://127.0.0.1:8080/mcp", "--transport", "http-only"] == entry["args"]
    assert "env" not in entry


@pytest.mark.parametrize("client", [client.name for client in CLIENTS if client.name != "chatgpt"])
def test_a_key_counts_beside_signing_in(client: str, told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts have keys where people sign in."""
    monkeypatch.setenv("OAUTH_MODE", "true")

    assert f"Bearer {KEY}" in told(client, "--key", KEY)["snippet"]


def test_clients_of_gitea_itself_are_told_what_they_were(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Gitea's own tokens a client needs an id there: the URL alone would promise too much."""
    before = told("cursor")
    monkeypatch.setenv("OAUTH_MODE", "true")
    monkeypatch.setenv("OAUTH_FLOW", "gitea")

    assert before == told("cursor")


def test_there_is_no_text_of_a_client_that_is_gone() -> None:
    """A text that nothing is compared with rots."""
    assert {f"{client}-{transport}.txt" for client, transport in TOLD} == {path.name for path in PRINTED.iterdir()}
    assert {f"{client.name}.txt" for client in CLIENTS} == {path.name for path in SIGNED_IN.iterdir()}


def test_without_a_client_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Who does not know the names finds them."""
    assert 0 == run("connect")
    lines = capsys.readouterr().out.splitlines()
    assert [client.name for client in CLIENTS] == [line.split()[0] for line in lines[: len(CLIENTS)]]
    assert lines[0].endswith("http, sse, stdio")

    assert 0 == run("connect", "--json")
    assert {"client": "cursor", "title": "Cursor", "transports": ["http", "stdio"]} in json_of(capsys)


@pytest.mark.parametrize("client", [client.name for client in CLIENTS])
def test_programs_get_json(client: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One object with the same members for every client, None where there is nothing."""
    assert 0 == run("connect", client, "--json")

    told = json_of(capsys)
    assert ["client", "transport", "url", "file", "snippet", "command", "link", "notes"] == list(told)
    assert (client, "http", "http://127.0.0.1:8080/mcp") == (told["client"], told["transport"], told["url"])
    assert (told["file"] is None) == (told["snippet"] is None)
    assert told["notes"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "http://127.0.0.1:8080/mcp"),
        ({"PORT": "9000"}, "http://127.0.0.1:9000/mcp"),
        ({"PUBLIC_URL": "https://mcp.example.com/gate/"}, "https://mcp.example.com/gate/mcp"),
        ({"MCP_DOMAIN": "mcp.example.com", "PORT": "0"}, "https://mcp.example.com/mcp"),
    ],
)
def test_the_url_is_that_of_the_settings(settings: dict[str, str], expected: str, folder: Path, told: Any) -> None:
    """Beside the gate nothing has to be typed, and other settings may still be missing."""
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    (folder / ".env").chmod(0o600)

    assert expected == told("cursor")["url"]
    assert "https://b.example/mcp" == told("cursor", "--url", "https://b.example/mcp/")["url"]
    assert f"{expected}/sse" == told("vscode", "--transport", "sse")["url"]


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"PORT": "0"}, 64, "PORT is 0"),
        ({"PORT": "x"}, 78, "PORT=x"),
        ({"PUBLIC_URL": "https://a.example", "MCP_DOMAIN": "b.example"}, 78, "MCP_DOMAIN"),
        ({"PUBLIC_URL": "https://a.example/${GITEA_TOKEN}"}, 78, "PUBLIC_URL: holds a character"),
    ],
)
def test_settings_that_give_no_url_are_told(
    settings: dict[str, str],
    code: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client that is told a wrong URL fails far from here."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    assert code == run("connect", "cursor")
    shown = capsys.readouterr()
    assert words in shown.err
    assert "" == shown.out


@pytest.mark.parametrize(
    ("raw_url", "words"),
    [
        ("mcp.example.com", "is not an http or https URL"),
        ("ftp://mcp.example.com/mcp", "is not an http or https URL"),
        ("https://:0x/mcp", "is not an http or https URL"),
        ("https://user:secret@mcp.example.com/mcp", "holds a user or password"),
        ("https://mcp.example.com/mcp?api_key=secret", "holds a query or fragment"),
        ("https://mcp.example.com/mcp#secret", "holds a query or fragment"),
        ("https://mcp.example.com/a b", "holds a character"),
        ("https://mcp.example.com/${GITEA_TOKEN}", "percent-encoded"),
        ('https://mcp.example.com/"', "percent-encoded"),
        ("https://mcp.example.com/`id`", "percent-encoded"),
    ],
)
def test_a_url_that_no_client_should_be_told_is_usage(
    raw_url: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence names the flag and the rule, and repeats no secret."""
    assert 64 == run("connect", "cursor", "--url", raw_url)

    said = capsys.readouterr().err
    assert said.startswith("aegis-trio: --url ")
    assert words in said
    assert "secret" not in said


@pytest.mark.parametrize("raw_name", ["", "-x", "_x", "a b", "a.b", "ü", "a" * 33, 'a"', "a\n"])
def test_a_name_that_a_client_refuses_is_usage(raw_name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Claude Code and Codex refuse it, and too late."""
    assert 64 == run("connect", "claude-code", f"--name={raw_name}")
    assert "--name is not a name that every client takes" in capsys.readouterr().err


def test_the_name_reaches_the_client(told: Any) -> None:
    """Two gates in one client need two names."""
    assert {"work_2"} == set(json.loads(told("gemini", "--name", "work_2")["snippet"])["mcpServers"])


@pytest.mark.parametrize(
    ("raw_name", "near"),
    [("claud-code", "claude-code"), ("Curser", "cursor"), ("vs-code", "vscode"), ("chatgtp", "chatgpt")],
)
def test_an_unknown_client_is_usage_with_the_nearest(
    raw_name: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A typing error costs one look."""
    assert 64 == run("connect", raw_name)
    assert f"Did you mean {near}? Known: claude-code," in capsys.readouterr().err


def test_a_client_like_none_is_usage_with_all(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is guessed, and what was typed cannot write to the terminal."""
    assert 64 == run("connect", "\x1b[2Jzzz")
    said = capsys.readouterr().err
    assert "Did you mean" not in said
    assert "chatgpt." in said
    assert "\x1b" not in said


def test_case_does_not_matter(told: Any) -> None:
    """Names of products are written in many ways."""
    assert "cursor" == told("Cursor")["client"]


@pytest.mark.parametrize("client", [client.name for client in CLIENTS])
@pytest.mark.parametrize("flags", [(), ("--json",), ("--transport", "stdio")])
def test_no_secret_of_the_settings_is_printed_unasked(
    client: str, flags: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Output of this command goes into chats and tickets."""
    monkeypatch.setenv("MCP_API_KEYS", KEY)
    monkeypatch.setenv("GITEA_TOKEN", TOKEN)

    run("connect", client, *flags)

    shown = capsys.readouterr()
    assert [] == [secret for secret in (KEY, TOKEN) if secret in shown.out + shown.err]


def test_the_first_key_is_shown_when_asked_for(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the gate one flag makes a configuration that works at once; digests are passed over."""
    monkeypatch.setenv("MCP_API_KEYS", f"sha256:{'ab' * 32},{KEY},{OTHER}")

    shown = json.loads(told("cursor", "--show-key")["snippet"])["mcpServers"]["gitea"]

    assert f"Bearer {KEY}" == shown["headers"]["Authorization"]


@pytest.mark.parametrize(
    ("keys", "flags", "code", "words"),
    [
        (None, (), 64, "MCP_API_KEYS is not set"),
        (f"hmac:{'ab' * 32}", (), 64, "holds digests only"),
        ("$" + KEY, (), 78, "MCP_API_KEYS: cannot be written"),
        (None, ("--env-file", "nowhere.env"), 78, "nowhere.env"),
        (KEY, ("--key", KEY), 64, "not allowed with"),
    ],
)
def test_a_key_that_cannot_be_shown_is_told(
    keys: str | None,
    flags: tuple[str, ...],
    code: int,
    words: str,
    *,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each sentence says what to do instead, and repeats no key."""
    if keys is not None:
        monkeypatch.setenv("MCP_API_KEYS", keys)

    assert code == run("connect", "cursor", "--url", "https://a.example/mcp", "--show-key", *flags)
    said = capsys.readouterr().err
    assert words in said
    assert KEY not in said


@pytest.mark.parametrize("client", [client.name for client in CLIENTS if client.name != "chatgpt"])
def test_a_key_that_is_given_stands_in_the_configuration(client: str, told: Any) -> None:
    """What is given is meant; nothing of a reference is left beside it."""
    document = told(client, "--key", KEY)

    assert f"Bearer {KEY}" in document["snippet"]
    assert "AEGIS_KEY" not in (document["command"] or "") + document["snippet"]


@pytest.mark.parametrize("raw_key", ["", "a b", "a\nb", "é", "a" * 513, "${GITEA_TOKEN}", "$HOME"])
def test_a_key_that_no_header_carries_is_usage(raw_key: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Clients would send something else, and be blocked for it."""
    assert 64 == run("connect", "cursor", "--key", raw_key)
    said = capsys.readouterr().err
    assert said.startswith("aegis-trio: --key cannot be written for clients")
    assert not raw_key or raw_key not in said


@pytest.mark.parametrize("flags", [("--url", "https://a.example/mcp"), ("--key", KEY), ("--key", ""), ("--show-key",)])
def test_what_says_nothing_about_a_local_program_is_usage(
    flags: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """A key that is silently left out is looked for later."""
    assert 64 == run("connect", "cursor", "--transport", "stdio", *flags)
    assert f"{flags[0]} says nothing with --transport stdio" in capsys.readouterr().err


def test_a_transport_that_a_client_does_not_speak_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """A configuration that cannot work is not printed."""
    assert 64 == run("connect", "chatgpt", "--transport", "stdio")
    assert "ChatGPT does not speak it. Give http, or leave it out." in capsys.readouterr().err
    assert 64 == run("connect", "codex", "--transport", "sse")
    assert "Give http or stdio" in capsys.readouterr().err
    assert 64 == run("connect", "codex", "--transport", "carrier-pigeon")


def test_a_local_program_is_told_the_forge_of_the_settings(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL is no secret; the token is, and stays a reference."""
    monkeypatch.setenv("GITEA_URL", "https://git.example.org/")
    monkeypatch.setenv("GITEA_TOKEN", TOKEN)

    entry = json.loads(told("gemini", "--transport", "stdio")["snippet"])["mcpServers"]["gitea"]

    assert {"GITEA_URL": "https://git.example.org", "GITEA_TOKEN": "${GITEA_TOKEN}"} == entry["env"]
    for client in ("claude-code", "claude-desktop", "cursor", "vscode", "codex", "inspector"):
        assert "https://git.example.org" in told(client, "--transport", "stdio")["snippet"]


def test_a_forge_that_cannot_be_told_is_a_configuration_fault(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client would show its own riddle instead."""
    monkeypatch.setenv("GITEA_URL", "git.example.org")
    assert 78 == run("connect", "cursor", "--transport", "stdio")
    assert "GITEA_URL=git.example.org" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("client", "url", "words"),
    [
        ("cursor", "http://mcp.example.com/mcp", "travel in the clear"),
        ("cursor", "https://mcp.example.com", "the URL is https://mcp.example.com/mcp"),
        ("chatgpt", "https://mcp.example.com/mcp", "the address to give to ChatGPT is https://mcp.example.com/mcp"),
        ("chatgpt", "http://mcp.example.com/mcp", "is not HTTPS"),
        ("chatgpt", "http://localhost:8080/mcp", "address of this machine alone"),
    ],
)
def test_what_is_likely_a_mistake_is_worth_a_word(client: str, url: str, words: str, told: Any) -> None:
    """It may be meant, so it is no fault."""
    assert [True] == [words in note for note in told(client, "--url", url)["notes"] if words in note]


@pytest.mark.parametrize("url", ["https://mcp.example.com/mcp", "http://[::1]:8080/mcp", "http://127.0.0.1/mcp/sse"])
def test_what_is_well_is_worth_no_word(url: str, told: Any) -> None:
    """A warning that is always there is not read."""
    assert told("cursor")["notes"] == told("cursor", "--url", url)["notes"]


def test_the_program_is_named_in_full(
    monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Desktop programs start others by a PATH that knows nothing of this environment."""
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    assert 0 == run("connect", "cursor", "--transport", "stdio", "--json")
    assert "aegis-trio" == json.loads(json_of(capsys)["snippet"])["mcpServers"]["gitea"]["command"]

    (folder / "aegis-trio").touch(mode=0o700)
    assert 0 == run("connect", "cursor", "--transport", "stdio", "--json")
    document = json_of(capsys)
    assert str(folder / "aegis-trio") == json.loads(document["snippet"])["mcpServers"]["gitea"]["command"]
    assert f"{folder / 'aegis-trio'} is where the program is on this machine." in document["notes"]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Any:
    """Give a function from flags to what connect says in JSON."""

    def tell(*flags: str) -> Any:
        assert 0 == run("connect", *flags, "--json")
        return json_of(capsys)

    return tell
