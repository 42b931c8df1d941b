"""The printer: the only room that writes to the terminal.

Laws:
    1. Nothing is printed raw: every text passes `visible_text`, every document is ASCII JSON.
    2. With `--json`, standard output has one object per result and nothing else; all else goes to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final, final

from aegis_trio.cli.console.outcomes import Outcome
from aegis_trio.cli.console.visible import fit_encoding, json_line, visible_line, visible_text

Write = Callable[[str], None]

_ARROWS: Final = {True: "→", False: "←"}


@final
class Printer:
    """Prints outcomes and notices."""

    def __init__(self, *, as_json: bool, notices: Write | None = None) -> None:
        """Print.

        Args:
            as_json: outcomes as JSON.
            notices: writes what is not an outcome; to standard error when None.
        """
        self._as_json = as_json
        self._notice: Write = notices or _to_standard_error

    def outcome(self, outcome: Outcome) -> None:
        """Print what came of a command."""
        if self._as_json:
            print(json_line(outcome.as_document()), flush=True)
        elif outcome.text:
            print(fit_encoding(visible_text(outcome.text), sys.stdout.encoding), flush=True)

    def notice(self, text: str) -> None:
        """Print what happened meanwhile."""
        self._notice(visible_text(text))

    def frame(self, text: str, *, is_sent: bool, at_s: float) -> None:
        """Print one frame."""
        self._notice(f"{_ARROWS[is_sent]} {at_s:9.3f} {visible_line(text)}")


def _to_standard_error(text: str) -> None:
    print(fit_encoding(text, sys.stderr.encoding), file=sys.stderr, flush=True)
