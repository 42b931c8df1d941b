"""A server that says exactly what a test wrote: for answers that no sane forge gives."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, final

import trio

HANG_UP: Final = b""
"""In place of an answer: close the connection."""
SILENCE: Final = b"silence"
"""In place of an answer: nothing, for ever."""


@final
@dataclass(slots=True, kw_only=True)
class Script:
    """What will be answered, and what was asked."""

    url: str
    answers: list[bytes]
    requests: list[bytes] = field(default_factory=list[bytes])
    silent: trio.Event = field(default_factory=trio.Event)
    connections: int = 0
    written: int = 0
    """Bytes that the operating system took."""


def answer(body: bytes | str = b"{}", *, status: int = 200, headers: Iterable[str] = ()) -> bytes:
    """Return a whole answer with its length."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", *headers]
    if not any(line.lower().startswith("content-type") for line in lines):
        lines.append("Content-Type: application/json;charset=utf-8")
    return "\r\n".join([*lines, "", ""]).encode() + content


@asynccontextmanager
async def open_script(*answers: bytes) -> AsyncGenerator[Script]:
    """Serve *answers*, one for each request, in order; the connection stays open between them."""
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        script = Script(url=f"http://127.0.0.1:{port}", answers=list(answers))

        async def serve(stream: trio.SocketStream) -> None:
            script.connections += 1
            async with stream:
                try:
                    await _converse(stream, script)
                except trio.BrokenResourceError:
                    return  # the client left, which is what some tests are about

        await nursery.start(trio.serve_listeners, serve, listeners)
        yield script
        nursery.cancel_scope.cancel()


async def _converse(stream: trio.SocketStream, script: Script) -> None:
    while script.answers:
        raw = b""
        while not _is_whole(raw):
            chunk = await stream.receive_some()
            if not chunk:
                return
            raw += chunk
        script.requests.append(raw)
        reply = script.answers.pop(0)
        if reply == HANG_UP:
            return
        if reply == SILENCE:
            script.silent.set()
            await trio.sleep_forever()
        for start in range(0, len(reply), 65_536):
            piece = reply[start : start + 65_536]
            await stream.send_all(piece)
            script.written += len(piece)
        if b"Content-Length" not in reply:
            return


def _is_whole(raw: bytes) -> bool:
    """Tell whether a request's head and the body that it announces are there."""
    head, blank, body = raw.partition(b"\r\n\r\n")
    announced = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return bool(blank) and len(body) >= (int(announced[1]) if announced else 0)
