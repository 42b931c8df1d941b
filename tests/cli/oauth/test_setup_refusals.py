"""What `oauth setup` cannot use, it names: the credential, the address, or what stands there."""

from __future__ import annotations

import io
from functools import partial

import pytest
import trio

from aegis_trio.demo_forge.demo_world import PASSWORDS
from tests.cli.oauth.setups import (
    HERE,
    PUBLIC,
    TOKEN,
    as_token,
    ours,
    setup,
    written,
)
from tests.cli.places import run
from tests.forge import open_forge

pytestmark = pytest.mark.sockets


# ---- the credential -------------------------------------------------------------------------------------------------


async def test_a_password_will_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With a one-time code where the account has two factors; a plain account is worth a word."""
    async with open_forge() as forge:
        alice = forge.world.account_named("alice")
        assert alice is not None
        alice.one_time_code = "123456"
        monkeypatch.setenv("AEGIS_SETUP_PASSWORD", PASSWORDS["alice"])

        assert 64 == await setup(forge, "--user", "alice")
        assert "--otp" in capsys.readouterr().err
        monkeypatch.setenv("AEGIS_SETUP_OTP", "123456")
        assert 0 == await setup(forge, "--user", "alice", "--otp")

        assert [alice.id] == [each.owner_id for each in ours(forge)]
    assert "alice, a plain account" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [("--token-file", "token"), ("--token-file", "-")])
async def test_a_token_comes_from_a_file_or_a_pipe(flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Never from the command line, which everybody on the machine can read."""
    async with open_forge() as forge:
        token = f"{forge.world.tokens['admin']}\n"
        TOKEN.write_text(token)
        monkeypatch.setattr("sys.stdin", io.StringIO(token))

        assert 0 == await setup(forge, *flags)


async def test_a_person_is_asked_without_an_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """First for a token; an empty answer leads to login and password."""
    asked: list[str] = []
    answers = iter(["", PASSWORDS["alice"], ""])

    def ask_hidden(question: str) -> str:
        asked.append(question)
        return next(answers)

    monkeypatch.setattr("aegis_trio.cli.oauth.setup.can_ask", lambda: True)
    monkeypatch.setattr("getpass.getpass", ask_hidden)
    monkeypatch.setattr("builtins.input", lambda _: "alice")
    async with open_forge() as forge:
        assert 0 == await setup(forge)

    assert 3 == len(asked)
    assert all("not shown" in question for question in asked)


@pytest.mark.parametrize(
    ("environ", "flags", "words"),
    [
        ({}, (), "no credential"),
        ({"AEGIS_SETUP_TOKEN": "<your-token>"}, (), "is not a token of Gitea"),
        ({}, ("--user", "alice"), "no password of alice"),
        ({"AEGIS_SETUP_PASSWORD": "x"}, ("--user", "a:b"), "colon"),
        ({"AEGIS_SETUP_PASSWORD": "x", "AEGIS_SETUP_OTP": "12"}, ("--user", "alice"), "six to eight digits"),
        ({"AEGIS_SETUP_PASSWORD": "x"}, ("--user", "alice", "--otp"), "no one-time code"),
        ({}, ("--otp",), "give --user too"),
        ({}, ("--password-file", "p"), "give --user too"),
        ({}, ("--user", "alice", "--token-file", "t"), "two credentials"),
        ({"AEGIS_SETUP_TOKEN": "0" * 40}, (), "does not accept this credential"),
        ({"AEGIS_SETUP_PASSWORD": "wrong"}, ("--user", "alice"), "does not accept this credential"),
    ],
)
async def test_a_credential_that_cannot_be_used_is_told(
    environ: dict[str, str],
    flags: tuple[str, ...],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is wrong and the way out; nothing of it is repeated, and nothing was made."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    async with open_forge() as forge:
        assert 64 == await setup(forge, *flags)
        assert [] == ours(forge)

    said = capsys.readouterr().err
    assert words in said
    assert [] == [value for value in environ.values() if len(value) > 2 and value in said]


async def test_a_token_without_the_right_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The scope that it lacks stands in the sentence."""
    async with open_forge() as forge:
        alice = forge.world.account_named("alice")
        assert alice is not None
        as_token(monkeypatch, forge.world.add_token(alice, {"read:user"}, name="narrow"))
        assert 64 == await setup(forge)
    assert "write:user" in capsys.readouterr().err


# ---- the address ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (("--public-url", PUBLIC), 64, "--gitea-url"),
        (("--gitea-url", "http://127.0.0.1:9"), 64, "--public-url"),
        (("--gitea-url", "git.example.com", "--public-url", PUBLIC), 64, "--gitea-url is not an http or https URL"),
        (("--gitea-url", "https://a:b@git.example.com", "--public-url", PUBLIC), 64, "holds a user or password"),
        (("--gitea-url", "http://127.0.0.1:9", "--public-url", "ftp://x"), 64, "--public-url is not an http"),
        (("--gitea-url", "http://127.0.0.1:9", "--public-url", "http://mcp.example.com"), 64, "must be https"),
        (("--gitea-url", "http://127.0.0.1:9", "--public-url", PUBLIC, "--name", "\n"), 64, "--name"),
        (("--gitea-url", "http://127.0.0.1:9", "--public-url", PUBLIC), 69, "cannot be reached"),
    ],
)
def test_an_address_that_cannot_be_used_is_told(
    flags: tuple[str, ...],
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The flag or setting, the rule, the way out; before anybody is asked for a credential."""
    if code == 69:
        as_token(monkeypatch, "0" * 40)

    assert code == run("oauth", "setup", *flags)

    assert words in capsys.readouterr().err
    assert [] == list(HERE.iterdir())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
        b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
async def test_what_is_no_gitea_is_told(
    answer: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A login page of a proxy, another program, a forgotten sub-path."""

    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(answer)
        await stream.aclose()

    as_token(monkeypatch, "0" * 40)
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        port = listener.socket.getsockname()[1]
        given = ("--gitea-url", f"http://127.0.0.1:{port}", "--public-url", PUBLIC)

        assert 64 == await trio.to_thread.run_sync(partial(run, "oauth", "setup", *given))

        nursery.cancel_scope.cancel()
    assert f"GITEA_URL http://127.0.0.1:{port}" in capsys.readouterr().err


async def test_an_old_gitea_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before 1.23 every token of the application would open everything of its person."""
    async with open_forge() as forge:
        monkeypatch.setattr("aegis_trio.demo_forge.areas.meta.GITEA_VERSION", "1.22.6")
        as_token(monkeypatch, forge.world.tokens["admin"])
        assert 64 == await setup(forge)
        assert [] == ours(forge)

    said = capsys.readouterr().err
    assert "Gitea 1.22.6 is too old" in said
    assert "all rights" in said


async def test_a_gate_on_this_machine_listens_where_its_address_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """With PUBLIC_URL alone set, the first try must not lead to an empty port."""
    async with open_forge() as forge:
        as_token(monkeypatch, forge.world.tokens["admin"])
        assert 0 == await setup(forge, public_url="http://127.0.0.1:8123")

    assert "8123" == written()["PORT"]
