"""One HTTP exchange with a witness: a bounded POST, and nothing else. This file alone knows httpcore here.

Laws:
    1. No redirect, proxy, cookie or credential; no answer is decompressed or read beyond its bound.
    2. The caller's scope bounds the time; a cancelled exchange leaves no connection behind.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias, final

import httpcore
import trio

MAX_ANSWER_BYTES: Final = 16 * 1024  # a cosignature has 130 bytes; a post-quantum one 3 KB


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


@final
class NoAnswer(Exception):
    """The witness cannot be reached, or what it says is no HTTP; the text names no address."""


Post: TypeAlias = Callable[[str, bytes], Awaitable[Answer]]


@final
class HttpPost:
    """Posts bodies."""

    __slots__ = ("_tls",)

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls

    async def __call__(self, url: str, body: bytes) -> Answer:
        """Post *body* to *url*.

        Raises:
            NoAnswer: see there.
        """
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Accept-Encoding", "identity")]
        try:
            async with (
                httpcore.AsyncConnectionPool(ssl_context=self._tls, max_connections=1, http1=True, http2=False) as pool,
                pool.stream("POST", url, headers=headers, content=body) as response,
            ):
                return Answer(response.status, await _read(response))
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, ssl.SSLError) as fault:
            raise NoAnswer(f"no answer ({type(fault).__name__})") from None


async def _read(response: httpcore.Response) -> bytes:
    body = bytearray()
    # Leaving the loop early would strand httpcore's nested generators; being cancelled ends them in order.
    with trio.CancelScope() as enough:
        async for chunk in response.aiter_stream():
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                enough.cancel()
    if len(body) > MAX_ANSWER_BYTES:
        raise NoAnswer(f"more than {MAX_ANSWER_BYTES} bytes came back")
    return bytes(body)
