"""The blocklist: which addresses are blocked, by failures or by the operator, and until when.

Laws:
    1. Memory is bounded: at most `MAX_ADDRESSES` of those who failed, the longest untouched forgotten first, and
       `MAX_OPERATOR_BLOCKS` networks of the operator's, beyond which one more is refused.
    2. A trusted proxy is never blocked, by nobody: everybody behind it would be.
    3. A block ends when it said it would. What was blocked lately is blocked for longer the next time, if the operator
       wants blocks to grow.
    4. Looking an address up costs one look for each length of prefix in use, however many networks there are.

Not here: what counts as a failure (failures.py), keeping blocks over a restart (block_book.py), and whether a blocked
address may still succeed (auth/authenticator.py).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address
from math import ceil
from random import SystemRandom
from typing import Final, final

import trio

from aegis_trio.limits.sources import Source, network_of, source_of, unmapped
from aegis_trio.policy.blocks import REMEMBERED_S, Network, block_length_s, why_unblockable

MAX_ADDRESSES: Final = 100_000  # about 40 MB at worst; a /48 of IPv6 has 65,536 networks of /64
MAX_OPERATOR_BLOCKS: Final = 10_000
ENDLESS_RETRY_S: Final = 86_400  # what is said of a block without an end
_SWEEP: Final = 2  # entries looked at per block: more than one is added, so the table shrinks when it can


class Cause(StrEnum):
    """Why an address is blocked."""

    FAILURES = "failures"
    OPERATOR = "operator"


@final
class BlockRefused(Exception):
    """The operator may not block that; the text says why."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block, on the blocklist's own clock."""

    subject: str
    """A network, or an address by itself."""
    cause: Cause
    until_s: float | None
    """None without an end."""
    times: int = 1
    """How many blocks of this address in a row, this one included."""
    note: str = ""
    """The operator's word."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BlocklistStatistics:
    """How the blocklist stands; totals since start."""

    addresses: int
    """Blocked by failures, or lately."""
    operator_networks: int
    forgotten_total: int


@final
class Blocklist:
    """Blocks by address and network."""

    def __init__(
        self,
        first_s: int,
        *,
        grows: bool = False,
        trusted_proxies: Sequence[Network] = (),
        max_addresses: int = MAX_ADDRESSES,
        clock_s: Callable[[], float] = trio.current_time,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        """Start with nobody blocked.

        Args:
            first_s: length of a first block.
            grows: whether repeated blocks last longer.
            trusted_proxies: networks that are never blocked.
            max_addresses: entries kept of those who failed, at least 1.
            clock_s: seconds of a clock that does not run backwards; Trio's.
            jitter: draws -1..1; the operating system's randomness when None.
        """
        if first_s < 1 or max_addresses < 1:
            raise ValueError("first_s and max_addresses must be at least 1.")
        self._first_s = first_s
        self._grows = grows
        self._trusted = tuple(trusted_proxies)
        self._max_addresses = max_addresses
        self._clock_s = clock_s
        self._jitter = jitter or _draw
        self._failed: OrderedDict[Source, Block] = OrderedDict()
        self._networks: dict[tuple[int, int], dict[int, Block]] = {}
        self._forgotten = 0
        self.changed: Callable[[str], None] = _ignore
        """Told the subject of each block by failures; must not block."""

    def block(self, source: Source) -> int:
        """Block *source* for its failures; return for how many seconds."""
        now_s = self._clock_s()
        before = self._failed.get(source)
        times = before.times if before is not None and self._grows and _is_fresh(before, now_s) else 0
        length_s = block_length_s(self._first_s, times, self._jitter())
        self._keep(Block(subject=source, cause=Cause.FAILURES, until_s=now_s + length_s, times=times + 1))
        self.sweep()
        self.changed(source)
        return length_s

    def blocked_for_s(self, address: str) -> int | None:
        """Return for how many more seconds (at least 1) *address* is blocked, by whatever, or None."""
        by_failures = self._failed.get(source_of(address))
        left_s = None if by_failures is None else _left_s(by_failures, self._clock_s())
        return left_s if left_s is not None else self.operator_blocked_for_s(address)

    def operator_blocked_for_s(self, address: str) -> int | None:
        """Return for how many more seconds (at least 1) the operator has blocked *address*, or None."""
        if not self._networks:
            return None
        try:
            parsed = unmapped(ip_address(address))
        except ValueError:
            return None
        number, now_s = int(parsed), self._clock_s()
        found: int | None = None
        for (version, prefix), blocks in self._networks.items():
            if version == parsed.version:
                block = blocks.get(number >> (parsed.max_prefixlen - prefix))
                left_s = None if block is None else _left_s(block, now_s)
                found = left_s if found is None or (left_s is not None and left_s > found) else found
        return found

    def add(self, network: Network, *, for_s: float | None, note: str = "") -> Block:
        """Block *network* for the operator.

        Args:
            for_s: seconds; None without an end.

        Raises:
            BlockRefused: it is everybody, or holds a trusted proxy, or there are too many already.
        """
        rule = why_unblockable(network, self._trusted)
        if rule is not None:
            raise BlockRefused(f"{network} {rule}.")
        now_s = self._clock_s()
        if self._operator_count() >= MAX_OPERATOR_BLOCKS:
            self._drop_ended(now_s)
        if self._operator_count() >= MAX_OPERATOR_BLOCKS:
            raise BlockRefused(
                f"there are {MAX_OPERATOR_BLOCKS} blocks already; remove some, or block a wider network."
            )
        block = Block(
            subject=str(network), cause=Cause.OPERATOR, until_s=None if for_s is None else now_s + for_s, note=note
        )
        blocks = self._networks.setdefault((network.version, network.prefixlen), {})
        blocks[int(network.network_address) >> (network.max_prefixlen - network.prefixlen)] = block
        return block

    def restore(self, block: Block) -> None:
        """Take over a block that was kept over a restart; one of a trusted proxy is dropped."""
        network = network_of(block.subject)
        if network is not None and why_unblockable(network, self._trusted) is not None:
            return
        match block.cause:
            case Cause.FAILURES:
                self._keep(block)
                self.sweep()
            case Cause.OPERATOR:
                if network is not None:
                    left_s = None if block.until_s is None else block.until_s - self._clock_s()
                    self.add(network, for_s=left_s, note=block.note)

    def remove(self, network: Network) -> tuple[str, ...]:
        """Unblock *network* and everything within it; return the subjects of what was blocked.

        An IPv6 address that failed is blocked with its /64, and is unblocked with it: nobody has to know that.
        """
        gone: list[str] = []
        now_s = self._clock_s()
        for block in tuple(self._all()):
            own = network_of(block.subject)
            if own is None or not (
                _lies_in(own, network) or (block.cause is Cause.FAILURES and _lies_in(network, own))
            ):
                continue
            if _left_s(block, now_s) is not None:
                gone.append(block.subject)
            self._drop(block, own)
        return tuple(gone)

    def entries(self) -> tuple[Block, ...]:
        """Return every block that holds now, and those that lately held and count for the next."""
        now_s = self._clock_s()
        return tuple(block for block in self._all() if _is_fresh(block, now_s))

    def find(self, subject: str) -> Block | None:
        """Return the block by failures of *subject*, or None."""
        return self._failed.get(Source(subject))

    def blocked_count(self) -> int:
        """Return how many addresses are blocked by failures now."""
        now_s = self._clock_s()
        return sum(1 for block in self._failed.values() if _left_s(block, now_s) is not None)

    def statistics(self) -> BlocklistStatistics:
        """Return how the blocklist stands."""
        return BlocklistStatistics(
            addresses=len(self._failed), operator_networks=self._operator_count(), forgotten_total=self._forgotten
        )

    def _all(self) -> Generator[Block]:
        yield from self._failed.values()
        for blocks in self._networks.values():
            yield from blocks.values()

    def _operator_count(self) -> int:
        return sum(len(blocks) for blocks in self._networks.values())

    def _keep(self, block: Block) -> None:
        source = Source(block.subject)
        self._failed[source] = replace(block)
        self._failed.move_to_end(source)

    def _drop(self, block: Block, network: Network) -> None:
        if block.cause is Cause.FAILURES:
            del self._failed[Source(block.subject)]
            return
        key = (network.version, network.prefixlen)
        del self._networks[key][int(network.network_address) >> (network.max_prefixlen - network.prefixlen)]
        if not self._networks[key]:
            del self._networks[key]

    def _drop_ended(self, now_s: float) -> None:
        for key, blocks in tuple(self._networks.items()):
            for number in [number for number, block in blocks.items() if _left_s(block, now_s) is None]:
                del blocks[number]
            if not blocks:
                del self._networks[key]

    def sweep(self) -> None:
        """Forget a few of those whose block has ended; called at every failure, so that memory follows them."""
        now_s = self._clock_s()
        for _ in range(min(_SWEEP, len(self._failed))):
            source, block = next(iter(self._failed.items()))
            idle = not _is_fresh(block, now_s) if self._grows else _left_s(block, now_s) is None
            full = len(self._failed) > self._max_addresses
            if not (idle or full):
                return
            del self._failed[source]
            self._forgotten += full and not idle


def _lies_in(part: Network, whole: Network) -> bool:
    if isinstance(part, IPv4Network):
        return isinstance(whole, IPv4Network) and part.subnet_of(whole)
    return isinstance(whole, IPv6Network) and part.subnet_of(whole)


def _left_s(block: Block, now_s: float) -> int | None:
    if block.until_s is None:
        return ENDLESS_RETRY_S
    left_s = block.until_s - now_s
    return max(1, ceil(left_s)) if left_s > 0 else None


def _is_fresh(block: Block, now_s: float) -> bool:
    """Return whether a block holds, or ended so lately that the next counts as repeated."""
    return block.until_s is None or now_s < block.until_s + (REMEMBERED_S if block.cause is Cause.FAILURES else 0)


def _draw() -> float:
    return SystemRandom().uniform(-1, 1)


def _ignore(_subject: str) -> None:
    """Tell nobody."""
