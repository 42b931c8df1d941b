"""Scripts against a server: every command in both eras, and everything that a server can do wrong."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketServer, serve_websocket

from aegis_trio.cli.console import client as client_module
from aegis_trio.cli.console import exchange as exchange_module
from aegis_trio.cli.console import session as session_module
from aegis_trio.cli.console.address import parse_target
from aegis_trio.cli.console.client import open_client
from aegis_trio.cli.console.conversation import run_conversation
from aegis_trio.cli.console.messages import Messages
from aegis_trio.cli.console.printer import Printer
from aegis_trio.cli.console.script import Script, given, piped
from aegis_trio.cli.console.watch import Watch
from aegis_trio.model.secret import Secret
from aegis_trio.protocol.ladder import META_CAPABILITIES, META_VERSION
from aegis_trio.protocol.revisions import Era
from aegis_trio.web.server.tls import open_tls_context
from tests.cli.console.conversations import run_script, settings
from tests.cli.console.fake_server import KEY, PATIENCE_S, FakeServer, open_fake_server

pytestmark = pytest.mark.sockets

ERAS = pytest.mark.parametrize("era", list(Era))


def documents(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return what was printed for programs."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@ERAS
async def test_every_command_gets_its_answer(era: Era, capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object per result, in order, and nothing else on standard output."""
    lines = [
        "call get_me",
        'call echo text="a b" n=5',
        "tools",
        "describe echo",
        "resources",
        "read repo://a/b",
        "prompts",
        "prompt greet who=Ann",
        "complete prompt greet who=A and=b",
        "complete resource repo://{owner} owner=",
        "log warning",
        'raw {"jsonrpc":"2.0","id":"mine","method":"prompts/get","params":{"name":"x"}}',
        'raw {"jsonrpc":"2.0","method":"notifications/whatever"}',
        "help raw",
        "record off",
        "frames off",
        "",
        "quit",
        "call fail",
    ]
    async with open_fake_server() as server:
        server.pages_end = True
        code = await run_script(server, *lines, era=era, as_json=True)
    results = documents(capsys)

    assert 0 == code
    assert [line.split()[0] for line in lines[:16]] == [result["command"] for result in results]
    assert [] == [result for result in results if not result["ok"]]
    call, echo, tools, describe, resources, read, prompts, prompt, *_ = results
    assert "tidewater-bot" == call["result"]["content"][0]["text"]
    assert echo["result"]["content"][0]["text"].startswith('{"text": "a b", "n": 5}')
    assert ["get_me", "echo"] == [tool["name"] for tool in tools["items"]][:2]
    assert ["text", "how", "twice"] == [argument["name"] for argument in describe["arguments"]]
    assert [{"uri": "repo://a/b", "name": "b"}, 7, {"uriTemplate": "repo://{owner}", "title": "of one"}] == resources[
        "items"
    ]
    assert "hello" == read["result"]["contents"][0]["text"]
    assert "greet" == prompts["items"][0]["name"]
    assert {"name": "greet", "arguments": {"who": "Ann"}} == prompt["result"]["given"]
    assert {"arguments": {"and": "b"}} == results[8]["result"]["given"]["context"]
    assert {"type": "ref/resource", "uri": "repo://{owner}"} == results[9]["result"]["given"]["ref"]
    assert {"name": "x"} == results[11]["result"]["given"]


async def test_a_modern_client_states_itself_in_each_request(capsys: pytest.CaptureFixture[str]) -> None:
    """The revision has no handshake: a request without these is refused."""
    async with open_fake_server() as server:
        code = await run_script(server, "log debug", "call get_me", "log off", "tools")

    assert 0 == code
    assert ["tools/call", "tools/list", "tools/list"] == server.methods()
    metas = [message["params"]["_meta"] for message in server.received]
    assert ["2026-07-28"] * 3 == [meta[META_VERSION] for meta in metas]
    assert [{"elicitation": {}}] * 3 == [meta[META_CAPABILITIES] for meta in metas]
    assert ["debug", None, None] == [meta.get("io.modelcontextprotocol/logLevel") for meta in metas]
    assert [1, 2, 3] == [message["id"] for message in server.received]


async def test_a_legacy_client_shakes_hands_first(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing may be asked before the server knows that its answer was taken."""
    async with open_fake_server() as server:
        code = await run_script(server, "call get_me", "log off", era=Era.LEGACY)

    assert 1 == code  # this era cannot switch log messages off
    assert ["initialize", "notifications/initialized", "tools/call"] == server.methods()
    assert "2025-11-25" == server.received[0]["params"]["protocolVersion"]
    assert {"progressToken": 2} == server.received[2]["params"]["_meta"]
    assert "This era has no off" in capsys.readouterr().out


@ERAS
async def test_a_call_that_fails_makes_the_exit_code_1_and_the_rest_still_runs(
    era: Era, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script sees both kinds of failure, the tool's and the protocol's."""
    async with open_fake_server() as server:
        assert 1 == await run_script(server, "call fail", "call nothing", "describe nothing", "call get_me", era=era)
    out = capsys.readouterr().out

    assert "no such thing\n(the tool failed, " in out
    assert "error -32601: Method not found \\x1b]0;owned" in out
    assert "There is no tool nothing." in out
    assert "tidewater-bot\n(ok, " in out


@ERAS
async def test_no_answer_within_the_time_cancels_the_call(
    era: Era, capsys: pytest.CaptureFixture[str], autojump_clock: trio.testing.MockClock
) -> None:
    """The server must not work on for nobody."""
    raw = 'raw {"jsonrpc":"2.0","id":"r","method":"tools/call","params":{"name":"slow","_meta":{"progressToken":1}}}'
    async with open_fake_server() as server:
        autojump_clock.autojump_threshold = 0.5
        assert 1 == await run_script(server, "call slow", "call get_me", raw, era=era, patience_s=20)
        await server.wait_cancelled(2)
    out = capsys.readouterr().out

    assert 2 == out.count("No answer within 20 s (--timeout); the request was cancelled.")
    assert "tidewater-bot" in out
    assert [1 if era is Era.MODERN else 2, "r"] == server.cancelled


@ERAS
async def test_ctrl_c_cancels_the_call_and_ends_the_script(era: Era, capsys: pytest.CaptureFixture[str]) -> None:
    """130, as shells call it; and nothing that stands behind the call is sent."""
    async with open_fake_server() as server, trio.open_nursery() as nursery:
        nursery.start_soon(_press_ctrl_c_when_slow, server)
        with trio.fail_after(PATIENCE_S):
            assert 130 == await run_script(server, "call slow", "call get_me", era=era)
        await server.wait_cancelled(1)

    assert "interrupted; the server was told" in capsys.readouterr().out
    assert 1 == server.methods().count("tools/call")


async def test_ctrl_c_between_commands_ends_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe that brings nothing must not hold anybody."""
    reading, writing = os.pipe()
    async with open_fake_server() as server, trio.open_nursery() as nursery:
        os.write(writing, b"call tell\n")
        script = Script(piped(reading))
        notices: list[str] = []

        def note(text: str) -> None:
            notices.append(text)
            if "list_changed" in text:
                nursery.start_soon(_press_ctrl_c)

        code = await run_conversation(settings(server.url), script, Printer(as_json=False, notices=note))
    os.close(writing)

    assert 130 == code
    assert "… 1/2 half \\x1b]0;owned\\x07\\u202eevil" == notices[0]
    assert "… 2" == notices[1]
    assert "[info] a word \\x1b]0;owned\\x07\\u202eevil" == notices[2]
    assert '[?] {"a": 1}' == notices[3]
    assert "The server says notifications/tools/list_changed." == notices[4]


async def test_a_pipe_is_run_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The last line may lack its end; a line that is no command ends the script, as what follows may rely on it."""
    reading, writing = os.pipe()
    os.write(writing, b"call get_me\n\n# words\ncall echo text=\xc3\xb6\ncall echo text=\xff\ncall fail")
    os.close(writing)
    async with open_fake_server() as server:
        code = await run_conversation(settings(server.url), Script(piped(reading)), Printer(as_json=True))
    captured = capsys.readouterr()

    assert 64 == code
    assert 2 == len(captured.out.splitlines())
    assert "not UTF-8" in captured.err
    assert ["tools/call"] * 2 == server.methods()


async def test_a_line_without_end_is_not_read_for_ever(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`aegis-trio console < /dev/zero` ends."""
    monkeypatch.setattr("aegis_trio.cli.console.script.MAX_LINE_CHARS", 1000)
    monkeypatch.setattr("aegis_trio.cli.console.line_parser.MAX_LINE_CHARS", 1000)
    zero = os.open("/dev/zero", os.O_RDONLY)
    async with open_fake_server() as server:
        assert 64 == await run_conversation(settings(server.url), Script(piped(zero)), Printer(as_json=True))
    os.close(zero)

    assert "longer than 1000 characters" in capsys.readouterr().err


@ERAS
async def test_a_form_is_declined_where_nobody_can_be_asked(era: Era, capsys: pytest.CaptureFixture[str]) -> None:
    """A script must not agree to anything."""
    async with open_fake_server() as server:
        assert 0 == await run_script(server, "call ask", era=era)

    assert '"action": "decline"' in capsys.readouterr().out
    if era is Era.MODERN:
        first, second = server.received
        assert first["id"] != second["id"]
        assert "s1" == second["params"]["requestState"]


class _Willing:
    """Somebody who fills in every form, once the test says so."""

    def __init__(self) -> None:
        self.questions: list[str] = []

    async def ask(self, question: str) -> str:
        self.questions.append(question)
        await trio.sleep(3600)  # people take their time
        return "yes" if "Answer" in question else "5"

    def tell(self, text: str) -> None:
        pass


@ERAS
async def test_no_deadline_runs_while_a_person_fills_in_a_form(
    era: Era, capsys: pytest.CaptureFixture[str], autojump_clock: trio.testing.MockClock
) -> None:
    """Three hours for a form, twenty seconds for an answer."""
    async with open_fake_server() as server:
        autojump_clock.autojump_threshold = 0.5
        script = Script(given([session_module.c.CallTool("ask", {})]))
        script.asker = _Willing()  # type: ignore[assignment] # a script has nobody, a person is put there
        code = await run_conversation(settings(server.url, era=era, patience_s=20), script, Printer(as_json=False))

    assert 0 == code
    assert '"content": {"name": "5", "times": 5}' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "said"), [("insist", "The server asked 8 times for more"), ("sample", "it offers forms only")]
)
async def test_a_server_that_asks_for_ever_or_too_much_is_given_up(
    call: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A call ends, whatever the server wants."""
    async with open_fake_server() as server:
        assert 1 == await run_script(server, f"call {call}")

    assert said in capsys.readouterr().out
    assert (exchange_module.MAX_ROUNDS if call == "insist" else 1) == len(server.received)


@ERAS
async def test_a_rude_server_is_told_about_and_survived(era: Era, capsys: pytest.CaptureFixture[str]) -> None:
    """Binary frames, broken JSON, strange answers, floods of forms: each is noticed, none ends the session."""
    async with open_fake_server() as server:
        assert 0 == await run_script(server, "call rude", "call get_me", era=era)
        forms = [answer for answer in server.answers if str(answer["id"]).startswith("f")]
    captured = capsys.readouterr()

    assert "[{}, -32601, -32601]" in captured.out
    for words in (
        "a binary frame of 7 bytes",
        "the document is not JSON",
        "names a member twice",
        "an answer that nobody waits for",
        "could not read",
    ):
        assert words in captured.err
    assert "\x1b" not in captured.err
    assert ["decline"] * 20 == [answer["result"]["action"] for answer in forms]


async def test_a_flood_of_forms_is_refused_beyond_a_bound(capsys: pytest.CaptureFixture[str]) -> None:
    """Forms wait for a person, and so could any number of them."""

    class Away(_Willing):
        async def ask(self, question: str) -> str:
            self.questions.append(question)
            await trio.sleep_forever()
            raise AssertionError

    async with open_fake_server() as server:
        script = Script(given([session_module.c.CallTool("rude", {})]))
        script.asker = away = Away()  # type: ignore[assignment] # a script has nobody, a person is put there
        code = await run_conversation(settings(server.url, era=Era.LEGACY), script, Printer(as_json=True))
        refused = [answer for answer in server.answers if answer.get("error", {}).get("code") == client_module.BUSY]

    assert 0 == code
    assert 1 == len(away.questions)
    assert 20 - 1 - client_module.MAX_ASKED <= len(refused)


@ERAS
@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("hang_up", "The server has hung up (1011 INTERNAL_ERROR: bye \\x1b[31m)."),
        ("vanish", "The server has hung up (1006 ABNORMAL_CLOSURE)."),
    ],
)
async def test_a_server_that_hangs_up_ends_it_with_69(
    era: Era, call: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also in the middle of a call, and whatever stood behind it."""
    async with open_fake_server() as server:
        with trio.fail_after(PATIENCE_S):
            assert 69 == await run_script(server, f"call {call}", "call get_me", era=era)

    assert said in capsys.readouterr().err


async def test_a_message_beyond_the_bound_ends_the_connection(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded, whatever a server sends."""
    monkeypatch.setattr(client_module, "MAX_DOCUMENT_BYTES", 400)
    async with open_fake_server() as server:
        assert 69 == await run_script(server, "tools")

    assert "1009" in capsys.readouterr().err


async def test_a_list_without_end_is_given_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Pages are bounded."""
    async with open_fake_server() as server:
        assert 1 == await run_script(server, "prompts")

    assert f"more than {session_module.MAX_PAGES} pages" in capsys.readouterr().out
    assert session_module.MAX_PAGES == len(server.received)


async def test_frames_are_shown_with_times_and_without_the_key(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, so that standard output stays what programs read."""
    async with open_fake_server() as server:
        assert 0 == await run_script(
            server, f"call echo text={server.key}", "frames off", "call get_me", as_json=True, shows_frames=True
        )
    captured = capsys.readouterr()

    sent, received = captured.err.splitlines()
    assert sent.startswith("→     0.")
    assert '"text":"****"' in sent
    assert received.startswith("←     0.")
    assert server.key not in captured.err
    assert 3 == len(captured.out.splitlines())


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, b"", "The key is wrong, expired or missing"),
        (404, b"", "Is WEBSOCKET_DEBUG=true set for the gate?"),
        (429, b"", "wait for a while"),
        (503, b"draining", "The gate is not ready, or at its bound: ask /readyz, and try again. It said: draining"),
        (418, b"\x1b[2J" + b"x" * 1000, "Is this the gate? It said: \\x1b[2Jxxx"),
    ],
)
async def test_a_refused_connection_says_what_to_do(
    status: int, body: bytes, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """69, and the way out; nothing of the refusal reaches the terminal raw or without bound."""
    async with open_fake_server() as server:
        server.refuses = (status, body)
        assert 69 == await run_script(server, "call get_me")
    captured = capsys.readouterr()

    assert f"refused the connection with {status}. " in captured.err
    assert said in captured.err
    assert len(captured.err) < 600
    assert "" == captured.out


async def test_a_redirection_is_named_not_followed(capsys: pytest.CaptureFixture[str]) -> None:
    """Threat: following it would hand the key to whoever wrote it."""
    async with open_fake_server() as server:
        server.refuses, server.moved_to = (301, b""), b"https://gate.example/mcp/ws"
        assert 69 == await run_script(server, "call get_me")

    assert "It points to https://gate.example/mcp/ws: give that address by --url." in capsys.readouterr().err
    assert 1 == len(server.headers)


@pytest.mark.parametrize("key", ["w" * 40, None])
async def test_a_wrong_or_missing_key_is_refused(key: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    """The key travels in the header, and only there."""
    async with open_fake_server() as server:
        assert 69 == await run_script(server, "call get_me", key=key)

    assert (None if key is None else f"Bearer {key}") == server.headers[0].get("authorization")
    error = capsys.readouterr().err
    assert "refused the connection with 401" in error
    assert "w" * 40 not in error


async def test_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    """The commonest mistake of all."""
    async with open_fake_server() as server:
        url = server.url
    script = Script(given([]))

    assert 69 == await run_conversation(settings(url), script, Printer(as_json=False))
    assert "cannot be reached" in capsys.readouterr().err


@pytest.mark.parametrize("scheme", ["ws", "wss"])
async def test_a_server_that_does_not_speak_is_not_waited_for(
    scheme: str, capsys: pytest.CaptureFixture[str], autojump_clock: trio.testing.MockClock
) -> None:
    """Every wait has a bound, that of a handshake too."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    autojump_clock.autojump_threshold = 0.5
    async with listeners[0]:
        code = await run_conversation(
            settings(f"{scheme}://127.0.0.1:{port}", patience_s=5), Script(given([])), Printer(as_json=False)
        )

    assert 69 == code
    assert "did not answer as a WebSocket within 5 s" in capsys.readouterr().err


async def test_a_server_without_tls_is_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """wss:// for ws:// is a mistake that should not cost a minute."""
    async with open_fake_server() as server:
        url = server.url.replace("http://", "wss://")
        assert 69 == await run_conversation(settings(url), Script(given([])), Printer(as_json=False))

    assert "does not speak TLS as it should" in capsys.readouterr().err


async def test_tls_is_spoken_where_the_certificate_is_trusted(
    certificate_files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nowhere else: the key would go to whoever answers."""
    async with open_fake_server(open_tls_context(*certificate_files)) as server:
        assert 69 == await run_script(server, "call get_me")
        assert [] == server.headers
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate_files[0]))
        assert 0 == await run_script(server, "call get_me")
    captured = capsys.readouterr()

    assert "self-signed certificate. Is the certificate one that this machine trusts?" in captured.err
    assert "tidewater-bot" in captured.out


async def test_a_gate_behind_ipv6_is_asked_for_by_its_name_in_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    """A Host header without them is refused."""
    listeners = await _listen_on_ipv6()
    seen: list[str] = []

    async def answer(request: Any) -> None:
        seen.extend(value.decode() for name, value in request.headers if name.lower() == b"host")
        await request.reject(404)

    async with trio.open_nursery() as nursery:
        serving = await nursery.start(WebSocketServer(answer, listeners).run)
        url = f"ws://[::1]:{serving.port}"
        assert 69 == await run_conversation(settings(url), Script(given([])), Printer(as_json=False))
        nursery.cancel_scope.cancel()

    assert "refused the connection with 404" in capsys.readouterr().err
    assert [] == [host for host in seen if not host.startswith("[::1]:")]


async def test_ctrl_c_while_connecting_ends_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing has begun, so nothing is to be told."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]

    async def press(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await _press_ctrl_c()
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, press, listeners)
        with trio.fail_after(PATIENCE_S):
            code = await run_conversation(settings(f"ws://127.0.0.1:{port}"), Script(given([])), Printer(as_json=False))
        nursery.cancel_scope.cancel()

    assert 130 == code
    assert ("", "") == capsys.readouterr()


async def test_a_server_that_is_gone_between_two_commands_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """What was answered before counts as answered."""
    watch = Watch(Printer(as_json=False), trio.current_time, None, shows_frames=False)
    async with (
        open_fake_server() as server,
        open_client(parse_target(server.url), Secret(KEY), watch, patience_s=PATIENCE_S) as client,
    ):
        exchange = exchange_module.Exchange(client, Messages(Era.MODERN, "0"), None, patience_s=PATIENCE_S)
        response = await exchange.ask("tools/call", {"name": "farewell"})
        with trio.fail_after(PATIENCE_S):
            assert "The server has hung up (1001 GOING_AWAY)." == await client.wait_ended()
        with pytest.raises(client_module.HungUp, match="1001"):
            await exchange.ask("tools/list", {})

    assert response.result is not None
    assert "The connection is closed." == client_module._end_words(ConnectionClosed(None))


async def test_a_form_out_of_nowhere_is_declined() -> None:
    """Threat: the command that a person is typing would be taken for its answer."""
    watch = Watch(Printer(as_json=False), trio.current_time, None, shows_frames=False)
    person = _Willing()
    async with (
        open_fake_server() as server,
        open_client(parse_target(server.url), Secret(KEY), watch, patience_s=PATIENCE_S) as client,
        trio.open_nursery() as nursery,
    ):
        exchange = exchange_module.Exchange(client, Messages(Era.LEGACY, "0"), person, patience_s=PATIENCE_S)
        nursery.start_soon(exchange.run_answerer)
        await client.send({"jsonrpc": "2.0", "method": "notifications/ask_me"})
        await server.wait_answered()
        nursery.cancel_scope.cancel()

    assert [{"jsonrpc": "2.0", "id": "unasked", "result": {"action": "decline"}}] == server.answers
    assert [] == person.questions


async def test_a_server_that_asks_for_nothing_is_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither questions nor state: both members are optional."""
    async with open_fake_server() as server:
        assert 0 == await run_script(server, "call wonder")

    assert "[{}, false]" in capsys.readouterr().out


async def test_a_list_that_is_none_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    """Servers without resources answer with an error, careless ones with nonsense."""
    async with open_fake_server() as server:
        server.lists_nonsense, server.lacks = True, frozenset({"resources/list"})
        assert 1 == await run_script(server, "tools", "resources")
    out = capsys.readouterr().out

    assert out.startswith("(none)\n")
    assert "error -32601" in out


async def test_a_server_that_refuses_the_handshake_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """The other era may work."""

    async def refuse(request: Any) -> None:
        socket = await request.accept()
        await socket.get_message()
        await socket.send_message('{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no"}}')
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        serving = await nursery.start(serve_websocket, refuse, "127.0.0.1", 0, None)
        url = f"ws://127.0.0.1:{serving.port}"
        code = await run_conversation(settings(url, era=Era.LEGACY), Script(given([])), Printer(as_json=False))
        nursery.cancel_scope.cancel()

    assert 69 == code
    assert "The server does not begin: error -32022: no\nTry --era modern" in capsys.readouterr().err


async def _listen_on_ipv6() -> list[trio.SocketListener]:
    try:
        return list(await trio.open_tcp_listeners(0, host="::1"))
    except OSError:
        pytest.skip("this machine has no IPv6 on loopback")


async def _press_ctrl_c_when_slow(server: FakeServer) -> None:
    await server.slow_began.wait()
    await _press_ctrl_c()


async def _press_ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)
