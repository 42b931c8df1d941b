"""Standard input and output: lines out of bytes, and ways that never block Trio."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from aegis_trio.protocol.refusals import Refusal
from aegis_trio.transports.line import HungUp
from aegis_trio.transports.stdio import CHUNK_BYTES, LineReader, Ways, open_ways

PATIENCE_S = 60.0  # a shared machine may be slow; nothing here waits for time to pass


class Chunks:
    """A way in that gives what it was given, then its end."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = [*chunks]
        self.most_kept = 0

    async def receive_some(self) -> bytes:
        await trio.lowlevel.checkpoint()
        return self._chunks.pop(0) if self._chunks else b""

    async def send_all(self, data: bytes) -> None:
        raise NotImplementedError


async def lines_of(*chunks: bytes, max_bytes: int = 10) -> list[bytes | str]:
    """Return every line of *chunks*; a refusal is `refused`."""
    reader = LineReader(Chunks(*chunks), max_bytes=max_bytes)
    found: list[bytes | str] = []
    while (line := await reader.read_line()) is not None:
        found.append("refused" if isinstance(line, Refusal) else line)
    assert None is await reader.read_line(), "the end is the end"
    return found


@pytest.mark.requirement("MCP-STDIO-01")
@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"a\nb\n"], [b"a", b"b"]),
        ([b"a", b"b\n", b"c", b"\n"], [b"ab", b"c"]),
        ([b"a\r\n\r\n \n\nb"], [b"a\r", b"b"]),
        ([b"1234567890\n12345678901\nx\n"], [b"1234567890", "refused", b"x"]),
        ([b"12345678901", b"", b"x\n"], ["refused"]),
        ([b"12345678901", b"23", b"4\nx\n"], ["refused", b"x"]),
        ([b"12345678901", b"2" * 50], ["refused"]),
        ([b"12345678901", b"\n"], ["refused"]),
        ([b"  \n", b""], []),
        ([], []),
    ],
    ids=str,
)
async def test_lines_are_cut_whatever_the_chunks(chunks: list[bytes], lines: list[bytes | str]) -> None:
    """A pipe knows no messages; empty lines are none, and the last may lack its end."""
    assert lines == await lines_of(*chunks)


@given(lines=st.lists(st.binary(min_size=1, max_size=20).filter(lambda line: b"\n" not in line and line.strip())))
def test_every_way_to_cut_gives_the_same_lines(lines: list[bytes]) -> None:
    """Byte by byte, or all at once: what is too long is refused, and nothing else is lost."""
    text = b"".join(line + b"\n" for line in lines)
    expected = ["refused" if len(line) > 10 else line for line in lines]

    assert expected == trio.run(lines_of, text)
    assert expected == trio.run(lines_of, *(bytes([byte]) for byte in text))


async def test_a_line_without_end_is_not_kept() -> None:
    """Threat: a client that never ends its line would fill the memory."""
    reader = LineReader(Chunks(*[b"x" * 100] * 1000, b"\n"), max_bytes=250)
    most = 0

    class Watched(Chunks):
        async def receive_some(self) -> bytes:
            nonlocal most
            most = max(most, len(reader._kept))
            return await super().receive_some()

    reader._ways = Watched(*[b"x" * 100] * 1000, b"\n", b"y\n")
    assert isinstance(await reader.read_line(), Refusal)
    assert b"y" == await reader.read_line()
    assert most <= 300


async def test_a_reader_that_is_cancelled_loses_nothing(autojump_clock: MockClock) -> None:
    """A line waits under deadlines; half a line must be there for the next wait."""
    send, receive = trio.open_memory_channel[bytes](10)

    class Slow:
        async def receive_some(self) -> bytes:
            return await receive.receive()

        async def send_all(self, data: bytes) -> None:
            raise NotImplementedError

    reader = LineReader(Slow())
    send.send_nowait(b"ab")
    with trio.move_on_after(1) as patience:
        await reader.read_line()
    send.send_nowait(b"c\n")

    assert (True, b"abc") == (patience.cancelled_caught, await reader.read_line())


# ---- ways -----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _open(input_fd: int, output_fd: int, shared_fd: int | None = None) -> AsyncGenerator[Ways]:
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        async with open_ways(input_fd, output_fd, shared_fd=null if shared_fd is None else shared_fd) as ways:
            yield ways
    finally:
        os.close(null)


def _pairs(kind: str) -> tuple[int, int, int, int]:
    """Return our input, the client's output, our output, the client's input."""
    if kind == "pipes":
        (ours_in, his_out), (his_in, ours_out) = os.pipe(), os.pipe()
        return ours_in, his_out, ours_out, his_in
    first, second = socket.socketpair(), socket.socketpair()
    return first[0].detach(), first[1].detach(), second[0].detach(), second[1].detach()


@pytest.mark.parametrize("kind", ["pipes", "sockets"])
async def test_pipes_and_sockets_carry_bytes_and_are_left_as_they_were(kind: str) -> None:
    """Shells give pipes, Node.js gives sockets. Others may go on with the same file afterwards."""
    ours_in, his_out, ours_out, his_in = _pairs(kind)
    kept_in, kept_out = os.dup(ours_in), os.dup(ours_out)
    async with _open(ours_in, ours_out) as ways:
        assert (False, False) == (os.get_blocking(kept_in), os.get_blocking(kept_out))
        os.write(his_out, b"hello")
        assert b"hello" == await ways.receive_some()
        await ways.send_all(b"answer")
        assert b"answer" == os.read(his_in, 100)
        os.close(his_out)
        assert b"" == await ways.receive_some()
        os.close(his_in)
        with pytest.raises(HungUp):
            await ways.send_all(b"x")
    assert (True, True) == (os.get_blocking(kept_in), os.get_blocking(kept_out))
    for fd in (kept_in, kept_out):
        os.close(fd)


async def test_files_are_read_and_written_too(tmp_path: Path) -> None:
    """`aegis-trio stdio < requests > answers` is how a script asks; the event loop cannot wait for files."""
    asked, answered = tmp_path / "in", tmp_path / "out"
    asked.write_bytes(b"x" * (CHUNK_BYTES + 1))
    input_fd, output_fd = os.open(asked, os.O_RDONLY), os.open(answered, os.O_WRONLY | os.O_CREAT)
    async with _open(input_fd, output_fd) as ways:
        assert [CHUNK_BYTES, 1, 0] == [len(await ways.receive_some()) for _ in range(3)]
        await ways.send_all(b"answer")
    assert b"answer" == answered.read_bytes()
    for fd in (input_fd, output_fd):
        os.close(fd)


async def test_what_logs_are_written_to_stays_blocking() -> None:
    """With `2>&1` the log shares the file; non-blocking, a full pipe would make logging raise."""
    ours_in, his_out, ours_out, his_in = _pairs("pipes")
    errors = os.dup(ours_out)
    async with _open(ours_in, ours_out, shared_fd=errors) as ways:
        assert os.get_blocking(errors)
        await ways.send_all(b"answer")
    assert b"answer" == os.read(his_in, 100)
    for fd in (his_out, ours_out, his_in, errors):
        os.close(fd)


async def test_an_input_that_cannot_be_read_has_ended(tmp_path: Path) -> None:
    """Such as a connection that was reset, or a folder: there is nothing to wait for."""
    folder = os.open(tmp_path, os.O_RDONLY)
    read_only = os.open(os.devnull, os.O_RDONLY)
    async with _open(folder, read_only) as ways:
        assert b"" == await ways.receive_some()
        with pytest.raises(HungUp):
            await ways.send_all(b"x")
    for fd in (folder, read_only):
        os.close(fd)


@pytest.mark.parametrize("shared", [False, True], ids=["waited for", "in a thread"])
async def test_a_reader_that_stands_still_can_be_left(*, shared: bool) -> None:
    """Whoever waits decides for how long; a thread that hangs in the kernel is left behind."""
    ours_in, his_out, ours_out, his_in = _pairs("pipes")
    errors = os.dup(ours_out)
    before = threading.active_count()
    async with _open(ours_in, ours_out, shared_fd=errors if shared else None) as ways:
        with trio.move_on_after(0.01) as patience:
            await ways.send_all(b"x" * 1_000_000)
        assert patience.cancelled_caught
    os.close(his_in)  # a thread that still writes ends now
    with trio.fail_after(PATIENCE_S):
        while threading.active_count() > before + 1:  # noqa: ASYNC110 -- a thread sends no event
            await trio.sleep(0.01)
    os.close(his_out)
    os.close(errors)
    if shared:
        os.close(ours_out)
