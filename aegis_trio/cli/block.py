"""`aegis-trio block`: see, add and remove blocks of addresses, while the gate runs or for its next start.

Laws:
    1. The command changes nothing about who is blocked: it writes an order, which the gate does and records.
    2. What the gate would refuse is refused here, with the reason.
    3. Without a gate that runs the order waits, and the command says so.
    4. Nobody is called unblocked whom a wider block still holds.

Whom it trusts: whoever may write the gate's store.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Final, final

import trio

from aegis_trio.cli.exit_codes import EXIT_OK, EXIT_STILL_BLOCKED
from aegis_trio.cli.usage import Usage
from aegis_trio.config.load import load_settings
from aegis_trio.config.settings import Settings
from aegis_trio.limits.block_rows import MAX_NOTE_CHARACTERS, TOPIC, Action, KeptBlock, Order, put_order, read_block
from aegis_trio.limits.sources import network_of
from aegis_trio.model.clock import NS_PER_S, WallClock, as_timestamp, unix_seconds
from aegis_trio.model.json import JsonObject
from aegis_trio.policy.blocks import Network, why_unblockable
from aegis_trio.store.interface import Space, Store, StoreFailed
from aegis_trio.store.sqlite import open_sqlite_store

PATIENCE_S: Final = 2.0  # a gate that runs does an order within one
LOOK_EVERY_S: Final = 0.1
ORDER_TTL_S: Final = 7 * 86_400  # of an order that no gate has done
MAX_FOR_S: Final = 10 * 365 * 86_400
PAGE: Final = 500

_DURATION: Final = re.compile(r"(?P<number>[0-9]{1,9})(?P<unit>[smhd]?)", re.ASCII)
_UNIT_S: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_WAITS: Final = "No gate has done this yet: it is done when one runs with these settings."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `block` understands to *parser*."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", parser_class=type(parser))
    for action, meaning in (
        (Action.LIST, "show who is blocked"),
        (Action.ADD, "block an address or network, also with a valid credential"),
        (Action.REMOVE, "unblock an address or network, and everything within it"),
    ):
        under = actions.add_parser(action.value, help=meaning, description=f"{meaning[0].upper()}{meaning[1:]}.")
        if action is not Action.LIST:
            under.add_argument("network", help="an address such as 203.0.113.42, or a network such as 203.0.113.0/24")
            under.add_argument("--note", default="", help="a word about why, for the audit log")
        if action is Action.ADD:
            under.add_argument("--for", dest="duration", help="how long: seconds, or 30m, 12h, 7d (default: no end)")
        under.add_argument("--json", action="store_true", help="write JSON")
        under.add_argument("--env-file", type=Path, default=Path(".env"), help="settings file (default: .env)")


def run(arguments: argparse.Namespace) -> int:
    """Give the order and tell what came of it; return the exit code."""
    if arguments.action is None:
        raise Usage(f"name what to do: aegis-trio block {{{','.join(action.value for action in Action)}}}.")
    settings = load_settings(os.environ, arguments.env_file)
    order = _order_of(arguments, settings)
    try:
        result = trio.run(partial(_ask, settings.blocks.path, order, arguments.clock))
    except StoreFailed as failed:
        raise OSError(str(failed)) from failed
    as_json: bool = arguments.json
    print(_json(result, arguments.clock) if as_json else _text(result, arguments.clock))
    return EXIT_STILL_BLOCKED if order.action is Action.REMOVE and result.blocks else EXIT_OK


@final
@dataclass(frozen=True, slots=True)
class _Result:
    """What came of an order."""

    order: Order
    is_done: bool
    blocks: tuple[KeptBlock, ...]
    """All of them for a list; for a removal those that still hold there."""


def _wider_than(network: Network, blocks: Sequence[KeptBlock]) -> tuple[KeptBlock, ...]:
    """Return the blocks of wider networks: removing a part of one leaves it whole."""
    return tuple(block for block in blocks if _holds(network_of(block.subject), network))


def _holds(wider: Network | None, network: Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(wider, IPv4Network) and network.subnet_of(wider)
    return isinstance(wider, IPv6Network) and network.subnet_of(wider)


def _order_of(arguments: argparse.Namespace, settings: Settings) -> Order:
    action = Action(arguments.action)
    if action is Action.LIST:
        return Order(action=action)
    network = _parse_network(arguments.network)
    note: str = arguments.note
    if len(note) > MAX_NOTE_CHARACTERS or not note.isprintable():
        raise Usage(f"--note: at most {MAX_NOTE_CHARACTERS} printable characters.")
    if action is Action.REMOVE:
        return Order(action=action, network=network, note=note)
    rule = why_unblockable(network, settings.auth.trusted_proxies)
    if rule is not None:
        raise Usage(f"NETWORK: {network} {rule}. Block what is meant alone.")
    return Order(action=action, network=network, until=_until(arguments.duration, arguments.clock), note=note)


def _parse_network(raw_network: str) -> Network:
    network = network_of(raw_network.strip())
    if network is None:
        raise Usage("NETWORK: is not an address or network. Write one such as 203.0.113.42 or 2001:db8::/32.")
    return network


def _until(raw_duration: str | None, clock: WallClock) -> int | None:
    if raw_duration is None:
        return None
    found = _DURATION.fullmatch(raw_duration)
    for_s = 0 if found is None else int(found["number"]) * _UNIT_S[found["unit"]]
    if not 1 <= for_s <= MAX_FOR_S:
        raise Usage("--for: is no length of time up to ten years. Write seconds, or such as 30m, 12h, 7d.")
    return unix_seconds(clock) + for_s


async def _ask(path: Path, order: Order, clock: WallClock) -> _Result:
    async with open_sqlite_store(path, clock=clock) as store:
        key = f"{clock.now_ns():020d}-{secrets.token_hex(4)}"
        await store.put(put_order(key, order, expires_at=unix_seconds(clock) + ORDER_TTL_S))
        await store.publish(TOPIC, order.action.value)
        is_done = False
        with trio.move_on_after(PATIENCE_S):
            while await store.get(Space.BLOCK_ORDER, key) is not None:  # noqa: ASYNC110 -- another process does it
                await trio.sleep(LOOK_EVERY_S)
            is_done = True
        if order.action is Action.LIST and not is_done:
            await store.delete(Space.BLOCK_ORDER, key)  # nobody waits for that list any more
        match order.action:
            case Action.LIST:
                return _Result(order, is_done, await _blocks(store, clock))
            case Action.REMOVE if is_done and order.network is not None:
                return _Result(order, is_done, _wider_than(order.network, await _blocks(store, clock)))
            case _:
                return _Result(order, is_done, ())


async def _blocks(store: Store, clock: WallClock) -> tuple[KeptBlock, ...]:
    found: list[KeptBlock] = []
    after, now_s = "", unix_seconds(clock)
    while rows := await store.rows(Space.BLOCK, after=after, limit=PAGE):
        after = rows[-1].key
        kept = (read_block(row) for row in rows)
        found.extend(block for block in kept if block is not None and (block.until is None or block.until > now_s))
    return tuple(found)


def _json(result: _Result, clock: WallClock) -> str:
    order = result.order
    if order.action is Action.LIST:
        blocks = [
            {
                "address": block.subject,
                "cause": block.cause.value,
                "until": None if block.until is None else as_timestamp(block.until * NS_PER_S),
                "seconds_left": None if block.until is None else block.until - unix_seconds(clock),
                "times": block.times,
                "note": block.note,
            }
            for block in result.blocks
        ]
        return json.dumps({"gate_answered": result.is_done, "blocks": blocks}, indent=2)
    until = None if order.until is None else as_timestamp(order.until * NS_PER_S)
    given: JsonObject = {
        "action": order.action.value,
        "network": str(order.network),
        "until": until,
        "done": result.is_done,
    }
    if order.action is Action.REMOVE:
        given["still_blocked_by"] = [block.subject for block in result.blocks]
    return json.dumps(given, indent=2)


def _text(result: _Result, clock: WallClock) -> str:
    order = result.order
    if order.action is Action.LIST:
        return _table(result.blocks, clock, is_complete=result.is_done)
    if result.blocks:
        wider = ", ".join(block.subject for block in result.blocks)
        return f"{order.network} is STILL BLOCKED, by {wider}: a part of a block cannot be removed. Remove it whole."
    what = "Blocked" if order.action is Action.ADD else "Unblocked"
    return f"{what} {order.network}." if result.is_done else _WAITS


def _table(blocks: Sequence[KeptBlock], clock: WallClock, *, is_complete: bool) -> str:
    lines = ["Nobody is blocked."] if not blocks else []
    for block in blocks:
        left = "no end" if block.until is None else f"{block.until - unix_seconds(clock)} s left"
        note = f"  ({block.note})" if block.note else ""
        lines.append(f"{block.subject:<43}  {block.cause.value:<8}  {left}{note}")
    if not is_complete:
        lines.append("No gate answered: this is what is kept for its next start.")
    return "\n".join(lines)
