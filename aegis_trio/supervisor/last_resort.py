"""The last resort: a process that cannot end itself is ended.

A thread, because what it guards against is an event loop that no longer turns. `os._exit` runs no cleanup:
every acknowledged audit record is already on disk, and the rest is torn at most at its last line, which the
next start repairs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Final, final

EXIT_FORCED: Final = 75  # Source: sysexits.h EX_TEMPFAIL
MARGIN_S: Final = 2.0  # after the calls' grace; both fit into the ten seconds that containers give


@final
class LastResort:
    """Ends the process when it has not ended by itself in time."""

    def __init__(self, end: Callable[[int], object] = os._exit) -> None:
        self._end = end
        self._timer: threading.Timer | None = None

    def arm(self, delay_s: float) -> None:
        """End the process in *delay_s* seconds unless `disarm` is called first."""
        if self._timer is None:
            self._timer = threading.Timer(delay_s, self._end, (EXIT_FORCED,))
            self._timer.daemon = True
            self._timer.start()

    def disarm(self) -> None:
        """Call it off: the tree has ended by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def now(self) -> None:
        """End the process at once."""
        self._end(EXIT_FORCED)
