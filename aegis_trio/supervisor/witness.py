"""The witness's tree: its lock, its listener, its signals. A program of its own, for another machine than the gate's.

Order of start: folder held → listening → signals. Order of end: listener closed → requests answered → folder released.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import partial
from typing import Final, final

import structlog
import trio

from aegis_trio.audit.witness.vault import WitnessVault
from aegis_trio.model.clock import WallClock, unix_seconds
from aegis_trio.supervisor.signals import watch_signals
from aegis_trio.web.server.limits import ConnectionLimits
from aegis_trio.web.server.serve import serve
from aegis_trio.web.server.sockets import bound_port, open_listeners
from aegis_trio.web.witness import WitnessApp

GRACE_S: Final = 3.0
LIMITS: Final = ConnectionLimits(
    max_connections=256,  # a few logs, each with one request a minute
    max_connections_per_address=64,
    max_stream_buffer_bytes=64 * 1024,
    max_streams=16,
)

log = structlog.get_logger(__name__)


@final
@dataclass(frozen=True, slots=True)
class WitnessListening:
    """Where a witness listens."""

    host: str
    port: int
    encrypted: bool

    @property
    def url(self) -> str:
        """What logs are told."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.encrypted else ''}://{host}:{self.port}"


async def run_witness(  # noqa: ASYNC128 -- reports that it has started
    vault: WitnessVault,
    *,
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    clock: WallClock,
    task_status: trio.TaskStatus[WitnessListening] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Cosign until TERM or INT.

    Args:
        tls: encrypts; None behind a proxy that does.
        task_status: started with the address once it is listened on.

    Raises:
        VaultFault: another witness has the folder.
        OSError: the address cannot be listened on.
    """
    with vault.hold():
        listeners = await open_listeners(host, port, limits=LIMITS)
        where = WitnessListening(host, bound_port(listeners[0]), tls is not None)
        shutdown = trio.Event()
        async with trio.open_nursery() as watching:
            watch = partial(
                watch_signals,
                note_end=_nothing,
                begin_drain=shutdown.set,
                force_end=watching.cancel_scope.cancel,
                reload=trio.lowlevel.checkpoint,  # every request reads which logs are known
            )
            await watching.start(watch)
            app = WitnessApp(vault, partial(unix_seconds, clock))
            async with trio.open_nursery() as serving:
                await serving.start(
                    partial(
                        serve,
                        app,
                        listeners,
                        limits=LIMITS,
                        trusted_proxies=_nobody,
                        tls=tls,
                        shutdown=shutdown,
                        grace_s=GRACE_S,
                        log=log,
                    )
                )
                log.info("witnessing", url=where.url, vkey=str(vault.verifier))
                task_status.started(where)
            watching.cancel_scope.cancel()
    log.info("stopped")


def _nobody(raw_address: str) -> bool:  # noqa: ARG001 -- the form that the server asks for
    return False


def _nothing() -> None:
    """Take note of a signal: the drain follows at once."""
