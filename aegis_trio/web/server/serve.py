"""Serving: accept, keep every connection's deadlines, and drain.

Laws:
    1. Whatever accepting fails with, the listener stays: a missing file descriptor is waited for, never fatal.
    2. Two calls share nothing: the public and the admin application have limits and counts of their own.
    3. Order of the drain: listeners close, idle connections close, requests that do not arrive are refused,
       requests in flight get the grace, then everything that is left is cut, whatever it waits for.

Not here: who calls for the drain and when (supervisor), and lifespan: the app's lifetime is its owner's.
"""

from __future__ import annotations

import errno
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, final

import trio

from aegis_trio.model.asgi import Application
from aegis_trio.web.server.admission import Admission, Peer, Refusal, classify_peer
from aegis_trio.web.server.connection import Connection
from aegis_trio.web.server.containment import Log
from aegis_trio.web.server.context import ServerContext
from aegis_trio.web.server.limits import ConnectionLimits
from aegis_trio.web.server.statistics import ServerStatistics

_SWEEP_S: Final = 0.5  # how late a deadline may be kept
_ACCEPT_RETRY_S: Final = 0.1  # precedent: trio.serve_listeners, Go net/http (5 ms to 1 s)
_UPLOAD_S: Final = 1.0  # how long a drain waits for a request that has not arrived: nothing was done for it yet
_DRAIN_BATCH: Final = 100  # connections closed before others may run again

# Source: accept(2), "Error handling": errors of the network that belong to one connection, not to the listener.
_LISTENER_IS_GONE: Final = frozenset({errno.EBADF, errno.EINVAL, errno.ENOTSOCK})


@final
class RunningServer:
    """What `serve` gives to who started it."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self.admission: Final = Admission(context.limits)
        self.connections: Final[set[Connection]] = set()

    def statistics(self) -> ServerStatistics:
        """Return what this server counted so far."""
        return self._context.tally.freeze(
            open_connections=self.admission.open_connections, open_addresses=self.admission.open_addresses
        )


async def serve(
    app: Application,
    listeners: Sequence[trio.SocketListener],
    *,
    limits: ConnectionLimits,
    trusted_proxies: Callable[[str], bool],
    tls: ssl.SSLContext | None,
    shutdown: trio.Event,
    grace_s: float,
    log: Log,
    task_status: trio.TaskStatus[RunningServer] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve *app* on *listeners* until *shutdown* is set and the last connection has ended.

    Args:
        app: a plain ASGI 3 callable; scopes of type `http` and `websocket` come, `lifespan` never does.
        listeners: closed when this returns, and as soon as the drain begins.
        trusted_proxies: says whether an address is a proxy of the operator's, which is excepted from limits
            that count by address.
        tls: encrypts every connection; see `tls.open_tls_context`.
        grace_s: seconds that requests in flight may take after *shutdown*.
        task_status: reports the running server once connections are accepted.
    """
    context = ServerContext(app, limits, log)
    server = RunningServer(context)
    async with trio.open_nursery() as keeping:
        keeping.start_soon(_sweep, server)
        async with trio.open_nursery() as serving:

            def begin(connection: Connection, peer: Peer) -> None:
                serving.start_soon(_run, connection, server, peer)

            async with trio.open_nursery() as accepting:
                accept = partial(_accept, context, server, begin, trusted=trusted_proxies, tls=tls)
                for listener in listeners:
                    accepting.start_soon(accept, listener)
                task_status.started(server)
                await shutdown.wait()
                accepting.cancel_scope.cancel()
            await context.begin_drain()
            keeping.start_soon(_cut_after, server, context, grace_s)
            await _drain(server)
        keeping.cancel_scope.cancel()


async def _accept(
    context: ServerContext,
    server: RunningServer,
    begin: Callable[[Connection, Peer], None],
    listener: trio.SocketListener,
    *,
    trusted: Callable[[str], bool],
    tls: ssl.SSLContext | None,
) -> None:
    async with listener:
        while True:
            try:
                stream = await listener.accept()
            except OSError as fault:
                if fault.errno in _LISTENER_IS_GONE:
                    raise
                context.tally.accept_failures_total += 1
                context.log.warning("accept_failed", reason=str(fault), retry_after_s=_ACCEPT_RETRY_S)
                await trio.sleep(_ACCEPT_RETRY_S)
                continue
            peer = _find_peer(stream, trusted)
            refusal = server.admission.enter(peer) if peer is not None else None
            if peer is None or refusal is not None:
                stream.socket.close()
                if refusal is not None:
                    _count_refusal(context, refusal)
                continue
            context.tally.accepted_total += 1
            wire: trio.abc.Stream = stream
            if tls is not None:
                wire = trio.SSLStream(stream, tls, server_side=True, https_compatible=True)
            connection = Connection(context, wire, peer)
            server.connections.add(connection)
            begin(connection, peer)


async def _run(connection: Connection, server: RunningServer, peer: Peer) -> None:
    try:
        await connection.run()
    finally:
        server.connections.discard(connection)
        server.admission.leave(peer)


async def _sweep(server: RunningServer) -> None:
    """Keep the deadlines of all connections in one task. A task or scope for each would cost every request."""
    while True:
        await trio.sleep(_SWEEP_S)
        now = trio.current_time()
        for connection in tuple(server.connections):
            connection.check(now)


async def _drain(server: RunningServer) -> None:
    for number, connection in enumerate(tuple(server.connections)):
        connection.begin_drain()
        if number % _DRAIN_BATCH == 0:
            await trio.lowlevel.checkpoint()


async def _cut_after(server: RunningServer, context: ServerContext, grace_s: float) -> None:
    await trio.sleep(min(grace_s, _UPLOAD_S))
    for connection in tuple(server.connections):
        connection.end_uploads()
    await trio.sleep(max(0.0, grace_s - _UPLOAD_S))
    for connection in tuple(server.connections):
        context.tally.cut_by_drain_total += 1
        connection.abort()


def _find_peer(stream: trio.SocketStream, trusted_proxies: Callable[[str], bool]) -> Peer | None:
    """Ask the kernel who is at the other end; None when it has gone already."""
    try:
        client, own = stream.socket.getpeername(), stream.socket.getsockname()
    except OSError:
        return None
    return classify_peer((client[0], client[1]), (own[0], own[1]), trusted_proxies)


def _count_refusal(context: ServerContext, refusal: Refusal) -> None:
    if refusal is Refusal.IN_ALL:
        context.tally.refused_in_all_total += 1
    else:
        context.tally.refused_per_address_total += 1
