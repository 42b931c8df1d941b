"""`subscriptions/listen`: one stream of changes, for as long as its request lasts.

Laws:
    1. The first message says what was accepted; a resource that cannot be read now is not.
    2. Every message names the subscription; none of them is progress or a log message.
    3. Watching uses the rights of the subscriber at every look, and ends with the subscription.

Source: MCP 2026-07-28 basic/patterns/subscriptions.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import Final, final

import trio

from aegis_trio.model.call import CallKind, ToolRequest, Transport
from aegis_trio.model.identity import Caller
from aegis_trio.model.json import JsonObject
from aegis_trio.protocol.results import META_SUBSCRIPTION
from aegis_trio.protocol.steps import Listen
from aegis_trio.transports.ports import Door, ReplySink

WATCHES_BEGUN_AT_ONCE: Final = 4  # first looks; a principal may run 32 calls at once, and needs some for itself


class ListName(StrEnum):
    """Lists of which a client can be told that they changed."""

    TOOLS = "tools"
    PROMPTS = "prompts"
    RESOURCES = "resources"


def watch_request(uri: str, transport: Transport, client: str | None) -> ToolRequest:
    """Return the call by which the resource at *uri* is looked at."""
    return ToolRequest(tool=uri, raw_arguments={"uri": uri}, transport=transport, kind=CallKind.RESOURCE, client=client)


def updated_notification(uri: str) -> JsonObject:
    """Return the message that a resource is another one than before.

    Source: MCP 2025-11-25 server/resources#subscriptions.
    """
    return {"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": uri}}


def list_changed_notification(name: ListName) -> JsonObject:
    """Return the message that a list is another one than before."""
    return {"jsonrpc": "2.0", "method": f"notifications/{name.value}/list_changed"}


@final
class Subscription:
    """One open subscription; a `Listener` that leaves in good order."""

    __slots__ = ("_acknowledged", "_early", "_ended", "_sink", "_step", "_transport")

    def __init__(self, step: Listen, sink: ReplySink, transport: Transport) -> None:
        self._step = step
        self._sink = sink
        self._transport = transport
        self._acknowledged = False
        self._early: list[JsonObject] = []
        self._ended = trio.Event()

    def leave(self) -> None:
        """End in good order."""
        self._ended.set()

    def list_changed(self, name: ListName) -> None:
        """Tell of a list that changed, if that was asked for."""
        wanted = self._step.wanted
        asked = {ListName.TOOLS: wanted.tools, ListName.PROMPTS: wanted.prompts, ListName.RESOURCES: wanted.resources}
        if asked[name]:
            self._tell(list_changed_notification(name))

    async def run(self, door: Door, caller: Caller) -> None:
        """Tell of changes until the subscription leaves."""
        async with trio.open_nursery() as watching:
            accepted: list[str] = []
            begun_at_once = trio.CapacityLimiter(WATCHES_BEGUN_AT_ONCE)

            async def begin(uri: str) -> None:
                request = watch_request(uri, self._transport, self._step.meta.client)
                changed = partial(self._tell, updated_notification(uri))
                async with begun_at_once:
                    if await watching.start(partial(door.watch, caller, request, changed)) is None:
                        accepted.append(uri)

            async with trio.open_nursery() as beginning:
                for uri in self._step.wanted.uris:
                    beginning.start_soon(begin, uri)
            self._acknowledge([uri for uri in self._step.wanted.uris if uri in accepted])
            await self._ended.wait()
            watching.cancel_scope.cancel()

    def _acknowledge(self, accepted: list[str]) -> None:
        wanted = self._step.wanted
        subset: JsonObject = {}
        if wanted.tools:
            subset["toolsListChanged"] = True
        if wanted.prompts:
            subset["promptsListChanged"] = True
        if wanted.resources:
            subset["resourcesListChanged"] = True
        if accepted:
            subset["resourceSubscriptions"] = list(accepted)
        self._send(
            {
                "jsonrpc": "2.0",
                "method": "notifications/subscriptions/acknowledged",
                "params": {"notifications": subset},
            }
        )
        self._acknowledged = True
        for message in self._early:
            self._send(message)
        self._early.clear()

    def _tell(self, message: JsonObject) -> None:
        if self._acknowledged:
            self._send(message)
        elif message not in self._early:
            self._early.append(message)

    def _send(self, message: JsonObject) -> None:
        params = message.get("params")
        named: JsonObject = {
            **(params if isinstance(params, dict) else {}),
            "_meta": {META_SUBSCRIPTION: self._step.id},
        }
        self._sink.notify({**message, "params": named})
