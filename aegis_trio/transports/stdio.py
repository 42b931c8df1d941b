"""Standard input and output as the two ways of a line: one message a line, and nothing else.

Laws:
    1. What is not a line within the bound is skipped without being kept, answered with an error, and the line goes on.
    2. Neither way blocks Trio, whatever stands behind it: pipes and sockets are waited for by the event loop, files
       and terminals in threads.
    3. A file that others also write through (standard error) is never made non-blocking under them.

Whom it trusts: whoever started us, with what he started us for; his messages are read like everybody's.

Not here: messages (line.py); which descriptors these are, and what else is kept away from them (cli/stdio.py).

Source: MCP 2026-07-28 basic/transports/stdio; 2025-11-25 basic/transports#stdio.
"""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, Protocol, TypeAlias, final

import trio

from aegis_trio.protocol.json_reader import MAX_DOCUMENT_BYTES
from aegis_trio.protocol.refusals import INVALID_REQUEST, Refusal
from aegis_trio.transports.line import HungUp

CHUNK_BYTES: Final = 64 * 1024  # what a pipe holds

_TOO_LONG: Final = Refusal(
    code=INVALID_REQUEST, message=f"Invalid request: a line has at most {MAX_DOCUMENT_BYTES} bytes", http_status=413
)


class Ways(Protocol):
    """Bytes in and bytes out."""

    async def receive_some(self) -> bytes:
        """Wait for bytes; none means the end."""
        ...

    async def send_all(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            HungUp: nobody reads them.
        """
        ...


@final
class LineReader:
    """Cuts what comes in into lines."""

    __slots__ = ("_ended", "_kept", "_max_bytes", "_searched", "_skipping", "_ways")

    def __init__(self, ways: Ways, *, max_bytes: int = MAX_DOCUMENT_BYTES) -> None:
        """Read from *ways*.

        Args:
            max_bytes: bound of one line, its end not counted.
        """
        self._ways = ways
        self._max_bytes = max_bytes
        self._kept = bytearray()
        self._searched = 0
        self._skipping = False
        self._ended = False

    async def read_line(self) -> bytes | Refusal | None:
        """Wait for the next line that is not empty; may be cancelled while it waits.

        Returns:
            The line without its end, the refusal of one that is too long, or None at the end of all lines.
        """
        while True:
            await trio.lowlevel.checkpoint()
            line = self._cut()
            if isinstance(line, Refusal) or (line is not None and line.strip()):
                return line
            if line is not None:
                continue
            if self._ended:
                return self._take_rest()
            chunk = await self._ways.receive_some()
            self._ended = not chunk
            self._kept += chunk

    def _cut(self) -> bytes | Refusal | None:
        """Return the next whole line, or None when there is none yet."""
        end = self._kept.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._kept)
            # Threat: a line without an end would fill the memory.
            if self._skipping or len(self._kept) > self._max_bytes:
                self._skipping = True
                self._kept.clear()
                self._searched = 0
            return None
        line = bytes(self._kept[:end])
        del self._kept[: end + 1]
        self._searched = 0
        skipped, self._skipping = self._skipping, False
        return _TOO_LONG if skipped or len(line) > self._max_bytes else line

    def _take_rest(self) -> bytes | Refusal | None:
        """Return what stands behind the last end of a line: whoever writes by hand forgets it."""
        rest = bytes(self._kept)
        self._kept.clear()
        if self._skipping:
            self._skipping = False
            return _TOO_LONG
        return rest if rest.strip() else None


@asynccontextmanager
async def open_ways(input_fd: int, output_fd: int, *, shared_fd: int) -> AsyncGenerator[Ways]:
    """Make both descriptors usable from Trio; they are closed at the end, and are again as they were.

    Args:
        shared_fd: where others write meanwhile, such as logs; what stands behind it is left blocking.
    """
    incoming = _open_way(input_fd, shared_fd)
    outgoing = _open_way(output_fd, shared_fd)
    try:
        yield _Pair(incoming, outgoing)
    finally:
        incoming.close()
        outgoing.close()


@final
class _Pair:
    """One way in, another one out."""

    __slots__ = ("_incoming", "_outgoing")

    def __init__(self, incoming: _Way, outgoing: _Way) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    async def receive_some(self) -> bytes:
        try:
            return await self._incoming.receive_some(CHUNK_BYTES)
        except (OSError, trio.BrokenResourceError):
            return b""  # such as a connection that was reset: there is nothing more to read

    async def send_all(self, data: bytes) -> None:
        try:
            await self._outgoing.send_all(data)
        except (OSError, trio.BrokenResourceError) as fault:
            raise HungUp from fault


@final
class _Threaded:
    """A file, a terminal, or what is shared: read and written in threads, which are left behind when cancelled."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    async def receive_some(self, max_bytes: int) -> bytes:
        return await trio.to_thread.run_sync(os.read, self._fd, max_bytes, abandon_on_cancel=True)

    async def send_all(self, data: bytes) -> None:
        await trio.to_thread.run_sync(_write_all, self._fd, data, abandon_on_cancel=True)

    def close(self) -> None:
        """Leave the descriptor to the process's end: a thread may still use it, and its number must not be reused."""


_Way: TypeAlias = trio.lowlevel.FdStream | _Threaded


def _open_way(fd: int, shared_fd: int) -> _Way:
    described = os.fstat(fd)
    can_wait = stat.S_ISFIFO(described.st_mode) or stat.S_ISSOCK(described.st_mode)
    if can_wait and not _is_same(described, shared_fd):
        return trio.lowlevel.FdStream(fd)
    return _Threaded(fd)


def _is_same(described: os.stat_result, shared_fd: int) -> bool:
    shared = os.fstat(shared_fd)
    return (described.st_dev, described.st_ino) == (shared.st_dev, shared.st_ino)


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
