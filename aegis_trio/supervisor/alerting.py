"""What is worth an alert, and the task that tells it.

Laws:
    1. There are two sources, and no other: the records that the audit trail takes (security events, refused writes),
       and what is looked at every `LOOK_EVERY_S` seconds (readiness, the end of keys).
    2. Listening costs the one who writes a record a look into a table, and never a wait.
    3. What this task breaks of is logged and counted; the gate goes on.

Not here: folding, forms and sending (telemetry/alerts).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from typing import Final, final

import httpcore
import trio
from httpcore import AsyncNetworkStream

from aegis_trio.audit.entry import AuditEntry
from aegis_trio.auth.clients.guarded import Address, NotFetched, PinnedBackend, is_public
from aegis_trio.model.clock import WallClock
from aegis_trio.model.errors import Severity
from aegis_trio.supervisor.readiness import Unready
from aegis_trio.telemetry.alerts.alert import Alert, Notice
from aegis_trio.telemetry.alerts.containment import contained
from aegis_trio.telemetry.alerts.forms import make_delivery
from aegis_trio.telemetry.alerts.notifier import AlertNotifier
from aegis_trio.telemetry.alerts.posting import NotDelivered, Post
from aegis_trio.telemetry.alerts.settings import AlertSettings, AlertTarget

LOOK_EVERY_S: Final = 5.0
KEY_NOTICE_S: Final = 7 * 86_400.0  # as `aegis-trio key-age` warns
_DAY_S: Final = 86_400
_OWN_WORK: Final = frozenset({"starting", "draining"})
"""Not ready because somebody starts or ends the gate: whoever does that knows."""
_TOLD_AT_START: Final = frozenset({"audit_unsigned"})
"""Notes on how the gate is set up: they last, and are told at each start and by the doctor."""
_BLOCKED: Final = "audit_unavailable"

SUMMARIES: Final[Mapping[str, str]] = {
    "auth_rate_limit_exceeded": "An address was blocked after failed authentications.",
    "address_blocked": "The operator blocked an address.",
    "address_unblocked": "The operator unblocked an address.",
    "new_address_for_key": "A key or person came from an address that it had not come from before.",
    "burst_of_denials": "One caller or address was refused many times in a minute.",
    "unusual_hour": "Somebody called at an hour at which they do not call.",
    "unusual_volume": "Somebody called much more often than usual.",
    "gitea_circuit_open": "Gitea did not answer several times in a row and is left alone for a moment.",
    "authentication_failures_summed": "Many failed authentications.",
    "authentication_disabled": "The gate runs without authentication.",
    "oauth_reuse_detected": "A token or code was used twice, so its sign-in was ended.",
    "audit_unavailable": "The audit log cannot be written; every call is refused.",
    "audit_lost": "The audit log is lost or was changed: the gate does not serve. Keep the file as it is.",
    "gitea_unreachable": "Gitea cannot be asked; calls are refused.",
    "gitea_token_rejected": "Gitea does not accept a token of the gate.",
    "signing_keys_stale": "Gitea's signing keys cannot be fetched; nobody can sign in.",
    "gitea_token_is_administrator": "A token of the gate belongs to a site administrator; calls with it are refused.",
    "configuration_faulty": "The changed configuration is faulty; the last good one stays in use.",
    "witness_stale": "No witness has cosigned the audit log for too long.",
    "witnesses_broken": "A bug ended the pushing of the audit log's checkpoints.",
    "restart_needed": "A changed setting waits for a restart.",
    "api_key_expires": "An API key expires soon.",
    "api_key_expired": "An API key has expired.",
    "write_refused": "A write was refused.",
}


def alert_of(entry: AuditEntry, writes: frozenset[str], now_ns: int) -> Alert | None:
    """Return the alert that a record is worth, or None.

    Args:
        writes: the names of tools that change something.
        now_ns: UTC nanoseconds.
    """
    fields = entry.fields
    match entry.event:
        case "security_event":
            kind, severity = str(fields.get("kind", "")), Severity(str(fields.get("severity", Severity.HIGH.value)))
            subject = next((str(fields[name]) for name in ("client_ip", "principal", "grant") if name in fields), "")
        case "access_denied" if fields.get("tool") in writes:
            kind, severity = "write_refused", Severity.MEDIUM
            subject = str(fields.get("principal", ""))
        case _:
            return None
    return Alert(
        kind=kind,
        severity=severity,
        summary=SUMMARIES.get(kind, "A security event was recorded."),
        subject=subject,
        fields=tuple(
            (name, str(value))
            for name, value in fields.items()
            if name not in {"kind", "severity"} and isinstance(value, str | int | float)
        ),
        at_ns=now_ns,
    )


@final
@dataclass(slots=True)
class Conditions:
    """Looks at what lasts, and tells when it begins and when it is over."""

    unready: Callable[[], Iterable[Unready]]
    """Why the gate cannot serve."""
    notes: Callable[[], Iterable[Unready]]
    """What the operator should see though it serves."""
    expiring: Callable[[float], Iterable[tuple[str, float]]]
    """Gives hint and seconds left of each key that expires within so many seconds."""
    clock: WallClock
    blocks: Callable[[], int]
    """How often the audit log could not be written, since the start."""
    _blocks: int = 0
    _present: dict[str, Severity] = field(default_factory=dict[str, Severity])
    _told: dict[str, int] = field(default_factory=dict[str, int])

    def look(self) -> list[Alert]:
        """Return what has changed since the last look."""
        now_ns = self.clock.now_ns()
        found = {one: Severity.MEDIUM for one in self.notes() if one.code not in _TOLD_AT_START}
        found |= {one: Severity.HIGH for one in self.unready() if one.code not in _OWN_WORK}
        alerts = [
            self._alert(one.code, severity, now_ns, fields=(("detail", one.detail),))
            for one, severity in found.items()
            if one.code not in self._present
        ]
        present = {one.code: severity for one, severity in found.items()}
        blocks, before = self.blocks(), self._blocks
        self._blocks = blocks
        if blocks > before and _BLOCKED not in present and _BLOCKED not in self._present:
            # It began and was over between two looks, and calls were refused all the same.
            words = f"{blocks - before} times in the last seconds, and each time it could be written again"
            alerts.append(self._alert(_BLOCKED, Severity.HIGH, now_ns, fields=(("detail", words),)))
        for code in self._present.keys() - present.keys():
            summary = f"It is over: {SUMMARIES.get(code, code)}"
            alerts.append(Alert(kind=f"{code}_over", severity=self._present[code], summary=summary, at_ns=now_ns))
        self._present = present
        return [*alerts, *self._keys(now_ns)]

    def _keys(self, now_ns: int) -> list[Alert]:
        alerts: list[Alert] = []
        days = {hint: int(left_s // _DAY_S) for hint, left_s in self.expiring(KEY_NOTICE_S)}
        for hint, day in days.items():
            if self._told.get(hint, day + 1) > max(day, -1):
                kind = "api_key_expired" if day < 0 else "api_key_expires"
                left = (("days_left", str(max(0, day))), ("remedy", "aegis-trio rotate"))
                alerts.append(self._alert(kind, Severity.MEDIUM, now_ns, subject=hint, fields=left))
        self._told = {hint: max(day, -1) for hint, day in days.items()}
        return alerts

    @staticmethod
    def _alert(
        kind: str, severity: Severity, now_ns: int, *, subject: str = "", fields: tuple[tuple[str, str], ...] = ()
    ) -> Alert:
        summary = SUMMARIES.get(kind, "Something needs the operator.")
        return Alert(kind=kind, severity=severity, summary=summary, subject=subject, fields=fields, at_ns=now_ns)


async def run_conditions(conditions: Conditions, notifier: AlertNotifier) -> None:
    """Look until cancelled; a bug ends this task alone."""
    with contained("conditions"):
        await _keep_looking(conditions, notifier)
    notifier.note_death()


async def _keep_looking(conditions: Conditions, notifier: AlertNotifier) -> None:
    while True:
        await trio.sleep(LOOK_EVERY_S)
        for alert in conditions.look():
            notifier.offer(alert)


@final
class AlertBackend(httpcore.AsyncNetworkBackend):
    """Connects to what a target may be: a public address, loopback where its name says so, or any when allowed."""

    def __init__(self, *, allow_private: bool, pinned: Callable[[Callable[[Address], bool]], PinnedBackend]) -> None:
        """Reach targets.

        Args:
            allow_private: every address will do.
            pinned: makes the backend that connects to addresses which were checked.
        """
        self._loopback = pinned(lambda address: address.is_loopback)
        self._others = pinned((lambda _: True) if allow_private else is_public)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Connect to *host*.

        Raises:
            NotDelivered: the name cannot be resolved, or leads where it must not.
        """
        backend = self._loopback if _is_loopback(host) else self._others
        try:
            return await backend.connect_tcp(host, port, timeout, local_address, socket_options)
        except NotFetched as fault:
            raise NotDelivered(f"{fault} (see ALERT_ALLOW_PRIVATE)") from None

    async def sleep(self, seconds: float) -> None:
        """Sleep, as httpcore asks between attempts."""
        await trio.sleep(seconds)


def make_post(settings: AlertSettings) -> Post:
    """Return how targets are reached."""
    backend = AlertBackend(allow_private=settings.allow_private, pinned=lambda may: PinnedBackend(may_reach=may))
    return Post(backend, ssl.create_default_context())


async def deliver(post: Post, clock: WallClock, target: AlertTarget, notice: Notice, message_id: str) -> None:
    """Send *notice* once.

    Raises:
        NotDelivered: the target did not take it.
    """
    await post.send(target, make_delivery(target, notice, message_id=message_id, now_ns=clock.now_ns()))


@final
@dataclass(frozen=True, slots=True)
class Alerting:
    """The notifier with what it listens to and looks at."""

    notifier: AlertNotifier
    conditions: Conditions

    async def run(self) -> None:
        """Tell people until cancelled; a bug of either task ends that task alone."""
        async with trio.open_nursery() as telling:
            telling.start_soon(self.notifier.run)
            telling.start_soon(run_conditions, self.conditions, self.notifier)


def build_alerting(
    settings: AlertSettings,
    conditions: Conditions,
    tell: Callable[[Callable[[AuditEntry], None]], None],
    *,
    writes: frozenset[str],
    clock: WallClock,
) -> Alerting:
    """Listen to the records from now on.

    Args:
        tell: gives the function that is called with every record; the audit trail's.
        writes: the names of tools that change something.
    """
    notifier = AlertNotifier(settings, partial(deliver, make_post(settings), clock))

    def observe(entry: AuditEntry) -> None:
        alert = alert_of(entry, writes, clock.now_ns())
        if alert is not None:
            notifier.offer(alert)

    tell(observe)
    return Alerting(notifier, conditions)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
