"""What a recording holds, and what it never holds."""

from __future__ import annotations

import json
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.cli.console import recording as recording_module
from aegis_trio.cli.console.recording import Recorder, parse_recording, read_recording
from aegis_trio.config.faults import Misfit
from aegis_trio.model.secret import Secret
from aegis_trio.protocol.revisions import Era

HEAD = '{"aegis_trio_recording": 1, "era": "legacy"}\n'


def test_what_is_recorded_is_read_again(tmp_path: Path) -> None:
    """Order, direction, time and content; what is no JSON stands as text; the key is masked, wherever it stands."""
    path = tmp_path / "r.jsonl"
    recorder = Recorder(path, Era.LEGACY, Secret("k" * 40))
    recorder.write('{"a": ["\x7fö"]}', is_sent=True, at_s=0.0123456789)
    recorder.write("no JSON \x1b", is_sent=False, at_s=1)
    recorder.write('{"key": "' + "k" * 40 + '"}', is_sent=True, at_s=2)
    recorder.close()

    read = read_recording(str(path))

    assert Era.LEGACY == read.era
    assert [
        (0.012346, True, {"a": ["\x7fö"]}, None),
        (1, False, None, "no JSON \x1b"),
        (2, True, {"key": "****"}, None),
    ] == [(frame.at_s, frame.is_sent, frame.frame, frame.text) for frame in read.frames]
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert b"\x1b" not in path.read_bytes()
    assert "kkk" not in path.read_text()


def test_a_recording_never_replaces_a_file(tmp_path: Path) -> None:
    """`record ~/.bashrc` must not cost anything."""
    path = tmp_path / "r"
    path.write_text("mine")

    with pytest.raises(FileExistsError):
        Recorder(path, Era.MODERN, None)
    assert "mine" == path.read_text()


def test_a_recording_ends_at_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forgotten one must not fill the disk."""
    monkeypatch.setattr(recording_module, "MAX_RECORDING_BYTES", 200)
    recorder = Recorder(tmp_path / "r", Era.MODERN, None)

    recorder.write("{}", is_sent=True, at_s=0)
    with pytest.raises(OSError, match="as long as it may be"):
        recorder.write('{"a": "' + "b" * 200 + '"}', is_sent=True, at_s=0)
    recorder.close()
    assert 200 >= (tmp_path / "r").stat().st_size


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no recording"),
        ("{}\n", "is no recording"),
        ('{"aegis_trio_recording": 2, "era": "modern"}\n', "is no recording"),
        ('{"aegis_trio_recording": 1, "era": "next"}\n', "is no recording"),
        ('{"aegis_trio_recording": 1, "era": []}\n', "is no recording"),
        (HEAD + "x\n", "line 2"),
        (HEAD + '\n{"at_s": 0, "direction": "up", "frame": {}}\n', "line 3"),
        (HEAD + '{"at_s": "0", "direction": "sent", "frame": {}}\n', "line 2"),
        (HEAD + '{"at_s": 0, "direction": "sent"}\n', "line 2"),
        (HEAD + '{"at_s": 0, "direction": "sent", "text": 5}\n', "line 2"),
        (HEAD + '{"at_s": 0, "direction": [], "frame": 5}\n', "line 2"),
    ],
)
def test_what_is_no_recording_is_not_sent(content: str, said: str) -> None:
    """Only what this console wrote, or somebody wrote with care, goes out with a key."""
    with pytest.raises(Misfit, match=said):
        parse_recording(content.encode())


def test_a_file_that_is_too_long_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log given by mistake must not fill the memory."""
    monkeypatch.setattr(recording_module, "MAX_RECORDING_BYTES", 10)
    (tmp_path / "r").write_text(HEAD)

    with pytest.raises(Misfit, match="is longer than 10 bytes"):
        read_recording(str(tmp_path / "r"))


@given(st.binary() | st.text().map(lambda text: (HEAD + text).encode("utf-8", "replace")))
def test_any_file_is_a_recording_or_a_fault(content: bytes) -> None:
    """Nothing else is raised."""
    with suppress(Misfit):
        assert Era.LEGACY is parse_recording(content).era


@given(st.text(), st.booleans())
def test_every_frame_can_be_recorded(text: str, is_sent: bool) -> None:  # noqa: FBT001 -- drawn
    """Whatever a server sends; each frame is one line of JSON."""
    recorder = Recorder.__new__(Recorder)
    lines: list[object] = []
    recorder._key = None
    recorder._write = lines.append  # type: ignore[method-assign, assignment] # the file is not what is tested
    recorder.write(text, is_sent=is_sent, at_s=0)

    (line,) = lines
    (frame,) = parse_recording(f"{HEAD}{json.dumps(line)}".encode()).frames
    assert is_sent == frame.is_sent
