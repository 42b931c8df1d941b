"""Containment: the one place of this package where a fault of any kind is caught.

Laws:
    1. What is contained is logged with its traceback; nothing is swallowed.
    2. Cancellation and the end of the process (KeyboardInterrupt, SystemExit) always pass, also out of a group
       that holds a fault beside them.

Not here: what happens next. The caller has arranged that what it contains can be lost: one connection, or
one request.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol


class Log(Protocol):
    """Where a server reports; structlog's loggers have this shape."""

    def warning(self, event: str, /, **fields: object) -> object:
        """Report what an operator may want to know."""
        ...

    def error(self, event: str, /, **fields: object) -> object:
        """Report what somebody must look at; `exc_info` holds the exception."""
        ...


@contextmanager
def contained(log: Log, event: str, count: Callable[[], None], **fields: object) -> Generator[None]:
    """Log the faults of the block instead of passing them on.

    Args:
        count: called once for each fault.
    """
    try:
        yield
    except* Exception as faults:  # the one place that the house allows; Cancelled is no Exception
        count()
        log.error(event, exc_info=faults, **fields)  # noqa: TRY400 -- not logging's logger: exc_info says which
