"""The audit trail as everybody sees it: hand in a record, and know when it is durable.

Laws:
    1. `append` returns after the record is on disk; whoever must not act without a record waits for it.
    2. When the record cannot be written, `AuditUnavailable` comes at once: nobody waits for a disk that is gone.
    3. The trail is born before and dies after everything that uses it. Leaving it drains and syncs; if its writer
       breaks, the body is cancelled and the fault escapes.

Not here: exits and messages of the program (cli), what is recorded (entry).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final, final

import trio

from aegis_trio.audit.chain import ChainHead
from aegis_trio.audit.entry import AuditEntry, Phase
from aegis_trio.audit.lost import LogCannotOpen, LogUnavailable, reason_of
from aegis_trio.audit.pseudonyms import Pseudonyms, pii_folder
from aegis_trio.audit.queue import RecordQueue, Ticket, Waiting
from aegis_trio.audit.recovery import draft, open_and_recover
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.space import DiskSpace
from aegis_trio.audit.statistics import AuditStatistics
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.writer import Writer
from aegis_trio.model.clock import WallClock
from aegis_trio.model.errors import AuditUnavailable
from aegis_trio.telemetry.histogram import SECONDS, Histogram

PATIENCE_S: Final = 10.0  # twice what a disk may hang before the trail calls itself blocked


@final
class AuditTrail:
    """Takes records from any task; made by `open_audit_trail` alone."""

    __slots__ = ("_appends", "_clock", "_observe", "_pseudonyms", "_queue", "_space", "_waiting", "_writer")

    def __init__(
        self,
        queue: RecordQueue,
        writer: Writer,
        clock: WallClock,
        space: DiskSpace,
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self._queue = queue
        self._writer = writer
        self._clock = clock
        self._space = space
        self._pseudonyms = pseudonyms
        self._observe: Callable[[AuditEntry], None] = _nobody
        self._appends = Histogram(SECONDS)
        self._waiting: dict[Ticket, float] = {}

    def tell(self, observe: Callable[[AuditEntry], None]) -> None:
        """Call *observe* with every record that is taken from now on; it must not block, raise or change it."""
        self._observe = observe

    async def append(self, entry: AuditEntry) -> int:
        """Write a record and wait until it is durable.

        Cancelled while waiting, or after `PATIENCE_S`, the record is still written when the disk allows it.

        Returns:
            int: its sequence in the chain.

        Raises:
            AuditUnavailable: it is not durable; whatever needed it must not happen.
        """
        ticket = Ticket()
        self._hand_in(entry, ticket)
        started_s = self._waiting[ticket] = trio.current_time()
        try:
            with trio.move_on_after(PATIENCE_S):
                await ticket.settled.wait()
        finally:
            ticket.abandoned = not ticket.settled.is_set()
            del self._waiting[ticket]
            self._appends.observe(trio.current_time() - started_s)
        if ticket.seq is None:
            raise _unavailable()
        return ticket.seq

    def append_nowait(self, entry: AuditEntry) -> None:
        """Hand in a record that is written soon, in order, and kept while the log is blocked.

        Raises:
            AuditUnavailable: the log is blocked, or too much is waiting already.
        """
        self._hand_in(entry, None)

    def blocked_reason(self) -> str | None:
        """Return why nothing can be written now, in words without a path, or None."""
        return self._writer.blocked_reason()

    def closed_reason(self) -> str | None:
        """Return why no call is taken now, in words without a path, or None: the log is blocked, or room ends."""
        return self.blocked_reason() or self._space.reason()

    def statistics(self) -> AuditStatistics:
        """Return this moment's numbers."""
        now_s = trio.current_time()
        return replace(
            self._writer.statistics(),
            append_duration_seconds=self._appends.snapshot(),
            free_bytes=self._space.free_bytes,
            space_low=int(self._space.is_low),
            lag_seconds=now_s - next(iter(self._waiting.values()), now_s),
        )

    def head(self) -> ChainHead:
        """Return where the durable chain stands; a log that is right ends there."""
        return self._writer.head

    def forget(self, subject: str) -> None:
        """Drop what memory holds of a person whose keys were shredded."""
        if self._pseudonyms is not None:
            self._pseudonyms.forget(subject)

    def _hand_in(self, entry: AuditEntry, ticket: Ticket | None) -> None:
        # The time is taken here and not by the writer: it is the time of what happened, and order is kept.
        has_room = entry.phase is not Phase.INTENT or not self._space.is_low
        if has_room and self._writer.blocked_reason() is None:
            now_ns = self._clock.now_ns()
            named = entry if self._pseudonyms is None else self._pseudonyms.apply(entry, now_ns)
            text = draft(named, now_ns)
            if self._queue.offer(Waiting(text, entry.phase, ticket)):
                self._observe(entry)
                return
        self._writer.note_refused()
        raise _unavailable()


@asynccontextmanager
async def open_audit_trail(
    settings: AuditSettings, *, clock: WallClock, ops: FileOps | None = None
) -> AsyncGenerator[AuditTrail, None]:
    """Open the log, repair what a crash tore, and write until the body is left.

    Args:
        settings: where the log stands, and who signs.
        clock: where timestamps come from.
        ops: the system calls; only tests hand in others.

    Raises:
        AuditLost: the log cannot be opened or must not be continued; or, when the body is left, records that were
            taken could not be written.
    """
    calls = ops or FileOps()
    opened = await trio.to_thread.run_sync(open_and_recover, settings.path, clock, calls, settings.signing_key)
    queue = RecordQueue()
    space = DiskSpace(
        settings.path, min_free_bytes=settings.min_free_bytes, reserve_bytes=settings.reserve_bytes, ops=calls
    )
    pseudonyms: Pseudonyms | None = None
    if settings.pseudonyms:
        try:
            pseudonyms = await trio.to_thread.run_sync(Pseudonyms, settings.path, calls)
        except (LogUnavailable, OSError) as error:
            opened.file.close()
            raise LogCannotOpen(
                f"AUDIT_PSEUDONYMS: the keys in {pii_folder(settings.path)} cannot be used: {reason_of(error)}."
            ) from error
    writer = Writer(
        opened,
        queue,
        clock=clock,
        ops=calls,
        segment_bytes=settings.segment_bytes,
        before_commit=_nothing if pseudonyms is None else pseudonyms.persist,
        before_probe=space.make_room,
    )
    trail = AuditTrail(queue, writer, clock, space, pseudonyms)
    try:
        async with trio.open_nursery() as guardian:
            await guardian.start(writer.run)
            watching = await guardian.start(_watch, space, trail)
            try:
                yield trail
            finally:
                watching.cancel()
                queue.close()
    except BaseExceptionGroup as group:
        # One fault escapes as it is, so that a caller's `except` finds it; only several at once come as a group.
        if len(group.exceptions) > 1:
            raise
        only: BaseException = next(iter(group.exceptions))
        raise only from only.__cause__


def _nobody(_entry: AuditEntry) -> None:
    """Nobody listens."""


def _unavailable() -> AuditUnavailable:
    return AuditUnavailable(
        "The audit log cannot be written now, so nothing was done.",
        "Try again later; the operator finds the reason in the log and at the readiness check.",
    )


async def _watch(
    space: DiskSpace, trail: AuditTrail, *, task_status: trio.TaskStatus[trio.CancelScope] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.CancelScope() as scope:
        task_status.started(scope)
        if space.is_watched:
            await space.watch(trail.append_nowait)


def _nothing() -> None:
    """Prepare nothing."""
