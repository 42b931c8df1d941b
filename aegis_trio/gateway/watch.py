"""Watching one resource: look at it now and then, and tell when it is another one than before.

Laws:
    1. Every look is made with the watcher's own rights of that moment; losing them is a change, told once.
    2. A look that failed for a passing reason (Gitea away, limits) tells nothing and is made again.
    3. Only a digest of what was seen is kept.

Trade: Gitea is asked instead of telling us; a change is seen within two looks. Webhooks can feed this later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from aegis_trio.model.call import Failure, Success, ToolOutcome
from aegis_trio.model.errors import NotFound, ResourceMissing, UpstreamForbade
from aegis_trio.model.json import encode_json

WATCH_EVERY_S: Final = 10.0  # a change is promised to be seen within 30 s, also when one look fails
_GONE: Final = b"gone"


async def watch_resource(
    look: Callable[[], Awaitable[ToolOutcome]], changed: Callable[[], None], *, begun: Callable[[], None]
) -> Failure:
    """Look every `WATCH_EVERY_S` seconds until cancelled; call *changed* after each look that differs from the last.

    Args:
        begun: called once the resource was seen for the first time.

    Returns:
        The failure of the first look: what cannot be read is not watched.
    """
    first = await look()
    if isinstance(first, Failure):
        return first
    seen = _fingerprint(first)
    begun()
    while True:
        await trio.sleep(WATCH_EVERY_S)
        now = _fingerprint(await look())
        if now is not None and now != seen:
            seen = now
            changed()


def _fingerprint(outcome: ToolOutcome) -> bytes | None:
    """Return what tells one state of a resource from another; None when this look says nothing."""
    match outcome:
        case Success(reply=reply):
            return hashlib.sha256(encode_json([reply.structured, *reply.content])).digest()
        case Failure(fault=NotFound() | ResourceMissing() | UpstreamForbade()):
            return _GONE
        case _:
            return None
