"""The one place of alerts where an exception stops: it ends the task that it was in, and nothing else.

Law: cancellation passes through; what was stopped is in the log with its traceback.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import structlog

log: Final = structlog.get_logger(__name__)


@contextmanager
def contained(task: str) -> Generator[None]:
    """Run a block that only cancellation ends; whatever else ends it is logged and goes no further.

    Args:
        task: names the block in the log.
    """
    try:
        yield
    except* Exception:  # whoever is called at night by alerts must not lose the gate over them as well
        log.exception("alerts_died", task=task)
