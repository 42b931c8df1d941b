"""What the trail says of itself; metrics, readiness and dashboard read nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from aegis_trio.telemetry.histogram import NOTHING, HistogramSnapshot


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AuditStatistics:
    """One moment of the trail; `…_total` only grows while the process lives."""

    records_total: int
    """Durable records."""
    bytes_total: int
    """Durable bytes."""
    batches_total: int
    """Commits; records by batches is what group commit gains."""
    commit_seconds_total: float
    """Time from handing a batch to the disk until it was durable."""
    commit_seconds_max: float
    queue_records: int
    """Records that were taken and are not durable yet."""
    queue_bytes: int
    refused_total: int
    """Records that were refused, because the log was blocked or the queue full."""
    lost_total: int
    """Records that were taken without anybody waiting, and could not be written before the end."""
    blocked: int
    """1 while nothing can be written, else 0."""
    blocked_total: int
    """How often the log became blocked."""
    blocked_seconds_total: float
    probes_total: int
    """Attempts to take a blocked log into service again."""
    free_bytes: int = 0
    """On the disk of the log; 0 where nobody looks."""
    space_low: int = 0
    """1 while calls are refused because room ends, else 0."""
    rotations_total: int
    """Files that were sealed, and followed by the next one."""
    rotation_failures_total: int
    """Attempts at it that failed; the log goes on in the same file."""
    last_seq: int
    """Sequence of the last durable record, -1 before the first."""
    checkpoints_total: int
    """Signed checkpoints; 0 where nobody signs, as the next two."""
    unsigned_records: int
    """Durable records that no checkpoint covers yet."""
    unsigned_seconds: float
    """How long the oldest of them has been there."""
    append_duration_seconds: HistogramSnapshot = NOTHING
    """How long those who waited for a record have waited, refused ones included."""
    lag_seconds: float = 0.0
    """For how long the record that waits longest has been waiting; 0 when none does."""
