"""The terminal: lines of a person, with editing, history and completion by readline.

Laws:
    1. Lines are read in a thread, one at a time; whoever else asks waits.
    2. While a line is edited, Ctrl-C is a key that ends the line, and no signal; at all other times it is a signal.
    3. The terminal is left as it was found, also when the session ends in the middle of a line.

Not here: what a line means (line_parser.py), and what happens on Ctrl-C (interactive.py).
"""

from __future__ import annotations

import readline
import sys
import termios
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, final

import trio

from aegis_trio.cli.console.history import History
from aegis_trio.cli.console.visible import fit_encoding, visible_text

PROMPT: Final = "aegis> "
# The key's place in what termios knows of a terminal, and what stands there for "no key".
_SPECIAL_KEYS: Final = 6
_NO_KEY: Final = b"\0"
# Ctrl-C writes this behind the line and ends it. No command can end so: a last word must be KEY=VALUE.
# Trade: readline has no other way to tell a thread that Ctrl-C was pressed.
INTERRUPT_MARK: Final = " ^C"
_NO_TEXT: Final = "\udcff"  # a byte that is no text, which the parser refuses
_CLEAR_LINE: Final = "\r\x1b[K"


@final
class Interrupted(Exception):
    """Ctrl-C was pressed while a line was edited."""


@final
class Terminal:
    """Somebody before a terminal."""

    def __init__(self, history: History) -> None:
        self._history = history
        self.complete: Callable[[str], tuple[str, ...]] = lambda _before: ()
        """Returns what the last word of a text may become; called in another thread."""
        self._candidates: tuple[str, ...] = ()
        self._turn = trio.Lock()
        self._prompt: str | None = None

    @property
    def is_reading(self) -> bool:
        """Whether a line is being edited."""
        return self._prompt is not None

    @contextmanager
    def opened(self) -> Generator[None]:
        """Hold the terminal for the time of a block."""
        readline.set_auto_history(False)
        readline.set_completer_delims(" \t\n")
        readline.set_completer(self._candidate)
        readline.parse_and_bind("tab: complete")
        readline.parse_and_bind(rf'"\C-c": "\C-e{INTERRUPT_MARK}\C-m"')
        for line in self._history.read():
            readline.add_history(line)
        before = termios.tcgetattr(sys.stdin.fileno())
        try:
            yield
        finally:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, before)
            readline.set_completer(None)
            if self._prompt is not None:
                sys.stdout.write("\n")
                sys.stdout.flush()

    async def read_command(self) -> str | None:
        """Return the next line; None at its end (Ctrl-D).

        Raises:
            Interrupted: Ctrl-C.
        """
        line = await self._read(PROMPT)
        if line is not None and self._history.add(line):
            readline.add_history(line)
        return line

    async def ask(self, question: str) -> str | None:
        """Return what was answered; None when the person wants to leave. It is kept nowhere."""
        try:
            return await self._read(fit_encoding(visible_text(question), sys.stdout.encoding))
        except Interrupted:
            return None

    def tell(self, text: str) -> None:
        """Show *text*; above the line that is being edited, if one is."""
        visible = fit_encoding(visible_text(text), sys.stdout.encoding)
        if self._prompt is None:
            sys.stdout.write(f"{visible}\n")
        else:
            # Trade: the cursor then stands at the end of the line, wherever it stood before.
            sys.stdout.write(f"{_CLEAR_LINE}{visible}\n{self._prompt}{readline.get_line_buffer()}")
        sys.stdout.flush()

    async def _read(self, prompt: str) -> str | None:
        async with self._turn:
            with _without_interrupt_key():
                self._prompt = prompt
                line = await trio.to_thread.run_sync(_read_line, prompt, abandon_on_cancel=True)
                # Not in a finally: when the session ends in the middle of a line, `opened` ends that line.
                self._prompt = None
        if line is not None and line.endswith(INTERRUPT_MARK):
            raise Interrupted
        return line

    def _candidate(self, _word: str, number: int) -> str | None:
        if number == 0:
            self._candidates = self.complete(readline.get_line_buffer()[: readline.get_endidx()])
        return self._candidates[number] if number < len(self._candidates) else None


def _read_line(prompt: str) -> str | None:
    try:
        return input(prompt)
    except EOFError:
        sys.stdout.write("\n")
        return None
    except UnicodeDecodeError:
        return _NO_TEXT


@contextmanager
def _without_interrupt_key() -> Generator[None]:
    before = termios.tcgetattr(sys.stdin.fileno())
    changed = termios.tcgetattr(sys.stdin.fileno())
    changed[_SPECIAL_KEYS][termios.VINTR] = _NO_KEY
    termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, changed)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, before)
