"""Other people's web servers: a client that listens on loopback for its answer, and sites of attackers.

with open_listener() as client:
    ...  # send the browser to f"{client.url}/callback"; look at client.seen

Names that end in `.example` lead a browser of these tests to loopback (conftest.py), so a listener has as many sites as
a test wants.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAIT_S = 30.0


@dataclass(frozen=True)
class Seen:
    """One request."""

    method: str
    target: str
    host: str
    referer: str | None

    @property
    def path(self) -> str:
        """Where it went, without its query."""
        return self.target.partition("?")[0]


@dataclass
class Listener:
    """A server that shows what a test gives it, and remembers who came."""

    port: int
    pages: dict[str, str] = field(default_factory=dict)
    """HTML by path; what is not here is an empty page."""
    seen: list[Seen] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        """Its address on loopback."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def callback(self) -> str:
        """Where it wants its answers."""
        return f"{self.url}/callback"

    def at(self, host: str) -> str:
        """Return its address under a name."""
        return f"http://{host}:{self.port}"

    def note(self, request: Seen) -> None:
        """Remember a request."""
        with self._news:
            self.seen.append(request)
            self._news.notify_all()

    def visits(self, path: str) -> list[Seen]:
        """Return the requests for *path*."""
        return [request for request in self.seen if request.path == path]

    def wait(self, path: str, times: int = 1) -> list[Seen]:
        """Wait until *path* was asked for *times* times."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.visits(path)) >= times, WAIT_S), self.seen
        return self.visits(path)


@contextlib.contextmanager
def open_listener() -> Iterator[Listener]:
    """Serve on loopback until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            listener.note(Seen(self.command, self.path, self.headers["host"], self.headers["referer"]))
            page = listener.pages.get(self.path.partition("?")[0], "<!doctype html><title>Client</title><p>Done.")
            body = page.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener = Listener(server.server_port)
    thread = threading.Thread(target=server.serve_forever, name="listener")
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
