"""Blocks and the operator's orders as rows of the store: how they are written and read.

Laws:
    1. A row that cannot be read is no block and no order: it is told as None, and its reader removes it.
    2. The store tells the time of day; the blocklist has its own clock. Whoever reads converts.

An order is what the command line wants done; the gate that runs does it, records it, and removes the order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from aegis_trio.limits.blocklist import Block, Cause
from aegis_trio.limits.sources import network_of
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.policy.blocks import REMEMBERED_S, Network
from aegis_trio.store.interface import Put, Row, Space

TOPIC: Final = "blocks"
"""Where the gate is told that there is an order."""
MAX_NOTE_CHARACTERS: Final = 200


class Action(StrEnum):
    """What the operator wants."""

    ADD = "add"
    REMOVE = "remove"
    LIST = "list"  # write down every block that is in memory only


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the operator wants done."""

    action: Action
    network: Network | None = None
    """None for LIST."""
    until: int | None = None
    """UTC seconds at which a block ends; None for one without an end."""
    note: str = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBlock:
    """A block as the store has it."""

    subject: str
    cause: Cause
    until: int | None
    """UTC seconds; None without an end."""
    times: int
    note: str

    def on_clock(self, *, now_s: float, utc_s: int) -> Block:
        """Return it on the blocklist's clock, which says *now_s* at *utc_s*."""
        until_s = None if self.until is None else now_s + (self.until - utc_s)
        return Block(subject=self.subject, cause=self.cause, until_s=until_s, times=self.times, note=self.note)


def put_block(block: Block, *, now_s: float, utc_s: int) -> Put:
    """Return how to keep *block*: while it holds, and a block for failures as long as it counts for the next."""
    until = None if block.until_s is None else utc_s + round(block.until_s - now_s)
    expires_at = until
    if until is not None and block.cause is Cause.FAILURES:
        expires_at = until + REMEMBERED_S
    value = {"cause": block.cause.value, "until": until, "times": block.times, "note": block.note}
    return Put(space=Space.BLOCK, key=block.subject, value=json.dumps(value).encode(), expires_at=expires_at)


def read_block(row: Row) -> KeptBlock | None:
    """Return the block of a row, or None when it is none."""
    value = _read(row)
    try:
        cause, until, times, note = Cause(str(value["cause"])), value["until"], value["times"], value["note"]
    except (KeyError, ValueError):
        return None
    if not (until is None or isinstance(until, int)) or not isinstance(times, int) or not isinstance(note, str):
        return None
    return KeptBlock(subject=row.key, cause=cause, until=until, times=max(1, times), note=note)


def put_order(key: str, order: Order, *, expires_at: int) -> Put:
    """Return how to give *order* to the gate; orders are done in the order of their keys."""
    value = {
        "action": order.action.value,
        "network": None if order.network is None else str(order.network),
        "until": order.until,
        "note": order.note[:MAX_NOTE_CHARACTERS],
    }
    return Put(space=Space.BLOCK_ORDER, key=key, value=json.dumps(value).encode(), expires_at=expires_at)


def read_order(row: Row) -> Order | None:
    """Return the order of a row, or None when it is none."""
    value = _read(row)
    try:
        action, raw_network, until, note = Action(str(value["action"])), value["network"], value["until"], value["note"]
    except (KeyError, ValueError):
        return None
    network = network_of(raw_network) if isinstance(raw_network, str) else None
    if (network is None) != (action is Action.LIST) or not isinstance(note, str):
        return None
    if not (until is None or isinstance(until, int)):
        return None
    return Order(action=action, network=network, until=until, note=note)


def _read(row: Row) -> JsonObject:
    try:
        value: JsonValue = json.loads(row.value)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
