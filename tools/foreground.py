"""Foreground: one child program that gets every signal exactly once, however it was sent.

A terminal sends Ctrl-C to all processes of the foreground group; `kill` sends it to one process; a supervisor may send
it to a group. `just` passes SIGTERM on to its recipe, but not SIGINT, and a recipe that is told twice to end takes the
second time for "at once". Therefore the child has a process group of its own, which is made the terminal's foreground
group, as a shell would do: what the terminal sends reaches that group alone, and what is sent to us we pass on.

Not here: what the child does with a signal.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

_TO_GROUP: Final = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)  # `just` waits, and leaves these to its recipe
_TO_CHILD: Final = (signal.SIGTERM,)  # `just` passes this one on itself
# Python ignores the first two, and we the third; a program that is started expects none of them to be ignored.
_BACK_TO_DEFAULT: Final = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTTOU)
_WANTS_TERMINAL: Final = frozenset({signal.SIGTTIN, signal.SIGTTOU})


def run_in_foreground(command: Sequence[str], settings: Mapping[str, str]) -> int:
    """Run *command* (an absolute path and its arguments) to its end.

    Returns:
        Its exit status, or 128 and the number of the signal that ended it, as shells report it.
    """
    child: list[int] = []  # filled once it exists; a signal before that ends us alone

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if not child:
            raise KeyboardInterrupt
        with contextlib.suppress(ProcessLookupError):  # it has just ended, and waitpid is about to say so
            (os.kill if number in _TO_CHILD else os.killpg)(child[0], number)

    for number in (*_TO_GROUP, *_TO_CHILD):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup's choice stands
            signal.signal(number, pass_on)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # or taking the terminal back would stop us
    terminal = _open_terminal()
    child.append(os.posix_spawn(command[0], list(command), settings, setpgroup=0, setsigdef=_BACK_TO_DEFAULT))
    _give_terminal(terminal, child[0])
    try:
        return _wait(child[0], terminal)
    finally:
        _give_terminal(terminal, os.getpgrp())


def _wait(child: int, terminal: int | None) -> int:
    while True:
        _, status = os.waitpid(child, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if os.WSTOPSIG(status) not in _WANTS_TERMINAL:
            # Ctrl-Z: stop as the child did, so that the shell notices; we go on here when it says `fg`.
            _give_terminal(terminal, os.getpgrp())
            os.kill(os.getpid(), signal.SIGSTOP)
        _give_terminal(terminal, child)
        os.killpg(child, signal.SIGCONT)


def _open_terminal() -> int | None:
    """Return our terminal if there is one and we are in its foreground, so that it is ours to give."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None  # no terminal: nothing to give
    if os.tcgetpgrp(terminal) == os.getpgrp():
        return terminal
    os.close(terminal)
    return None


def _give_terminal(terminal: int | None, group: int) -> None:
    if terminal is None:
        return
    with contextlib.suppress(OSError):  # the terminal was closed, or that group has ended: nobody is left to give it to
        os.tcsetpgrp(terminal, group)
