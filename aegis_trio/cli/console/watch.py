"""The watch: shows and records what passes over the wire."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import final

from aegis_trio.cli.console.printer import Printer
from aegis_trio.cli.console.recording import Recorder, masked_text
from aegis_trio.cli.console.visible import json_line, visible_line
from aegis_trio.model.secret import Secret
from aegis_trio.protocol.jsonrpc import Notification
from aegis_trio.protocol.revisions import Era


@final
class Watch:
    """Is told of every frame (`Observer` of client.py)."""

    def __init__(
        self, printer: Printer, clock_s: Callable[[], float], key: Secret | None, *, shows_frames: bool
    ) -> None:
        """Begin to watch.

        Args:
            clock_s: seconds that never step back.
            key: masked wherever it stands in a frame.
        """
        self._printer = printer
        self._clock_s = clock_s
        self._began_s = clock_s()
        self._key = key
        self._recorder: Recorder | None = None
        self.shows_frames = shows_frames

    def begin_recording(self, path: Path, era: Era) -> None:
        """Record from now on, in the place of an earlier recording.

        Raises:
            OSError: the file is there already, or cannot be made.
        """
        recorder = Recorder(path, era, self._key)
        self.end_recording()
        self._recorder = recorder

    def end_recording(self) -> Path | None:
        """Record no longer; return the file that was written, if one was."""
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return None
        recorder.close()
        return recorder.path

    def saw_frame(self, text: str, *, is_sent: bool) -> None:
        """Show and record one frame."""
        at_s = self._clock_s() - self._began_s
        if self.shows_frames:
            self._printer.frame(masked_text(text, self._key), is_sent=is_sent, at_s=at_s)
        if self._recorder is None:
            return
        try:
            self._recorder.write(text, is_sent=is_sent, at_s=at_s)
        except OSError as fault:
            self.end_recording()
            self._printer.notice(f"The recording has ended: {fault.strerror or fault}.")

    def saw_notification(self, notification: Notification) -> None:
        """Show progress, log messages, and that something else was said."""
        params = notification.params
        match notification.method:
            case "notifications/progress":
                total = params.get("total")
                share = json_line(params.get("progress")) + ("" if total is None else f"/{json_line(total)}")
                message = params.get("message")
                words = f" {visible_line(message)}" if isinstance(message, str) else ""
                self._printer.notice(f"… {share}{words}")
            case "notifications/message":
                level = params.get("level")
                data = params.get("data")
                text = data if isinstance(data, str) else json_line(data)
                shown = level if isinstance(level, str) else "?"
                self._printer.notice(f"[{visible_line(shown)}] {visible_line(text)}")
            case method:
                self._printer.notice(f"The server says {visible_line(method)}.")

    def wondered(self, sentence: str) -> None:
        """Show what the server should not have sent."""
        self._printer.notice(sentence)
