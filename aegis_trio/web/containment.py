"""The one place of the front where an exception of a route stops: it becomes a fault, which others render.

Law: cancellation passes through; a bug is in the log with its traceback, and its caller gets a number to quote.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from aegis_trio.model.errors import Bug, Fault

log: Final = structlog.get_logger(__name__)


async def contained(run: Callable[[], Awaitable[None]], method: str, path: str) -> Fault | None:
    """Run a route; return the fault that ended it, a bug as a `Bug` with its incident in the log."""
    try:
        await run()
    except Fault as fault:
        return fault
    except Exception:  # the one place where a route's bug becomes an answer
        incident = str(uuid.uuid4())
        log.exception("request_failed", method=method, path=path, incident=incident)
        return Bug(incident)
    return None
