"""A post goes to its host, says what it is, and believes nothing but a status."""

from __future__ import annotations

import ssl
from collections.abc import Iterable

import httpcore
import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.secret import Secret
from aegis_trio.telemetry.alerts.forms import Delivery
from aegis_trio.telemetry.alerts.posting import DEADLINE_S, NotDelivered, Post
from aegis_trio.telemetry.alerts.settings import AlertTarget, TargetKind

DELIVERY = Delivery(b'{"a":1}', (("webhook-id", "msg_1"),))
TARGET = AlertTarget(kind=TargetKind.WEBHOOK, number=1, url=Secret("https://hook.example:8443/a/b?c=d"))


class Stream(httpcore.AsyncNetworkStream):
    """A connection whose other end says *answer*, and then no more."""

    def __init__(self, answer: bytes, *, hangs: bool) -> None:
        self.answer = answer
        self.hangs = hangs
        self.sent = b""
        self.server_hostname: str | None = None
        self.closed = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 -- httpcore's
        await trio.lowlevel.checkpoint()
        if not self.answer and self.hangs:
            await trio.sleep_forever()
        piece, self.answer = self.answer[:max_bytes], self.answer[max_bytes:]
        return piece

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 -- httpcore's
        await trio.lowlevel.checkpoint()
        self.sent += buffer

    async def aclose(self) -> None:
        self.closed = True  # as a socket: closed also when it is cancelled while it says goodbye
        await trio.lowlevel.checkpoint()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's
    ) -> httpcore.AsyncNetworkStream:
        await trio.lowlevel.checkpoint()
        self.server_hostname = server_hostname
        return self


class Backend(httpcore.AsyncNetworkBackend):
    """Gives one stream."""

    def __init__(self, answer: bytes, *, hangs: bool = False) -> None:
        self.stream = Stream(answer, hangs=hangs)
        self.asked: list[tuple[str, int]] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        await trio.lowlevel.checkpoint()
        self.asked.append((host, port))
        return self.stream


def post(backend: Backend) -> Post:
    """Return a post that reaches *backend*."""
    return Post(backend, ssl.create_default_context())


async def test_the_request_is_what_the_target_expects() -> None:
    """Method, path with query, host with port, length, and the headers of the signature."""
    backend = Backend(b"HTTP/1.1 204 No Content\r\n\r\n")

    await post(backend).send(TARGET, DELIVERY)

    head, _, body = backend.stream.sent.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert [("hook.example", 8443)] == backend.asked
    assert "hook.example" == backend.stream.server_hostname
    assert b"POST /a/b?c=d HTTP/1.1" == lines[0]
    assert {b"Host: hook.example:8443", b"Content-Length: 7", b"webhook-id: msg_1"} <= set(lines[1:])
    assert (DELIVERY.body, True) == (body, backend.stream.closed)


@pytest.mark.parametrize(
    ("answer", "is_final", "retry_after_s"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n", True, None),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", True, None),
        (b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\n\r\n", False, 7.0),
        (b"HTTP/1.1 429 Slow\r\nRetry-After: 86400\r\n\r\n", False, 60.0),
        (b"HTTP/1.1 429 Slow\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n\r\n", False, None),
        (b"HTTP/1.1 500 Oh\r\n\r\n", False, None),
        (b"SSH-2.0-x\r\n\r\n", False, None),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 40_000, False, None),
        (b"", False, None),
    ],
)
async def test_every_other_answer_is_no_delivery(answer: bytes, *, is_final: bool, retry_after_s: float | None) -> None:
    """A redirect is not followed, a head without an end is not waited for, and no message holds the address."""
    backend = Backend(answer)

    with pytest.raises(NotDelivered) as caught:
        await post(backend).send(TARGET, DELIVERY)

    assert (is_final, retry_after_s) == (caught.value.is_final, caught.value.retry_after_s)
    assert (1, True) == (len(backend.asked), backend.stream.closed)
    assert "/a/b" not in str(caught.value)


async def test_a_target_that_hangs_is_left(autojump_clock: MockClock) -> None:
    """After the deadline, with its connection closed."""
    backend = Backend(b"HTTP/1.1 200 OK\r\n", hangs=True)

    with pytest.raises(NotDelivered, match="within 10 seconds"):
        await post(backend).send(TARGET, DELIVERY)

    assert (DEADLINE_S, True) == (round(trio.current_time(), 3), backend.stream.closed)
