"""Somebody before a terminal gives the commands.

Laws:
    1. Ctrl-C ends the command that runs; at the prompt it clears the line, and twice in a row it leaves, as Ctrl-D.
    2. A line that is no command costs one sentence.
"""

from __future__ import annotations

from typing import Final, final

from aegis_trio.cli.console.commands import ListTools, Nothing, Quit
from aegis_trio.cli.console.completer import complete_line
from aegis_trio.cli.console.line_parser import BadLine, parse_line
from aegis_trio.cli.console.printer import Printer
from aegis_trio.cli.console.session import Session
from aegis_trio.cli.console.terminal import Interrupted, Terminal
from aegis_trio.cli.exit_codes import EXIT_INTERRUPTED, EXIT_OK

_PRESSES_TO_LEAVE: Final = 2


@final
class Interactive:
    """Speaks for the person before a terminal (`Speaker` of conversation.py)."""

    greets: bool = True

    def __init__(self, terminal: Terminal) -> None:
        self.asker: Terminal = terminal
        self._presses = 0
        self._has_begun = False

    async def speak(self, session: Session, printer: Printer) -> int:
        """Run what is typed; return the exit code."""
        self.asker.complete = lambda before: complete_line(before, session.catalogue)
        tools = await session.run(ListTools())
        if not tools.is_ok:
            printer.notice(f"The tools cannot be listed: {tools.text}")
        printer.notice("`tools` lists the tools, `help` the commands; Ctrl-D leaves.")
        self._has_begun = True
        while True:
            try:
                line = await self.asker.read_command()
            except Interrupted:
                if self._press():
                    return EXIT_OK
                continue
            self._presses = 0
            if line is None:
                return EXIT_OK
            try:
                command = parse_line(line)
            except BadLine as bad_line:
                printer.notice(str(bad_line))
                continue
            match command:
                case Quit():
                    return EXIT_OK
                case Nothing():
                    continue
                case _:
                    printer.outcome(await session.run(command))

    def interrupted(self, session: Session) -> int | None:
        """Take a signal, which comes while a command runs, or from elsewhere."""
        if not self._has_begun:
            return EXIT_INTERRUPTED
        # A form is being filled in, or a line typed: Ctrl-C is a key there, and this came from elsewhere.
        if not self.asker.is_reading and session.interrupt():
            return None
        return EXIT_OK if self._press() else None

    def _press(self) -> bool:
        self._presses += 1
        return self._presses >= _PRESSES_TO_LEAVE
