"""The one place of this room where an exception of ours stops: it ends what it was in, and nothing else.

Laws:
    1. Cancellation passes through.
    2. What was stopped is in the log with an incident id.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, final

import structlog

log: Final = structlog.get_logger(__name__)


@final
class Containment:
    """Carries the incident id out of a block that broke."""

    __slots__ = ("incident",)

    def __init__(self) -> None:
        self.incident = str(uuid.uuid4())


@contextmanager
def contained(what: str) -> Generator[Containment]:
    """Run a block; whatever it raises is logged under an incident id and goes no further.

    Args:
        what: names the block in the log.
    """
    containment = Containment()
    try:
        yield containment
    except* Exception:  # the one place where a bug of a session or a call stops
        log.exception("contained", what=what, incident=containment.incident)
