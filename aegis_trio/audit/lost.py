"""How the log fails: for now (`LogUnavailable`), for this process (`AuditLost`), at its start (the other two).

None is a `Fault`: callers are told `AuditUnavailable`, whose text names no place of this machine. These speak
to the operator.
"""

from __future__ import annotations

import os
from typing import Final, final

EXIT_AUDIT_LOST: Final = 74  # Source: sysexits.h EX_IOERR


class AuditLost(Exception):
    """The log cannot be opened, must not be continued, or lost records; the process ends with `EXIT_AUDIT_LOST`.

    The text is for the operator: it names the setting, the file, what is wrong with it and the way out.
    """


@final
class LogCannotOpen(AuditLost):
    """The log cannot be opened at the start: nothing is lost yet, a setting is wrong."""


@final
class LogIsHeld(AuditLost):
    """Another process has the log; who may choose among several takes the next one."""


@final
class LogUnavailable(Exception):
    """The log cannot be written at this moment; `reason` names no path, so that readiness may show it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def reason_of(error: OSError | LogUnavailable) -> str:
    """Return the words for *error*: its own, or the system's without the path that `str(error)` would hold."""
    if isinstance(error, LogUnavailable):
        return error.reason
    return os.strerror(error.errno).lower() if error.errno is not None else "input/output error"
