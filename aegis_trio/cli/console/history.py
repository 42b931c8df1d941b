"""The history: what was typed, kept for the next session.

Laws:
    1. The file is for its owner alone (0600), its folder too (0700).
    2. A line with the key in it is not kept, nor one that begins with a space; answers to forms never get here.
    3. A history that cannot be kept ends no session.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, final

from aegis_trio.config.faults import Misfit
from aegis_trio.config.parsing import parse_path
from aegis_trio.model.secret import Secret

MAX_LINES: Final = 1000
MAX_LINE_CHARS: Final = 4096  # the content of a file is no command to repeat
_MAX_FILE_BYTES: Final = MAX_LINES * MAX_LINE_CHARS
_OWNER_ONLY: Final = 0o600


def history_path(environ: Mapping[str, str]) -> Path | None:
    """Return where the history stands; None for a user without a home, whose sessions are not kept.

    Source: XDG Base Directory Specification 0.8, XDG_STATE_HOME.
    """
    state = environ.get("XDG_STATE_HOME", "")
    try:
        base = Path(state) if state.startswith("/") else parse_path("~/.local/state")
    except Misfit:
        return None
    return base / "aegis-trio" / "console_history"


@final
class History:
    """The lines of earlier sessions, and of this one."""

    def __init__(self, path: Path | None, key: Secret | None) -> None:
        """Keep lines in *path*; nowhere when it is None.

        Args:
            key: what no kept line may hold.
        """
        self._path = path
        self._key = key
        self.fault: str | None = "The history is not kept: this user has no home folder." if path is None else None
        """Why it is not kept; None while it is."""

    def read(self) -> tuple[str, ...]:
        """Return the lines of earlier sessions, oldest first, and cut the file down to them."""
        if self._path is None:
            return ()
        try:
            with self._path.open("rb") as file:
                content = file.read(_MAX_FILE_BYTES)
        except FileNotFoundError:
            return ()
        except OSError as fault:
            self._give_up(fault)
            return ()
        lines = [line for line in content.decode("utf-8", "replace").splitlines() if line]
        kept = lines[-MAX_LINES:]
        if len(kept) < len(lines):
            self._write("".join(f"{line}\n" for line in kept), os.O_TRUNC)
        return tuple(kept)

    def add(self, line: str) -> bool:
        """Keep *line*; return whether it is one to be kept."""
        if not line.strip() or line.startswith(" ") or len(line) > MAX_LINE_CHARS or not line.isprintable():
            return False
        if self._key is not None and self._key.reveal() in line:
            return False
        self._write(f"{line}\n", os.O_APPEND)
        return True

    def _write(self, text: str, flag: int) -> None:
        if self.fault is not None or self._path is None:
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | flag, _OWNER_ONLY)
            with open(descriptor, "wb") as file:  # noqa: PTH123 -- a descriptor has no path
                os.fchmod(descriptor, _OWNER_ONLY)
                file.write(text.encode("utf-8", "replace"))
        except OSError as fault:
            self._give_up(fault)

    def _give_up(self, fault: OSError) -> None:
        self.fault = f"The history is not kept: {fault.strerror or fault}."
