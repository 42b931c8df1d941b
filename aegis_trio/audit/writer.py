"""The one task that writes: whatever waits becomes one batch, one write, one fdatasync; then everybody is told.

Laws:
    1. A record is acknowledged after it is durable, and never otherwise.
    2. The chain moves on only with a durable batch; a batch that failed has never been.
    3. Blocked: whoever waits is refused, whoever asks is refused, and every `PROBE_INTERVAL_S` a fresh handle is
       opened, compared with what is known, and probed by a durable `audit_resumed`. Records that were taken without
       anybody waiting are kept, and follow it.
    4. Between batches a checkpoint is written when one is due, and the next file begun when it is time; at the end a
       last checkpoint. One that cannot be written blocks.
    5. Nothing cancels the writer: it ends when the queue is closed and empty. What it did not expect escapes.

Not here: what a disk fault is (files), and who may hand in records (trail).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

import structlog
import trio

from aegis_trio.audit.chain import ChainHead, seal
from aegis_trio.audit.lost import AuditLost, LogUnavailable
from aegis_trio.audit.queue import RecordQueue, Waiting
from aegis_trio.audit.recovery import BATCH_BYTES, Opened, draft, reopen_and_compare, resumed_entry
from aegis_trio.audit.rotation import Begun, Rotator
from aegis_trio.audit.signer import CheckpointSigner
from aegis_trio.audit.statistics import AuditStatistics
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.model.clock import WallClock

PROBE_INTERVAL_S: Final = 1.0  # how long after the disk the service comes back, at most
IDLE_CHECK_S: Final = 1.0  # how long a vanished file goes unnoticed when nobody calls
STALLED_AFTER_S: Final = 5.0  # a commit takes milliseconds; a disk that hangs answers neither yes nor no

log = structlog.get_logger(__name__)


@final
class Writer:
    """Owns the file, the chain and the numbers."""

    def __init__(
        self,
        opened: Opened,
        queue: RecordQueue,
        *,
        clock: WallClock,
        ops: FileOps,
        segment_bytes: int,
        before_commit: Callable[[], None],
        before_probe: Callable[[str], None],
    ) -> None:
        self._file = opened.file
        self._head = opened.head
        self._signer = opened.signer
        self._queue = queue
        self._clock = clock
        self._ops = ops
        self._thread = trio.CapacityLimiter(1)
        self._before_commit, self._before_probe = before_commit, before_probe
        self._rotator = Rotator(segment_bytes, clock, ops, self._thread)
        self._blocked: LogUnavailable | None = None
        self._blocked_since_s = 0.0
        self._commit_since_s: float | None = None
        self._ended, self._refused_while_blocked = False, 0
        self._records = self._bytes = self._batches = self._refused = self._lost = self._blocks = self._probes = 0
        self._blocked_s = self._commit_s = self._commit_max_s = 0.0

    @property
    def head(self) -> ChainHead:
        """Where the durable chain stands."""
        return self._head

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write until the queue is closed and empty.

        Raises:
            AuditLost: at the end, records that were taken could not be written.
        """
        with trio.CancelScope(shield=True):
            task_status.started()
            try:
                while await self._wait_work():
                    done = await self._write_batch(self._queue.take(BATCH_BYTES)) and await self._sign()
                    done = done and await self._rotate()
                    if not done and not await self._regain():
                        break
                if self._blocked is None:
                    await self._sign(at_end=True)
            finally:
                self._ended = True
                self._file.close()
                self._lost += self._drop_queue()
        if self._lost:
            raise AuditLost(
                f"AUDIT_LOG_PATH: {self._lost} records could not be written before the end: {self.blocked_reason()}."
            )

    def blocked_reason(self) -> str | None:
        """Return why nothing can be written now, in words without a path, or None."""
        if self._blocked is not None:
            return self._blocked.reason
        if self._ended:
            return "the audit trail has ended"
        stalled_s = 0.0 if self._commit_since_s is None else trio.current_time() - self._commit_since_s
        return None if stalled_s < STALLED_AFTER_S else f"the disk has not answered for {stalled_s:.0f} seconds"

    def note_refused(self) -> None:
        """Count a record that was not taken."""
        self._refused += 1
        if self._blocked is not None:
            self._refused_while_blocked += 1

    def statistics(self) -> AuditStatistics:
        """Return this moment's numbers."""
        signer = self._signer
        blocked_s = self._blocked_s
        if self._blocked is not None:
            blocked_s += trio.current_time() - self._blocked_since_s
        return AuditStatistics(
            records_total=self._records,
            bytes_total=self._bytes,
            batches_total=self._batches,
            commit_seconds_total=self._commit_s,
            commit_seconds_max=self._commit_max_s,
            queue_records=self._queue.records,
            queue_bytes=self._queue.bytes,
            refused_total=self._refused,
            lost_total=self._lost,
            blocked=int(self.blocked_reason() is not None),
            blocked_total=self._blocks,
            blocked_seconds_total=blocked_s,
            probes_total=self._probes,
            rotations_total=self._rotator.total,
            rotation_failures_total=self._rotator.failures_total,
            last_seq=self._head.next_seq - 1,
            checkpoints_total=0 if signer is None else signer.total,
            unsigned_records=0 if signer is None else signer.unsigned,
            unsigned_seconds=0.0 if signer is None else signer.unsigned_s(trio.current_time()),
        )

    async def _wait_work(self) -> bool:
        with trio.move_on_after(IDLE_CHECK_S):
            return await self._queue.wait_news()
        return True  # an empty batch looks whether the file still stands

    async def _write_batch(self, batch: list[Waiting]) -> bool:
        """Make *batch* durable and acknowledge it, or block and return False."""
        lines: list[bytes] = []
        leaves: list[bytes] = []
        head = self._head
        for waiting in batch:
            line, head = seal(head, waiting.draft, waiting.phase)
            lines.append(line)
            leaves.append(bytes.fromhex(head.prev))
        data = b"".join(lines)
        self._commit_since_s = trio.current_time()
        unavailable: LogUnavailable | None = None
        durable = False
        try:
            if data:
                await trio.to_thread.run_sync(self._commit, data, limiter=self._thread)
            else:
                await trio.to_thread.run_sync(self._file.check, limiter=self._thread)
            durable = True
        except LogUnavailable as fault:
            unavailable = fault
        finally:
            took_s = trio.current_time() - self._commit_since_s
            self._commit_since_s = None
            if not durable:
                self._queue.put_back(batch)
        if unavailable is not None:
            self._block(unavailable)
            return False
        if data:
            self._adopt(head, leaves, len(data), took_s)
        for seq, waiting in enumerate(batch, self._head.next_seq - len(batch)):
            self._queue.settle(waiting, seq)
        return True

    def _commit(self, data: bytes) -> None:
        try:
            self._before_commit()
        except LogUnavailable:
            self._file.close()
            raise
        self._file.append(data)

    async def _sign(self, *, at_end: bool = False) -> bool:
        """Write the checkpoint that is due, if one is, or block and return False."""
        signer = self._signer
        if signer is None or not (signer.is_due(trio.current_time()) or (at_end and signer.unsigned)):
            return True
        self._commit_since_s = trio.current_time()
        try:
            await trio.to_thread.run_sync(self._write_checkpoint, signer, limiter=self._thread)
        except LogUnavailable as fault:
            self._file.close()
            self._block(fault)
            return False
        finally:
            self._commit_since_s = None
        return True

    async def _rotate(self) -> bool:
        """Begin the next file, if it is time, or block and return False."""
        why = self._rotator.due(self._file)
        if why is None:
            return True
        # Invariant: what stands in an old file is signed before a new one goes on.
        if not await self._sign(at_end=True):
            return False
        self._commit_since_s = trio.current_time()
        try:
            begun = await self._rotator.rotate(
                self._file, self._head, None if self._signer is None else self._signer.tree, why
            )
        except LogUnavailable as fault:
            self._block(fault)
            return False
        finally:
            self._commit_since_s = None
        self._take_up(begun)
        return True

    def _take_up(self, begun: Begun | None) -> None:
        if begun is not None:
            self._file = begun.file
            self._adopt(begun.head, [bytes.fromhex(begun.head.prev)], begun.file.end, 0.0)

    def _adopt(self, head: ChainHead, leaves: list[bytes], size: int, took_s: float) -> None:
        self._head = head
        if self._signer is not None:
            self._signer.add(leaves, trio.current_time())
        self._records += len(leaves)
        self._bytes += size
        self._batches += 1
        self._commit_s += took_s
        self._commit_max_s = max(self._commit_max_s, took_s)

    def _block(self, unavailable: LogUnavailable) -> None:
        self._blocked = unavailable
        self._blocked_since_s = trio.current_time()
        self._refused_while_blocked = 0
        self._blocks += 1
        log.critical("audit_blocked", reason=unavailable.reason, path=str(self._file.path))
        kept: list[Waiting] = []
        while batch := self._queue.take(BATCH_BYTES):
            for waiting in batch:
                if waiting.ticket is None or waiting.ticket.abandoned:
                    kept.append(waiting)
                else:
                    self.note_refused()
                    self._queue.settle(waiting, None)
        self._queue.put_back(kept)

    async def _regain(self) -> bool:
        """Probe until the log can be written again; return False when the end came first."""
        while True:
            with trio.move_on_after(PROBE_INTERVAL_S):
                await self._queue.wait_closed()
            closed = self._queue.closed  # what is closed gets one more probe, and no other
            try:
                self._take_up(await self._rotator.settle())
                line, head = self._resumed()
                await trio.to_thread.run_sync(self._probe, line, limiter=self._thread)
            except LogUnavailable as unavailable:
                if self._blocked is None or unavailable.reason != self._blocked.reason:
                    log.critical("audit_still_blocked", reason=unavailable.reason, path=str(self._file.path))
                self._blocked = unavailable
                self._probes += 1
                if closed:
                    return False
                continue
            self._probes += 1
            self._adopt(head, [bytes.fromhex(head.prev)], len(line), 0.0)
            blocked_s = trio.current_time() - self._blocked_since_s
            self._blocked_s += blocked_s
            self._blocked = None
            log.warning("audit_resumed", blocked_s=round(blocked_s, 3), path=str(self._file.path))
            return True

    def _resumed(self) -> tuple[bytes, ChainHead]:
        entry = resumed_entry(
            self._signer,
            self._blocked.reason if self._blocked is not None else "",
            blocked_ms=round((trio.current_time() - self._blocked_since_s) * 1000),
            refused=self._refused_while_blocked,
        )
        return seal(self._head, draft(entry, self._clock.now_ns()), entry.phase)

    def _probe(self, line: bytes) -> None:
        # Invariant: the next reopening starts from this handle, so that what it leaves above `end` is known as ours.
        self._before_probe(self.blocked_reason() or "")
        self._file = reopen_and_compare(self._file, self._head, self._ops)
        if self._signer is not None and self._signer.unsigned:
            # Invariant: what stands in an old file is signed before a new one goes on.
            try:
                self._write_checkpoint(self._signer)
            except LogUnavailable:
                self._file.close()
                raise
        self._file.append(line)

    def _write_checkpoint(self, signer: CheckpointSigner) -> None:
        signed = signer.write(self._file.end)
        # A copy of the ordinary log elsewhere is a copy of the checkpoints.
        log.info("audit_checkpoint", size=signed.checkpoint.size, note=str(signed.note))

    def _drop_queue(self) -> int:
        dropped = 0
        while batch := self._queue.take(BATCH_BYTES):
            dropped += len(batch)
            for waiting in batch:
                self._queue.settle(waiting, None)
        return dropped
