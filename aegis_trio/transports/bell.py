"""The bell: how one task waits for work, for a deadline and for its peer's hang-up at once.

A stream that rests needs no second task to watch its connection and no third to keep time: it waits in `receive`
under a scope that the bell, or the deadline, cancels.

Law: nothing is lost. A bell that rings while its task is busy is heard by the next wait.

Source: ASGI 3.0, HTTP disconnect: after the body, `receive` returns only when the peer has gone.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import final

import trio

from aegis_trio.model.asgi import Receive


class Wake(Enum):
    """Why a wait ended."""

    RUNG = auto()
    DUE = auto()
    HUNG_UP = auto()


@final
class Bell:
    """One waiter, any number of ringers."""

    __slots__ = ("_rung", "_scope")

    def __init__(self) -> None:
        self._rung = False
        self._scope: trio.CancelScope | None = None

    def ring(self) -> None:
        """Wake the waiter, now or at its next wait."""
        self._rung = True
        if self._scope is not None:
            self._scope.cancel()

    async def wait_rung(self) -> None:
        """Wait until rung."""
        await trio.lowlevel.checkpoint()
        while not self._rung:
            with trio.CancelScope() as scope:
                self._scope = scope
                try:
                    await trio.sleep_forever()
                finally:
                    self._scope = None
        self._rung = False

    async def wait(self, receive: Receive, deadline: float) -> Wake:
        """Wait until rung, until *deadline* (Trio's clock), or until the peer hangs up."""
        # Threat: a loop that always finds work would never let anybody else run.
        await trio.lowlevel.checkpoint()
        while not self._rung:
            with trio.CancelScope(deadline=deadline) as scope:
                self._scope = scope
                try:
                    message = await receive()
                finally:
                    self._scope = None
                if message["type"] == "http.disconnect":
                    return Wake.HUNG_UP
                # Anything else is the rest of a body that nobody needs.
                continue
            if not self._rung:
                return Wake.DUE
        self._rung = False
        return Wake.RUNG
