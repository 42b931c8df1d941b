"""Sockets: the listening sockets of this server, made by ourselves.

Laws:
    1. Options that must hold for every connection are set before listening: Linux hands them down on accept.
    2. A port that cannot be had is an OSError that names host, port and the way out; nothing is left open then.

Not here: accepting (serve), and the choice of host and port (config).
"""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import Final

import trio

from aegis_trio.web.server.limits import ConnectionLimits

BACKLOG: Final = 2048  # precedent: nginx 511, Go SOMAXCONN 4096; the kernel caps it by net.core.somaxconn

KEEP_ALIVE_IDLE_S: Final = 30  # precedent: Go net, 15 s; Linux's own 7200 s would keep the dead for two hours
KEEP_ALIVE_INTERVAL_S: Final = 10
KEEP_ALIVE_PROBES: Final = 3  # so a peer that is gone without a word is noticed after a minute


async def open_listeners(
    host: str, port: int, *, backlog: int = BACKLOG, limits: ConnectionLimits | None = None
) -> list[trio.SocketListener]:
    """Open one listening socket for each address of *host*.

    Args:
        host: an IPv4 or IPv6 address, or a name; every address that it has is listened on.
        port: 0..65535; 0 lets the kernel choose, the same one for all addresses.
        backlog: connections that the kernel may complete before we accept them.
        limits: `write_deadline_s` becomes the time after which the kernel gives up an unanswered peer.

    Raises:
        OSError: the name is unknown, or an address cannot be bound; the message says which and what to do.
    """
    deadline_s = (limits or ConnectionLimits()).write_deadline_s
    found = await trio.socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_ADDRCONFIG * (host == "localhost")
    )
    with ExitStack() as undo:
        listeners: list[trio.SocketListener] = []
        for family, found_address in dict.fromkeys((entry[0], entry[4]) for entry in found):
            listening = socket.socket(family, socket.SOCK_STREAM)
            undo.callback(listening.close)
            address = (str(found_address[0]), bound_port(listeners[0]) if listeners else port)
            _bind(listening, address, backlog=backlog, unanswered_ms=round(deadline_s * 1000))
            listeners.append(trio.SocketListener(trio.socket.from_stdlib_socket(listening)))
        undo.pop_all()
    return listeners


def bound_port(listener: trio.SocketListener) -> int:
    """Return the port that *listener* really has."""
    port: int = listener.socket.getsockname()[1]
    return port


def _bind(listening: socket.socket, address: tuple[str, int], *, backlog: int, unanswered_ms: int) -> None:
    # A restart must not wait for the connections of the last run to leave TIME_WAIT.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if listening.family == socket.AF_INET6:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has a socket of its own
    # Threat: a peer that vanished, or that never takes what was sent, would hold its connection for ever.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unanswered_ms)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEP_ALIVE_IDLE_S)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEP_ALIVE_INTERVAL_S)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEP_ALIVE_PROBES)
    # One write is one answer, so waiting for more only delays it.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listening.bind(address)
        listening.listen(backlog)
    except OSError as fault:
        raise OSError(
            fault.errno,
            f"cannot listen on {address[0]} port {address[1]}: {fault.strerror}. "
            "End the program that holds the port, or choose another host or port",
        ) from fault
