"""A script: commands of the command line or of a pipe, one after the other.

Laws:
    1. Commands of the command line are read before anything is sent: a mistake in the last one sends nothing.
    2. A call that fails does not end a script, but makes its exit code 1; a line that is no command ends it with 64.
    3. Nobody is asked: forms are declined.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeAlias, final

import trio

from aegis_trio.cli.console.commands import Command, Nothing, Quit
from aegis_trio.cli.console.line_parser import MAX_LINE_CHARS, BadLine, parse_line
from aegis_trio.cli.console.printer import Printer
from aegis_trio.cli.console.session import Session
from aegis_trio.cli.exit_codes import EXIT_CALL_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE

NextCommand: TypeAlias = Callable[[], Awaitable[Command | None]]

_CHUNK_BYTES: Final = 64 * 1024


@final
class Script:
    """Speaks what stands in a script (`Speaker` of conversation.py)."""

    asker: None = None
    greets: bool = False

    def __init__(self, next_command: NextCommand) -> None:
        """Speak.

        Args:
            next_command: gives one command after the other, None at the end; may raise BadLine.
        """
        self._next_command = next_command
        self._is_interrupted = False

    async def speak(self, session: Session, printer: Printer) -> int:
        """Run the commands; return the exit code."""
        code = EXIT_OK
        while True:
            try:
                command = await self._next_command()
            except BadLine as bad_line:
                printer.notice(str(bad_line))
                return EXIT_USAGE
            match command:
                case None | Quit():
                    return code
                case Nothing():
                    continue
                case _:
                    outcome = await session.run(command)
            printer.outcome(outcome)
            if self._is_interrupted:  # also when the answer came just before
                return EXIT_INTERRUPTED
            if not outcome.is_ok:
                code = EXIT_CALL_FAILED

    def interrupted(self, session: Session) -> int | None:
        """End the command that runs, and the script behind it; the script at once when none runs."""
        self._is_interrupted = True
        return None if session.interrupt() else EXIT_INTERRUPTED


def given(commands: Iterable[Command]) -> NextCommand:
    """Return the source of commands that are known already."""
    waiting = deque(commands)

    async def next_command() -> Command | None:
        return waiting.popleft() if waiting else None

    return next_command


def piped(descriptor: int) -> NextCommand:
    """Return the source of commands that a pipe brings, line by line."""
    lines = _Lines(descriptor)

    async def next_command() -> Command | None:
        line = await lines.next_line()
        return None if line is None else parse_line(line)

    return next_command


@final
class _Lines:
    """Lines of a file descriptor that may be a pipe or a file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._held = b""
        self._is_at_end = False

    async def next_line(self) -> str | None:
        # Trade: a thread that reads the bare descriptor. A buffered file would be locked by a thread that is left
        # behind, and the interpreter could not end.
        while b"\n" not in self._held and not self._is_at_end and len(self._held) <= MAX_LINE_CHARS:
            chunk = await trio.to_thread.run_sync(os.read, self._descriptor, _CHUNK_BYTES, abandon_on_cancel=True)
            self._held += chunk
            self._is_at_end = not chunk
        if not self._held:
            return None
        line, _, self._held = self._held.partition(b"\n")
        return line.decode("utf-8", "surrogateescape")
