"""Holds streams open, as a process of its own: `holder.py URL KIND COUNT`, the key on standard input.

It prints `open` once all streams are; then, for each event, `event SECONDS`: the moment (CLOCK_MONOTONIC, which all
processes of a machine share) at which the last stream had it. It ends with its standard input.

Laws:
    1. Plain blocking code and one epoll: a holder that were slow itself would be measured in the gate's place.
    2. Streams are opened one after the other, so that opening is no burst of its own.

Source: time.perf_counter on Linux is CLOCK_MONOTONIC (PEP 418).
"""

from __future__ import annotations

import contextlib
import select
import socket
import sys
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

from messages import INITIALIZE, modern, modern_headers, session_headers
from wire import get, post

EVENT: Final = b"list_changed"
SILENCE_S: Final = 60.0  # after so long without a byte of what must come, the measure has failed
_STREAM: Final = "text/event-stream"


def main(url: str, kind: str, count: int, key: str) -> None:
    """Open the streams, and tell of each event."""
    held = [open_stream(url, kind, key) for _ in range(count)]
    print("open", flush=True)
    poll = select.epoll()
    poll.register(sys.stdin, select.EPOLLIN | select.EPOLLHUP)
    by_file: dict[int, socket.socket] = {}
    for connection in held:
        connection.settimeout(0.0)
        by_file[connection.fileno()] = connection
        poll.register(connection, select.EPOLLIN)
    missing = set(by_file)
    while True:
        for file, _ in poll.poll():
            if file == sys.stdin.fileno():
                return
            data = by_file[file].recv(65536)
            if not data:
                raise RuntimeError("a stream ended")
            # An event of a hundred bytes comes in one piece; a keep-alive is none.
            if EVENT in data:
                missing.discard(file)
        if not missing:
            print(f"event {perf_counter():.6f}", flush=True)
            missing = set(by_file)


def open_stream(url: str, kind: str, key: str) -> socket.socket:
    """Open one stream of *kind* and return its connection, once the stream has begun.

    Raises:
        RuntimeError: it was refused.
    """
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80), timeout=SILENCE_S)
    match kind:
        case "sse":
            connection.sendall(get(url, "/mcp/sse", key, _STREAM))
            begun = b"event: endpoint"
        case "session":
            connection.sendall(post(url, "/mcp", key, INITIALIZE))
            session_id = open_session(connection)
            connection.sendall(get(url, "/mcp", key, _STREAM, session_headers(session_id)))
            begun = b"\n\n"
        case "listen":
            asked = modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
            connection.sendall(post(url, "/mcp", key, asked, modern_headers("subscriptions/listen")))
            begun = b"acknowledged"
        case _:
            connection.sendall(get(url, "/stream", key, _STREAM))
            begun = b": \n\n"
    receive_until(connection, begun)
    return connection


def open_session(connection: socket.socket) -> str:
    """Return the id of the session that the request before opened, with its whole answer read."""
    head, _, body = receive_until(connection, b"\r\n\r\n").partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
    found = {name.lower(): value for name, value in fields.items()}
    missing = int(found["content-length"]) - len(body)
    while missing > 0:
        missing -= len(connection.recv(missing))
    return found["mcp-session-id"]


def receive_until(connection: socket.socket, end: bytes) -> bytes:
    """Return what comes, up to *end* and a little more.

    Raises:
        RuntimeError: another status than 200, or the connection ended.
    """
    data = b""
    while end not in data:
        more = connection.recv(65536)
        if not more or (len(data) > 12 and data[9:12] != b"200"):
            raise RuntimeError(f"refused: {data + more!r}"[:500])
        data += more
    return data


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.stdin.readline().strip())
