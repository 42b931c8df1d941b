"""A real reverse proxy in front of a gate: nginx as most people run it, with its buffering on.

async with open_proxy(require_program("nginx"), gate.url, tmp_path) as proxy:
    ...  # ask proxy.http1_url, or proxy.http2_url by prior knowledge
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import trio

from tests.e2e.gates import POLL_S, START_DEADLINE_S

# Everything that is not said here is nginx's own default: answers are buffered unless they ask not to be. What comes
# over HTTP/1.0, as it does by default, has no end of a piece, so that 4 KB must come together before any leaves.
_CONFIGURATION = """
daemon off;
master_process off;
pid {state}/nginx.pid;
error_log {state}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {state}/body;
    proxy_temp_path {state}/proxy;
    fastcgi_temp_path {state}/fastcgi;
    uwsgi_temp_path {state}/uwsgi;
    scgi_temp_path {state}/scgi;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    upstream gate {{ server {gate}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{http1};
        listen 127.0.0.1:{http2} http2;
        location / {{
            proxy_pass http://gate;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
        }}
    }}
    server {{
        listen 127.0.0.1:{default};
        location / {{ proxy_pass http://gate; }}
    }}
}}
"""


@dataclass(frozen=True)
class Proxy:
    """A proxy that listens."""

    default_url: str
    """Where nobody has set anything up for streams: HTTP/1.0 behind it, and buffers."""
    http1_url: str
    """Speaks HTTP/1.1 on both sides."""
    http2_url: str
    """Speaks HTTP/2 without TLS, by prior knowledge, and nothing else."""


@asynccontextmanager
async def open_proxy(program: str, gate_url: str, state: Path) -> AsyncIterator[Proxy]:
    """Run nginx before the gate at *gate_url* until the block ends.

    Args:
        state: a folder for its files.

    Raises:
        AssertionError: it did not start; the message is its log.
    """
    default, http1, http2 = _free_ports(3)
    configuration = state / "nginx.conf"
    given = {"state": state, "gate": urlsplit(gate_url).netloc, "default": default, "http1": http1, "http2": http2}
    configuration.write_text(_CONFIGURATION.format(**given))
    log = state / "error.log"
    async with trio.open_nursery() as nursery:
        command = [program, "-p", str(state), "-e", str(log), "-c", str(configuration)]
        process: trio.Process = await nursery.start(partial(trio.run_process, command, check=False))
        try:
            with trio.move_on_after(START_DEADLINE_S):
                while not await _listens(http2) and process.returncode is None:  # noqa: ASYNC110 -- it sends no event
                    await trio.sleep(POLL_S)
            assert process.returncode is None, log.read_text()
            yield Proxy(*(f"http://127.0.0.1:{port}" for port in (default, http1, http2)))
        finally:
            process.terminate()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


async def _listens(port: int) -> bool:
    try:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
    except OSError:
        return False
    await stream.aclose()
    return True
