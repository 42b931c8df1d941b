"""A real server for tests: any ASGI app, on a free port of loopback, for as long as a block lasts.

    async with open_server(app, max_connections=3) as served:
        ... trio.open_tcp_stream(served.host, served.port) ...

Tests that use it carry `@pytest.mark.sockets`. Faults that the server contained fail the test at the end of the
block, unless it read them from `served.log` itself: a fault that nobody expects is never lost.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from aegis_trio.model.asgi import Application
from aegis_trio.web.server.limits import ConnectionLimits
from aegis_trio.web.server.serve import RunningServer, serve
from aegis_trio.web.server.sockets import bound_port, open_listeners
from aegis_trio.web.server.statistics import ServerStatistics

HOST = "127.0.0.1"


@dataclass
class RecordingLog:
    """Keeps what a server reports."""

    records: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def warning(self, event: str, /, **fields: object) -> None:
        self.records.append((event, fields))

    def error(self, event: str, /, **fields: object) -> None:
        self.records.append((event, fields))

    def take(self, event: str) -> list[dict[str, object]]:
        """Return, and forget, the records of one event."""
        taken = [fields for name, fields in self.records if name == event]
        self.records = [record for record in self.records if record[0] != event]
        return taken


@dataclass
class Served:
    """A running server."""

    host: str
    port: int
    log: RecordingLog
    shutdown: trio.Event
    ended: trio.Event
    running: RunningServer

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def statistics(self) -> ServerStatistics:
        return self.running.statistics()


@asynccontextmanager
async def open_server(
    app: Application,
    *,
    host: str = HOST,
    tls: ssl.SSLContext | None = None,
    trusted_proxies: Callable[[str], bool] = lambda _: False,
    grace_s: float = 0.0,
    **limits: Any,
) -> AsyncGenerator[Served]:
    """Serve *app* on a free port; *limits* are fields of `ConnectionLimits`."""
    listeners = await open_listeners(host, 0)
    log, shutdown, ended = RecordingLog(), trio.Event(), trio.Event()
    async with trio.open_nursery() as nursery:

        async def run(task_status: trio.TaskStatus[RunningServer]) -> None:  # noqa: ASYNC128 -- serve() calls it
            await serve(
                app,
                listeners,
                limits=ConnectionLimits(**limits),
                trusted_proxies=trusted_proxies,
                tls=tls,
                shutdown=shutdown,
                grace_s=grace_s,
                log=log,
                task_status=task_status,
            )
            ended.set()

        port = bound_port(listeners[0])
        running: RunningServer = await nursery.start(run)
        yield Served(host=host, port=port, log=log, shutdown=shutdown, ended=ended, running=running)
        shutdown.set()
    faults = [fields["exc_info"] for name, fields in log.records if name in {"application_fault", "connection_fault"}]
    if faults:
        raise ExceptionGroup("the server contained faults that the test did not expect", faults)  # type: ignore[type-var] # the log's fields are objects
