"""Where exported records go: standard output, or a TCP or TLS connection to a collector.

Laws:
    1. `deliver` returns after the receiving machine has the bytes: over TCP they are acknowledged, on standard output
       they are written. Until then no cursor moves.
    2. A fault is an OSError; whoever asks again opens a new connection and sends everything since the cursor again.

Trade: acknowledged by the other machine's kernel is not yet stored by its collector; a collector that dies with
records unread loses them. Syslog has no answer that could tell.
"""

from __future__ import annotations

import fcntl
import socket
import ssl
import struct
import termios
import time
from typing import BinaryIO, Final, Protocol, final

CONNECT_S: Final = 10.0
ACKNOWLEDGE_S: Final = 60.0
"""For the whole batch: a collector that takes nothing for so long is asked anew."""
_LOOK_S: Final = 0.02


class Delivery(Protocol):
    """What takes records."""

    def deliver(self, data: bytes) -> None:
        """Hand over; return when it has been taken.

        Raises:
            OSError: it has not.
        """
        ...

    def close(self) -> None:
        """End."""
        ...


@final
class StreamDelivery:
    """Writes to a file that is open."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def deliver(self, data: bytes) -> None:
        """Write and flush."""
        self._stream.write(data)
        self._stream.flush()

    def close(self) -> None:
        """Leave the stream to its owner."""


@final
class SocketDelivery:
    """Sends over one connection, which is opened when it is needed."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._plain: socket.socket | None = None
        self._open: socket.socket | None = None

    def deliver(self, data: bytes) -> None:
        """Send, and wait until the other machine has it all."""
        try:
            connection = self._connected()
            connection.sendall(data)
            self._wait_acknowledged(connection)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, if one is open."""
        for one in (self._open, self._plain):
            if one is not None:
                one.close()
        self._open = self._plain = None

    def _connected(self) -> socket.socket:
        if self._open is None:
            plain = socket.create_connection((self._host, self._port), CONNECT_S)
            self._plain = plain
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._open = plain if self._tls is None else self._tls.wrap_socket(plain, server_hostname=self._host)
            self._open.settimeout(ACKNOWLEDGE_S)
        return self._open

    def _wait_acknowledged(self, connection: socket.socket) -> None:
        # Source: tcp(7), SIOCOUTQ: how many bytes the other side has not acknowledged yet.
        end_s = time.monotonic() + ACKNOWLEDGE_S
        while struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]:
            error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, "the connection broke")
            if time.monotonic() > end_s:
                raise TimeoutError(f"{self._host} has not taken what was sent")
            time.sleep(_LOOK_S)


def open_client_tls(ca_file: str | None, certificate_file: str | None, key_file: str | None) -> ssl.SSLContext:
    """Return the context for a collector; its name and certificate are always checked.

    Args:
        ca_file: whom to trust, in PEM; None for the machine's own authorities.
        certificate_file: to show, with *key_file*; None for none.

    Raises:
        OSError: a file cannot be read, or does not hold what it should.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate_file is not None:
        context.load_cert_chain(certificate_file, key_file)
    return context
