"""One post to one target: bounded in time and bytes, to checked addresses only, and without being led anywhere else.

Laws:
    1. The host is the one that the operator wrote; no redirect is followed, no proxy of the environment is asked.
    2. Its answer counts by its status alone; the body is not read.
    3. The address of the target is in no message and no log line.

Not here: which addresses may be reached (the backend that is handed in), and trying again (lane.py).
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import urlsplit

import h11
import httpcore
import trio
from httpcore import AsyncNetworkStream

from aegis_trio.telemetry.alerts.forms import Delivery
from aegis_trio.telemetry.alerts.settings import AlertTarget

DEADLINE_S: Final = 10.0  # for the whole exchange; chats answer within one
MAX_HEAD_BYTES: Final = 16 * 1024
MAX_RETRY_AFTER_S: Final = 60.0
_PORTS: Final = {"http": 80, "https": 443}
_TRY_AGAIN: Final = frozenset({408, 425, 429})


@final
class NotDelivered(Exception):
    """The target did not take a notice; the text tells why without its address."""

    def __init__(self, reason: str, *, is_final: bool = False, retry_after_s: float | None = None) -> None:
        """Say why.

        Args:
            is_final: trying again would change nothing.
            retry_after_s: what the target asked for, at most `MAX_RETRY_AFTER_S`.
        """
        super().__init__(reason)
        self.is_final = is_final
        self.retry_after_s = retry_after_s


@final
@dataclass(frozen=True, slots=True)
class Post:
    """How to reach targets."""

    backend: httpcore.AsyncNetworkBackend
    """Resolves and connects; raises `NotDelivered` for an address that may not be reached."""
    tls: ssl.SSLContext

    async def send(self, target: AlertTarget, delivery: Delivery) -> None:
        """Post *delivery* to *target*.

        Raises:
            NotDelivered: no connection, too slow, not HTTP, or a status other than 2xx.
        """
        try:
            with trio.fail_after(DEADLINE_S):
                status, retry_after_s = await self._exchange(target, delivery)
        except trio.TooSlowError:
            raise NotDelivered(f"it did not answer within {DEADLINE_S:g} seconds") from None
        except ssl.SSLCertVerificationError:
            raise NotDelivered("its certificate is not trusted here") from None
        except (httpcore.NetworkError, httpcore.TimeoutException, h11.ProtocolError, ssl.SSLError, OSError):
            raise NotDelivered("it cannot be reached, or it broke off") from None
        if not 200 <= status < 300:
            is_final = status < 500 and status not in _TRY_AGAIN
            raise NotDelivered(f"it answered {status}", is_final=is_final, retry_after_s=retry_after_s)

    async def _exchange(self, target: AlertTarget, delivery: Delivery) -> tuple[int, float | None]:
        parts = urlsplit(target.url.reveal())
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        stream = await self.backend.connect_tcp(host, port)
        try:
            if parts.scheme == "https":
                stream = await stream.start_tls(self.tls, server_hostname=host)
            target_path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            return await _ask(stream, parts.netloc, target_path, delivery)
        finally:
            await stream.aclose()


async def _ask(stream: AsyncNetworkStream, host: str, target: str, delivery: Delivery) -> tuple[int, float | None]:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
    headers = [
        ("Host", host),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(delivery.body))),
        ("User-Agent", "aegis-trio"),
        ("Connection", "close"),
        *delivery.headers,
    ]
    request = connection.send(h11.Request(method="POST", target=target, headers=headers)) or b""
    request += connection.send(h11.Data(data=delivery.body)) or b""
    await stream.write(request + (connection.send(h11.EndOfMessage()) or b""))
    while True:
        match connection.next_event():
            case h11.NEED_DATA:
                connection.receive_data(await stream.read(MAX_HEAD_BYTES))
            case h11.Response() as response:
                return response.status_code, _retry_after(response)
            case h11.InformationalResponse():
                continue
            case _:  # pragma: no cover -- h11 gives nothing else before the head; whatever it were, nothing loops
                raise NotDelivered("its answer is not HTTP")


def _retry_after(response: h11.Response) -> float | None:
    """Return the seconds that a target asks for; a date is not worth reading here."""
    found = [value for name, value in response.headers if name == b"retry-after"]
    if len(found) != 1 or not found[0].isdigit() or len(found[0]) > 9:
        return None
    return min(float(found[0]), MAX_RETRY_AFTER_S)
