"""The context of one server: what all its connections share, and nothing that two servers share.

Law: everything here belongs to one call of `serve`; no room of this package keeps state in a class or module.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, cast, final

from hypercorn.config import Config
from hypercorn.events import Event
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ASGIReceiveCallable, ASGISendCallable, ConnectionState
from hypercorn.typing import Scope as HypercornScope

from aegis_trio.model.asgi import Application, Receive, Scope, Send
from aegis_trio.web.server.admission import Peer
from aegis_trio.web.server.containment import Log
from aegis_trio.web.server.limits import ConnectionLimits
from aegis_trio.web.server.statistics import Tally
from aegis_trio.web.server.tasks import AppTasks

_NO_LIMIT: Final = 2**31  # Hypercorn's 1,000 would end an HTTP/2 connection under the streams that are open on it


@final
class ServerContext(WorkerContext):
    """Hypercorn's worker context with our limits, counts and log beside it."""

    def __init__(self, app: Application, limits: ConnectionLimits, log: Log) -> None:
        super().__init__(max_requests=None)
        self.app: Final[AppWrapper] = _wrap(app)
        self.limits: Final = limits
        self.log: Final = log
        self.tally: Final = Tally()
        self.config: Final = _configure(limits)
        self.draining = False

    async def begin_drain(self) -> None:
        """Say to every connection that its present request is its last."""
        self.draining = True
        await self.terminated.set()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a protocol needs to know of its connection."""

    server: ServerContext
    tasks: AppTasks
    peer: Peer
    encrypted: bool
    send: Callable[[Event], Awaitable[None]]
    state: ConnectionState


def _wrap(app: Application) -> AppWrapper:
    """Give *app* the shape that Hypercorn calls, which has the ways to and from threads added."""

    async def wrapped(
        scope: HypercornScope,
        receive: ASGIReceiveCallable,
        send: ASGISendCallable,
        sync_spawn: object,
        call_soon: object,
    ) -> None:
        del sync_spawn, call_soon
        # The same values under the house's own names for them.
        await app(cast("Scope", scope), cast("Receive", receive), cast("Send", send))

    return cast("AppWrapper", wrapped)


def _configure(limits: ConnectionLimits) -> Config:
    """Say in Hypercorn's words what its own code still decides."""
    config = Config()
    config.accesslog = None  # it copies headers, and with them keys, for every request
    config.errorlog = None  # faults are reported by containment
    config.include_server_header = False
    config.h11_max_incomplete_size = limits.max_header_bytes
    config.h2_max_concurrent_streams = limits.advertised_streams
    config.h2_max_header_list_size = limits.max_header_bytes
    config.keep_alive_max_requests = _NO_LIMIT
    return config
