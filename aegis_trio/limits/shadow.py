"""What a limit in shadow mode would have refused, in the log: who and how often, not a line for every call.

Law: one line for a limit and a subject in `EVERY_S` seconds, at most `MAX_SUBJECTS` of them are remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, final

import structlog

from aegis_trio.policy.quotas import LimitName

EVERY_S: Final = 60.0
MAX_SUBJECTS: Final = 1024

log: Final = structlog.get_logger(__name__)


@final
class ShadowLog:
    """Remembers of whom it spoke last."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._said_s: OrderedDict[tuple[LimitName, str], float] = OrderedDict()

    def tell(self, name: LimitName, subject: str, **more: str) -> None:
        """Log that *name* would have refused *subject*, unless that was said lately."""
        now_s = self._clock_s()
        said_s = self._said_s.get((name, subject))
        if said_s is not None and now_s - said_s < EVERY_S:
            return
        self._said_s[name, subject] = now_s
        self._said_s.move_to_end((name, subject))
        if len(self._said_s) > MAX_SUBJECTS:
            self._said_s.popitem(last=False)
        log.warning("limit_would_refuse", limit=name.value, subject=subject, **more)
