"""The table of metrics: what each is called, what it means, its unit and its labels.

Laws:
    1. Every metric that the gate prints stands here, and every one that stands here is printed; a test asks a gate.
    2. `docs/metrics.md`, the dashboard and the alert rules name nothing else; tests compare them.
    3. Labels are bounded: tools, fault codes, keys, kinds. Never an address, a repository, a person.

Not here: the numbers; each is a field of a frozen statistics value (metrics.py).

Source: Prometheus documentation, practices/naming.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final, final

from aegis_trio.telemetry.limit_metrics import LIMIT_GROUPS, Row


class Kind(StrEnum):
    """How a metric behaves."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric."""

    name: str
    help: str
    unit: str
    labels: tuple[str, ...] = ()
    kind: Kind


@final
@dataclass(frozen=True, slots=True)
class Group:
    """The metrics of one source, under a heading of their own."""

    source: str
    title: str
    metrics: tuple[Metric, ...]
    condition: str = ""
    """Where this source is there only sometimes: when."""


_HISTOGRAMS: Final = ("_duration_seconds", "reply_bytes")


def _group(source: str, title: str, *rows: Row, condition: str = "") -> Group:
    return Group(source, title, tuple(_metric(source, row) for row in rows), condition)


def _metric(source: str, row: Row) -> Metric:
    field, unit, text = row[:3]
    labels = row[3] if len(row) == 4 else ()
    kind = Kind.COUNTER if field.endswith("_total") else Kind.GAUGE
    if field.endswith(_HISTOGRAMS):
        kind = Kind.HISTOGRAM
    return Metric(name=f"aegis_{source}_{field}", help=text, unit=unit, labels=labels, kind=kind)


def _listener(source: str, title: str) -> Group:
    return _group(
        source,
        title,
        ("open_connections", "connections", "Connections that are open."),
        ("open_addresses", "addresses", "Addresses that have a connection."),
        ("accepted_total", "connections", "Connections that were taken."),
        ("refused_in_all_total", "connections", "Connections above MAX_CONNECTIONS."),
        ("refused_per_address_total", "connections", "Connections above MAX_CONNECTIONS_PER_ADDRESS."),
        ("refused_streams_total", "streams", "HTTP/2 streams above the bound of a connection."),
        ("failed_handshakes_total", "connections", "TLS handshakes that failed."),
        ("cut_reading_slowly_total", "connections", "Cut: did not take what was sent."),
        ("cut_idle_total", "connections", "Cut: idle for too long, or a request's head that dripped in."),
        ("cut_resetting_total", "connections", "Cut: too many HTTP/2 resets."),
        ("cut_pipelining_total", "connections", "Cut: too much was sent ahead."),
        ("open_websockets", "connections", "WebSockets that are open."),
        ("websockets_total", "connections", "Upgrades to a WebSocket that were accepted."),
        ("failed_websockets_total", "connections", "WebSockets that broke the protocol or its bounds."),
        ("cut_silent_total", "connections", "WebSockets that answered no ping."),
        ("cut_by_drain_total", "connections", "Cut: still open when the grace of the end was over."),
        ("stream_resets_total", "streams", "Streams that their client reset."),
        ("malformed_requests_total", "requests", "Requests that are not HTTP."),
        ("application_faults_total", "requests", "Requests that ended with a bug of the application."),
        ("contained_faults_total", "faults", "Faults of a connection itself: each is a bug."),
        ("accept_failures_total", "attempts", "Connections that could not be taken: no file descriptor was left."),
    )


GROUPS: Final = (
    _group(
        "gateway",
        "Calls",
        ("calls_running", "calls", "Calls that are running."),
        ("calls_total", "calls", "Calls by what came of them: `success` or a fault's code.", ("tool", "result")),
        ("decisions_total", "calls", "Calls by whether they were let through: allow or deny.", ("tool", "decision")),
        ("refusals_total", "calls", "Calls that were refused before they ran, by the fault's code.", ("reason",)),
        ("call_seconds_total", "seconds", "Time spent in calls.", ("tool",)),
        ("call_duration_seconds", "seconds", "How long calls took, refused ones included.", ("tool",)),
        ("reply_bytes", "bytes", "Size of replies."),
    ),
    _group(
        "kept_replies",
        "Kept replies",
        ("replies", "replies", "Replies that are kept, because they are longer than one answer."),
        ("bytes", "bytes", "Their bytes."),
        ("kept_total", "replies", "Replies that were kept."),
        ("evicted_total", "replies", "Replies that had to make room before their time."),
        ("refused_total", "replies", "Replies that were too large to be kept."),
    ),
    _group(
        "audit",
        "Audit log",
        ("records_total", "records", "Durable records."),
        ("bytes_total", "bytes", "Durable bytes."),
        ("batches_total", "commits", "Commits; records by batches is what group commit gains."),
        ("commit_seconds_total", "seconds", "Time from handing a batch to the disk until it was durable."),
        ("commit_seconds_max", "seconds", "The longest of these."),
        ("append_duration_seconds", "seconds", "How long callers waited until their record was durable."),
        ("lag_seconds", "seconds", "For how long the record that waits longest has been waiting; 0 when none does."),
        ("queue_records", "records", "Records that were taken and are not durable yet."),
        ("queue_bytes", "bytes", "Their bytes."),
        ("refused_total", "records", "Records that were refused: the log was blocked or the queue full."),
        ("lost_total", "records", "Records that nobody waited for, and that could not be written before the end."),
        ("blocked", "bool", "1 while nothing can be written: every call is refused."),
        ("blocked_total", "times", "How often the log became blocked."),
        ("blocked_seconds_total", "seconds", "For how long in all."),
        ("probes_total", "attempts", "Attempts to take a blocked log into service again."),
        ("free_bytes", "bytes", "Free on the disk of the log."),
        ("space_low", "bool", "1 while calls are refused because room on the disk ends."),
        ("rotations_total", "files", "Files that were sealed, and followed by the next one."),
        ("rotation_failures_total", "attempts", "Attempts at it that failed; the log goes on in the same file."),
        ("last_seq", "sequence", "Sequence of the last durable record, -1 before the first."),
        ("checkpoints_total", "checkpoints", "Signed checkpoints; 0 where nobody signs, as the next two."),
        ("unsigned_records", "records", "Durable records that no checkpoint covers yet."),
        ("unsigned_seconds", "seconds", "How long the oldest of them has been there."),
    ),
    _group(
        "audit_witness",
        "Witnesses of the audit log",
        ("witnesses", "witnesses", "Witnesses that are configured."),
        ("copies", "witnesses", "Witnesses that have cosigned a checkpoint of this log."),
        ("newest_copy_age_seconds", "seconds", "Since the newest cosignature; while there is none, since the start."),
        ("newest_copy_records", "records", "How many records it covers."),
        ("pushes_total", "attempts", "Checkpoints that were brought to a witness, by result.", ("witness", "result")),
        condition="where `AUDIT_WITNESSES` names any",
    ),
    _group(
        "audit_segments",
        "Sealed files of the audit log",
        ("segments", "files", "Sealed files that are there."),
        ("segment_bytes", "bytes", "Of them all."),
        ("looks_total", "looks", "Looks at what is to be packed and pruned."),
        ("packed_total", "files", "Files that were compressed or encrypted."),
        ("pruned_total", "files", "Files whose time was over, and that were removed."),
        ("failures_total", "looks", "Looks that ended in a fault of the disk, and are repeated."),
        ("unwitnessed_segments", "files", "Files whose time is over, and that are kept: no witness has seen them."),
    ),
    _group(
        "authentication",
        "Authentication",
        ("keys", "keys", "API keys that are configured."),
        ("successes_total", "attempts", "Valid credentials."),
        ("missing_total", "attempts", "Requests without a credential; never counted as an attack."),
        ("invalid_total", "attempts", "Credentials that are not valid."),
        ("expired_total", "attempts", "Keys that have expired; never counted as an attack."),
        ("revoked_total", "attempts", "Keys that were revoked."),
        ("beyond_total", "attempts", "Valid keys from an address that they do not reach."),
        ("conflicting_total", "attempts", "Requests with two different credentials."),
        ("refused_blocked_total", "attempts", "Attempts that were refused because their address is blocked."),
        ("refused_too_often_total", "attempts", "Attempts without a valid credential that came too often."),
    ),
    _group(
        "auth_failures",
        "Blocked addresses",
        ("addresses", "addresses", "Addresses with failures that are remembered."),
        ("blocked", "addresses", "Addresses that are blocked now."),
        ("failures_total", "attempts", "Failures that count against an address."),
        ("blocks_total", "times", "How often an address was blocked."),
        ("forgotten_total", "addresses", "Addresses that were forgotten because there were too many."),
        ("unblockable_total", "attempts", "Failures under a trusted proxy's own address: it does not forward."),
    ),
    _group(
        "signin",
        "Signing in",
        ("events_total", "events", "Steps of signing in, by event and its step or reason.", ("event", "kind")),
        ("refused_total", "requests", "What clients were refused.", ("endpoint", "error")),
        condition="where people sign in through the gate",
    ),
    _group(
        "signing_keys",
        "Gitea's signing keys",
        ("keys", "keys", "Keys of the last good fetch."),
        ("age_s", "seconds", "Since the last good fetch; absent before the first."),
        ("fetches_total", "fetches", "Fetches that were begun."),
        ("failures_total", "fetches", "Fetches that failed."),
        condition="where people sign in with Gitea",
    ),
    _group(
        "api_key",
        "Keys' age",
        ("age_seconds", "seconds", "Since when the key exists; only keys in use whose metadata says so.", ("kid",)),
        (
            "expires_in_seconds",
            "seconds",
            "Until the key expires; negative when it has. Not of keys that are being replaced.",
            ("kid",),
        ),
    ),
    *(_group(source, title, *rows) for source, title, rows in LIMIT_GROUPS),
    _group(
        "gitea",
        "Gitea",
        ("requests_total", "requests", "Requests that were begun."),
        ("requests_in_flight", "requests", "Requests that are under way."),
        ("requests_waiting", "requests", "Of these, how many wait for a connection."),
        ("retries_total", "requests", "Requests that were begun again: the first never reached Gitea."),
        ("renames_followed_total", "requests", "Requests that were led to a repository's new name."),
        ("errors_total", "requests", "Requests that failed, by the fault's code.", ("code",)),
        ("received_bytes_total", "bytes", "Bytes of Gitea's answers."),
        ("request_duration_seconds", "seconds", "How long requests took, waiting for a connection included."),
        ("seconds_total", "seconds", "Time spent in requests."),
        ("seconds_max", "seconds", "The longest of these."),
    ),
    _group(
        "upstream",
        "The watch over Gitea's tokens",
        ("checks_total", "checks", "How often Gitea was asked whose the tokens are."),
        ("failures_total", "checks", "Checks that found a token that cannot be used."),
        ("tokens_usable", "tokens", "Tokens that Gitea accepts."),
        ("tokens", "tokens", "Tokens that are configured."),
    ),
    _group(
        "sessions",
        "Sessions and streams",
        ("sessions_open", "sessions", "Sessions that are open."),
        ("sessions_opened_total", "sessions", "Sessions that were opened."),
        ("sessions_refused_total", "sessions", "Sessions that were refused: too many."),
        ("sessions_evicted_total", "sessions", "Sessions that made room for a newer one of their owner."),
        ("sessions_reaped_total", "sessions", "Sessions that were idle or old."),
        ("streams_open", "streams", "Streams that are open.", ("kind",)),
        ("streams_cut_total", "streams", "Streams that were cut because their reader was too slow."),
        ("outbox_bytes", "bytes", "Bytes that wait for their readers."),
        ("calls_running", "calls", "Calls that run for sessions and requests."),
    ),
    _group(
        "alerts",
        "Alerts",
        ("offered_total", "alerts", "What was worth an alert, repetitions included."),
        ("folded_total", "alerts", "Repetitions that became a number in a later notice."),
        ("dropped_total", "alerts", "Alerts that found a full queue, or came after the notifier's end.", ("at",)),
        ("queue_notices", "notices", "Notices that wait to be sent.", ("target",)),
        ("sent_total", "notices", "Notices that their target took.", ("target",)),
        ("failed_total", "notices", "Notices that were given up after every attempt.", ("target",)),
        ("retries_total", "attempts", "Attempts after the first.", ("target",)),
        ("deaths_total", "tasks", "Tasks of alerts that broke: above 0, alerts are missing until the next start."),
        condition="where an `ALERT_…` target is set",
    ),
    _group(
        "readiness",
        "Readiness",
        ("ready", "bool", "1 while the gate can serve; `/readyz` tells why it cannot."),
    ),
    _group("build", "Build", ("info", "bool", "Always 1; the label tells the version.", ("version",))),
    _listener("public_listener", "The public listener"),
    _listener("admin_listener", "The operator's listener"),
)

PROCESS: Final = (
    ("process_resident_memory_bytes", "Memory of the process that is in RAM."),
    ("process_virtual_memory_bytes", "Its address space."),
    ("process_cpu_seconds_total", "Processor time."),
    ("process_start_time_seconds", "When it began, in Unix seconds."),
    ("process_open_fds", "Open file descriptors."),
    ("process_max_fds", "How many it may have."),
)
"""What the Prometheus client says of every process on Linux."""


@cache
def find_metric(name: str) -> Metric | None:
    """Return the metric called *name*, or None when the table does not know it."""
    return next((metric for group in GROUPS for metric in group.metrics if metric.name == name), None)


def series_names() -> frozenset[str]:
    """Return every name that a query may use, those that a histogram's parts have included."""
    names = {name for name, _ in PROCESS}
    for group in GROUPS:
        for metric in group.metrics:
            parts = ("_bucket", "_count", "_sum") if metric.kind is Kind.HISTOGRAM else ("",)
            names.update(f"{metric.name}{part}" for part in parts)
    return frozenset(names)
