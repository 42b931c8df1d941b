"""Events that Hypercorn does not have, between a stream, its protocol and its connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from hypercorn.events import Closed
from hypercorn.protocol.events import Body, Event

StreamSend: TypeAlias = Callable[[Event], Awaitable[None]]  # how a stream hands events to its protocol


@dataclass(frozen=True)
class FinalBody(Body):
    """The last piece of a body, together with its end."""


@dataclass(frozen=True)
class ClosedAfterAnswer(Closed):
    """Close, but first let a peer that is still sending read the answer."""

    within_s: float | None = None  # None: the grace of a disconnect
