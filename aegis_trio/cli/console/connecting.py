"""Connecting: the WebSocket handshake, and what to do when it is refused.

Threat: an answer before the handshake comes from anybody on the way; of it only a status and a few visible characters
are shown.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, TypeAlias, final

import trio
from trio_websocket import ConnectionRejected, WebSocketConnection, wrap_client_stream

from aegis_trio.cli.console.address import Target
from aegis_trio.cli.console.visible import visible_line
from aegis_trio.model.secret import Secret
from aegis_trio.policy.untrusted import shorten

MAX_CONNECT_S: Final = 10.0  # far more than a handshake takes; trio-websocket waits in vain where one breaks off
_Stream: TypeAlias = "trio.SocketStream | trio.SSLStream[trio.SocketStream]"

GOODBYE_S: Final = 2.0  # as long as a farewell may take, and an answer that nobody waits for
MAX_SHOWN_CHARS: Final = 300

_REMEDIES: Final = {
    400: "Is the address right? The gate's endpoint is /mcp/ws.",
    401: "The key is wrong, expired or missing: look at --key-file or AEGIS_CONSOLE_KEY.",
    403: "The key may not use this transport, or the gate is called by a name that ALLOWED_HOSTS does not hold.",
    404: "Is WEBSOCKET_DEBUG=true set for the gate? It is off by default. Or is the address wrong?",
    405: "Is WEBSOCKET_DEBUG=true set for the gate? It is off by default.",
    421: "The gate is called by another name than its own: look at PUBLIC_URL and ALLOWED_HOSTS.",
    426: "The server wants another version of the protocol. Is this the gate?",
    429: "Too many attempts or connections: wait for a while.",
    502: "The proxy does not reach the gate. Does it run?",
    503: "The gate is not ready, or at its bound: ask /readyz, and try again.",
    504: "The proxy does not reach the gate. Does it run?",
}


@final
class Unreachable(Exception):
    """There is no connection; the text says why, and what to do."""


@asynccontextmanager
async def open_connection(
    target: Target, key: Secret | None, *, patience_s: float, max_message_chars: int
) -> AsyncGenerator[WebSocketConnection]:
    """Connect to *target* for the time of a block.

    Args:
        key: sent as a bearer token; None for a gate that asks for none.
        patience_s: seconds until the connection must stand, at most `MAX_CONNECT_S`.
        max_message_chars: bound of one message; a longer one ends the connection with 1009.

    Raises:
        Unreachable: there is no connection.
    """
    connect_s = min(patience_s, MAX_CONNECT_S)
    headers = [] if key is None else [(b"Authorization", b"Bearer " + key.reveal().encode("ascii"))]
    stream = await _open_stream(target, connect_s)
    fault: Unreachable | None = None
    try:
        async with trio.open_nursery() as nursery:
            connection: WebSocketConnection | None = None
            with trio.move_on_after(connect_s):
                connection = await wrap_client_stream(
                    nursery,
                    stream,
                    target.authority,
                    target.resource,
                    extra_headers=headers,
                    max_message_size=max_message_chars,
                )
            if connection is None:
                fault = Unreachable(_slow_words(target, connect_s))
            else:
                try:
                    yield connection
                finally:
                    with trio.move_on_after(GOODBYE_S, shield=True):
                        await connection.aclose()
            nursery.cancel_scope.cancel()
    except* ConnectionRejected as rejections:
        fault = Unreachable(_rejection_words(target, rejections))
    finally:
        # trio-websocket leaves it open when it is refused, or when the other side vanishes.
        await trio.aclose_forcefully(stream)
    if fault is not None:
        raise fault


async def _open_stream(target: Target, connect_s: float) -> _Stream:
    try:
        with trio.fail_after(connect_s):
            stream = await trio.open_tcp_stream(target.host, target.port)
            return stream if not target.is_tls else await _begin_tls(target, stream)
    except trio.TooSlowError:
        raise Unreachable(_slow_words(target, connect_s)) from None
    except OSError as fault:
        # Several addresses that refuse are one fault without a number; its text is for programmers.
        reason = fault.strerror or "nobody answers there"
        raise Unreachable(
            f"{target.url} cannot be reached: {visible_line(reason)}. Does the gate run, and is the address right?"
        ) from None


async def _begin_tls(target: Target, stream: trio.SocketStream) -> _Stream:
    secured = trio.SSLStream(stream, ssl.create_default_context(), server_hostname=target.host, https_compatible=True)
    is_secured = False
    try:
        await secured.do_handshake()
        is_secured = True
    except trio.BrokenResourceError as broken:
        cause = broken.__cause__
        reason = getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or "the connection broke"
        raise Unreachable(
            f"{target.url} does not speak TLS as it should: {visible_line(str(reason))}. "
            "Is the certificate one that this machine trusts? Or is the address ws:// instead of wss://?"
        ) from None
    finally:
        if not is_secured:
            await trio.aclose_forcefully(stream)
    return secured


def _slow_words(target: Target, connect_s: float) -> str:
    return f"{target.url} did not answer as a WebSocket within {connect_s:g} s. Is it the gate? Does it run?"


def _rejection_words(target: Target, rejections: ExceptionGroup[ConnectionRejected]) -> str:
    rejected = next(fault for fault in rejections.exceptions if isinstance(fault, ConnectionRejected))
    status = rejected.status_code
    words = f"{target.url} refused the connection with {status}."
    location = _header(rejected, b"location")
    if 300 <= status < 400 and location:
        return f"{words} It points to {visible_line(shorten(location, MAX_SHOWN_CHARS))}: give that address by --url."
    said = visible_line(shorten((rejected.body or b"").decode("utf-8", "replace"), MAX_SHOWN_CHARS)).strip()
    told = f" It said: {said}" if said else ""
    return f"{words} {_REMEDIES.get(status, 'Is this the gate?')}{told}"


def _header(rejected: ConnectionRejected, name: bytes) -> str:
    headers: tuple[tuple[bytes, bytes], ...] = rejected.headers or ()
    return next((value.decode("latin-1") for key, value in headers if key.lower() == name), "")
