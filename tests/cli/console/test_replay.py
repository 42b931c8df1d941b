"""A session is recorded, and replayed: the same answers, or where they differ."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import trio

from aegis_trio.cli.console import watch as watch_module
from aegis_trio.cli.console.comparison import MAX_DIFFERENCES
from aegis_trio.cli.console.recording import RecordedFrame, Recording
from aegis_trio.cli.console.replayer import Replayer
from aegis_trio.protocol.revisions import Era
from tests.cli.console.conversations import run_script
from tests.cli.console.fake_server import KEY, FakeServer, open_fake_server

pytestmark = pytest.mark.sockets

ERAS = pytest.mark.parametrize("era", list(Era))


def frames(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a recording behind its first."""
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]


def write(name: str, *lines: Any) -> None:
    """Write a file of JSON lines."""
    Path(name).write_text("\n".join(map(json.dumps, lines)))


def text_of(name: str) -> str:
    """Return what stands in a file."""
    return Path(name).read_text()


async def record(server: FakeServer, *lines: str, era: Era) -> Path:
    """Record a session of *lines*; return where."""
    path = Path.cwd() / "r.jsonl"  # noqa: ASYNC240 -- asks for a name, and opens nothing
    await run_script(server, f"record {path}", *lines, "record off", era=era)
    return path


@ERAS
async def test_the_same_answers_make_no_difference(era: Era, capsys: pytest.CaptureFixture[str]) -> None:
    """Forms, progress and errors included; the recording began after the handshake, which the replay makes up for."""
    async with open_fake_server() as server:
        path = await record(
            server, "call get_me", "call tell", "call ask", "call nothing", "prompt greet who=A", era=era
        )
        recorded = len(server.received)
        capsys.readouterr()
        code = await run_script(server, f"replay {path}", era=era, as_json=True)

    result = json.loads(capsys.readouterr().out)
    assert (0, []) == (code, result["differences"])
    assert {"command": "replay", "ok": True, "answers": 6 if era is Era.MODERN else 5, "differences": []} == result
    handshake = 0 if era is Era.MODERN else 2  # of the first session, of the second, and of the replay
    assert (recorded - handshake) * 2 + 3 * handshake == len(server.received)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert {"sent", "received"} == {frame["direction"] for frame in frames(path)}
    assert [frame["at_s"] for frame in frames(path)] == sorted(frame["at_s"] for frame in frames(path))


async def test_an_answer_that_differs_is_told_and_makes_the_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    """This is what replaying is for: after an upgrade, what is not as it was."""
    async with open_fake_server() as server:
        path = await record(server, "call get_me", "call fail", era=Era.MODERN)
        server.version = 2
        assert 1 == await run_script(server, f"replay {path}")
        assert 0 == await run_script(server, f"replay {path} shape")
    out = capsys.readouterr().out

    assert (
        "tools/call get_me.result.structuredContent.version: was 1, is 2\n(answers compared: 2, differences: 1)\n"
        in out
    )
    assert "(answers compared: 2, differences: 0)" in out


@ERAS
async def test_a_recording_with_its_handshake_is_sent_as_it_stands(
    era: Era, capsys: pytest.CaptureFixture[str]
) -> None:
    """Written by hand: each line a frame, strings for frames that are no JSON."""
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18"}}
    lines = [
        {"aegis_trio_recording": 1, "era": era.value},
        {"at_s": 0, "direction": "sent", "frame": hello},
        {"at_s": 0, "direction": "received", "frame": {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "x"}}},
        {"at_s": 0, "direction": "received", "frame": {"jsonrpc": "2.0", "id": 9, "result": {}}},
        {"at_s": 0, "direction": "received", "frame": {"jsonrpc": "2.0", "error": {"code": 1}}},
        {"at_s": 0, "direction": "received", "frame": {"jsonrpc": "2.0", "method": "notifications/x"}},
        {"at_s": 0, "direction": "received", "frame": {"jsonrpc": "2.0", "id": "p", "method": "ping"}},
        {"at_s": 0, "direction": "received", "text": "no JSON"},
        {"at_s": 0, "direction": "sent", "frame": {"jsonrpc": "2.0", "id": "p", "result": {}}},
        {"at_s": 0, "direction": "sent", "frame": ["no message"]},
        {"at_s": 0, "direction": "sent", "text": '"text"'},
    ]
    write("r", *lines)
    async with open_fake_server() as server:
        server.version = 2
        assert 1 == await run_script(server, "replay r")

    assert [hello, ["no message"], "text"] == server.received
    assert 'initialize.result.protocolVersion: was "x", is "2025-06-18"' in capsys.readouterr().out


@ERAS
async def test_an_answer_that_does_not_come_is_a_difference(
    era: Era, capsys: pytest.CaptureFixture[str], autojump_clock: trio.testing.MockClock
) -> None:
    """Each wait is bounded; the rest is still compared."""
    asks = {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "tools/call",
        "params": {"name": "slow", "_meta": {"progressToken": 1}},
    }
    form = {"jsonrpc": "2.0", "id": "f", "method": "elicitation/create", "params": {}}
    lines = [
        {"aegis_trio_recording": 1, "era": era.value},
        {"at_s": 0, "direction": "sent", "frame": asks},
        {"at_s": 0, "direction": "received", "frame": {"jsonrpc": "2.0", "id": 7, "result": {}}},
        {"at_s": 0, "direction": "received", "frame": form},
    ]
    write("r", *lines)
    async with open_fake_server() as server:
        autojump_clock.autojump_threshold = 0.5
        assert 1 == await run_script(server, "replay r", era=era, patience_s=20)
    out = capsys.readouterr().out

    assert "tools/call slow: was answered, is no answer" in out
    assert "elicitation/create: was asked, is not asked" in out


async def test_a_server_that_hangs_up_during_a_replay_is_a_difference(capsys: pytest.CaptureFixture[str]) -> None:
    """The session that replays goes on."""
    call = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "hang_up"}}
    answer = {"jsonrpc": "2.0", "id": 7, "result": {}}
    lines = [
        {"aegis_trio_recording": 1, "era": "modern"},
        {"at_s": 0, "direction": "sent", "frame": call},
        {"at_s": 0, "direction": "received", "frame": answer},
        {"at_s": 0, "direction": "sent", "frame": call},
    ]
    write("r", *lines)
    async with open_fake_server() as server:
        assert 1 == await run_script(server, "replay r", "call get_me")
    out = capsys.readouterr().out

    assert "the connection: was open, is The server has hung up (1011" in out
    assert "tidewater-bot" in out


async def test_a_server_that_takes_nothing_is_a_difference(autojump_clock: trio.testing.MockClock) -> None:
    """Sending is a wait too."""

    class Stuck:
        async def send_text(self, text: str) -> None:
            await trio.sleep_forever()

        def expect(self, request_id: object) -> None:
            pass

        def forget(self, request_id: object) -> None:
            pass

    call = {"jsonrpc": "2.0", "id": 7, "method": "tools/list"}
    recording = Recording(era=Era.MODERN, frames=(RecordedFrame(at_s=0, is_sent=True, frame=call),))
    replayer = Replayer(Stuck(), patience_s=20, shape=False)  # type: ignore[arg-type] # what of a client a replay uses
    await replayer.run(recording)

    assert ["the connection: was open, is takes nothing within 20 s"] == [str(each) for each in replayer.differences]


async def test_a_server_that_hangs_up_on_the_handshake_of_a_replay_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything of the recording was sent."""
    write("r", {"aegis_trio_recording": 1, "era": "legacy"})
    async with open_fake_server() as server:
        server.drops_handshake = True
        assert 1 == await run_script(server, "replay r")

    assert "The server has hung up (1006" in capsys.readouterr().out


async def test_a_replay_ends_at_enough_differences(capsys: pytest.CaptureFixture[str]) -> None:
    """A replay against the wrong server must not fill the screen."""
    lines: list[dict[str, Any]] = [{"aegis_trio_recording": 1, "era": "modern"}]
    for number in range(3):
        asked = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": "get_me"}}
        result = {"jsonrpc": "2.0", "id": number, "result": {str(member): 1 for member in range(60)}}
        lines += [
            {"at_s": 0, "direction": "sent", "frame": asked},
            {"at_s": 0, "direction": "received", "frame": result},
        ]
    write("r", *lines)
    async with open_fake_server() as server:
        assert 1 == await run_script(server, "replay r")

    assert f"(answers compared: 1, differences: {MAX_DIFFERENCES})" in capsys.readouterr().out
    assert 1 == len(server.received)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["replay nothing"], "nothing: No such file or directory."),
        (["replay broken"], "The file is no recording of this console."),
        (["record broken"], "broken: File exists."),
        (["record no/folder"], "no/folder: No such file or directory."),
        (["record off"], "nothing was recorded"),
    ],
)
async def test_files_that_cannot_be_used_are_told(
    lines: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The session goes on."""
    write("broken", "mine")
    async with open_fake_server() as server:
        await run_script(server, *lines)

    assert said in capsys.readouterr().out
    assert '"mine"' == text_of("broken")


async def test_a_replay_that_cannot_connect_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A replay has a connection of its own, as the first message decides the era."""
    write("r", {"aegis_trio_recording": 1, "era": "legacy"})
    async with open_fake_server() as server:
        server.refuses_from = 1
        assert 1 == await run_script(server, "replay r", "call get_me")
        server.refuses_from, server.rejects_handshake = 99, True
        assert 1 == await run_script(server, "replay r")
    out = capsys.readouterr().out

    assert "refused the connection with 503" in out
    assert "error -32022" in out
    assert "tidewater-bot" in out


async def test_a_disk_that_refuses_ends_the_recording_not_the_session(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call matters more than its record."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    async with open_fake_server() as server:
        monkeypatch.setattr(watch_module.Recorder, "write", refuse)
        assert 0 == await run_script(server, "record r", "call get_me", "call get_me")

    captured = capsys.readouterr()
    assert "The recording has ended: No space left on device.\n" == captured.err
    assert 2 == captured.out.count("tidewater-bot")


async def test_no_key_is_recorded_and_an_open_recording_is_ended_with_the_session(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Recordings are passed on to others."""
    async with open_fake_server() as server:
        assert 0 == await run_script(server, "record a", "call get_me", "record b", f"call echo text={KEY}")

    assert ["sent", "received"] == [frame["direction"] for frame in frames(Path("a"))]
    assert "****" in text_of("b")
    assert [] == [name for name in "ab" if KEY in text_of(name)]
