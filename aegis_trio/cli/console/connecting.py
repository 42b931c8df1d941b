"""Connecting: the WebSocket handshake, and what to do when it is refused.

Threat: an answer before the handshake comes from anybody on the way; of it only a status and a few visible characters
are shown.
"""

from __future__ import annotations

import ssl
from contextlib import AsyncExitStack
from typing import Final, final

import trio
from trio_websocket import ConnectionRejected, ConnectionTimeout, HandshakeError, WebSocketConnection, open_websocket

from aegis_trio.cli.console.address import Target
from aegis_trio.cli.console.visible import visible_line
from aegis_trio.model.secret import Secret
from aegis_trio.policy.untrusted import shorten

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


async def open_connection(
    stack: AsyncExitStack,
    target: Target,
    key: Secret | None,
    *,
    patience_s: float,
    goodbye_s: float,
    max_message_chars: int,
) -> WebSocketConnection:
    """Connect, until *stack* ends.

    Args:
        patience_s: seconds until the connection must stand.
        goodbye_s: seconds until the other side must have said goodbye.
        max_message_chars: bound of one message; a longer one ends the connection with 1009.

    Raises:
        Unreachable: there is no connection.
    """
    headers = [] if key is None else [(b"Authorization", b"Bearer " + key.reveal().encode("ascii"))]
    context = ssl.create_default_context() if target.is_tls else False
    try:
        if isinstance(context, ssl.SSLContext):
            with trio.fail_after(patience_s):
                await _check_tls(target, context)
        return await stack.enter_async_context(
            open_websocket(
                target.host,
                target.port,
                target.resource,
                use_ssl=context,
                extra_headers=headers,
                max_message_size=max_message_chars,
                connect_timeout=patience_s,
                disconnect_timeout=goodbye_s,
            )
        )
    except ConnectionRejected as rejected:
        raise Unreachable(_rejection_words(target, rejected)) from None
    except (trio.TooSlowError, ConnectionTimeout):
        raise Unreachable(
            f"{target.url} did not answer as a WebSocket within {patience_s:g} s. Is it the gate? Does it run?"
        ) from None
    except HandshakeError as fault:
        raise Unreachable(_network_words(target, fault.__cause__)) from None
    except OSError as fault:
        raise Unreachable(_network_words(target, fault)) from None


async def _check_tls(target: Target, context: ssl.SSLContext) -> None:
    """Shake hands by TLS once: trio-websocket tells nobody why that failed, and waits in vain."""
    try:
        stream = await trio.open_ssl_over_tcp_stream(
            target.host, target.port, ssl_context=context, https_compatible=True
        )
        async with stream:
            await stream.do_handshake()
    except trio.BrokenResourceError as broken:
        cause = broken.__cause__
        reason = getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or "the connection broke"
        raise Unreachable(
            f"{target.url} does not speak TLS as it should: {visible_line(str(reason))}. "
            "Is the certificate one that this machine trusts? Or is the address ws:// instead of wss://?"
        ) from None


def _network_words(target: Target, fault: BaseException | None) -> str:
    # A name that does not resolve has its reason in strerror; several addresses that refuse are a group.
    reason = fault.strerror if isinstance(fault, OSError) and fault.strerror else "nobody answers there"
    return f"{target.url} cannot be reached: {visible_line(reason)}. Does the gate run, and is the address right?"


def _rejection_words(target: Target, rejected: ConnectionRejected) -> str:
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
