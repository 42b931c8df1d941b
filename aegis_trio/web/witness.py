"""The witness as a server: C2SP's witness protocol over a vault. A program beside the gate, never part of it.

    POST /add-checkpoint            cosign
    GET  /<origin hash>/checkpoint  what was cosigned last, for monitors
    GET  /healthz

Laws:
    1. One request at a time looks at what was cosigned and replaces it: of two that compete, one is told 409.
    2. A body is bounded in bytes and seconds; so is what waits.
    3. Nobody is authenticated but by the log's signature on the checkpoint; nothing about a log is told without it,
       except what was cosigned, which is public.

Source: c2sp.org/tlog-witness (C2SP repository, 5ba5ee8).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, cast, final

import structlog
import trio

from aegis_trio.audit.witness.judgement import Refusal, Status
from aegis_trio.audit.witness.request import ADD_CHECKPOINT_PATH, MAX_REQUEST_BYTES, SIZE_TYPE
from aegis_trio.audit.witness.vault import Cosigned, VaultFault, WitnessVault
from aegis_trio.model.asgi import Receive, Scope, Send
from aegis_trio.web.errors import HttpAnswer

BODY_DEADLINE_S: Final = 10.0
MAX_WAITING: Final = 64
"""Requests that have a body and wait for their turn; one turn takes a few milliseconds."""

_TEXT: Final = b"text/plain; charset=utf-8"
_MONITORED: Final = re.compile(r"/([0-9a-f]{64})/checkpoint", re.ASCII)

log = structlog.get_logger(__name__)


@final
class _TooLarge(Exception):
    """The body is longer than any request is."""


@final
class WitnessApp:
    """A plain ASGI application."""

    def __init__(self, vault: WitnessVault, now_s: Callable[[], int]) -> None:
        """Serve *vault*, whose lock the caller holds.

        Args:
            now_s: UTC seconds since 1970.
        """
        self._vault = vault
        self._now_s = now_s
        # Invariant: one thread, so that looking and replacing is one step (vault, law 2).
        self._turn = trio.CapacityLimiter(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": None})
            return
        answer = await self._answer(str(scope["method"]), str(scope["path"]), receive)
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _answer(self, method: str, path: str, receive: Receive) -> HttpAnswer:
        allowed = "POST" if path == ADD_CHECKPOINT_PATH else "GET, HEAD"
        monitored = _MONITORED.fullmatch(path)
        if path not in {ADD_CHECKPOINT_PATH, "/healthz"} and monitored is None:
            return _text(404, "there is nothing at this path")
        if method not in allowed.split(", "):
            return _text(405, "another method is needed", (b"allow", allowed.encode()))
        if path == "/healthz":
            return _text(200, "ok")
        try:
            if monitored is not None:
                return await self._show(monitored[1])
            return await self._add(receive)
        except VaultFault as fault:
            log.critical("witness_fault", reason=str(fault))
            return _text(503, "what was cosigned cannot be read or written now")

    async def _add(self, receive: Receive) -> HttpAnswer:
        try:
            with trio.fail_after(BODY_DEADLINE_S):
                body = await _read(receive)
        except trio.TooSlowError:
            return _text(408, "the body did not come in time", (b"connection", b"close"))
        except _TooLarge:
            return _text(413, f"a body has at most {MAX_REQUEST_BYTES} bytes", (b"connection", b"close"))
        if self._turn.statistics().tasks_waiting >= MAX_WAITING:
            return _text(503, "too many requests at once", (b"retry-after", b"1"))
        found = await trio.to_thread.run_sync(self._vault.cosign, body, self._now_s(), limiter=self._turn)
        match found:
            case Cosigned():
                log.info("cosigned", origin=found.origin, size=found.size)
                return _whole(200, _TEXT, found.cosignature.encode())
            case Refusal(status=Status.CONFLICT):
                return _whole(409, SIZE_TYPE.encode(), f"{found.size}\n".encode())
            case Refusal():
                log.warning("not_cosigned", status=found.status.value, reason=found.reason)
                return _text(found.status.value, found.reason)

    async def _show(self, digest: str) -> HttpAnswer:
        known = await trio.to_thread.run_sync(self._vault.find, digest, limiter=self._turn)
        if known is None or known.newest is None:
            return _text(404, "nothing was cosigned for this log")
        return _whole(200, _TEXT, str(known.newest.note).encode())


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""  # the peer is gone, and nobody reads the answer
        body += cast("bytes", message.get("body", b""))
        if len(body) > MAX_REQUEST_BYTES:
            raise _TooLarge
        if not message.get("more_body", False):
            return bytes(body)


def _text(status: int, sentence: str, *extra: tuple[bytes, bytes]) -> HttpAnswer:
    return _whole(status, _TEXT, f"{sentence}\n".encode(), *extra)


def _whole(status: int, kind: bytes, body: bytes, *extra: tuple[bytes, bytes]) -> HttpAnswer:
    headers = ((b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store"))
    return HttpAnswer(status, (*headers, *extra), body)
