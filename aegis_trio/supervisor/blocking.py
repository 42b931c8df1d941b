"""Who keeps blocks: over a restart when the operator wants that, and as the operator orders from the command line.

Laws:
    1. Every order is recorded in the audit trail: one to unblock before it is done, one to block at once after, as
       that only refuses. An order is removed once it is done and recorded.
    2. With `BLOCK_PERSIST` a block is on disk a moment (`WRITE_EVERY_S`) after it begins; without it blocks by failures
       end with the process, and only the operator's are kept.
    3. The store being away, or the log, changes nothing about who is blocked: what could not be done is tried again.
    4. Without `BLOCK_PERSIST` no file is made and no database loaded, until there is a first order.

Not here: how an order is given (cli/block.py).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar, final

import structlog
import trio

from aegis_trio.audit.entry import security_event
from aegis_trio.audit.trail import AuditTrail
from aegis_trio.config.settings import Settings
from aegis_trio.limits.addresses import AddressRates
from aegis_trio.limits.block_rows import TOPIC, Action, Order, put_block, read_block, read_order
from aegis_trio.limits.blocklist import Blocklist, BlockRefused, Cause
from aegis_trio.limits.failures import FailureWindow
from aegis_trio.limits.settings import BlockSettings, LimitSettings
from aegis_trio.model.clock import WallClock, unix_seconds
from aegis_trio.model.errors import AuditUnavailable, Severity
from aegis_trio.policy.quotas import LimitName
from aegis_trio.store.interface import Delete, Put, Space, Store, StoreFailed
from aegis_trio.supervisor.core import RefusedSetting

WRITE_EVERY_S: Final = 0.25
LOOK_FOR_FILE_EVERY_S: Final = 0.7  # an order works within a second
RETRY_S: Final = 1.0
SWEEP_EVERY_S: Final = 600.0
BATCH: Final = 200
MAX_UNWRITTEN: Final = 10_000  # subjects whose block waits for the disk

ResultT = TypeVar("ResultT")

log: Final = structlog.get_logger(__name__)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """What is known of addresses: who is blocked, who fails, who comes too often."""

    blocks: Blocklist
    failures: FailureWindow
    rates: AddressRates

    def replace_limits(self, limits: LimitSettings) -> None:
        """Use these limits from the next request on."""
        self.rates.replace_limit(limits.address_requests_per_minute, shadow=LimitName.ADDRESS in limits.shadow)


def build_addresses(settings: Settings) -> Addresses:
    """Start with nobody known."""
    auth, limits = settings.auth, settings.limits
    blocks = Blocklist(auth.failure_window_s, grows=settings.blocks.keeps, trusted_proxies=auth.trusted_proxies)
    return Addresses(
        blocks=blocks,
        failures=FailureWindow(
            auth.max_failures, auth.failure_window_s, trusted_proxies=auth.trusted_proxies, blocks=blocks
        ),
        rates=AddressRates(
            limits.address_requests_per_minute,
            trusted_proxies=auth.trusted_proxies,
            shadow=LimitName.ADDRESS in limits.shadow,
        ),
    )


def _nothing_to_end() -> int:
    return 0


@final
class BlockKeeper:
    """Keeps the blocks of one gate."""

    def __init__(
        self,
        blocks: Blocklist,
        settings: BlockSettings,
        audit: AuditTrail,
        clock: WallClock,
        *,
        store: Store | None = None,
        end_blocked: Callable[[], int] = _nothing_to_end,
        now_s: Callable[[], float] = trio.current_time,
    ) -> None:
        """Know where blocks are kept; `run` must follow.

        Args:
            store: the gate's own, if it has one; a file of their own otherwise.
            end_blocked: ends what blocked addresses have under way, and returns how much that was.
            now_s: the clock of *blocks*.
        """
        self._blocks = blocks
        self._settings = settings
        self._audit = audit
        self._clock = clock
        self._store = store
        self._end_blocked = end_blocked
        self._now_s = now_s
        self._unwritten: set[str] = set()
        self._wake = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep blocks until cancelled; started once those that were kept hold again.

        Raises:
            RefusedSetting: blocks are to be kept, and cannot be.
        """
        if self._store is None and not self._settings.keeps:
            task_status.started()
            while True:
                await self._wait_for_file()
                try:
                    async with self._open() as store:
                        await self._keep(store)
                except StoreFailed as failed:
                    log.error("blocks_not_kept", detail=str(failed))  # noqa: TRY400 -- the reason is the whole story
                await trio.sleep(RETRY_S)
        try:
            async with self._open() as store:
                await self._keep(store, task_status=task_status)
        except StoreFailed as failed:
            raise RefusedSetting(f"BLOCK_PERSIST: {failed}") from failed

    def note_block(self, subject: str) -> None:
        """Learn of a new block by failures; it is written soon."""
        if len(self._unwritten) < MAX_UNWRITTEN:
            self._unwritten.add(subject)
            self._wake.set()

    # ---- the life of the store --------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _open(self) -> AsyncGenerator[Store]:
        if self._store is not None:
            yield self._store
            return
        from aegis_trio.store.sqlite import open_sqlite_store  # noqa: PLC0415 -- loaded only where blocks are kept

        async with open_sqlite_store(self._settings.path, clock=self._clock) as opened:
            yield opened

    async def _wait_for_file(self) -> None:
        while not await trio.Path(self._settings.path).exists():  # noqa: ASYNC110 -- another process makes it
            await trio.sleep(LOOK_FOR_FILE_EVERY_S)

    async def _keep(self, store: Store, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        with store.subscribe(TOPIC) as told:
            await self._load(store)
            task_status.started()
            if self._settings.keeps:
                self._blocks.changed = self.note_block
            async with trio.open_nursery() as tasks:
                tasks.start_soon(self._write_changes, store)
                if self._store is None:
                    tasks.start_soon(_sweep, store)
                await self._obey(store)
                async for _ in told:
                    await self._obey(store)

    async def _load(self, store: Store) -> None:
        after = ""
        utc_s, now_s = unix_seconds(self._clock), self._now_s()
        while rows := await store.rows(Space.BLOCK, after=after, limit=BATCH):
            after = rows[-1].key
            for row in rows:
                kept = read_block(row)
                if kept is None or (kept.cause is Cause.FAILURES and not self._settings.keeps):
                    await store.delete(Space.BLOCK, row.key)
                    continue
                try:
                    self._blocks.restore(kept.on_clock(now_s=now_s, utc_s=utc_s))
                except BlockRefused as refused:
                    log.warning("block_dropped", subject=kept.subject, detail=str(refused))

    async def _write_changes(self, store: Store) -> None:
        while True:
            await self._wake.wait()
            await trio.sleep(WRITE_EVERY_S)
            self._wake = trio.Event()
            await self._write(store, self._unwritten.copy())

    async def _write(self, store: Store, subjects: set[str]) -> None:
        utc_s, now_s = unix_seconds(self._clock), self._now_s()
        puts: list[Put] = []
        for subject in sorted(subjects):
            block = self._blocks.find(subject)
            if block is not None:
                puts.append(put_block(block, now_s=now_s, utc_s=utc_s))
        for first in range(0, len(puts), BATCH):
            await _insist(partial(store.apply, tuple(puts[first : first + BATCH])))
        self._unwritten -= subjects

    # ---- orders -----------------------------------------------------------------------------------------------------

    async def _obey(self, store: Store) -> None:
        """Do every order that waits."""
        while rows := await _insist(partial(store.rows, Space.BLOCK_ORDER, limit=BATCH)):
            for row in rows:
                done = Delete(space=Space.BLOCK_ORDER, key=row.key)
                order = read_order(row)
                changes = () if order is None else await self._do(order)
                await _insist(partial(store.apply, (*changes, done)))

    async def _do(self, order: Order) -> tuple[Put | Delete, ...]:
        match order.action:
            case Action.LIST:
                await trio.lowlevel.checkpoint()
                return self._everything()
            case Action.ADD:
                return await self._add(order)
            case Action.REMOVE:
                return await self._remove(order)

    def _everything(self) -> tuple[Put, ...]:
        utc_s, now_s = unix_seconds(self._clock), self._now_s()
        return tuple(put_block(block, now_s=now_s, utc_s=utc_s) for block in self._blocks.entries())

    async def _add(self, order: Order) -> tuple[Put | Delete, ...]:
        utc_s, now_s = unix_seconds(self._clock), self._now_s()
        for_s = None if order.until is None else order.until - utc_s
        if order.network is None or (for_s is not None and for_s <= 0):
            return ()
        try:
            block = self._blocks.add(order.network, for_s=for_s, note=order.note)
        except BlockRefused as refused:
            log.warning("block_refused", network=str(order.network), detail=str(refused))
            return ()
        # Blocking may come before its record, as it only refuses; unblocking may not.
        ended = self._end_blocked()
        await self._record(
            "address_blocked", str(order.network), blocked_for_s=for_s, ended=ended, note=order.note or None
        )
        return (put_block(block, now_s=now_s, utc_s=utc_s),)

    async def _remove(self, order: Order) -> tuple[Put | Delete, ...]:
        if order.network is None:
            return ()
        await self._record("address_unblocked", str(order.network), note=order.note or None)
        gone = self._blocks.remove(order.network)
        self._unwritten.difference_update(gone)
        return tuple(Delete(space=Space.BLOCK, key=subject) for subject in gone)

    async def _record(self, kind: str, network: str, **more: str | int | None) -> None:
        given = {name: value for name, value in more.items() if value is not None}
        entry = security_event(kind, Severity.MEDIUM, client_ip=network, by="operator", **given)
        log.warning(kind, network=network, by="operator", **given)
        while True:
            try:
                await self._audit.append(entry)
            except AuditUnavailable:
                await trio.sleep(RETRY_S)
            else:
                return


async def _insist(work: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Do *work* until the store lets it be done."""
    while True:
        try:
            return await work()
        except StoreFailed as failed:
            log.warning("blocks_not_written", detail=str(failed))
            await trio.sleep(RETRY_S)


async def _sweep(store: Store) -> None:
    while True:
        await trio.sleep(SWEEP_EVERY_S)
        await _insist(store.sweep)
