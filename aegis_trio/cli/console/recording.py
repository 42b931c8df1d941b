"""Recordings: every frame of a session, with its direction and its time, as JSON lines.

    {"aegis_trio_recording": 1, "era": "modern"}
    {"at_s": 0.012, "direction": "sent", "frame": {"jsonrpc": "2.0", …}}
    {"at_s": 0.020, "direction": "received", "text": "not JSON"}

Laws:
    1. A recording is for its owner alone (0600), and never replaces a file.
    2. The key is not in it: it is sent in a header, not in a frame, and where somebody typed it, it is masked.
    3. A recording has a bound; at the bound, or when the disk refuses, it ends and says so.

Whom it trusts: whoever can change a recording decides what a replay sends with your key.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, final

from aegis_trio.cli.console.visible import json_line
from aegis_trio.config.faults import Misfit
from aegis_trio.config.parsing import parse_path
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.secret import MASK, Secret
from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.refusals import Refusal
from aegis_trio.protocol.revisions import Era

MAX_RECORDING_BYTES: Final = 64 * 1024 * 1024  # a day of work by hand; a replay reads it whole
FORMAT: Final = "aegis_trio_recording"
SENT: Final = "sent"
RECEIVED: Final = "received"
_VERSION: Final = 1
_OWNER_ONLY: Final = 0o600


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFrame:
    """One frame: a JSON value, or else the text that was none."""

    at_s: float
    is_sent: bool
    frame: JsonValue
    text: str | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What was recorded."""

    era: Era
    frames: tuple[RecordedFrame, ...]


@final
class Recorder:
    """Writes one recording."""

    def __init__(self, path: Path, era: Era, key: Secret | None) -> None:
        """Make the file.

        Raises:
            FileExistsError: it is there already.
            OSError: it cannot be made.
        """
        self.path = path
        self._key = key
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        self._file: IO[bytes] = open(descriptor, "wb", buffering=0)  # noqa: PTH123, SIM115 -- a descriptor, kept open
        self._written_bytes = 0
        self._write({FORMAT: _VERSION, "era": era.value})

    def write(self, text: str, *, is_sent: bool, at_s: float) -> None:
        """Write one frame.

        Raises:
            OSError: the disk does not take it, or the recording is as long as it may be.
        """
        masked = masked_text(text, self._key)
        value = read_json(masked.encode("utf-8", "replace"))
        content: JsonObject = {"text": masked} if isinstance(value, Refusal) else {"frame": value}
        self._write({"at_s": round(at_s, 6), "direction": SENT if is_sent else RECEIVED, **content})

    def close(self) -> None:
        """End the recording."""
        self._file.close()

    def _write(self, line: JsonObject) -> None:
        raw_line = f"{json_line(line)}\n".encode("ascii")
        if self._written_bytes + len(raw_line) > MAX_RECORDING_BYTES:
            raise OSError(f"the recording is as long as it may be, {MAX_RECORDING_BYTES} bytes")
        self._file.write(raw_line)
        self._written_bytes += len(raw_line)


def masked_text(text: str, key: Secret | None) -> str:
    """Return *text* without the key."""
    return text if key is None else text.replace(key.reveal(), MASK)


def read_recording(name: str) -> Recording:
    """Read the recording of that file name; `~` is the home folder.

    Raises:
        Misfit: it is none.
        OSError: it cannot be read.
    """
    with parse_path(name).open("rb") as file:
        content = file.read(MAX_RECORDING_BYTES + 1)
    if len(content) > MAX_RECORDING_BYTES:
        raise Misfit(f"is longer than {MAX_RECORDING_BYTES} bytes", "Name a recording.")
    return parse_recording(content)


def parse_recording(content: bytes) -> Recording:
    """Make a recording of the bytes of its file.

    Raises:
        Misfit: it is none.
    """
    head, *lines = content.split(b"\n")
    first = read_json(head)
    members: JsonObject = first if isinstance(first, dict) else {}
    era = next((era for era in Era if era.value == members.get("era")), None)
    if era is None or members.get(FORMAT) != _VERSION:
        raise Misfit("is no recording of this console", "Make one with `record FILE`.")
    return Recording(era=era, frames=tuple(_frames(lines)))


def _frames(lines: Sequence[bytes]) -> Iterator[RecordedFrame]:
    for number, line in enumerate(lines, start=2):
        if not line:
            continue
        value = read_json(line)
        members: JsonObject = value if isinstance(value, dict) else {}
        at_s, direction, text = members.get("at_s"), members.get("direction"), members.get("text")
        is_frame = "frame" in members or isinstance(text, str)
        is_directed = isinstance(direction, str) and direction in {SENT, RECEIVED}
        if not isinstance(at_s, (int, float)) or not is_directed or not is_frame:
            raise Misfit(f"has a line {number} that is no frame", "Take the line away, or record again.")
        yield RecordedFrame(
            at_s=at_s,
            is_sent=direction == SENT,
            frame=members.get("frame"),
            text=text if isinstance(text, str) else None,
        )
