"""One POST to whoever claims to be a witness, over real sockets."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio

from aegis_trio.audit.witness.exchange import MAX_ANSWER_BYTES, Answer, HttpPost, NoAnswer

pytestmark = pytest.mark.sockets
POST = HttpPost(ssl.create_default_context())


@asynccontextmanager
async def answering(raw_answer: bytes, *, holds: bool = False) -> AsyncGenerator[tuple[str, list[bytes]]]:
    """Listen, answer everybody with these bytes, and keep what was asked."""
    asked: list[bytes] = []

    async def serve(stream: trio.SocketStream) -> None:
        data = b""
        while b"\r\n\r\n" not in data or not data.endswith(b"body\n"):
            data += await stream.receive_some()
        asked.append(data)
        await stream.send_all(raw_answer)
        if holds:
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, serve, 0)
        yield f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/add-checkpoint", asked
        nursery.cancel_scope.cancel()


def head(status: str, *lines: str) -> bytes:
    """Return the head of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


async def test_a_body_goes_and_an_answer_comes() -> None:
    """With nothing of ours but the body."""
    async with answering(head("409 Conflict", "Content-Length: 3") + b"12\n") as (url, asked):
        assert Answer(409, b"12\n") == await POST(url, b"body\n")

    (request,) = asked
    names = {line.partition(b":")[0].lower() for line in request.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]}
    assert names == {b"host", b"content-type", b"accept-encoding", b"content-length"}


@pytest.mark.parametrize(
    "raw_answer",
    [
        b"nonsense\r\n\r\n",
        head("200 OK", "Content-Length: 9") + b"short",
        head("200 OK", f"Content-Length: {MAX_ANSWER_BYTES + 1}") + b"x" * (MAX_ANSWER_BYTES + 1),
        head("200 OK", "Transfer-Encoding: chunked") + b"zz\r\n",
        head("200 OK", *(f"X-{number}: {'y' * 1000}" for number in range(200))),
        b"",
    ],
    ids=["no HTTP", "cut", "too long", "bad chunk", "endless head", "hung up"],
)
async def test_what_is_no_answer_is_named_so(raw_answer: bytes) -> None:
    """One fault, whatever the other side does, and no address in its text."""
    async with answering(raw_answer) as (url, _):
        with trio.fail_after(30), pytest.raises(NoAnswer) as caught:
            await POST(url, b"body\n")

    assert "127.0.0.1" not in str(caught.value)


async def test_nobody_there_is_no_answer() -> None:
    """The port was given back."""
    async with answering(b"") as (url, _):
        pass
    with pytest.raises(NoAnswer):
        await POST(url, b"body\n")


async def test_an_answer_without_end_is_left_when_the_caller_leaves() -> None:
    """The deadline is the caller's."""
    async with answering(head("200 OK", "Content-Length: 100"), holds=True) as (url, asked):
        with trio.move_on_after(0.2) as scope:
            await POST(url, b"body\n")

    assert scope.cancelled_caught
    assert 1 == len(asked)


async def test_a_redirect_is_an_answer_like_any_other() -> None:
    """It is not followed."""
    async with answering(head("307 Temporary Redirect", "Location: http://127.0.0.1:1/", "Content-Length: 0")) as (
        url,
        _,
    ):
        assert 307 == (await POST(url, b"body\n")).status
