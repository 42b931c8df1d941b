"""The server: listening sockets for a world, and one contained task per connection.

Laws:
    1. `serve_forge` reports its address when it listens, not when it was begun.
    2. A fault in one connection ends that connection, and is kept for whoever looks.
"""

from __future__ import annotations

import traceback
from functools import partial
from typing import Final

import trio

from aegis_trio.demo_forge.forge import Forge
from aegis_trio.demo_forge.wire import Connection
from aegis_trio.demo_forge.world import World

_BACKLOG: Final = 1024  # benches open hundreds of connections at once
MAX_KEPT_CRASHES: Final = 20


async def serve_forge(
    world: World,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve *world* until cancelled.

    Args:
        port: 0 for any free one.

    Returns:
        Never; `task_status` is started with the base address, without a slash at the end.

    Raises:
        OSError: the address cannot be listened on.
    """
    listeners = await trio.open_tcp_listeners(port, host=host, backlog=_BACKLOG)
    address = listeners[0].socket.getsockname()
    shown_host = f"[{address[0]}]" if ":" in address[0] else address[0]
    base = f"http://{shown_host}:{address[1]}"
    if not world.root_url:
        world.root_url = f"{base}/"
    forge = Forge(world)
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(trio.serve_listeners, partial(_contained, forge), listeners))
        task_status.started(base)


async def _contained(forge: Forge, stream: trio.SocketStream) -> None:
    """Serve one connection; whatever goes wrong in it stays in it."""
    async with stream:
        try:
            await Connection(forge, stream).run()
        except Exception as error:  # noqa: BLE001 — law 2: a defect of the forge must not end other connections
            crashes = forge.world.crashes
            crashes.append("".join(traceback.format_exception(error)))
            del crashes[:-MAX_KEPT_CRASHES]
